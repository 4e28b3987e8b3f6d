// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The AgentActor: one resource.
//!
//! It owns the life of its children (a sender, and a watcher for each kind), the heartbeat's time, the credentials, and
//! the conditions. It promises to restart what dies, to let a snapshot open when one is due, and to write what an admin
//! needs to know. It doesn't talk to the platform and reads no objects.

mod handlers;
mod messages;
mod state;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use actix::{Addr, SpawnHandle, WeakAddr};
use obsyk_domain::ports::{AgentKey, Ports};
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::time::Chance;

use crate::inspect::{SenderView, WatcherView};
use crate::sender::SenderActor;
use crate::supervisor::SupervisorActor;
use crate::watcher::WatcherActor;
pub use messages::{Desired, Drain, Inspect, Listed, Reconfigure, Stop, Unreadable};
pub use state::{AgentState, Child, Effect};
use status::StatusKeeper;

/// See the module's page.
pub struct AgentActor {
    key: AgentKey,
    uid: String,
    generation: u64,
    state: AgentState,
    status: StatusKeeper,
    ports: Ports,
    chance: Box<dyn Chance>,
    parent: Option<WeakAddr<SupervisorActor>>,
    sender: Option<Addr<SenderActor>>,
    watchers: HashMap<ResourceKind, Addr<WatcherActor>>,
    /// Which of the children built for a place is the one that counts.
    generations: HashMap<Child, u64>,
    sender_view: Option<SenderView>,
    watcher_views: BTreeMap<ResourceKind, WatcherView>,
    secret: Option<SpawnHandle>,
    timer: Option<SpawnHandle>,
    writing: bool,
    asked: bool,
    gave_up: bool,
}

impl AgentActor {
    /// An agent for the resource `key` with this uid. `parent` is told of its end.
    pub fn new(
        key: AgentKey,
        uid: String,
        generation: u64,
        kinds: KindSet,
        desired: Desired,
        ports: Ports,
        parent: Option<Addr<SupervisorActor>>,
    ) -> Self {
        let status = StatusKeeper::new(desired.status.as_deref());
        Self {
            key,
            uid,
            generation,
            state: AgentState::new(kinds, desired),
            status,
            chance: ports.clock.chance(),
            ports,
            parent: parent.map(|parent| parent.downgrade()),
            sender: None,
            watchers: HashMap::new(),
            generations: HashMap::new(),
            sender_view: None,
            watcher_views: BTreeMap::new(),
            secret: None,
            timer: None,
            writing: false,
            asked: false,
            gave_up: false,
        }
    }
}
