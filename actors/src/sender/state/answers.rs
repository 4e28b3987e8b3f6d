// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an answer leads to: the protocol's table, cell by cell.

use obsyk_domain::answer::{Meaning, Outcome};
use obsyk_domain::resource::{KindSet, ResourceKind, Uid};
use obsyk_domain::snapshot::{AFTER_AMBIGUOUS, Cause};
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::Refusal as TokenRefusal;
use obsyk_domain::wire::Endpoint;

use super::{Aboard, Effect, Flight, SenderState};
use crate::sender::line::Failed;
use crate::sender::messages::{Delivery, SnapshotEnd};
use crate::sender::open::Step;
use crate::sender::trickle::Trickle;

/// An event that was answered.
struct Answered {
    kind: ResourceKind,
    uid: Uid,
    namespace: Option<Box<str>>,
    name: Box<str>,
    deleted: bool,
    since: Moment,
}

impl SenderState {
    /// The answer to a request.
    pub fn on_answer(&mut self, now: Moment, id: u64, outcome: Outcome, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(flight) = self.flights.remove(&id) else {
            return effects;
        };
        let Flight { what, token, trial } = flight;
        match what {
            Aboard::Event {
                kind,
                uid,
                namespace,
                name,
                deleted,
                since,
            } => {
                self.tally.request(Endpoint::Events, outcome.class());
                let event = Answered {
                    kind,
                    uid,
                    namespace,
                    name,
                    deleted,
                    since,
                };
                self.event_answered(now, event, outcome, token, trial, chance, &mut effects);
            }
            Aboard::Snapshot => {
                self.tally.request(Endpoint::Snapshot, outcome.class());
                self.snapshot_answered(now, outcome, token, trial, chance, &mut effects);
            }
            Aboard::Heartbeat => {
                self.tally.request(Endpoint::Heartbeat, outcome.class());
                self.heartbeat_answered(now, outcome, token, chance, &mut effects);
            }
        }
        self.advance(now, &mut effects, chance);
        effects
    }

    #[expect(clippy::too_many_arguments, reason = "an answer with all that it is about")]
    fn event_answered(
        &mut self,
        now: Moment,
        event: Answered,
        outcome: Outcome,
        token: u64,
        trial: bool,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        match outcome.meaning() {
            Meaning::Accepted => {
                self.ledger.accepted(now, &event.uid);
                self.token.accepted(token);
                self.tally.accepted(now, now.since(event.since));
                self.works(now, effects);
            }
            Meaning::NotFound | Meaning::Gone if event.deleted => {
                self.ledger.accepted(now, &event.uid);
                self.works(now, effects);
            }
            Meaning::Unauthorized => {
                self.ledger.returned(&event.uid, false);
                self.unauthorized(now, token, outcome, chance, effects);
            }
            Meaning::Forbidden => {
                self.ledger.returned(&event.uid, false);
                self.deny(now, token, outcome, chance, effects);
            }
            Meaning::Invalid if !event.deleted => {
                self.works(now, effects);
                self.park(event, outcome, true, effects);
            }
            Meaning::TooLarge => {
                self.works(now, effects);
                self.park(event, outcome, true, effects);
            }
            Meaning::Invalid | Meaning::NotFound | Meaning::Gone | Meaning::Refused => {
                self.works(now, effects);
                self.park(event, outcome, false, effects);
                effects.push(Effect::Due {
                    why: Cause::Answer,
                    at: now,
                });
            }
            Meaning::Later { wait } => {
                self.ledger.returned(&event.uid, false);
                self.line.hold(now, wait, outcome);
            }
            Meaning::Unavailable { at_least, ambiguous } => {
                self.ledger.returned(&event.uid, ambiguous);
                self.failed(now, Some(event.uid), trial, at_least, outcome, chance, effects);
            }
        }
    }

    fn snapshot_answered(
        &mut self,
        now: Moment,
        outcome: Outcome,
        token: u64,
        trial: bool,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        match outcome.meaning() {
            Meaning::Accepted => {
                self.token.accepted(token);
                self.tally.last_accepted = Some(now);
                self.works(now, effects);
                self.part_accepted(now, effects);
            }
            Meaning::Unauthorized => self.unauthorized(now, token, outcome, chance, effects),
            Meaning::Forbidden => self.deny(now, token, outcome, chance, effects),
            Meaning::Invalid => {
                self.works(now, effects);
                self.snapshot_invalid(outcome, effects);
            }
            Meaning::TooLarge => {
                self.works(now, effects);
                self.part_too_large(now, effects);
            }
            Meaning::NotFound | Meaning::Gone | Meaning::Refused => {
                self.works(now, effects);
                self.end_snapshot(SnapshotEnd::Refused(outcome), effects);
            }
            Meaning::Later { wait } => self.line.hold(now, wait, outcome),
            Meaning::Unavailable { at_least, ambiguous } => {
                if let Some(Step::Sending(parts)) = self.open.as_mut().map(|open| &mut open.step) {
                    parts.ambiguous |= ambiguous;
                }
                self.failed(now, None, trial, at_least, outcome, chance, effects);
            }
        }
    }

    fn heartbeat_answered(
        &mut self,
        now: Moment,
        outcome: Outcome,
        token: u64,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        match outcome.meaning() {
            Meaning::Accepted => {
                self.tally.last_accepted = Some(now);
                self.probed(now, effects);
            }
            Meaning::NotFound => {
                effects.push(Effect::Due {
                    why: Cause::Unknown,
                    at: now,
                });
                self.probed(now, effects);
            }
            Meaning::Unauthorized => self.unauthorized(now, token, outcome, chance, effects),
            // Never retried; the next one comes by itself.
            Meaning::Forbidden
            | Meaning::Invalid
            | Meaning::Gone
            | Meaning::Later { .. }
            | Meaning::TooLarge
            | Meaning::Refused
            | Meaning::Unavailable { .. } => {}
        }
    }

