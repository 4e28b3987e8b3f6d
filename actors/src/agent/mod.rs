// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The AgentActor: one resource.
//!
//! It owns the life of its children (a sender, and a watcher for each kind), the heartbeat's time, the credentials, and
//! the conditions. It promises to restart what dies, to let a snapshot open when one is due, and to write what an admin
//! needs to know. It doesn't talk to the platform and reads no objects.

mod family;
mod handlers;
mod messages;
mod notices;
mod perform;
mod record;
mod report;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod views;

use std::rc::Rc;

use obsyk_domain::notice::Part;
use obsyk_domain::ports::{AgentKey, Ports};
use obsyk_domain::resource::KindSet;
use obsyk_domain::time::Chance;

use crate::mail::{Desk, ExitRecipient, Spawned, attended};
use crate::sender::{Delivery, SnapshotDue};
use crate::supervision::Exited;
use family::{Family, Views};
pub use messages::{Desired, Drain, Inspect, Listed, Reconfigure, Stop, Unreadable};
use notices::NoticeKeeper;
pub use state::{AgentState, Child, Effect};
use status::StatusKeeper;
#[cfg(test)]
pub(crate) use tests::{fakes, life};
use views::ChildViews;

/// See the module's page.
pub struct AgentActor {
    key: AgentKey,
    uid: String,
    generation: u64,
    desk: Desk,
    state: AgentState,
    status: StatusKeeper,
    notices: NoticeKeeper,
    ports: Ports,
    chance: Box<dyn Chance>,
    parent: Option<ExitRecipient<Exited<AgentKey>>>,
    family: Family,
    /// What the children said last when the agent asked them for its status: looking must not change when and with what it is
    /// written.
    views: Views,
    /// What they said last to whoever asked.
    seen: ChildViews,
    /// The thumbprint of the last good credentials.
    thumbprint: Option<String>,
    secret: Option<Spawned>,
    identify: Option<Spawned>,
    /// The status that is being written.
    write: Option<Spawned>,
    /// The notice that is being recorded.
    record: Option<Spawned>,
    /// The children are asked how they are, and then the status is written.
    looking: bool,
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
        parent: Option<ExitRecipient<Exited<AgentKey>>>,
    ) -> Self {
        let status = StatusKeeper::new(desired.status.as_deref());
        let notices = NoticeKeeper::new(&desired);
        Self {
            key,
            uid,
            generation,
            desk: Desk::new(Rc::clone(&ports.clock)),
            state: AgentState::new(kinds, desired),
            status,
            notices,
            chance: ports.clock.chance(),
            ports,
            parent,
            family: Family::default(),
            views: Views::default(),
            seen: ChildViews::default(),
            thumbprint: None,
            secret: None,
            identify: None,
            write: None,
            record: None,
            looking: false,
            asked: false,
            gave_up: false,
        }
    }

    /// The one before it died, which is told.
    #[must_use]
    pub fn after_a_death(mut self) -> Self {
        self.notices.died(self.ports.clock.now(), Part::Agent);
        self
    }
}

attended!(
    AgentActor: Reconfigure, Listed, Unreadable, SnapshotDue, Delivery, Drain, Stop, Inspect,
);
