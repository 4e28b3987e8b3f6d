// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A world for the actors: an API server and a platform that do as they are told, on tokio's paused time.

mod cluster;
mod events;
mod platform;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use jiff::Timestamp;
use obsyk_domain::agent::{CredentialsSecretRef, EventTypes, ObsykAgentSpec, ObsykAgentStatus, RateLimit};
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::{AgentKey, Clock, Ports};
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::time::{Chance, Moment};

use crate::agent::AgentActor;
use crate::supervisor::Apply;
use cluster::ApiServer;
pub(crate) use cluster::{KUBE_SYSTEM, Wrote};
use events::Events;
use platform::Platform;

const KEY_1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOpezcbFZYgfvZthtEydMISIsjxLp7PVkFmphNVYcKOeoAoGCCqGSM49
AwEHoUQDQgAE2bwKU82RhhRzEcQ/hdE/jSJc/2BPeFPPiAEV/c7GthJrPIq0AbzT
pJldr6o4imJX9y5EbTPJ/kGc2GReFMz2NA==
-----END EC PRIVATE KEY-----";

const KEY_2: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEICs9Nz/4ZL7LOQjW2xGsQZcRDSspft8ft62nSVmkghBPoAoGCCqGSM49
AwEHoUQDQgAEHVhSSibL96c33A0UGO3e0mpJh73bqUfx26SlUSa3A6uxeTFgmd8q
2uJPUldSM6DolqdV4+QYqgsrZSi5v1xp1g==
-----END EC PRIVATE KEY-----";

/// Credentials of this client, with its first key or its second.
pub(crate) fn credentials(client: &str, key: usize) -> Credentials {
    let pem = [KEY_1, KEY_2][key - 1];
    Credentials::read(Some(client.as_bytes()), Some(pem.as_bytes())).unwrap()
}

/// Always the same number.
pub(crate) struct Fixed(pub(crate) f64);

impl Chance for Fixed {
    fn fraction(&mut self) -> f64 {
        self.0
    }
}

/// Stops an actor from reading its mailbox for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "it stops the mailbox, which is what is wanted here"
)]
pub(crate) fn hang<A: Actor<Context = Context<A>>>(actor: &A, ctx: &mut Context<A>, time: Duration) {
    ctx.wait(actix::clock::sleep(time).into_actor(actor));
}

/// Runs a test of actors on paused time: it passes when nothing else is left to do.
pub(crate) fn on_paused_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    actix_rt::System::with_tokio_rt(move || runtime).block_on(test);
}

pub(crate) fn key(name: &str) -> AgentKey {
    AgentKey {
        namespace: "obsyk-system".into(),
        name: name.into(),
    }
}

/// A resource that reports to `https://one.example` with Secret `creds`.
pub(crate) fn a_spec() -> ObsykAgentSpec {
    ObsykAgentSpec {
        platform_url: "https://one.example".to_owned(),
        cluster_name: "shop".to_owned(),
        credentials_secret_ref: CredentialsSecretRef {
            name: "creds".to_owned(),
        },
        sync_interval: "5m".to_owned(),
        rate_limit: RateLimit::default(),
        event_types: EventTypes::Upper,
    }
}

/// Such a resource as the watch tells it, created at second 1000.
pub(crate) fn an_apply(name: &str) -> Apply {
    Apply {
        key: key(name),
        uid: format!("uid-of-{name}"),
        created: 1000,
        generation: Some(1),
        spec: Box::new(a_spec()),
        status: None,
    }
}

/// An agent for resource `demo`, without a supervisor.
pub(crate) fn an_agent(world: &World) -> AgentActor {
    let uid = "uid-of-demo".to_owned();
    let desired = super::driver::desired(&a_spec());
    AgentActor::new(key("demo"), uid, 1, kinds(), desired, world.ports(), None)
}

