// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The bugs that the simulation of `tests/sim` plants, to see whether its checks find them.
//!
//! A check that was never seen red may be one that can't be. So each rule that the simulation claims to hold has a bug
//! here that breaks it, at the very place in the product's code where the right thing is decided: a bug in a copy or in
//! a mock would show nothing of the code that runs. All are in one build, and one is chosen at run time.
//!
//! It promises that the product has nothing of this: without the feature `sim`, which nothing but the simulation turns
//! on (`tests/architecture.rs` holds that), [`is_planted`] is the constant `false`, [`Bug`] is never stored, and what
//! stands behind either is compiled away. With the feature nothing is planted until [`plant`] is called, and then only on
//! the thread that called it: simulations run side by side.

/// The table of bugs: the enum, its list and its names can't differ.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A bug that a simulation plants to see whether its checks find it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: [Self; 28] = [$(Self::$bug,)+];

            /// Its name on a command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    /// At the ledger's bound what it holds is dropped, and nobody is told.
    DropWhenFull = "drop-when-full",
    /// What a new list doesn't have isn't reported as gone.
    NoTombstoneAfterList = "no-tombstone-after-list",
    /// What a list hasn't shown before it failed is reported as gone.
    TombstonesAfterFailedList = "tombstones-after-failed-list",
    /// A list that was cut off counts as whole.
    HalfListCountedAsWhole = "half-list-counted-as-whole",
    /// Events start while a snapshot is open.
    EventDuringSnapshot = "event-during-snapshot",
    /// An accepted snapshot drops what was offered after its kind's list.
    OfferAfterListDropped = "offer-after-list-dropped",
    /// A new process believes that the platform's picture is still true: it sends changes, and no snapshot first.
    NoSnapshotAfterStart = "no-snapshot-after-start",
    /// A restarted watcher lists and goes on without a snapshot.
    NoSnapshotAfterWatcherRestart = "no-snapshot-after-watcher-restart",
    /// A kind that the last snapshot left out becomes readable, and no snapshot is due.
    NoSnapshotWhenKindReadable = "no-snapshot-when-kind-readable",
    /// A request without an answer in time counts as accepted.
    TimeoutTakenForSuccess = "timeout-taken-for-success",
    /// A watch goes on behind an event that can't be decoded, without a new list.
    VersionPastDecodeError = "version-past-decode-error",
    /// An object that can't be decoded is reported as gone.
    UndecodableReportedGone = "undecodable-reported-gone",
    /// A redirect leads to somebody who says yes.
    RedirectFollowed = "redirect-followed",
    /// Other 4xx are tried again.
    ClientErrorRetried = "client-error-retried",
    /// One retry more than the protocol allows.
    SixthRetry = "sixth-retry",
    /// Each 401 fetches a token, though one is being fetched.
    TwoRefreshesInFlight = "two-refreshes-in-flight",
    /// A token goes on being used after an edit of the platform's address.
    TokenAtAnotherOrigin = "token-at-another-origin",
    /// A kind that can't be read is an empty list in the snapshot.
    EmptyListForUnreadableKind = "empty-list-for-unreadable-kind",
    /// A kind of which there is nothing is missing from the snapshot.
    AbsentListForEmptyKind = "absent-list-for-empty-kind",
    /// A change replaces what waits under the same name, of another uid too.
    KeyedByName = "keyed-by-name",
    /// An add doesn't wait for the delete of another uid under its name.
    AddBeforeDelete = "add-before-delete",
    /// An object's change doesn't wait for the answer to the one before.
    TwoInFlightForOneObject = "two-in-flight-for-one-object",
    /// Backoffs wait as long as they may, never a random part of it.
    JitterOff = "jitter-off",
    /// The one request that is tried after a failure takes nothing from the rate limiter.
    RetriesNotCharged = "retries-not-charged",
    /// A heartbeat waits until nothing is left to send.
    HeartbeatWaitsForBacklog = "heartbeat-waits-for-backlog",
    /// A streamed list that is older than what was seen is believed.
    StaleListBelieved = "stale-list-believed",
    /// After an edit what the old spec began goes on: its requests, its obligations, its actors.
    OldGenerationGoesOn = "old-generation-goes-on",
    /// At the ledger's bound the deletes of kinds that no snapshot can carry are dropped too.
    TombstonesLostAtBound = "tombstones-lost-at-bound",
}

#[cfg(feature = "sim")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants this bug, or none, on this thread.
#[cfg(feature = "sim")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted on this thread.
#[cfg(feature = "sim")]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "sim"))]
#[inline(always)]
pub const fn is_planted(_: Bug) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_planted_by_default() {
        assert!(Bug::ALL.iter().all(|bug| !is_planted(*bug)));
    }

    #[test]
    fn every_bug_has_a_name_of_its_own_that_a_command_line_can_take() {
        let names: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
        let is_plain = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(is_plain), "{names:?}");
    }

    #[cfg(feature = "sim")]
    #[test]
    fn one_bug_is_planted_at_a_time_and_can_be_taken_out() {
        let planted = || Bug::ALL.into_iter().filter(|bug| is_planted(*bug));
        for bug in Bug::ALL {
            plant(Some(bug));
            assert!(planted().eq([bug]), "{}", bug.name());
        }
        plant(None);
        assert_eq!(planted().count(), 0);
    }

    #[cfg(feature = "sim")]
    #[test]
    fn another_thread_has_nothing_of_it() {
        plant(Some(Bug::JitterOff));
        let elsewhere = std::thread::spawn(|| is_planted(Bug::JitterOff)).join();
        assert!(is_planted(Bug::JitterOff));
        assert!(matches!(elsewhere, Ok(false)));
        plant(None);
    }
}
