// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Puts the parts together and runs them.

use std::error::Error;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::StreamExt;
use obsyk_actors::mail::Address;
use obsyk_actors::supervisor::{AllApplied, Drain, SupervisorActor};
use obsyk_domain::ports::{Clock, Ports};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::info;

use crate::clock::SystemClock;
use crate::http::{self, Inspection};
use crate::kubernetes::{self, ClusterApi, Events, KubeWatches, ResourceSignal, Secrets, StatusApi};
use crate::platform::HttpPlatform;
use crate::settings::{Scope, Service, Settings};
use crate::shutdown::{DRAIN, Signals};

/// What keeps the process from running.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the runtime can't be started")]
    Runtime(#[source] std::io::Error),
    #[error("the address {address} of {what} can't be used; choose another with {flag}")]
    Bind {
        what: &'static str,
        address: SocketAddr,
        flag: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("signals can't be caught")]
    Signals(#[source] std::io::Error),
    #[error("the supervisor ended; the process ends with it and is to be started again")]
    SupervisorEnded,
}

/// Threads for what blocks: signing, and the look-up of names, of which some may hang. They are there only while they are needed.
const MOST_BLOCKING: usize = 8;

/// Runs until a signal comes.
pub fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    // One thread: what isn't shared needs no lock, and one stack and one heap are small.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(MOST_BLOCKING);
    let runtime = builder.build().map_err(RunError::Runtime)?;
    // The process ends with it. Dropped, it would wait for look-ups of names that nobody answers.
    let system = ManuallyDrop::new(actix_rt::System::with_tokio_rt(move || runtime));
    system.block_on(operate(settings))
}

async fn operate(settings: Settings) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::catch().map_err(RunError::Signals)?;
    let (probes, probes_at) = bind("the probes", settings.probes, "--health-probe-bind-address").await?;
    let (metrics, metrics_at) = bind("the metrics", settings.metrics, "--metrics-bind-address").await?;
    let (debug, debug_at) = bind("the debug endpoint", settings.debug, "--debug-bind-address").await?;
    let debug = debug.into_std().map_err(RunError::Runtime)?;
    let Service {
        kubeconfig,
        scope,
        policy,
        kinds,
        platform_ca_file,
    } = settings.service;
    let platform = HttpPlatform::new(platform_ca_file)?;
    let client = kubernetes::connect(kubeconfig).await?;
    let clock = Rc::new(SystemClock::new());
    let ports = Ports {
        watches: Rc::new(KubeWatches::new(client.clone())),
        platform: Rc::new(platform),
        credentials: Rc::new(Secrets::new(client.clone())),
        cluster: Rc::new(ClusterApi::new(client.clone())),
        status: Rc::new(StatusApi::new(client.clone())),
        notices: Rc::new(Events::new(client.clone())),
        clock: Rc::clone(&clock) as Rc<dyn Clock>,
        bounds: Default::default(),
    };
    info!(
        version = obsyk_domain::wire::VERSION,
        %scope,
        %kinds,
        probes = %probes_at,
        metrics = %metrics_at,
        debug = %debug_at,
        "obsyk-operator started"
    );
    let (alive, mut ended) = oneshot::channel();
    let supervisor = Address::start(SupervisorActor::new(kinds, policy, ports, Some(alive)));
    let inspection = Inspection::new(supervisor.post());
    actix_rt::spawn(http::serve_probes(probes, supervisor.clone(), inspection.clone()));
    actix_rt::spawn(http::serve_metrics(metrics, inspection.clone()));
    http::serve_debug(debug, inspection);
    let follow = actix_rt::spawn(follow(client, scope, supervisor.clone()));
    tokio::select! {
        () = signals.next() => {}
        _ = &mut ended => return Err(RunError::SupervisorEnded.into()),
    }
    follow.abort();
    let deadline = clock.now() + DRAIN;
    let drained = async {
        // A supervisor that is gone has nothing to send.
        let _gone = supervisor.send(Drain { deadline }).await;
    };
    signals.drain(drained).await;
    Ok(())
}

/// Also says where that is: port 0 stands for any that is free.
async fn bind(
    what: &'static str,
    address: SocketAddr,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), RunError> {
    let bound = match TcpListener::bind(address).await {
        // A node without IPv6.
        Err(_) if address.ip().is_unspecified() && address.is_ipv6() => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).await
        }
        bound => bound,
    };
    bound
        .and_then(|listener| listener.local_addr().map(|at| (listener, at)))
        .map_err(|source| RunError::Bind {
            what,
            address,
            flag,
            source,
        })
}

/// Tells the supervisor of the resources.
async fn follow(client: kube::Client, scope: Scope, supervisor: Address<SupervisorActor>) {
    let mut signals = kubernetes::resources(client, scope.namespace());
    while let Some(signal) = signals.next().await {
        let told = match signal {
            ResourceSignal::Apply(apply) => supervisor.send(*apply).await,
            ResourceSignal::Remove(remove) => supervisor.send(remove).await,
            ResourceSignal::AllApplied => supervisor.send(AllApplied).await,
        };
        if told.is_err() {
            return;
        }
    }
}
