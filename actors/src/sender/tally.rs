// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the sender has done, in numbers, for the status and the metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::time::Moment;
use obsyk_domain::wire::Endpoint;

/// Counters; they only rise.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) last_accepted: Option<Moment>,
    pub(super) changes: u64,
    pub(super) events: u64,
    /// From a change's offer to its acceptance, the last one.
    pub(super) last_lag: Duration,
    requests: BTreeMap<(Endpoint, &'static str), u64>,
}

impl Tally {
    pub(super) fn request(&mut self, endpoint: Endpoint, class: &'static str) {
        *self.requests.entry((endpoint, class)).or_default() += 1;
    }

    pub(super) fn accepted(&mut self, now: Moment, lag: Duration) {
        self.last_accepted = Some(now);
        self.events += 1;
        self.last_lag = lag;
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = (Endpoint, &'static str, u64)> {
        self.requests
            .iter()
            .map(|((endpoint, class), count)| (*endpoint, *class, *count))
    }
}
