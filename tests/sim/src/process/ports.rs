// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The ports of a process: each hands the actors' calls to the world, and answers after a random wait and 0 to 3 yields.

use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use jiff::Timestamp;
use obsyk_domain::agent::{ObsykAgentStatus, PlatformUrl};
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::notice::Notice;
use obsyk_domain::ports::{
    AgentKey, Clock, Cluster, ClusterIdentity, Courier, CredentialsSource, Local, LocalStream, Notices, Opening,
    Payload, Platform, Ports, Signal, StatusError, StatusSink, Target, Watches,
};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{Issued, TokenError};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::courier::Holding;
use super::streams::{FeedStream, SecretStream};
use crate::world::{ActorId, Role, Shared};

/// See the module's page.
pub(super) struct ProcessPorts {
    world: Shared,
    alive: Rc<Cell<bool>>,
}

/// The actor that calls a port: its task.
fn caller(world: &Shared, role: Role) -> ActorId {
    world.borrow_mut().caller(tokio::task::try_id(), role)
}

impl ProcessPorts {
    pub(super) fn shared(world: &Shared, alive: &Rc<Cell<bool>>) -> Ports {
        let ports = Rc::new(Self {
            world: Rc::clone(world),
            alive: Rc::clone(alive),
        });
        let bounds = world.borrow().plan.bounds;
        Ports {
            watches: Rc::clone(&ports) as _,
            platform: Rc::clone(&ports) as _,
            credentials: Rc::clone(&ports) as _,
            cluster: Rc::clone(&ports) as _,
            status: Rc::clone(&ports) as _,
            notices: Rc::clone(&ports) as _,
            clock: ports,
            bounds,
        }
    }

    /// Answers after a wait of up to `longest` and 0 to 3 yields.
    fn after<T: 'static>(&self, longest: u64, answer: impl FnOnce(&Shared) -> T + 'static) -> Local<T> {
        let (world, alive) = (Rc::clone(&self.world), Rc::clone(&self.alive));
        if !alive.get() {
            return Box::pin(pending());
        }
        let (wait, yields) = {
            let mut world = world.borrow_mut();
            (world.dice.millis(1, longest), world.dice.below(4))
        };
        Box::pin(async move {
            sleep(wait).await;
            for _ in 0..yields {
                yield_now().await;
            }
            if !alive.get() {
                return pending().await;
            }
            answer(&world)
        })
    }
}

impl Watches for ProcessPorts {
    fn open(&self, kind: ResourceKind, opening: Opening) -> LocalStream<Signal> {
        let watcher = caller(&self.world, Role::Watcher);
        let feed = self.world.borrow_mut().open_feed(watcher, kind, opening);
        Box::pin(FeedStream {
            world: Rc::clone(&self.world),
            alive: Rc::clone(&self.alive),
            feed,
        })
    }
}

/// A request in a sender's hands. Its drop aborts the request.
struct Awaited {
    world: Shared,
    alive: Rc<Cell<bool>>,
    request: u64,
    /// How often the answer, once it is there, lets others run first.
    yields: usize,
}

impl Future for Awaited {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Outcome> {
        if !self.alive.get() {
            return Poll::Pending;
        }
        let answer = self.world.borrow_mut().await_answer(self.request, task.waker());
        if answer.is_ready() && self.yields > 0 {
            self.yields -= 1;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        answer
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.world.borrow_mut().stop_awaiting(self.request);
    }
}

/// A fetch of a token, until its answer or its drop.
struct Fetch {
    world: Shared,
    sender: ActorId,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.world.borrow_mut().fetched(self.sender);
    }
}

impl Platform for ProcessPorts {
    fn token(&self, platform: PlatformUrl, credentials: Credentials) -> Local<Result<Issued, TokenError>> {
        if !self.alive.get() {
            return Box::pin(pending());
        }
        let sender = caller(&self.world, Role::Sender);
        self.world.borrow_mut().fetches(sender, platform.origin(), &credentials);
        let fetch = Fetch {
            world: Rc::clone(&self.world),
            sender,
        };
        self.after(60, move |world| {
            let issued = world.borrow_mut().issue(sender, platform.origin(), &credentials);
            drop(fetch);
            issued
        })
    }

    fn send(&self, target: Target, payload: Payload) -> Local<Outcome> {
        if !self.alive.get() {
            return Box::pin(pending());
        }
        let sender = caller(&self.world, Role::Sender);
        let (request, yields) = {
            let mut world = self.world.borrow_mut();
            (world.send(sender, &target, &payload), world.dice.below(4))
        };
        Box::pin(Awaited {
            world: Rc::clone(&self.world),
            alive: Rc::clone(&self.alive),
            request,
            yields,
        })
    }

    fn proxy(&self, _: &PlatformUrl) -> Option<String> {
        None
    }

    fn thumbprint(&self, _: &Credentials) -> Option<String> {
        None
    }
}

impl CredentialsSource for ProcessPorts {
    fn watch(&self, _: &str, secret: &str) -> LocalStream<Result<Credentials, CredentialsError>> {
        caller(&self.world, Role::Agent);
        let watch = self.world.borrow_mut().watch_secret(secret);
        Box::pin(SecretStream {
            world: Rc::clone(&self.world),
            alive: Rc::clone(&self.alive),
            watch,
        })
    }
}

impl Cluster for ProcessPorts {
    fn identify(&self) -> Local<ClusterIdentity> {
        caller(&self.world, Role::Agent);
        self.after(40, |world| {
            let up = !world.borrow().cluster.api.down;
            ClusterIdentity {
                uid: up.then(|| "9c0f6d5e-0000-4000-8000-000000000000".to_owned()),
                git_version: up.then(|| "v1.37.2".to_owned()),
            }
        })
    }
}

impl StatusSink for ProcessPorts {
    fn write(&self, key: &AgentKey, uid: &str, status: ObsykAgentStatus) -> Local<Result<(), StatusError>> {
        caller(&self.world, Role::Agent);
        let (key, uid) = (key.clone(), uid.to_owned());
        self.after(40, move |world| world.borrow_mut().write_status(&key, &uid, status))
    }
}

impl Notices for ProcessPorts {
    fn record(&self, _: &AgentKey, _: &str, _: &Notice) -> Local<()> {
        self.after(20, |_| ())
    }
}

impl Clock for ProcessPorts {
    fn now(&self) -> Moment {
        let (now, doomed) = self.world.borrow_mut().clock(tokio::task::try_id());
        assert!(!doomed || !self.alive.get(), "{}", crate::world::PLANNED_DEATH);
        now
    }

    fn wall(&self) -> Timestamp {
        let midnight = Timestamp::from_second(1_768_435_200).unwrap_or_default();
        let world = self.world.borrow();
        let since = world.now().elapsed() + world.skew;
        midnight.checked_add(since).unwrap_or(midnight)
    }

    fn chance(&self) -> Box<dyn Chance> {
        self.world.borrow_mut().chance()
    }

    fn courier(&self) -> Option<Arc<dyn Courier>> {
        Some(Arc::new(Holding::new(&self.world, &self.alive)))
    }
}
