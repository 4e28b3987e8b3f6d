// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A sender as an actor, among probes: a scripted platform, a clock on tokio's time, and receivers of its reports.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, Message};
use jiff::Timestamp;
use obsyk_domain::agent::{ObsykAgentStatus, PlatformUrl};
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::notice::Notice;
use obsyk_domain::ports::{
    AgentKey, Clock, Cluster, ClusterIdentity, CredentialsSource, Local, LocalStream, Notices, Opening, Payload,
    Platform, Ports, Signal, StatusError, StatusSink, Target, Watches,
};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{AccessToken, Issued, TokenError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

use super::samples::{Fixed, OK, config, secs, spool_of};
use crate::agent::Child;
use crate::mail::{ExitRecipient, Mail, Post};
use crate::sender::{Configure, Delivery, OpenSnapshot, SendSnapshot, SenderActor, SnapshotDue, SnapshotEnd, Spooled};
use crate::supervision::Exited;

/// The token that the platform issues; it must appear nowhere.
pub(super) const TOKEN: &str = "eyJhbGciOi.very.secret";

/// What the platform does with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Answer(Outcome),
    After(Duration, Outcome),
    Never,
    Panic,
}

/// Says that its future was dropped before it was done.
struct Flight {
    what: &'static str,
    dropped: UnboundedSender<&'static str>,
    done: bool,
}

impl Flight {
    fn land(mut self) {
        self.done = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.done {
            let _gone = self.dropped.send(self.what);
        }
    }
}

/// Does what it is told to with one request after the other; accepts when it is told nothing.
pub(super) struct ScriptedPlatform {
    pub(super) script: Rc<RefCell<VecDeque<Script>>>,
    requests: UnboundedSender<&'static str>,
    dropped: UnboundedSender<&'static str>,
}

impl Platform for ScriptedPlatform {
    fn token(&self, _: PlatformUrl, _: Credentials) -> Local<Result<Issued, TokenError>> {
        Box::pin(async {
            Ok(Issued {
                token: AccessToken::new(TOKEN.to_owned().into()),
                lifetime: secs(3600),
            })
        })
    }

    fn send(&self, _: Target, payload: Payload) -> Local<Outcome> {
        let what = match payload {
            Payload::Event(_) => "event",
            Payload::Heartbeat(_) => "heartbeat",
            Payload::Snapshot(_) => "snapshot",
        };
        let script = self.script.borrow_mut().pop_front().unwrap_or(Script::Answer(OK));
        let _gone = self.requests.send(what);
        let flight = Flight {
            what,
            dropped: self.dropped.clone(),
            done: false,
        };
        Box::pin(async move {
            let outcome = match script {
                Script::Answer(outcome) => outcome,
                Script::After(wait, outcome) => {
                    tokio::time::sleep(wait).await;
                    outcome
                }
                Script::Never => std::future::pending().await,
                Script::Panic => panic!("the platform's future panics, as the test wants it"),
            };
            flight.land();
            outcome
        })
    }

    fn proxy(&self, _: &PlatformUrl) -> Option<String> {
        None
    }

    fn thumbprint(&self, _: &Credentials) -> Option<String> {
        None
    }
}

/// Tokio's clock, which stands still while there is something to do.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Moment {
        Moment::at(self.0.elapsed())
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn chance(&self) -> Box<dyn Chance> {
        Box::new(Fixed(0.5))
    }
}

/// The ports that a sender has no business with.
struct Unused;

impl Watches for Unused {
    fn open(&self, _: ResourceKind, _: Opening) -> LocalStream<Signal> {
        panic!("a sender watches nothing")
    }
}

impl CredentialsSource for Unused {
    fn watch(&self, _: &str, _: &str) -> LocalStream<Result<Credentials, CredentialsError>> {
        panic!("a sender reads no Secret")
    }
}

impl Cluster for Unused {
    fn identify(&self) -> Local<ClusterIdentity> {
        panic!("a sender doesn't know Kubernetes")
    }
}

impl StatusSink for Unused {
    fn write(&self, _: &AgentKey, _: &str, _: ObsykAgentStatus) -> Local<Result<(), StatusError>> {
        panic!("a sender writes no status")
    }
}

impl Notices for Unused {
    fn record(&self, _: &AgentKey, _: &str, _: &Notice) -> Local<()> {
        panic!("a sender records no notice")
    }
}

/// In the agent's place: hands on what it is told.
pub(super) struct Probe {
    delivery: UnboundedSender<Delivery>,
    due: UnboundedSender<SnapshotDue>,
    exited: UnboundedSender<Exited<Child>>,
}

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<Mail<Delivery>> for Probe {
    type Result = ();

    fn handle(&mut self, delivery: Mail<Delivery>, _: &mut Self::Context) {
        let _gone = self.delivery.send(delivery.open());
    }
}

