// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The messages of notices: what happened, and what to do.

use std::time::Duration;

use super::{LONGEST_MESSAGE, Notice, Part};
use crate::condition::Unreadability;
use crate::resource::ResourceKind;
use crate::snapshot::Cause;

/// What stands at the end of a message that was cut.
const CUT: &str = "…";

impl Notice {
    /// What happened and what to do, in at most [`LONGEST_MESSAGE`] bytes. Only an address of hundreds of characters makes it
    /// longer, and then its end is cut off.
    pub fn message(&self) -> String {
        bounded(self.whole_message())
    }

    fn whole_message(&self) -> String {
        match self {
            Self::Connected { platform } => format!("{platform} accepts what is sent; nothing is to be done"),
            Self::Disconnected { trouble }
            | Self::CredentialsRefused { trouble }
            | Self::SnapshotRefused { trouble }
            | Self::SnapshotTooLarge { trouble }
            | Self::DuplicatePlatform { trouble }
            | Self::InvalidSpec { trouble }
            | Self::ClusterUnknown { trouble } => trouble.clone(),
            Self::CredentialsInvalid { secret, error, in_use } => {
                let rest = if *in_use {
                    "the last good credentials stay in use"
                } else {
                    "nothing is sent until then"
                };
                format!("Secret {secret}: {error}; {rest}")
            }
            Self::CredentialsValid { secret } => format!("Secret {secret} can be used again; nothing is to be done"),
            Self::CredentialsRotated { secret } => format!(
                "the credentials in Secret {secret} are others now and are in use from the next token on; if the platform \
                 refuses them, give it the new public key"
            ),
            Self::SnapshotSent {
                objects,
                bytes,
                took,
                why,
            } => format!(
                "the platform accepted a snapshot of {objects} objects, {}, after {}; sent because {}; nothing is to be done",
                size(*bytes),
                seconds(*took),
                causes(why)
            ),
            Self::KindUnreadable { kind, why } => unreadable(*kind, *why),
            Self::KindReadable { kind } => format!("{kind} can be read again; a snapshot with it follows by itself"),
            Self::ObjectSetAside { kind, count, answer } => {
                let with = answer.map_or_else(String::new, |answer| format!(", at last with {answer}"));
                format!(
                    "the platform refuses events of {kind}{with}: {count} set aside until they change, and in snapshots all the \
                     same; the operator's log names them; check that the platform supports this version of the operator"
                )
            }
            Self::ObjectUndecodable { kind, count } => format!(
                "{count} {kind} can't be decoded and are set aside until they change; check what wrote them, or report it with \
                 the operator's and the cluster's version"
            ),
            Self::ActorRestarted { part } => {
                let part = match part {
                    Part::Agent => "the agent".to_owned(),
                    Part::Sender => "the sender".to_owned(),
                    Part::Watcher(kind) => format!("the watcher of {kind}"),
                };
                format!(
                    "{part} died and is restarted, and a snapshot follows by itself; it is a bug: report it with the operator's \
                     log"
                )
            }
        }
    }
}

fn unreadable(kind: ResourceKind, why: Unreadability) -> String {
    let spec = kind.spec();
    let group = if spec.group.is_empty() { "core" } else { spec.group };
    let plural = spec.plural;
    match why {
        Unreadability::Forbidden => format!(
            "{kind} may not be read and is left out of snapshots: grant list and watch on {plural} (group {group}) in the \
             whole cluster, or leave it out with --kinds"
        ),
        Unreadability::Absent => format!(
            "{kind} isn't served by the API server and is left out of snapshots: serve {plural} (group {group}), or leave it \
             out with --kinds"
        ),
        Unreadability::Stalled => format!(
            "the list of {kind} makes no progress and it is left out of snapshots; it is tried again: check whether the API \
             server is overloaded"
        ),
    }
}

/// At most [`LONGEST_MESSAGE`] bytes of it.
fn bounded(mut text: String) -> String {
    if text.len() > LONGEST_MESSAGE {
        text.truncate(text.floor_char_boundary(LONGEST_MESSAGE - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// Bytes for people, in powers of ten with one digit.
fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..=999 => format!("{bytes} B"),
        1_000..=999_999 => format!("{} kB", tenths(1_000)),
        _ => format!("{} MB", tenths(1_000_000)),
    }
}

/// A time for people, with one digit.
fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

fn causes(why: &[Cause]) -> String {
    let words: Vec<&str> = why.iter().map(|cause| because(*cause)).collect();
    if words.is_empty() {
        "one was due".to_owned()
    } else {
        words.join(", ")
    }
}

/// What goes on after "because".
const fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Start => "the agent starts",
        Cause::Edited => "the resource or its client was edited",
        Cause::WatcherLost => "a watcher was restarted",
        Cause::SenderLost => "the sender was restarted",
        Cause::KindReadable => "a kind can be read again",
        Cause::CircuitClosed => "the platform answers again",
        Cause::Resumed => "the credentials are accepted again",
        Cause::Answer => "an answer to an event asked for it",
        Cause::Unknown => "the platform didn't know this cluster",
        Cause::LedgerFull => "more changes waited than are kept",
        Cause::Backlog => "changes came faster than the rate limit lets them go",
        Cause::Ambiguous => "a request that wasn't answered may have arrived late",
        Cause::Daily => "one is sent every day",
        Cause::Refused => "the last one was refused",
        Cause::Unfinished => "the last one wasn't sent to its end",
    }
}
