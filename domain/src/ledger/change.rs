// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What goes into the ledger, what comes out, and what it says of itself.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Verdict;
use crate::resource::{ResourceKind, Uid};
use crate::time::Moment;
use crate::wire::EventType;

/// A change of an object, as its watcher saw it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object's uid.
    pub uid: Uid,
    /// Its namespace, of namespaced kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// What happened to it.
    pub what: What,
}

/// What happened to an object. The bytes are its JSON as the protocol has it.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added(Bytes),
    /// It differs from what was known.
    Updated(Bytes),
    /// It is gone.
    Deleted,
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Added(_) => "Added",
            Self::Updated(_) => "Updated",
            Self::Deleted => "Deleted",
        })
    }
}

/// An event to send now.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The object's kind.
    pub kind: ResourceKind,
    /// Its uid.
    pub uid: Uid,
    /// Its namespace, of namespaced kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// What the event says.
    pub event: EventType,
    /// The object's JSON; nothing for a delete.
    pub object: Option<Bytes>,
    /// When the oldest change that it carries was offered.
    pub since: Moment,
}

/// An object that the platform refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its namespace; none on cluster-scoped kinds.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a Uid,
    /// The answer that refused it.
    pub answer: Option<Verdict>,
}

/// What the ledger holds, in numbers.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStats {
    /// Objects with something to send.
    pub dirty: usize,
    /// Those of them that are gone.
    pub tombstones: usize,
    /// Requests in flight.
    pub in_flight: usize,
    /// Objects that the platform refused, until they change or a snapshot carries them.
    pub set_aside: usize,
    /// Bytes held.
    pub bytes: usize,
    /// The most that may be held: beyond it the ledger is emptied, and a snapshot is due.
    pub bound: usize,
    /// The bound was reached, and no snapshot has been accepted since.
    pub lossy: bool,
    /// Changes that replaced one that waited.
    pub merged: u64,
    /// Objects that came and went before the platform had anything of them.
    pub vanished: u64,
    /// How often the bound was reached.
    pub overflows: u64,
}
