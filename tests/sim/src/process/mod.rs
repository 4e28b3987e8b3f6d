// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator's process: the shipped supervisor and all of its actors, with ports and couriers to the simulated world.
//!
//! All tasks of a process live in one `LocalSet`, so that SIGKILL is its drop: nothing of the process runs again, and the
//! requests under way stay on the wire.

mod courier;
mod ports;
mod streams;

use std::cell::Cell;
use std::rc::Rc;

use obsyk_actors::mail::Address;
use obsyk_actors::supervisor::{AllApplied, Apply, Drain, Inspect, Ping, Remove, SupervisorActor};
use obsyk_domain::agent::Policy;
use obsyk_domain::resource::KindSet;
use obsyk_domain::time::Moment;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::world::{Happening, Shared};
use ports::ProcessPorts;
pub(crate) use streams::SecretWatch;

/// A change of the resources, as the watch of `ObsykAgent` tells it.
#[derive(Clone, Debug)]
pub enum ResourceChange {
    /// A resource was created or edited.
    Apply(Box<Apply>),
    /// A resource is gone.
    Remove(Remove),
    /// All existing resources were told.
    AllApplied,
}

/// See the module's page.
pub(crate) struct Process {
    pub(crate) number: u64,
    local: LocalSet,
    supervisor: Address<SupervisorActor>,
    resources: mpsc::UnboundedSender<ResourceChange>,
    alive: Rc<Cell<bool>>,
    world: Shared,
}

impl Process {
    pub(crate) fn start(world: &Shared) -> Self {
        let alive = Rc::new(Cell::new(true));
        let (number, kinds) = {
            let mut world = world.borrow_mut();
            (
                world.next_process(),
                world.plan.kinds.iter().copied().collect::<KindSet>(),
            )
        };
        let local = LocalSet::new();
        let guard = local.enter();
        let ports = ProcessPorts::shared(world, &alive);
        let (ends, mut ended) = oneshot::channel();
        let supervisor = Address::start(SupervisorActor::new(kinds, Policy::default(), ports, Some(ends)));
        let shared = Rc::clone(world);
        actix::spawn(async move {
            let _dropped = (&mut ended).await;
            let mut world = shared.borrow_mut();
            let now = world.now();
            world.plan_at(now, Happening::SupervisorEnded(number));
        });
        let (resources, told) = mpsc::unbounded_channel();
        actix::spawn(follow(told, supervisor.clone()));
        drop(guard);
        Self {
            number,
            local,
            supervisor,
            resources,
            alive,
            world: Rc::clone(world),
        }
    }

    pub(crate) async fn run_until(&self, due: impl Future<Output = ()>) {
        self.local.run_until(due).await;
    }

    /// Tells the supervisor of changed resources.
    pub(crate) fn apply(&self, resources: ResourceChange) {
        // Fails only when the supervisor is gone.
        let _gone = self.resources.send(resources);
    }

    /// Asks all actors for their views.
    pub(crate) fn inspect(&self) {
        let (supervisor, world) = (self.supervisor.clone(), Rc::clone(&self.world));
        self.spawn(async move {
            if let Ok(view) = supervisor.send(Inspect).await {
                world.borrow_mut().inspected(&view);
            }
        });
    }

    /// Asks the process to end: SIGTERM.
    pub(crate) fn terminate(&self, deadline: Moment) {
        let (supervisor, world, number) = (self.supervisor.clone(), Rc::clone(&self.world), self.number);
        self.spawn(async move {
            let _gone = supervisor.send(Drain { deadline }).await;
            let mut world = world.borrow_mut();
            let now = world.now();
            world.plan_at(now, Happening::Drained(number));
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.local.spawn_local(task);
    }

    /// Ends at once: SIGKILL. Calls of its actors while they are dropped reach nobody.
    pub(crate) fn end(self) {
        self.alive.set(false);
        drop(self.local);
    }
}

/// Hands the resources over in order, each when the one before is taken, as the process does. The first message makes the
/// supervisor's task known.
async fn follow(mut told: mpsc::UnboundedReceiver<ResourceChange>, supervisor: Address<SupervisorActor>) {
    let _gone = supervisor.send(Ping).await;
    while let Some(resources) = told.recv().await {
        let taken = match resources {
            ResourceChange::Apply(apply) => supervisor.send(*apply).await,
            ResourceChange::Remove(remove) => supervisor.send(remove).await,
            ResourceChange::AllApplied => supervisor.send(AllApplied).await,
        };
        if taken.is_err() {
            return;
        }
    }
}
