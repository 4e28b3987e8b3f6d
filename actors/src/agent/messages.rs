// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Messages that an agent receives. (`Delivery` and `SnapshotDue`, reports of its children, stand with the sender.)

use std::sync::Arc;

use actix::Message;
use obsyk_domain::agent::{ObsykAgentStatus, Settings, SettingsError};
use obsyk_domain::condition::{Standing, Unreadability};
use obsyk_domain::resource::{ClusterFacts, ResourceKind};
use obsyk_domain::time::Moment;

use crate::inspect::AgentView;

/// What the resource asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its settings, or what is wrong with them.
    pub settings: Result<Settings, SettingsError>,
    /// The platform as it is written in the resource, for messages.
    pub platform_text: String,
    /// Whether this agent speaks.
    pub standing: Standing,
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// The status that the resource had when it was first seen: conditions keep their times, and the cluster's uid may
    /// be known from it.
    pub status: Option<Arc<ObsykAgentStatus>>,
}

/// Takes a new spec, or another standing. From the supervisor. The reply means that the old one is no longer acted on.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Reconfigure(pub Box<Desired>);

/// A kind's list for snapshot `n` is whole (its spool is with the sender already), or a list that the watcher made by
/// itself. From a watcher.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Listed {
    /// The last snapshot that the watcher was asked to list for.
    pub n: u64,
    /// The kind.
    pub kind: ResourceKind,
    /// Objects known.
    pub count: u64,
    /// What the snapshot's head needs of it.
    pub facts: ClusterFacts,
}

/// A kind can't be read for now. From a watcher, once for each cause.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Unreadable {
    /// The last snapshot that the watcher was asked to list for.
    pub n: u64,
    /// The kind.
    pub kind: ResourceKind,
    /// Why.
    pub why: Unreadability,
}

/// Ends: watchers first, then the sender, which goes on with its ledger until `deadline`. From the supervisor. The reply
/// means that nothing more will be sent.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Drain {
    /// Until when.
    pub deadline: Moment,
}

/// Ends at once: the resource is gone. What is in flight is aborted, and the platform isn't told. From the supervisor.
/// The reply means that nothing more will be sent.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Stop;

/// Asks how the agent and its children are. From the supervisor, endpoints and tests; changes nothing.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "AgentView")]
pub struct Inspect;
