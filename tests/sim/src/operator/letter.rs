// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What passes between actors, and what follows when it was obeyed.

use obsyk_actors::agent::{Child, Desired};
use obsyk_actors::sender::{Config, Delivery, Refusal};
use obsyk_actors::supervisor::Apply;
use obsyk_domain::condition::Unreadability;
use obsyk_domain::ledger::Change;
use obsyk_domain::ports::{AgentKey, ClusterIdentity};
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::Moment;

use super::{ActorId, Settlement};

/// A message, or a reply to one.
#[derive(Debug)]
pub enum Letter {
    // to the supervisor
    Apply(Box<Apply>),
    Remove {
        key: AgentKey,
        uid: String,
    },
    AllApplied,
    Left(u64),
    AgentExited {
        key: AgentKey,
        agent: ActorId,
    },
    // to an agent
    Started,
    Reconfigure {
        desired: Box<Desired>,
        leave: Option<u64>,
    },
    Stop {
        leave: u64,
    },
    DrainAgent {
        deadline: Moment,
    },
    Secret {
        following: u64,
        name: String,
    },
    Identity {
        asked: u64,
        identity: ClusterIdentity,
    },
    Opened {
        n: u64,
        opened: bool,
    },
    Listed {
        n: u64,
        kind: ResourceKind,
        facts: ClusterFacts,
    },
    Unreadable {
        n: u64,
        kind: ResourceKind,
        why: Unreadability,
    },
    Due {
        why: Cause,
        at: Moment,
    },
    Delivered(Delivery),
    ChildExited {
        child: Child,
        actor: ActorId,
    },
    LastWords,
    // to a sender
    Configure {
        config: Box<Config>,
        obeyed: Settlement,
    },
    OpenSnapshot {
        n: u64,
    },
    Spooled {
        n: u64,
        kind: ResourceKind,
        spool: Spool,
        from: ActorId,
    },
    SendSnapshot {
        n: u64,
        head: Vec<u8>,
        left_out: KindSet,
    },
    AbandonSnapshot {
        n: u64,
    },
    Offer {
        kind: ResourceKind,
        changes: Vec<Change>,
        from: ActorId,
    },
    Beat,
    DrainSender {
        deadline: Moment,
        obeyed: Option<Settlement>,
    },
    // to a watcher
    Relist {
        n: u64,
    },
    Offered(Result<(), Refusal>),
    SpoolTaken,
    DrainWatcher {
        obeyed: Option<Settlement>,
    },
}

/// What follows when all have obeyed.
#[derive(Debug)]
pub enum Then {
    /// The supervisor is told.
    Left(u64),
    /// The agent ends, and the supervisor is told.
    End { agent: ActorId, leave: Option<u64> },
    /// The sender drains, and then the agent ends.
    DrainSender {
        agent: ActorId,
        sender: Option<ActorId>,
        deadline: Moment,
    },
}
