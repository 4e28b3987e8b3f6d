// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Messages that the sender receives, and its reports to the agent.

use std::time::Duration;

use actix::Message;
use obsyk_domain::agent::{EventTypes, PlatformUrl};
use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ledger::Change;
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::Moment;
use serde::Serialize;

use crate::inspect::SenderView;

/// All that the sender must know to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to.
    pub platform: PlatformUrl,
    /// The cluster's name, which snapshots carry: another name is another picture.
    pub cluster_name: String,
    /// The cluster's uid, which every request carries.
    pub cluster_uid: String,
    /// As whom.
    pub credentials: Credentials,
    /// Events per second.
    pub per_second: u32,
    /// Events at once.
    pub burst: u32,
    /// How event types are spelled.
    pub case: EventTypes,
}

impl Config {
    /// Whether the platform's picture under the other config is another one: nothing sent to it counts here.
    pub fn is_elsewhere(&self, other: &Self) -> bool {
        self.platform != other.platform
            || self.cluster_name != other.cluster_name
            || self.cluster_uid != other.cluster_uid
            || self.credentials.client_id() != other.credentials.client_id()
    }
}

/// Takes a config. From the agent, at the start and after each edit of the resource or the Secret. What changed takes
/// effect, and nothing else. The reply means that it is in force.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Configure(pub Box<Config>);

/// Opens snapshot `n`: from here no new event starts. From the agent. The reply comes when nothing is in flight and the
/// platform can be spoken to; an error, when another snapshot, another config or a drain overtook it.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), Overtaken>")]
pub struct OpenSnapshot {
    /// Its number; numbers rise.
    pub n: u64,
    /// What it answers.
    pub why: Vec<Cause>,
}

/// The snapshot that was asked for won't open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken;

/// Hands over a kind's objects for snapshot `n`. From a watcher. What the ledger holds of the kind is covered from here.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Spooled {
    /// The snapshot's number.
    pub n: u64,
    /// The kind.
    pub kind: ResourceKind,
    /// Its objects.
    pub spool: Spool,
}

/// Every kind is listed or unreadable: send snapshot `n`. From the agent. Its end is reported as [`Delivery`].
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct SendSnapshot {
    /// Its number.
    pub n: u64,
    /// The JSON of its head, without the closing brace.
    pub head: bytes::Bytes,
    /// The kinds that can't be read.
    pub left_out: KindSet,
}

/// Snapshot `n` won't be sent after all. From the agent, when no kind could be read.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct AbandonSnapshot {
    /// Its number.
    pub n: u64,
}

/// Offers changes. From a watcher, which has one offer under way at most: the reply is its credit for the next.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Offer {
    /// The last snapshot that the watcher was asked to list for.
    pub n: u64,
    /// The kind of all the objects.
    pub kind: ResourceKind,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
}

/// Why an offer wasn't admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// The ledger's bound is reached: the watcher closes its stream and waits for `Relist`.
    SnapshotDue,
    /// The process ends: the watcher stops.
    Draining,
}

/// It is time for a heartbeat. From the agent's timer.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Beat;

/// Ends: refuses offers, aborts an unfinished snapshot, and goes on with the ledger until it is empty or `deadline` has
/// come. From the agent. The reply means that nothing more will be sent.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Drain {
    /// Until when.
    pub deadline: Moment,
}

/// Asks what the sender holds and does. From the agent, endpoints and tests; changes nothing.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "SenderView")]
pub struct Inspect;

/// How a snapshot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotEnd {
    /// The platform accepted it.
    Accepted {
        /// Kinds that were too large for the platform by themselves, and go as events.
        too_large: KindSet,
        /// Objects in it.
        objects: u64,
        /// Bytes of it, before any compression in transit.
        bytes: u64,
        /// From the first list to its acceptance.
        took: Duration,
    },
    /// The platform refused it for good.
    Refused(Outcome),
    /// It wasn't sent to its end: the platform can't be reached or refuses the credentials.
    Unfinished,
}

/// Reports to the agent.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum Delivery {
    /// How things stand now.
    Link(Link),
    /// Snapshot `n` ended.
    Snapshot {
        /// Its number.
        n: u64,
        /// How.
        end: SnapshotEnd,
    },
    /// The platform refused an object, which is set aside until it changes.
    SetAside {
        /// Its kind.
        kind: ResourceKind,
        /// With what.
        answer: Outcome,
    },
    /// The platform refused the credentials: the Secret is to be read again.
    RereadSecret,
}

/// A snapshot is due. To the agent, from the sender and from watchers.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct SnapshotDue {
    /// Why.
    pub why: Cause,
    /// When: at once, or later when a late request is to be outwaited.
    pub at: Moment,
}
