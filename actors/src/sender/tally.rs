// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the sender has done, in numbers, for the status and the metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::durations::Durations;
use obsyk_domain::time::Moment;
use obsyk_domain::wire::Endpoint;

/// Counters; they only rise.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) last_accepted: Option<Moment>,
    /// Changes offered.
    pub(super) changes: u64,
    /// How long it took from a change to the acceptance of its event: one for each event.
    pub(super) lag: Durations,
    /// How long snapshots took that were accepted, from the first list on.
    pub(super) snapshots: Durations,
    /// How long snapshots were open, whatever their end: changes waited meanwhile.
    pub(super) barriers: Durations,
    /// How long changes waited for the rate limiter, and until when that is counted.
    pub(super) rate_limited: Duration,
    pub(super) limited_until: Moment,
    requests: BTreeMap<(Endpoint, &'static str), u64>,
}

impl Tally {
    /// What is to be sent waits for the rate limiter until `until`.
    pub(super) fn limited(&mut self, now: Moment, until: Moment) {
        self.rate_limited += until.since(now.max(self.limited_until));
        self.limited_until = self.limited_until.max(until);
    }

    pub(super) fn request(&mut self, endpoint: Endpoint, class: &'static str) {
        *self.requests.entry((endpoint, class)).or_default() += 1;
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = (Endpoint, &'static str, u64)> {
        self.requests
            .iter()
            .map(|((endpoint, class), count)| (*endpoint, *class, *count))
    }
}