    /// The platform answered a heartbeat: an open circuit closes.
    fn probed(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if matches!(self.line.stage(), crate::sender::line::Stage::Open { .. }) {
            self.works(now, effects);
        }
    }

    /// The platform works: what it said may be a refusal, but of what was said.
    fn works(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if let Some(culprit) = self.line.answered() {
            effects.push(Effect::Due {
                why: Cause::CircuitClosed,
                at: now,
            });
            if let Some(uid) = culprit {
                self.ledger.park_waiting(&uid);
            }
        }
    }

    fn park(&mut self, event: Answered, outcome: Outcome, set_aside: bool, effects: &mut Vec<Effect>) {
        self.ledger.park(&event.uid, set_aside);
        let Answered {
            kind, namespace, name, ..
        } = event;
        effects.push(Effect::Refused {
            kind,
            namespace,
            name,
            outcome,
            set_aside,
        });
    }

    fn unauthorized(
        &mut self,
        now: Moment,
        token: u64,
        outcome: Outcome,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        match self.token.refused(now, token, chance) {
            TokenRefusal::Stale | TokenRefusal::First => {}
            TokenRefusal::Second => self.pause(outcome, effects),
        }
    }

    fn deny(&mut self, now: Moment, token: u64, outcome: Outcome, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        // A straggler of a token that was replaced since says nothing of the new one.
        if self
            .token
            .current(now)
            .is_none_or(|(_, generation)| generation == token)
        {
            self.token.deny(now, chance);
            self.pause(outcome, effects);
        }
    }

    /// The credentials are refused: sending pauses until a new token comes.
    fn pause(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.line.deny(outcome);
        self.end_sending(effects);
        effects.push(Effect::Report(Delivery::RereadSecret));
    }

    #[expect(clippy::too_many_arguments, reason = "a failure with all that it is about")]
    fn failed(
        &mut self,
        now: Moment,
        culprit: Option<Uid>,
        trial: bool,
        at_least: Option<std::time::Duration>,
        outcome: Outcome,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        if outcome.is_ambiguous() {
            let at = now + chance.between(AFTER_AMBIGUOUS.0, AFTER_AMBIGUOUS.1);
            effects.push(Effect::Due {
                why: Cause::Ambiguous,
                at,
            });
        }
        if !trial && !matches!(self.line.stage(), crate::sender::line::Stage::Up) {
            self.line.straggled(now, at_least);
            return;
        }
        if self.line.failed(now, culprit, at_least, outcome, chance) == Failed::Opened {
            self.end_sending(effects);
        }
    }

    /// A snapshot that was being sent can't be, for now. One that is only opening waits.
    pub(super) fn end_sending(&mut self, effects: &mut Vec<Effect>) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| matches!(open.step, Step::Sending(_)))
        {
            self.end_snapshot(SnapshotEnd::Unfinished, effects);
        }
    }

    fn end_snapshot(&mut self, end: SnapshotEnd, effects: &mut Vec<Effect>) {
        let Some(open) = &self.open else { return };
        let n = open.n;
        self.close_snapshot(effects);
        effects.push(Effect::Report(Delivery::Snapshot { n, end }));
    }

    fn part_accepted(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        let Step::Sending(parts) = &mut open.step else { return };
        let kinds = parts.current().unwrap_or(KindSet::EMPTY);
        self.ledger.snapshot_accepted(kinds, |uid| parts.without.contains(uid));
        parts.advance();
        self.finish_snapshot(now, effects);
    }

    fn part_too_large(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        let Step::Sending(parts) = &mut open.step else { return };
        if let Some(kind) = parts.split()
            && let Some(spool) = open.spools.get(&kind)
        {
            self.trickles.retain(|trickle| trickle.kind != kind);
            let mut trickle = Trickle::new(kind, spool);
            for uid in self.ledger.uids_of(kind) {
                trickle.supersede(uid);
            }
            self.trickles.push_back(trickle);
        }
        self.finish_snapshot(now, effects);
    }

    /// All parts are sent: the snapshot is accepted.
    fn finish_snapshot(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(open) = self
            .open
            .take_if(|open| matches!(&open.step, Step::Sending(parts) if parts.current().is_none()))
        else {
            return;
        };
        let Step::Sending(parts) = open.step else { return };
        self.ledger.snapshot_ended(false);
        self.ledger.set_lossy(open.missed);
        let took = now.since(open.since);
        self.accepted = true;
        self.last_snapshot = Some((now, took));
        self.backlog_told = false;
        self.too_large = parts.too_large;
        let end = SnapshotEnd::Accepted {
            too_large: parts.too_large,
            objects: parts.objects,
            bytes: parts.bytes,
            took,
        };
        effects.push(Effect::Report(Delivery::Snapshot { n: open.n, end }));
    }

    /// 400, 422: one further try without the objects that are set aside; then it is refused.
    fn snapshot_invalid(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        let set_aside: Vec<Uid> = self.ledger.set_aside().map(|(uid, _)| uid.clone()).collect();
        if let Some(Step::Sending(parts)) = self.open.as_mut().map(|open| &mut open.step)
            && parts.without.is_empty()
            && !set_aside.is_empty()
        {
            parts.without = set_aside;
            return;
        }
        self.end_snapshot(SnapshotEnd::Refused(outcome), effects);
    }
}
