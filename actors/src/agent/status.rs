// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When the status is written: at once on a transition, else at most every 10 s, and only when it differs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::condition::{StatusTime, status_time};
use obsyk_domain::time::Moment;

/// Times and counts are written at most this often; transitions don't wait.
pub(super) const AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// A status that couldn't be written is tried again not before this.
const AGAIN: Duration = Duration::from_secs(5);

/// A moment and what the wall clock showed then: kept, since the two clocks drift, and a time that changes by itself would
/// be written for nothing.
type Stamp = Option<(Moment, StatusTime)>;

/// See the module's page.
#[derive(Debug)]
pub(super) struct StatusKeeper {
    written: ObsykAgentStatus,
    /// Until then times and counts wait.
    not_before: Moment,
    /// What counts as written isn't: it is tried again from then on.
    again: Option<Moment>,
    sync: Stamp,
    snapshot: Stamp,
}

impl StatusKeeper {
    /// A keeper that knows what the resource had.
    pub(super) fn new(written: Option<&ObsykAgentStatus>) -> Self {
        Self {
            written: written.cloned().unwrap_or_default(),
            not_before: Moment::START,
            again: None,
            sync: None,
            snapshot: None,
        }
    }

    /// What was written last.
    pub(super) fn written(&self) -> &ObsykAgentStatus {
        &self.written
    }

    /// The platform accepted something at `accepted`, and a snapshot at `snapshot`; the wall clock shows `wall` now.
    pub(super) fn saw(&mut self, now: Moment, wall: Timestamp, accepted: Option<Moment>, snapshot: Option<Moment>) {
        stamp(&mut self.snapshot, now, wall, snapshot);
        stamp(&mut self.sync, now, wall, accepted.max(snapshot));
    }

    /// When the platform last accepted a request, as far as it is known.
    pub(super) fn last_sync(&self) -> Option<StatusTime> {
        let seen = self.sync.as_ref().map(|(_, time)| time.clone());
        seen.or_else(|| self.written.last_sync_time.clone())
    }

    /// When the platform last accepted a snapshot, as far as it is known.
    pub(super) fn last_snapshot(&self) -> Option<StatusTime> {
        let seen = self.snapshot.as_ref().map(|(_, time)| time.clone());
        seen.or_else(|| self.written.last_snapshot_time.clone())
    }

    /// Whether this status should be written now. If so it counts as written.
    pub(super) fn should_write(&mut self, now: Moment, status: &ObsykAgentStatus) -> bool {
        let due = match self.again {
            Some(again) => now >= again,
            None if *status == self.written => false,
            None => now >= self.not_before || self.is_transition(status),
        };
        if due {
            self.written = status.clone();
            self.not_before = now + AT_MOST_EVERY;
        }
        due
    }

    fn is_transition(&self, status: &ObsykAgentStatus) -> bool {
        status.observed_generation != self.written.observed_generation
            || status.cluster_uid != self.written.cluster_uid
            || status.last_snapshot_time.is_none() != self.written.last_snapshot_time.is_none()
            || status.conditions.len() != self.written.conditions.len()
            || status
                .conditions
                .iter()
                .zip(&self.written.conditions)
                .any(|(new, old)| (&new.status, &new.reason, &new.message) != (&old.status, &old.reason, &old.message))
    }

    /// The API server has it.
    pub(super) fn succeeded(&mut self) {
        self.again = None;
    }

    /// It wasn't written, and is tried again: whether it is the first of such failures in a row.
    pub(super) fn failed(&mut self, now: Moment) -> bool {
        self.again.replace(now + AGAIN).is_none()
    }
}

/// Moments don't go back: one that is earlier comes from somebody who knows less.
fn stamp(stamp: &mut Stamp, now: Moment, wall: Timestamp, at: Option<Moment>) {
    let Some(at) = at.filter(|at| stamp.as_ref().is_none_or(|(known, _)| *at > *known)) else {
        return;
    };
    let ago = SignedDuration::try_from(now.since(at)).unwrap_or_default();
    let time = wall.checked_sub(ago).and_then(|wall| wall.round(jiff::Unit::Second));
    *stamp = time.ok().map(|time| (at, status_time(time)));
}
