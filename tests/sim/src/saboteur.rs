// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Plants one bug between the actors and the world: it rewrites what they read, say, learn or draw by chance.
//!
//! A rule that was never red may be unable to fail, so `make mutants` lets every bug here be found. The product has nothing of
//! it. Bugs that sit too deep for the edge are patches in `tests/sim/patches`.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Chance;

use crate::dice::Dice;
use crate::platform::RequestContent;
use crate::world::{HandedState, Sender};

/// The table of bugs: the enum, its list and its names can't differ.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A bug that the saboteur plants.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// The name on a command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    /// An object that a new list does not have is not reported as gone.
    NoTombstoneAfterList = "no-tombstone-after-list",
    /// An object that a list had not shown before it failed is reported as gone.
    TombstonesAfterFailedList = "tombstones-after-failed-list",
    /// A list that was cut off counts as whole.
    HalfListCountedAsWhole = "half-list-counted-as-whole",
    /// An event of a kind starts right after the kind's list for a snapshot.
    EventDuringSnapshot = "event-during-snapshot",
    /// A new process takes the platform's picture for true: its first snapshot is not sent.
    NoSnapshotAfterStart = "no-snapshot-after-start",
    /// The snapshot after a watcher's death is not sent.
    NoSnapshotAfterWatcherRestart = "no-snapshot-after-watcher-restart",
    /// A kind that the last snapshot left out stays out, though it can be read.
    NoSnapshotWhenKindReadable = "no-snapshot-when-kind-readable",
    /// A request without an answer in time counts as accepted.
    TimeoutTakenForSuccess = "timeout-taken-for-success",
    /// A watch goes on behind an event that cannot be decoded, without a new list.
    VersionPastDecodeError = "version-past-decode-error",
    /// An object that cannot be decoded is reported as gone.
    UndecodableReportedGone = "undecodable-reported-gone",
    /// A redirect leads to a server that says yes.
    RedirectFollowed = "redirect-followed",
    /// Other 4xx are tried again.
    ClientErrorRetried = "client-error-retried",
    /// A token is shown to another platform.
    TokenAtAnotherOrigin = "token-at-another-origin",
    /// A kind that cannot be read is an empty list in the snapshot.
    EmptyListForUnreadableKind = "empty-list-for-unreadable-kind",
    /// A kind of which there is nothing is missing from the snapshot.
    AbsentListForEmptyKind = "absent-list-for-empty-kind",
    /// Every draw is the greatest, so that back-offs have no jitter.
    JitterOff = "jitter-off",
    /// A heartbeat waits until the backlog is sent.
    HeartbeatWaitsForBacklog = "heartbeat-waits-for-backlog",
    /// A streamed list that is older than what was seen looks new.
    StaleListBelieved = "stale-list-believed",
    /// After an edit of the platform a request of the old spec goes out.
    OldGenerationGoesOn = "old-generation-goes-on",
}

/// The fate of a request.
#[derive(Debug)]
pub(crate) enum Interception {
    /// It goes out as it is.
    Pass,
    /// It is answered as accepted and does not go out.
    Swallow,
    /// This goes out instead.
    Change(RequestContent),
    /// It goes out with another token.
    Token(String),
    /// It is answered as accepted, and goes out later.
    Hold(Duration),
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Saboteur {
    bug: Option<Bug>,
    /// The last token of each platform.
    tokens: BTreeMap<String, String>,
    /// A watcher died, and no snapshot was sent since.
    watcher_died: bool,
    /// The kinds of the last snapshot that was sent.
    last_lists: Option<Vec<ResourceKind>>,
}

impl Saboteur {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self {
            bug,
            tokens: BTreeMap::new(),
            watcher_died: false,
            last_lists: None,
        }
    }

    pub(crate) fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// A token was issued.
    pub(crate) fn issued(&mut self, origin: &str, token: &str) {
        self.tokens.insert(origin.to_owned(), token.to_owned());
    }

