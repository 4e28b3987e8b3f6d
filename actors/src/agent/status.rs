// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When the status is written: at once on a transition, else at most every 10 s, and only when it differs.

use std::time::Duration;

use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::time::Moment;

/// Times and counts are written at most this often; transitions don't wait.
pub(super) const AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// A status that couldn't be written is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// See the module's page.
#[derive(Debug)]
pub(super) struct StatusKeeper {
    written: ObsykAgentStatus,
    not_before: Moment,
}

impl StatusKeeper {
    /// A keeper that knows what the resource had.
    pub(super) fn new(written: Option<&ObsykAgentStatus>) -> Self {
        Self {
            written: written.cloned().unwrap_or_default(),
            not_before: Moment::START,
        }
    }

    /// What was written last.
    pub(super) fn written(&self) -> &ObsykAgentStatus {
        &self.written
    }

    /// Whether this status should be written now. If so it counts as written.
    pub(super) fn should_write(&mut self, now: Moment, status: &ObsykAgentStatus) -> bool {
        if *status == self.written {
            return false;
        }
        let transition = status.observed_generation != self.written.observed_generation
            || status.cluster_uid != self.written.cluster_uid
            || self.written.last_snapshot_time.is_none() != status.last_snapshot_time.is_none()
            || status.conditions.len() != self.written.conditions.len()
            || status
                .conditions
                .iter()
                .zip(&self.written.conditions)
                .any(|(new, old)| (&new.status, &new.reason, &new.message) != (&old.status, &old.reason, &old.message));
        if !transition && now < self.not_before {
            return false;
        }
        self.written = status.clone();
        self.not_before = now + AT_MOST_EVERY;
        true
    }

    /// It wasn't written: the next look writes it.
    pub(super) fn failed(&mut self, now: Moment) {
        self.written.observed_generation = None;
        self.written.conditions.clear();
        self.not_before = now + AGAIN;
    }
}
