// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an answer leads to: the protocol's table, cell by cell.

use std::time::Duration;

use obsyk_domain::answer::{Meaning, Outcome};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::wire::Endpoint;

use super::{Effect, SenderState, Turn};
use crate::sender::flight::{Aboard, Flight, Subject};
use crate::sender::line::{Closed, Failed};
use crate::sender::messages::SnapshotEnd;

/// An answer, and what is known of its request besides what it is about.
#[derive(Clone, Copy)]
struct Answer {
    outcome: Outcome,
    token: u64,
    trial: bool,
}

impl SenderState {
    /// The answer to a request.
    pub fn on_answer(&mut self, now: Moment, id: u64, outcome: Outcome, chance: &mut dyn Chance) -> Vec<Effect> {
        let Some(Flight { what, token, trial }) = self.flights.remove(&id) else {
            return Vec::new();
        };
        let answer = Answer { outcome, token, trial };
        let endpoint = match what {
            Aboard::Event(_) => Endpoint::Events,
            Aboard::Snapshot => Endpoint::Snapshot,
            Aboard::Heartbeat => Endpoint::Heartbeat,
        };
        self.tally.request(endpoint, outcome.class());
        self.turn(now, chance, |state, turn| match what {
            Aboard::Event(subject) => state.event_answered(turn, subject, answer),
            Aboard::Snapshot => state.snapshot_answered(turn, answer),
            Aboard::Heartbeat => state.heartbeat_answered(turn, answer),
        })
    }

    fn event_answered(&mut self, turn: &mut Turn<'_>, subject: Subject, answer: Answer) {
        let outcome = answer.outcome;
        match outcome.meaning() {
            Meaning::Accepted => {
                self.ledger.accepted(&subject.uid);
                self.tally.lag.record(turn.now.since(subject.since));
                self.accepted_by_platform(turn, answer);
            }
            Meaning::NotFound | Meaning::Gone if subject.deleted => {
                self.ledger.accepted(&subject.uid);
                self.line.worked(answer.trial);
            }
            Meaning::Unauthorized => {
                self.ledger.returned(&subject.uid, false);
                self.unauthorized(turn, answer.token, outcome);
            }
            Meaning::Forbidden => {
                self.ledger.returned(&subject.uid, false);
                self.forbidden(turn, answer.token, outcome);
            }
            Meaning::Invalid | Meaning::TooLarge if !subject.deleted => {
                self.ledger.park(&subject.uid, true);
                self.ledger.explain(&subject.uid, outcome);
                self.line.worked(answer.trial);
                turn.refused(subject, outcome, true);
            }
            // A delete never changes again: only a snapshot can say it otherwise.
            Meaning::Invalid | Meaning::TooLarge | Meaning::NotFound | Meaning::Gone | Meaning::Refused => {
                self.ledger.park(&subject.uid, false);
                self.line.worked(answer.trial);
                // An object of a kind that no snapshot has is told again with the next one's list. Were one due now, it would
                // begin that list anew, and might be answered the same for ever.
                if subject.deleted || !self.too_large.contains(subject.kind) {
                    turn.due(Cause::Answer);
                }
                turn.refused(subject, outcome, false);
            }
            Meaning::Later { wait } => {
                self.ledger.returned(&subject.uid, false);
                self.line.hold(turn.now, wait, outcome);
            }
            Meaning::Unavailable { at_least, ambiguous } => {
                self.ledger.returned(&subject.uid, ambiguous);
                self.failed(turn, Some(subject), answer, at_least);
            }
        }
    }

    fn snapshot_answered(&mut self, turn: &mut Turn<'_>, answer: Answer) {
        let outcome = answer.outcome;
        match outcome.meaning() {
            Meaning::Accepted => {
                self.accepted_by_platform(turn, answer);
                self.part_accepted(turn);
            }
            Meaning::Unauthorized => self.unauthorized(turn, answer.token, outcome),
            Meaning::Forbidden => self.forbidden(turn, answer.token, outcome),
            Meaning::Invalid => {
                self.line.worked(answer.trial);
                self.part_invalid(turn, outcome);
            }
            Meaning::TooLarge => {
                self.line.worked(answer.trial);
                self.part_too_large(turn);
            }
            Meaning::NotFound | Meaning::Gone | Meaning::Refused => {
                self.line.worked(answer.trial);
                self.end_snapshot(turn, SnapshotEnd::Refused(outcome));
            }
            Meaning::Later { wait } => self.line.hold(turn.now, wait, outcome),
            Meaning::Unavailable { at_least, ambiguous } => {
                if ambiguous {
                    self.mark_ambiguous();
                }
                self.failed(turn, None, answer, at_least);
            }
        }
    }

    /// A heartbeat is never retried: the next one comes by itself.
    fn heartbeat_answered(&mut self, turn: &mut Turn<'_>, answer: Answer) {
        match answer.outcome.meaning() {
            Meaning::Accepted => {
                self.tally.last_accepted = Some(turn.now);
                self.heard = true;
                self.trust_by_heartbeat(answer.token);
                self.probed(turn);
            }
            // The platform works, and waits for a snapshot: a circuit that stayed open would never let it have one.
            Meaning::NotFound => {
                turn.due(Cause::Unknown);
                self.probed(turn);
            }
            Meaning::Unauthorized => {
                self.line.probe_failed();
                self.unauthorized(turn, answer.token, answer.outcome);
            }
            Meaning::Forbidden
            | Meaning::Invalid
            | Meaning::Gone
            | Meaning::Later { .. }
            | Meaning::TooLarge
            | Meaning::Refused
            | Meaning::Unavailable { .. } => self.line.probe_failed(),
        }
    }

    /// 2xx to an event or a snapshot.
    fn accepted_by_platform(&mut self, turn: &mut Turn<'_>, answer: Answer) {
        self.tally.last_accepted = Some(turn.now);
        self.heard = true;
        self.trust(turn.now, answer.token);
        self.line.worked(answer.trial);
    }

    /// The platform answered a heartbeat as it should.
    fn probed(&mut self, turn: &mut Turn<'_>) {
        let nothing_to_try = self.open.is_none() && self.sending() == 0 && !self.ledger.has_ready();
        if nothing_to_try {
            self.line.worked_without_trial(turn.now);
        }
        let Some(Closed { culprit }) = self.line.probe_accepted() else {
            return;
        };
        turn.due(Cause::CircuitClosed);
        if let Some((subject, outcome)) = culprit {
            self.ledger.park_waiting(&subject.uid);
            self.ledger.explain(&subject.uid, outcome);
            if self.ledger.is_set_aside(&subject.uid) {
                turn.refused(subject, outcome, true);
            }
        }
    }

    fn failed(&mut self, turn: &mut Turn<'_>, culprit: Option<Subject>, answer: Answer, at_least: Option<Duration>) {
        let outcome = answer.outcome;
        if outcome.is_ambiguous() {
            turn.due_after_ambiguous();
        }
        // One that comes while the platform only asked to come later is the first failure.
        if !answer.trial && self.line.has_failed() {
            self.line.straggled(turn.now, at_least);
        } else if self.line.failed(turn.now, culprit, at_least, outcome, turn.chance) == Failed::Opened {
            self.interrupt(turn);
        }
    }
}
