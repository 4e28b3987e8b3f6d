// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The SupervisorActor: all resources.
//!
//! It owns an AgentActor for each resource. It promises that the agents are those of the resources, one for each, and
//! that an agent that dies is built anew. When it can't keep that promise, the process ends. It knows nothing of kinds,
//! tokens or snapshots.

mod handlers;
mod messages;
mod state;
#[cfg(test)]
mod tests;
mod views;

use std::collections::BTreeMap;
use std::rc::Rc;

use obsyk_domain::agent::Policy;
use obsyk_domain::ports::{AgentKey, Ports};
use obsyk_domain::resource::KindSet;
use obsyk_domain::time::Chance;
use tokio::sync::oneshot;

use crate::agent::AgentActor;
use crate::mail::{Address, Desk, attended};
pub use messages::{AllApplied, Apply, Drain, Inspect, Ping, Remove};
pub use state::{Effect, SupervisorState};
use views::AgentViews;

/// An agent that runs.
struct Running {
    /// Counted over all agents: no late word of an old one is taken for one of its successor.
    generation: u64,
    addr: Address<AgentActor>,
}

/// See the module's page.
pub struct SupervisorActor {
    desk: Desk,
    state: SupervisorState,
    kinds: KindSet,
    ports: Ports,
    chance: Box<dyn Chance>,
    agents: BTreeMap<AgentKey, Running>,
    /// What the agents said of themselves last, the dead ones too.
    views: AgentViews,
    built: u64,
    /// Dropped when the supervisor ends, however it ends.
    _alive: Option<oneshot::Sender<()>>,
}

impl SupervisorActor {
    /// A supervisor of agents that collect `kinds`. `alive` is dropped when it ends: without it the process is nothing.
    pub fn new(kinds: KindSet, policy: Policy, ports: Ports, alive: Option<oneshot::Sender<()>>) -> Self {
        Self {
            desk: Desk::new(Rc::clone(&ports.clock)),
            state: SupervisorState::new(policy),
            kinds,
            chance: ports.clock.chance(),
            ports,
            agents: BTreeMap::new(),
            views: AgentViews::default(),
            built: 0,
            _alive: alive,
        }
    }
}

attended!(SupervisorActor: Apply, Remove, AllApplied, Drain, Ping, Inspect);
