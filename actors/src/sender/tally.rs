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
    /// Changes offered.
    pub(super) changes: u64,
    /// How long snapshots were open: changes waited meanwhile.
    pub(super) barrier: Duration,
    /// Events accepted.
    pub(super) events: u64,
    requests: BTreeMap<(Endpoint, &'static str), u64>,
}

impl Tally {
    pub(super) fn request(&mut self, endpoint: Endpoint, class: &'static str) {
        *self.requests.entry((endpoint, class)).or_default() += 1;
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = (Endpoint, &'static str, u64)> {
        self.requests
            .iter()
            .map(|((endpoint, class), count)| (*endpoint, *class, *count))
    }
}
