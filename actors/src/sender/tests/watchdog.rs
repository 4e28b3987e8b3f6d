// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What must hold at every request, whatever came before: the invariants, as assertions.

use std::collections::BTreeMap;

use obsyk_domain::answer::{Meaning, Outcome};
use obsyk_domain::retry::MOST_RETRIES;

use super::harness::Said;
use crate::sender::MOST_IN_FLIGHT;

/// Sees every request and every answer.
#[derive(Default)]
pub(super) struct Watchdog {
    platform: String,
    /// The tokens that were issued, and by whom.
    tokens: BTreeMap<String, String>,
    /// A snapshot is open: no event may start.
    barrier: bool,
    /// Requests that failed one after the other, each started after the one before had failed.
    failures: u32,
    /// Those that started since the last failure.
    since: Vec<u64>,
    /// The credentials were refused: what fails until the next token isn't counted.
    paused: bool,
}

impl Watchdog {
    pub(super) fn configured(&mut self, platform: &str) {
        if self.platform != platform {
            self.failures = 0;
            self.barrier = false;
        }
        self.platform = platform.to_owned();
    }

    pub(super) fn paused(&mut self) {
        self.paused = true;
        self.failures = 0;
    }

    pub(super) fn issued(&mut self, token: &str, platform: &str) {
        self.paused = false;
        self.tokens.insert(token.to_owned(), platform.to_owned());
    }

    pub(super) fn barrier(&mut self, up: bool) {
        self.barrier = up;
    }

    pub(super) fn opened<'a>(&self, mut in_flight: impl Iterator<Item = &'a Said>) {
        assert!(
            in_flight.all(|said| said.what == "heartbeat"),
            "a snapshot opens when nothing is in flight"
        );
    }

    pub(super) fn sends<'a>(&mut self, said: &Said, platform: &str, in_flight: impl Iterator<Item = &'a Said>) {
        assert_eq!(
            platform, self.platform,
            "requests go to the platform that is configured"
        );
        assert_eq!(
            self.tokens.get(&said.token).map(String::as_str),
            Some(platform),
            "a token is used where it was issued"
        );
        let (beats, others): (Vec<&Said>, Vec<&Said>) = in_flight.partition(|other| other.what == "heartbeat");
        if said.what == "heartbeat" {
            assert!(beats.is_empty(), "one heartbeat at a time");
            return;
        }
        assert!(others.len() < MOST_IN_FLIGHT, "at most {MOST_IN_FLIGHT} in flight");
        assert!(
            others.iter().all(|other| other.what == "event"),
            "nothing starts beside a snapshot"
        );
        if said.what == "snapshot" {
            assert!(others.is_empty(), "a snapshot goes by itself");
        } else {
            assert!(!self.barrier, "no event starts while a snapshot is open");
            assert!(
                others.iter().all(|other| other.body["uid"] != said.body["uid"]),
                "one request for one object: {}",
                said.text()
            );
        }
        if self.failures > 0 {
            assert!(others.is_empty(), "after a failure one request at a time is tried");
            assert!(self.failures <= MOST_RETRIES, "at most {MOST_RETRIES} retries");
        }
        self.since.push(said.id);
    }

    pub(super) fn answered(&mut self, said: &Said, outcome: Outcome) {
        let meaning = outcome.meaning();
        if said.what == "heartbeat" {
            if matches!(meaning, Meaning::Accepted | Meaning::NotFound) {
                self.failures = 0;
            }
            return;
        }
        if self.paused {
            return;
        }
        let tried = self.failures == 0 || self.since.contains(&said.id);
        match meaning {
            Meaning::Unavailable { .. } if tried => {
                self.failures += 1;
                self.since.clear();
            }
            // Neither a failure nor a sign that the platform works.
            Meaning::Unavailable { .. } | Meaning::Later { .. } => {}
            // Sending pauses, and begins anew with a new token.
            Meaning::Unauthorized | Meaning::Forbidden => self.failures = 0,
            _ if tried => self.failures = 0,
            _ => {}
        }
    }
}