/// The kinds that the tests collect.
pub(crate) const KINDS: [ResourceKind; 2] = [ResourceKind::Pod, ResourceKind::Node];

pub(crate) fn kinds() -> KindSet {
    KINDS.into_iter().collect()
}

/// See the module's page. Cloning shares it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) api: Rc<ApiServer>,
    pub(crate) platform: Rc<Platform>,
    pub(crate) events: Rc<Events>,
    clock: Rc<FakeClock>,
}

impl World {
    /// A world with the Secret `creds`, a known cluster and a platform that accepts everything.
    pub(crate) fn new() -> Self {
        let clock = Rc::new(FakeClock {
            began: tokio::time::Instant::now(),
            asked: Cell::new(0),
            worked: Cell::default(),
        });
        let world = Self {
            api: Rc::new(ApiServer::new(Rc::clone(&clock))),
            platform: Rc::new(Platform::new(Rc::clone(&clock))),
            events: Rc::default(),
            clock,
        };
        world.secret("creds", Ok(credentials("client", 1)));
        world
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            watches: Rc::clone(&self.api) as _,
            platform: Rc::clone(&self.platform) as _,
            credentials: Rc::clone(&self.api) as _,
            cluster: Rc::clone(&self.api) as _,
            status: Rc::clone(&self.api) as _,
            notices: Rc::clone(&self.events) as _,
            clock: Rc::clone(&self.clock) as _,
            bounds: Default::default(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::at(self.clock.began.elapsed())
    }

    /// Time passes at once, as it does for somebody who works and lets nobody else run.
    pub(crate) fn work(&self, time: Duration) {
        self.clock.worked.set(self.clock.worked.get() + time);
    }

    /// How often somebody looked at the clock: what isn't at rest does.
    pub(crate) fn clock_reads(&self) -> u64 {
        self.clock.asked.get()
    }

    /// Lets time pass until this is so: `None` after a minute.
    pub(crate) async fn when<T>(&self, mut so: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        for _ in 0..6000 {
            if let Some(found) = so(self) {
                return Some(found);
            }
            self.pass(Duration::from_millis(10)).await;
        }
        None
    }

    /// Lets time pass until this is so, and fails after a minute.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let found = self.when(|world| so(world).then_some(())).await;
        found.unwrap_or_else(|| panic!("not within a minute: {what}\n{:#?}", self.platform.said()));
    }

    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(crate) fn secret(&self, name: &str, says: Result<Credentials, CredentialsError>) {
        self.api.secret(name, says);
    }

    /// The status that was written last for this resource.
    pub(crate) fn status(&self, name: &str) -> Option<ObsykAgentStatus> {
        let wrote = self.api.wrote();
        let mine = wrote.into_iter().filter(|wrote| wrote.key == key(name));
        mine.last().map(|wrote| wrote.status)
    }

    /// The reason of a condition in the status that was written last.
    pub(crate) fn reason(&self, name: &str, condition: &str) -> Option<String> {
        let status = self.status(name)?;
        let found = status.conditions.into_iter().find(|known| known.type_ == condition);
        found.map(|condition| condition.reason)
    }
}

/// tokio's paused time, and a wall clock that runs beside it.
pub(crate) struct FakeClock {
    began: tokio::time::Instant,
    asked: Cell<u64>,
    worked: Cell<Duration>,
}

impl Clock for FakeClock {
    fn now(&self) -> Moment {
        self.asked.set(self.asked.get() + 1);
        Moment::at(self.began.elapsed() + self.worked.get())
    }

    fn wall(&self) -> Timestamp {
        let midnight: Timestamp = "2026-01-15T00:00:00Z".parse().unwrap();
        midnight + self.began.elapsed()
    }

    fn chance(&self) -> Box<dyn Chance> {
        Box::new(Fixed(0.5))
    }
}

/// Values by name that several parties share in one thread.
pub(crate) type Shared<K, V> = RefCell<HashMap<K, V>>;
