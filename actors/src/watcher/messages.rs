// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Messages that a watcher receives. (`Offer`, `Spooled` and `Listed`, which it sends, stand with their receivers.)

use actix::Message;
use obsyk_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inspect::WatcherView;

/// Lists anew, for snapshot `n`. From the agent, when the sender has opened the snapshot. No reply: [`Listed`] or
/// [`Unreadable`] tells the end.
///
/// [`Listed`]: crate::agent::Listed
/// [`Unreadable`]: crate::agent::Unreadable
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Relist {
    /// The snapshot's number.
    pub n: u64,
}

/// Stops reading, and stops. From the agent: when it drains, and when the agent has no more use for the watcher. The
/// reply means that no further offer comes.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Drain {
    /// Until when the sender may go on; a watcher needs no time.
    pub deadline: Moment,
}

/// Asks what the watcher knows. From the agent, endpoints and tests; changes nothing.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "WatcherView")]
pub struct Inspect;

/// What a watcher is doing.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It waits for [`Relist`].
    Idle,
    /// It reads a list.
    Listing,
    /// It follows changes.
    Watching,
    /// A read failed; it tries again after a wait.
    Waiting,
    /// The kind can't be read; it tries again after a longer wait.
    Unreadable,
    /// It has stopped.
    Stopped,
}