    /// A watcher dies.
    pub(crate) fn watcher_dies(&mut self) {
        self.watcher_died = true;
    }

    pub(crate) fn chance(&self, dice: Dice) -> Box<dyn Chance> {
        if self.is(Bug::JitterOff) {
            Box::new(Greatest)
        } else {
            Box::new(dice)
        }
    }

    pub(crate) fn on_send(
        &mut self,
        origin: &str,
        said: &RequestContent,
        sender: Option<&Sender>,
        handed: impl Fn(&str) -> Option<HandedState>,
    ) -> Interception {
        let Some(bug) = self.bug else { return Interception::Pass };
        match (bug, said) {
            (Bug::NoTombstoneAfterList, RequestContent::Event(event)) if event.object.is_none() => {
                match handed(&event.uid) {
                    Some(HandedState::Gone) => Interception::Pass,
                    Some(HandedState::Says(_) | HandedState::Skipped) | None => Interception::Swallow,
                }
            }
            (Bug::NoSnapshotAfterStart, RequestContent::Snapshot(_))
                if sender.is_none_or(|sender| sender.snapshots == 0) =>
            {
                Interception::Swallow
            }
            (Bug::NoSnapshotAfterWatcherRestart, RequestContent::Snapshot(_))
                if std::mem::take(&mut self.watcher_died) =>
            {
                Interception::Swallow
            }
            (Bug::NoSnapshotWhenKindReadable, RequestContent::Snapshot(snapshot)) => {
                let mut snapshot = snapshot.clone();
                if let Some(last) = &self.last_lists {
                    snapshot.lists.retain(|kind, _| last.contains(kind));
                }
                self.last_lists = Some(snapshot.lists.keys().copied().collect());
                Interception::Change(RequestContent::Snapshot(snapshot))
            }
            (Bug::EmptyListForUnreadableKind, RequestContent::Snapshot(snapshot)) => {
                let mut snapshot = snapshot.clone();
                for kind in self.last_lists.iter().flatten() {
                    snapshot.lists.entry(*kind).or_default();
                }
                self.last_lists = Some(snapshot.lists.keys().copied().collect());
                Interception::Change(RequestContent::Snapshot(snapshot))
            }
            (Bug::AbsentListForEmptyKind, RequestContent::Snapshot(snapshot)) => {
                let mut snapshot = snapshot.clone();
                snapshot.lists.retain(|_, list| !list.is_empty());
                Interception::Change(RequestContent::Snapshot(snapshot))
            }
            (Bug::TokenAtAnotherOrigin, _) => {
                let other = self.tokens.iter().find(|(of, _)| *of != origin);
                other.map_or(Interception::Pass, |(_, token)| Interception::Token(token.clone()))
            }
            (Bug::HeartbeatWaitsForBacklog, RequestContent::Heartbeat) => Interception::Hold(Duration::from_millis(1)),
            _ => Interception::Pass,
        }
    }

    /// Returns the answer that a sender learns.
    pub(crate) fn on_answer(&self, outcome: Outcome, said: &RequestContent) -> Outcome {
        let accepted = Outcome::status(200);
        match (self.bug, outcome) {
            (
                Some(Bug::TimeoutTakenForSuccess),
                Outcome::Lost {
                    fault: Fault::Timeout, ..
                },
            )
            | (Some(Bug::RedirectFollowed), Outcome::Status { code: 300..=399, .. }) => accepted,
            (
                Some(Bug::ClientErrorRetried),
                Outcome::Status {
                    code: 404..=407 | 409..=412 | 414..=421 | 423..=428 | 430..=499,
                    ..
                },
            ) if !matches!(said, RequestContent::Heartbeat) => Outcome::status(500),
            _ => outcome,
        }
    }
}

/// Chance that always draws the greatest number.
struct Greatest;

impl Chance for Greatest {
    fn fraction(&mut self) -> f64 {
        1.0 - f64::EPSILON
    }
}
