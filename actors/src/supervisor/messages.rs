// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Messages that the supervisor receives.

use actix::Message;
use obsyk_domain::agent::{ObsykAgentSpec, ObsykAgentStatus};
use obsyk_domain::ports::AgentKey;
use obsyk_domain::time::Moment;

use crate::inspect::SupervisorView;

/// A resource as the API server has it. From the watch of `ObsykAgent`. Another uid under a known key is another
/// resource: the old one is gone.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Apply {
    /// Which resource.
    pub key: AgentKey,
    /// Its uid.
    pub uid: String,
    /// When it was created, in seconds since 1970: of several for one platform the oldest speaks.
    pub created: i64,
    /// Its `metadata.generation`: status changes don't raise it.
    pub generation: Option<i64>,
    /// What it asks for.
    pub spec: Box<ObsykAgentSpec>,
    /// What the operator wrote before.
    pub status: Option<Box<ObsykAgentStatus>>,
}

/// A resource is gone. From the watch of `ObsykAgent`.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Remove {
    /// Which resource.
    pub key: AgentKey,
    /// Its uid: a newer one under the same key is not meant.
    pub uid: String,
}

/// All resources that existed were applied. From the watch of `ObsykAgent`.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct AllApplied;

/// Ends all agents. From the process. The reply means that nothing more will be sent.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Drain {
    /// Until when ledgers go on.
    pub deadline: Moment,
}

/// Asks for the whole tree. From endpoints and tests; changes nothing.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "SupervisorView")]
pub struct Inspect;

/// Asks whether the actors answer at all. From the liveness probe.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Ping;
