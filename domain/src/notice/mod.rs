// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is told of transitions: Kubernetes Events on the resource.
//!
//! A condition says how things stand, and a notice what has happened; its message says what to do about it, too. It is
//! built from what conditions are built from, so that bytes of the platform never get here.

mod message;
mod stood;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::answer::Outcome;
use crate::condition::Unreadability;
use crate::credentials::CredentialsError;
use crate::resource::ResourceKind;
use crate::snapshot::Cause;

pub use stood::Stood;

/// The longest message in bytes: the API server refuses an Event whose note has more
/// (`NoteLengthLimit` in kubernetes/pkg/apis/core/validation/events.go).
pub const LONGEST_MESSAGE: usize = 1024;

/// Whether somebody has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is to be done.
    Normal,
    /// Somebody should look at it.
    Warning,
}

/// A part of an agent that dies by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Agent,
    /// What talks to the platform.
    Sender,
    /// What reads a kind.
    Watcher(ResourceKind),
}

/// Something that happened to an agent. `trouble` is the sentence that the condition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The platform accepts what is sent.
    Connected {
        /// The platform, as the resource has it.
        platform: String,
    },
    /// The platform can't be reached, or doesn't answer as it should.
    Disconnected {
        /// What, where, and what to check.
        trouble: String,
    },
    /// The platform refuses the credentials.
    CredentialsRefused {
        /// What, where, and what to check.
        trouble: String,
    },
    /// The Secret can't be used.
    CredentialsInvalid {
        /// Its name.
        secret: String,
        /// What is wrong with it.
        error: CredentialsError,
        /// The last good credentials stay in use.
        in_use: bool,
    },
    /// The Secret can be used again, and says what it said before.
    CredentialsValid {
        /// Its name.
        secret: String,
    },
    /// There are other credentials than before.
    CredentialsRotated {
        /// The Secret that they are from.
        secret: String,
    },
    /// The platform accepted a snapshot.
    SnapshotSent {
        /// Objects in it.
        objects: u64,
        /// Bytes of it, before any compression in transit.
        bytes: u64,
        /// From the first list to its acceptance.
        took: Duration,
        /// What it answers.
        why: Vec<Cause>,
    },
    /// The platform refused a snapshot for good.
    SnapshotRefused {
        /// The answer, and what to check.
        trouble: String,
    },
    /// Kinds are too large for a snapshot.
    SnapshotTooLarge {
        /// Which, and what to change.
        trouble: String,
    },
    /// A kind can't be read.
    KindUnreadable {
        /// The kind.
        kind: ResourceKind,
        /// Why.
        why: Unreadability,
    },
    /// A kind can be read again.
    KindReadable {
        /// The kind.
        kind: ResourceKind,
    },
    /// The platform refuses objects of a kind.
    ObjectSetAside {
        /// The kind.
        kind: ResourceKind,
        /// How many of it are set aside now.
        count: u64,
        /// The last answer to one of them, when it is known.
        answer: Option<Outcome>,
    },
    /// Objects of a kind can't be decoded.
    ObjectUndecodable {
        /// The kind.
        kind: ResourceKind,
        /// How many of it.
        count: u64,
    },
    /// A part of the agent died.
    ActorRestarted {
        /// Which.
        part: Part,
    },
    /// Another resource speaks for the same platform.
    DuplicatePlatform {
        /// Which, and what to do.
        trouble: String,
    },
    /// The resource asks for something that can't be.
    InvalidSpec {
        /// The field, and what it must be.
        trouble: String,
    },
    /// The cluster's uid can't be read.
    ClusterUnknown {
        /// What to grant.
        trouble: String,
    },
}

impl Notice {
    /// The Event's reason, in CamelCase.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "Connected",
            Self::Disconnected { .. } => "Disconnected",
            Self::CredentialsRefused { .. } => "CredentialsRefused",
            Self::CredentialsInvalid { .. } => "CredentialsInvalid",
            Self::CredentialsValid { .. } => "CredentialsValid",
            Self::CredentialsRotated { .. } => "CredentialsRotated",
            Self::SnapshotSent { .. } => "SnapshotSent",
            Self::SnapshotRefused { .. } => "SnapshotRefused",
            Self::SnapshotTooLarge { .. } => "SnapshotTooLarge",
            Self::KindUnreadable {
                why: Unreadability::Forbidden,
                ..
            } => "KindForbidden",
            Self::KindUnreadable {
                why: Unreadability::Absent | Unreadability::Stalled,
                ..
            } => "KindUnreadable",
            Self::KindReadable { .. } => "KindReadable",
            Self::ObjectSetAside { .. } => "ObjectSetAside",
            Self::ObjectUndecodable { .. } => "ObjectUndecodable",
            Self::ActorRestarted { .. } => "ActorRestarted",
            Self::DuplicatePlatform { .. } => "DuplicatePlatform",
            Self::InvalidSpec { .. } => "InvalidSpec",
            Self::ClusterUnknown { .. } => "ClusterUnknown",
        }
    }

    /// What the operator was doing, in CamelCase: the Event's action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Connected { .. } | Self::Disconnected { .. } | Self::CredentialsRefused { .. } => "Connect",
            Self::CredentialsInvalid { .. } | Self::CredentialsValid { .. } | Self::CredentialsRotated { .. } => {
                "ReadSecret"
            }
            Self::SnapshotSent { .. } | Self::SnapshotRefused { .. } | Self::SnapshotTooLarge { .. } => "SendSnapshot",
            Self::KindUnreadable { .. } | Self::KindReadable { .. } | Self::ObjectUndecodable { .. } => "ReadKind",
            Self::ObjectSetAside { .. } => "SendEvent",
            Self::ActorRestarted { .. } => "RestartActor",
            Self::DuplicatePlatform { .. } | Self::InvalidSpec { .. } => "ReadSpec",
            Self::ClusterUnknown { .. } => "IdentifyCluster",
        }
    }

    /// Whether somebody has to do something.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Connected { .. }
            | Self::CredentialsValid { .. }
            | Self::CredentialsRotated { .. }
            | Self::SnapshotSent { .. }
            | Self::KindReadable { .. } => Severity::Normal,
            Self::Disconnected { .. }
            | Self::CredentialsRefused { .. }
            | Self::CredentialsInvalid { .. }
            | Self::SnapshotRefused { .. }
            | Self::SnapshotTooLarge { .. }
            | Self::KindUnreadable { .. }
            | Self::ObjectSetAside { .. }
            | Self::ObjectUndecodable { .. }
            | Self::ActorRestarted { .. }
            | Self::DuplicatePlatform { .. }
            | Self::InvalidSpec { .. }
            | Self::ClusterUnknown { .. } => Severity::Warning,
        }
    }
}