impl Handler<Mail<SnapshotDue>> for Probe {
    type Result = ();

    fn handle(&mut self, due: Mail<SnapshotDue>, _: &mut Self::Context) {
        let _gone = self.due.send(due.open());
    }
}

impl Handler<Exited<Child>> for Probe {
    type Result = ();

    fn handle(&mut self, exited: Exited<Child>, _: &mut Self::Context) {
        let _gone = self.exited.send(exited);
    }
}

/// A sender, and all that can be seen of it.
pub(super) struct Stand {
    pub(super) sender: Addr<SenderActor>,
    /// Held, so that the reports have somewhere to go.
    _probe: Addr<Probe>,
    script: Rc<RefCell<VecDeque<Script>>>,
    pub(super) requests: UnboundedReceiver<&'static str>,
    pub(super) dropped: UnboundedReceiver<&'static str>,
    pub(super) delivery: UnboundedReceiver<Delivery>,
    pub(super) due: UnboundedReceiver<SnapshotDue>,
    pub(super) exited: UnboundedReceiver<Exited<Child>>,
    began: Instant,
}

impl Stand {
    pub(super) fn new() -> Self {
        let script = Rc::<RefCell<VecDeque<Script>>>::default();
        let (request_sent, requests) = unbounded_channel();
        let (drop_seen, dropped) = unbounded_channel();
        let (delivery_told, delivery) = unbounded_channel();
        let (due_told, due) = unbounded_channel();
        let (exit_told, exited) = unbounded_channel();
        let began = Instant::now();
        let ports = Ports {
            watches: Rc::new(Unused),
            platform: Rc::new(ScriptedPlatform {
                script: Rc::clone(&script),
                requests: request_sent,
                dropped: drop_seen,
            }),
            credentials: Rc::new(Unused),
            cluster: Rc::new(Unused),
            status: Rc::new(Unused),
            notices: Rc::new(Unused),
            clock: Rc::new(PausedClock(began)),
            bounds: Default::default(),
        };
        let probe = Probe {
            delivery: delivery_told,
            due: due_told,
            exited: exit_told,
        }
        .start();
        let key = AgentKey {
            namespace: "obsyk-system".into(),
            name: "agent".into(),
        };
        let sender = SenderActor::new(
            key,
            7,
            ports,
            Post::uncounted(probe.clone().recipient()),
            Post::uncounted(probe.clone().recipient()),
            Some(ExitRecipient::uncounted(probe.downgrade().recipient())),
        )
        .start();
        Self {
            sender,
            _probe: probe,
            script,
            requests,
            dropped,
            delivery,
            due,
            exited,
            began,
        }
    }

    /// The next requests are answered like this; those after them are accepted.
    pub(super) fn script(&self, script: impl IntoIterator<Item = Script>) {
        self.script.borrow_mut().extend(script);
    }

    pub(super) fn now(&self) -> Moment {
        Moment::at(self.began.elapsed())
    }

    /// Sends a message, and waits for its reply.
    pub(super) async fn ask<M>(&self, message: M) -> M::Result
    where
        M: Message + Send + 'static,
        M::Result: Send,
        SenderActor: Handler<M>,
    {
        guarded(self.sender.send(message)).await.expect("the sender lives")
    }

    /// Configured, and a first snapshot accepted.
    pub(super) async fn synced() -> Self {
        let mut stand = Self::new();
        stand.ask(Configure(Box::new(config()))).await;
        stand
            .ask(OpenSnapshot { n: 1, why: Vec::new() })
            .await
            .expect("nothing overtakes it");
        stand.spool_and_send(1).await;
        assert_eq!(next(&mut stand.requests).await, "snapshot");
        loop {
            if let Delivery::Snapshot { n: 1, end } = next(&mut stand.delivery).await {
                assert!(matches!(end, SnapshotEnd::Accepted { .. }), "{end:?}");
                return stand;
            }
        }
    }

    pub(super) async fn spool_and_send(&self, n: u64) {
        let (kind, spool) = (ResourceKind::Pod, spool_of(&[]));
        self.ask(Spooled { n, kind, spool }).await;
        self.ask(SendSnapshot {
            n,
            head: bytes::Bytes::from_static(b"{\"cluster_uid\":\"c-1\""),
            left_out: obsyk_domain::resource::KindSet::EMPTY,
        })
        .await;
    }
}

/// Waits, but not for ever.
pub(super) async fn guarded<F: Future>(future: F) -> F::Output {
    timeout(secs(3600), future)
        .await
        .expect("what is waited for comes within an hour of the paused clock")
}

pub(super) async fn next<T>(receiver: &mut UnboundedReceiver<T>) -> T {
    guarded(receiver.recv()).await.expect("the other side lives")
}

/// Runs a test among actors, on a paused clock.
pub(super) fn on_stage<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let system = actix_rt::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime can be built")
    });
    system.block_on(async { test().await });
}
