// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the state asks the actor to do.

use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;

use crate::sender::Config;

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Follow this Secret, or none; the one followed before is dropped.
    FollowSecret(Option<String>),
    /// Ask who the cluster is.
    Identify,
    /// Start the sender.
    StartSender,
    /// Start a watcher.
    StartWatcher(ResourceKind),
    /// Stop a watcher.
    StopWatcher(ResourceKind),
    /// Stop the sender and all watchers.
    StopChildren,
    /// Give the sender this config.
    Configure(Box<Config>),
    /// Open this snapshot.
    OpenSnapshot { n: u64, why: Vec<Cause> },
    /// Let these watchers list for the snapshot.
    Relist { n: u64, kinds: KindSet },
    /// Send the snapshot.
    SendSnapshot { n: u64, head: Vec<u8>, left_out: KindSet },
    /// Give the snapshot up.
    AbandonSnapshot(u64),
    /// Send a heartbeat.
    Beat,
    /// Children were restarted too often: end, and let the supervisor build a new agent.
    GiveUp,
}
