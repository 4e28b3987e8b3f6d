// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How things stand between the sender and the platform: one retry state for all requests.
//!
//! After a failure that is worth a retry no new event starts, and one request at a time is tried. When its retries are
//! used up the circuit opens: only heartbeats probe, and the first that is accepted closes it. Requests that were under
//! way when the first failure came neither end the trial nor count in it: what they say is older than the failure.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::Uid;
use obsyk_domain::retry::{Backoff, MOST_RETRIES};
use obsyk_domain::time::{Chance, Moment};

use super::flight::Subject;
use crate::inspect::LineView;

/// See the module's page.
#[derive(Debug)]
pub(super) enum Stage {
    /// Requests go side by side.
    Up,
    /// One request is tried, not before `at`; `failed` requests failed so far.
    Trial { at: Moment, failed: u32 },
    /// The circuit is open. `probed`: a heartbeat failed since.
    Open { probe: Moment, probed: bool },
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

/// The circuit closed.
#[derive(Debug)]
pub(super) struct Closed {
    /// The object that is at fault, and the last answer to it: its request failed again and again, and the very first
    /// heartbeat after that was accepted.
    pub(super) culprit: Option<(Subject, Outcome)>,
}

/// The retry state.
#[derive(Debug)]
pub(super) struct Line {
    stage: Stage,
    retries: Backoff,
    probes: Backoff,
    /// The object whose request failed last.
    culprit: Option<Subject>,
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

    /// Whether a request that starts now is the one that is tried.
    pub(super) fn is_trial(&self) -> bool {
        matches!(self.stage, Stage::Trial { .. })
    }

    /// Whether some request failed, and none was accepted since.
    pub(super) fn has_failed(&self) -> bool {
        match self.stage {
            Stage::Up | Stage::Trial { failed: 0, .. } => false,
            Stage::Trial { .. } | Stage::Open { .. } | Stage::Denied => true,
        }
    }

    pub(super) fn is_denied(&self) -> bool {
        matches!(self.stage, Stage::Denied)
    }

    /// The object that the one tried request should be about.
    pub(super) fn culprit(&self) -> Option<&Uid> {
        self.culprit.as_ref().map(|subject| &subject.uid)
    }

    /// The platform answered a request as it should, or refused what it said: it works. `trial`: it was the one request
    /// that is tried.
    pub(super) fn worked(&mut self, trial: bool) {
        if trial && self.is_trial() {
            self.reset();
        }
    }

    /// Nothing is left to try, and the platform accepted a heartbeat: that was the try.
    pub(super) fn worked_without_trial(&mut self, now: Moment) {
        if matches!(self.stage, Stage::Trial { at, .. } if at <= now) {
            self.reset();
        }
    }

    /// The platform accepted a heartbeat: an open circuit closes.
    pub(super) fn probe_accepted(&mut self) -> Option<Closed> {
        let Stage::Open { probed, .. } = self.stage else {
            return None;
        };
        let culprit = self.culprit.take().zip(self.last).filter(|_| !probed);
        self.reset();
        Some(Closed { culprit })
    }

    /// The platform didn't accept a heartbeat.
    pub(super) fn probe_failed(&mut self) {
        if let Stage::Open { probed, .. } = &mut self.stage {
            *probed = true;
        }
    }

    /// An object changed: while the circuit is open its new state was never tried, and isn't at fault.
    pub(super) fn changed(&mut self, uid: &Uid) {
        if matches!(self.stage, Stage::Open { .. }) {
            self.culprit.take_if(|culprit| culprit.uid == *uid);
        }
    }

    /// The platform asks to come later: not counted as a failure.
    pub(super) fn hold(&mut self, now: Moment, wait: Duration, outcome: Outcome) {
        let until = now + wait;
        match &mut self.stage {
            Stage::Up => self.stage = Stage::Trial { at: until, failed: 0 },
            Stage::Trial { at, .. } => *at = (*at).max(until),
            Stage::Open { .. } | Stage::Denied => return,
        }
        self.last = Some(outcome);
    }

    /// A request failed for a reason that may pass: the one that was tried, or the first to fail.
    pub(super) fn failed(
        &mut self,
        now: Moment,
        culprit: Option<Subject>,
        at_least: Option<Duration>,
        outcome: Outcome,
        chance: &mut dyn Chance,
    ) -> Failed {
        let failed = match self.stage {
            Stage::Up => 1,
            Stage::Trial { failed, .. } => failed + 1,
            Stage::Open { .. } | Stage::Denied => return Failed::Retry,
        };
        self.last = Some(outcome);
        self.culprit = culprit;
        if failed > MOST_RETRIES {
            self.stage = Stage::Open {
                probe: now + self.probes.next(chance),
                probed: false,
            };
            return Failed::Opened;
        }
        let wait = self.retries.next(chance).max(at_least.unwrap_or_default());
        self.total_retries += 1;
        let asked = match self.stage {
            Stage::Trial { at, .. } => at,
            Stage::Up | Stage::Open { .. } | Stage::Denied => now,
        };
        self.stage = Stage::Trial {
            at: asked.max(now + wait),
            failed,
        };
        Failed::Retry
    }

    /// A request failed that was under way when the first failure came: it isn't counted, but what it asks for holds.
    pub(super) fn straggled(&mut self, now: Moment, at_least: Option<Duration>) {
        if let (Stage::Trial { at, .. }, Some(wait)) = (&mut self.stage, at_least) {
            *at = (*at).max(now + wait);
        }
    }

    /// A probe is due; it goes out now.
    pub(super) fn take_probe(&mut self, now: Moment, chance: &mut dyn Chance) -> bool {
        match &mut self.stage {
            Stage::Open { probe, .. } if now >= *probe => {
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

    /// There is a new token: whether sending was paused and goes on with this.
    pub(super) fn resume(&mut self) -> bool {
        let resumed = self.is_denied();
        if resumed {
            self.reset();
        }
        resumed
    }

    /// Nothing of what happened counts any more, but in the numbers that are told.
    pub(super) fn reset(&mut self) {
        *self = Self {
            total_retries: self.total_retries,
            ..Self::new()
        };
    }

    /// When something may be tried.
    pub(super) fn wake(&self) -> Option<Moment> {
        match self.stage {
            Stage::Trial { at, .. } => Some(at),
            Stage::Open { probe, .. } => Some(probe),
            Stage::Up | Stage::Denied => None,
        }
    }

    /// What others see of it.
    pub(super) fn view(&self) -> LineView {
        let answer = self.last.map(|outcome| outcome.to_string());
        match self.stage {
            Stage::Up => LineView::Closed,
            Stage::Trial { at, failed } => LineView::Retrying {
                attempt: failed,
                next_try: at,
                answer,
            },
            Stage::Open { probe, .. } => LineView::Open {
                next_probe: probe,
                answer,
            },
            Stage::Denied => LineView::Denied { answer },
        }
    }

    pub(super) fn total_retries(&self) -> u64 {
        self.total_retries
    }
}
