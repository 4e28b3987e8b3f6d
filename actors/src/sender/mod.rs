// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The SenderActor: the only one that talks to the platform.
//!
//! It owns the token, the rate limiter, the retry state and the ledger. It promises that no obligation is lost while it
//! lives, that what is sent keeps the protocol's order and limits, and that its memory is bounded. It doesn't know
//! Kubernetes, doesn't decide when a snapshot is taken, and never waits on its agent.

mod flight;
mod handlers;
mod line;
mod messages;
mod open;
mod state;
mod tally;
#[cfg(test)]
mod tests;
mod trickle;

use std::collections::HashMap;
use std::rc::Rc;

use obsyk_domain::ports::{AgentKey, Ports};
use obsyk_domain::time::Chance;
use tokio::sync::oneshot;

use crate::agent::Child;
use crate::mail::{Desk, ExitRecipient, Post, Spawned, attended};
use crate::supervision::Exited;
pub use messages::{
    AbandonSnapshot, Beat, Config, Configure, Delivery, Drain, Inspect, Offer, OpenSnapshot, Overtaken, Refusal,
    SendSnapshot, SnapshotDue, SnapshotEnd, Spooled,
};
pub use state::{Effect, MOST_IN_FLIGHT, SenderState};

/// See the module's page.
pub struct SenderActor {
    key: AgentKey,
    desk: Desk,
    state: SenderState,
    delivery: Post<Delivery>,
    due: Post<SnapshotDue>,
    parent: Option<ExitRecipient<Exited<Child>>>,
    ports: Ports,
    chance: Box<dyn Chance>,
    generation: u64,
    requests: HashMap<u64, Spawned>,
    fetch: Option<Spawned>,
    opening: Option<(u64, oneshot::Sender<Result<(), Overtaken>>)>,
    draining: Vec<oneshot::Sender<()>>,
    asked: bool,
}

impl SenderActor {
    /// A sender that waits for [`Configure`]. `parent` is told of its end.
    pub fn new(
        key: AgentKey,
        generation: u64,
        ports: Ports,
        delivery: Post<Delivery>,
        due: Post<SnapshotDue>,
        parent: Option<ExitRecipient<Exited<Child>>>,
    ) -> Self {
        Self {
            key,
            desk: Desk::new(Rc::clone(&ports.clock)),
            state: SenderState::new(ports.bounds),
            delivery,
            due,
            parent,
            chance: ports.clock.chance(),
            ports,
            generation,
            requests: HashMap::new(),
            fetch: None,
            opening: None,
            draining: Vec::new(),
            asked: false,
        }
    }
}

attended!(
    SenderActor: Configure, OpenSnapshot, Spooled, SendSnapshot, AbandonSnapshot, Offer, Beat, Drain, Inspect,
);
