// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How things stand between the sender and the platform: one retry state for all requests.
//!
//! After a failure that is worth a retry no new event starts, and one request at a time is tried. When its retries are
//! used up the circuit opens: only heartbeats probe, and the first 2xx closes it.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::Uid;
use obsyk_domain::retry::{Backoff, MOST_RETRIES};
use obsyk_domain::time::{Chance, Moment};

/// See the module's page.
#[derive(Debug)]
pub(super) enum Stage {
    /// Requests go side by side.
    Up,
    /// One request is tried, not before `at`; `failed` requests failed so far.
    Trial { at: Moment, failed: u32 },
    /// The circuit is open.
    Open { probe: Moment, probes: u32 },
    /// The credentials are refused: nothing but heartbeats goes until a new token comes.
    Denied,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is tried again.
    Retry,
    /// The circuit opened.
    Opened,
}

/// The retry state.
#[derive(Debug)]
pub(super) struct Line {
    stage: Stage,
    retries: Backoff,
    probes: Backoff,
    /// The object whose request failed last.
    culprit: Option<Uid>,
    /// The answer that led here.
    last: Option<Outcome>,
    total_retries: u64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Up,
            retries: Backoff::REQUEST,
            probes: Backoff::PROBE,
            culprit: None,
            last: None,
            total_retries: 0,
        }
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    pub(super) fn last(&self) -> Option<Outcome> {
        self.last
    }

    /// Whether a request may start: many at once, or one by itself.
    pub(super) fn admits(&self, now: Moment, in_flight: usize, most: usize) -> bool {
        match self.stage {
            Stage::Up => in_flight < most,
            Stage::Trial { at, .. } => in_flight == 0 && now >= at,
            Stage::Open { .. } | Stage::Denied => false,
        }
    }

    /// The object that the one tried request should be about.
    pub(super) fn culprit(&self) -> Option<&Uid> {
        self.culprit.as_ref()
    }

    /// The platform answered a request as it should, or refused what it said: it works.
    /// When the circuit was open, whether this closed it, and the object to set aside because the very first probe
    /// went through.
    pub(super) fn answered(&mut self) -> Option<Option<Uid>> {
        let was = std::mem::replace(&mut self.stage, Stage::Up);
        self.retries.reset();
        self.probes.reset();
        self.last = None;
        let culprit = self.culprit.take();
        match was {
            Stage::Open { probes, .. } => Some(culprit.filter(|_| probes <= 1)),
            Stage::Denied => {
                // Only a new token ends this stage.
                self.stage = Stage::Denied;
                None
            }
            Stage::Up | Stage::Trial { .. } => None,
        }
    }

    /// The platform asks to come later: not counted as a failure.
    pub(super) fn hold(&mut self, now: Moment, wait: Duration, outcome: Outcome) {
        let until = now + wait;
        self.last = Some(outcome);
        self.stage = match self.stage {
            Stage::Up => Stage::Trial { at: until, failed: 0 },
            Stage::Trial { at, failed } => Stage::Trial {
                at: at.max(until),
                failed,
            },
            Stage::Open { probe, probes } => Stage::Open { probe, probes },
            Stage::Denied => Stage::Denied,
        };
    }

    /// A request failed for a reason that may pass. `tried`: it was the one that was tried, or the first to fail.
    pub(super) fn failed(
        &mut self,
        now: Moment,
        culprit: Option<Uid>,
        at_least: Option<Duration>,
        outcome: Outcome,
        chance: &mut dyn Chance,
    ) -> Failed {
        self.last = Some(outcome);
        let failed = match self.stage {
            Stage::Up => 1,
            Stage::Trial { failed, .. } => failed + 1,
            Stage::Open { .. } | Stage::Denied => return Failed::Retry,
        };
        self.culprit = culprit;
        if failed > MOST_RETRIES {
            self.stage = Stage::Open {
                probe: now + self.probes.next(chance),
                probes: 0,
            };
            return Failed::Opened;
        }
        let wait = self.retries.next(chance).max(at_least.unwrap_or_default());
        self.total_retries += 1;
        self.stage = Stage::Trial { at: now + wait, failed };
        Failed::Retry
    }

    /// A straggler failed: it was under way when the first failure came, and isn't counted; but what it asks for holds.
    pub(super) fn straggled(&mut self, now: Moment, at_least: Option<Duration>) {
        if let (Stage::Trial { at, .. }, Some(wait)) = (&mut self.stage, at_least) {
            *at = (*at).max(now + wait);
        }
    }

    /// A probe is due; it goes out now.
    pub(super) fn take_probe(&mut self, now: Moment, chance: &mut dyn Chance) -> bool {
        match &mut self.stage {
            Stage::Open { probe, probes } if now >= *probe => {
                *probes += 1;
                *probe = now + self.probes.next(chance);
                true
            }
            _ => false,
        }
    }

    /// The credentials are refused.
    pub(super) fn deny(&mut self, outcome: Outcome) {
        self.last = Some(outcome);
        self.culprit = None;
        self.stage = Stage::Denied;
    }

    /// There is a new token after a refusal: whether sending goes on with this.
    pub(super) fn resume(&mut self) -> bool {
        let resumed = matches!(self.stage, Stage::Denied);
        if resumed {
            *self = Self {
                total_retries: self.total_retries,
                ..Self::new()
            };
        }
        resumed
    }

    /// When something may be tried.
    pub(super) fn wake(&self) -> Option<Moment> {
        match self.stage {
            Stage::Trial { at, .. } => Some(at),
            Stage::Open { probe, .. } => Some(probe),
            Stage::Up | Stage::Denied => None,
        }
    }

    pub(super) fn total_retries(&self) -> u64 {
        self.total_retries
    }
}
