// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The WatcherActor: one kind of one agent.
//!
//! It owns the kind's stream and what is known of each object. It promises to offer every change, in order, and to have
//! one offer under way at most; to report every list's end; and to stop when asked. It doesn't judge rates, the platform
//! or other kinds, and keeps no object.

mod handlers;
mod known;
mod messages;
mod state;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use obsyk_domain::ports::{AgentKey, LocalStream, Ports, Signal};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Chance;

use crate::agent::{Child, Listed, Unreadable};
use crate::mail::{Desk, ExitRecipient, Post, Spawned, attended};
use crate::sender::{Offer, SnapshotDue, Spooled};
use crate::supervision::Exited;
pub use known::{Gone, Known, Seen};
pub use messages::{Drain, Inspect, Phase, Relist};
pub use state::{Effect, MOST_IN_OFFER, STALLED, WatcherState};

/// Whom a watcher talks to.
pub struct Collaborators {
    /// Offers go to the sender.
    pub offer: Post<Offer>,
    /// Lists too.
    pub spooled: Post<Spooled>,
    /// Reports go to the agent.
    pub listed: Post<Listed>,
    /// Reports go to the agent.
    pub unreadable: Post<Unreadable>,
    /// Reports go to the agent.
    pub due: Post<SnapshotDue>,
}

/// See the module's page.
pub struct WatcherActor {
    key: AgentKey,
    desk: Desk,
    state: WatcherState,
    to: Collaborators,
    parent: Option<ExitRecipient<Exited<Child>>>,
    ports: Ports,
    chance: Box<dyn Chance>,
    generation: u64,
    stream: Option<LocalStream<Signal>>,
    pull: Option<Spawned>,
    asked: bool,
}

impl WatcherActor {
    /// A watcher of `kind`, of the agent `key`, that waits for [`Relist`]. `parent` is told of its end.
    pub fn new(
        key: AgentKey,
        kind: ResourceKind,
        generation: u64,
        ports: Ports,
        to: Collaborators,
        parent: Option<ExitRecipient<Exited<Child>>>,
    ) -> Self {
        Self {
            key,
            desk: Desk::new(Rc::clone(&ports.clock)),
            state: WatcherState::new(kind),
            to,
            parent,
            chance: ports.clock.chance(),
            ports,
            generation,
            stream: None,
            pull: None,
            asked: false,
        }
    }
}

attended!(WatcherActor: Relist, Drain, Inspect);
