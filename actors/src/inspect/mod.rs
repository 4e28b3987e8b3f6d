// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What one can see of the actors at run time: typed snapshots, the same for the debug endpoint, `obsyk-operator status`,
//! readiness, metrics and tests. `docs/actor-status.schema.json` is generated from them.
//!
//! An actor tells of itself what it knows; its parent adds what only a parent knows (how often it was restarted, and why),
//! and keeps what it said last, to show that when it doesn't answer. Asking changes nothing of what an actor does.
//!
//! No view holds a token, a key or an object's content; of the credentials' Secret it has the client's id. Names of objects are
//! in it where a person must find them.

mod actor;
mod agent;
mod sender;
#[cfg(test)]
mod tests;
mod watcher;

use std::time::Duration;

use actix::MessageResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use obsyk_domain::time::Moment;

pub use actor::{ActorKind, ActorView, Exit, Life, Messages};
pub use agent::{
    AgentView, ConditionView, CredentialsView, OpenSnapshotView, PastSnapshot, Readiness, SnapshotResult, SnapshotsView,
};
pub use sender::{LineView, RateView, Requests, SenderView, SetAside, TokenView};
pub use watcher::{LastList, ListForm, ListWhy, Lists, WatcherView};

/// At most this many objects that are set aside are named in a view: enough to see what they have in common.
pub const MOST_NAMED: usize = 20;

/// The form of the wall clock's times (RFC 3339), for strftime.
pub const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// The whole tree. Moments are seconds since the process started, on the clock that `now` shows.
#[derive(JsonSchema, Serialize, Deserialize, MessageResponse, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SupervisorView {
    /// The operator's version.
    pub version: String,
    /// When this was looked at.
    pub now: Moment,
    /// The same by the wall clock (RFC 3339, UTC).
    pub time: String,
    /// The supervisor itself.
    pub actor: ActorView,
    /// Whether the resources were listed.
    pub listed: bool,
    /// The agents, by namespace and name.
    pub agents: Vec<AgentView>,
}

impl SupervisorView {
    /// The same, seen again after this time, at this time by the wall clock, without any answer since: what was said is old,
    /// and whoever said it is busy.
    pub fn unanswered_for(mut self, waited: Duration, time: String) -> Self {
        self.now = self.now + waited;
        self.time = time;
        self.actor.silent();
        for agent in &mut self.agents {
            agent.silent();
        }
        self
    }
}
