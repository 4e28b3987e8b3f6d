// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The open snapshot: its way from the agent's order to its end.

use std::time::Duration;

use bytes::Bytes;
use obsyk_domain::answer::Outcome;
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::resource::{KindSet, ResourceKind, Uid};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::{Chance, Moment};

use super::{Effect, SenderState, Turn};
use crate::sender::flight::Aboard;
use crate::sender::messages::{Delivery, SnapshotEnd};
use crate::sender::open::{Open, Parts, Step};
use crate::sender::trickle::Trickle;

/// A refused delete that no snapshot could tell either, since its kind is too large for one, is tried by another snapshot
/// after this: often enough to be true soon, seldom enough for a platform that takes neither.
const UNTOLD_DELETE: Duration = Duration::from_secs(300);

impl SenderState {
    /// The agent opens snapshot `n`.
    pub fn on_open_snapshot(&mut self, now: Moment, n: u64, chance: &mut dyn Chance) -> Vec<Effect> {
        if self.drain.is_some() {
            return vec![Effect::Overtaken(n)];
        }
        self.turn(now, chance, |state, turn| {
            state.close_snapshot(turn);
            state.open = Some(Open::new(n, now));
        })
    }

    /// A watcher hands over a kind's objects.
    pub fn on_spooled(&mut self, n: u64, kind: ResourceKind, spool: Spool) {
        if let Some(open) = self.collecting(n) {
            open.spools.insert(kind, spool);
            open.covered.insert(kind);
            self.ledger.cover(kind);
        }
    }

    /// Every kind is listed or unreadable.
    pub fn on_send_snapshot(
        &mut self,
        now: Moment,
        n: u64,
        head: Bytes,
        left_out: KindSet,
        chance: &mut dyn Chance,
    ) -> Vec<Effect> {
        self.unreadable = left_out;
        self.turn(now, chance, |state, _| {
            if let Some(open) = state.collecting(n) {
                open.step = Step::Sending(Parts::whole(head, &open.spools));
            }
        })
    }

    /// The agent gives snapshot `n` up.
    pub fn on_abandon_snapshot(&mut self, now: Moment, n: u64, chance: &mut dyn Chance) -> Vec<Effect> {
        self.turn(now, chance, |state, turn| {
            if state.open.as_ref().is_some_and(|open| open.n == n) {
                state.close_snapshot(turn);
            }
        })
    }

    fn collecting(&mut self, n: u64) -> Option<&mut Open> {
        self.open
            .as_mut()
            .filter(|open| open.n == n && matches!(open.step, Step::Collecting))
    }

    fn parts(&mut self) -> Option<&mut Parts> {
        match &mut self.open.as_mut()?.step {
            Step::Sending(parts) => Some(parts),
            Step::Opening | Step::Collecting => None,
        }
    }

    /// Opens the barrier, or sends the snapshot, when it may.
    pub(super) fn snapshot(&mut self, turn: &mut Turn<'_>, target: &Target, token: u64) {
        let admitted = self.sending() == 0 && self.line.admits(turn.now, 0, 1);
        let Some(open) = self.open.as_mut().filter(|_| admitted) else {
            return;
        };
        match &open.step {
            Step::Opening => {
                open.step = Step::Collecting;
                open.since = turn.now;
                turn.push(Effect::Opened(open.n));
            }
            Step::Collecting => {}
            Step::Sending(parts) => {
                if let Some(body) = parts.body(&open.spools) {
                    self.launch(turn, target, token, Aboard::Snapshot, Payload::Snapshot(body));
                }
            }
        }
    }

    /// Ends an open snapshot without an acceptance. The agent knows, or is told by the caller.
    pub(super) fn close_snapshot(&mut self, turn: &mut Turn<'_>) {
        let Some(open) = self.open.take() else { return };
        self.tally.barriers.record(turn.now.since(open.opened));
        let mut ambiguous = match &open.step {
            Step::Opening => {
                turn.push(Effect::Overtaken(open.n));
                false
            }
            Step::Collecting => false,
            Step::Sending(parts) => parts.ambiguous,
        };
        if self.abort(turn, |flight| matches!(flight.what, Aboard::Snapshot)) {
            ambiguous = true;
            turn.due_after_ambiguous();
        }
        self.ledger.snapshot_ended(ambiguous);
    }

    /// A snapshot that was begun can't be sent, for now. One that only waits goes on waiting.
    pub(super) fn interrupt(&mut self, turn: &mut Turn<'_>) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| !matches!(open.step, Step::Opening))
        {
            self.end_snapshot(turn, SnapshotEnd::Unfinished);
        }
    }

    pub(super) fn end_snapshot(&mut self, turn: &mut Turn<'_>, end: SnapshotEnd) {
        let Some(n) = self.open.as_ref().map(|open| open.n) else {
            return;
        };
        self.close_snapshot(turn);
        turn.report(Delivery::Snapshot { n, end });
    }

    /// Some try may have reached the platform without an answer.
    pub(super) fn mark_ambiguous(&mut self) {
        if let Some(parts) = self.parts() {
            parts.ambiguous = true;
        }
    }

    pub(super) fn part_accepted(&mut self, turn: &mut Turn<'_>) {
        let Some(open) = &mut self.open else { return };
        let Step::Sending(parts) = &mut open.step else { return };
        let kinds = parts.current().unwrap_or(KindSet::EMPTY);
        self.ledger.snapshot_accepted(kinds, |uid| parts.leaves_out(uid));
        self.trickles.retain(|trickle| !kinds.contains(trickle.kind));
        parts.advance(&open.spools);
        self.finish_snapshot(turn);
    }

    /// 413: the snapshot goes kind by kind, and a kind by itself as events.
    pub(super) fn part_too_large(&mut self, turn: &mut Turn<'_>) {
        let Some(open) = &mut self.open else { return };
        let Step::Sending(parts) = &mut open.step else { return };
        if let Some(kind) = parts.split()
            && let Some(spool) = open.spools.get(&kind)
        {
            let mut trickle = Trickle::new(kind, spool);
            for uid in self.ledger.spoken_for(kind) {
                trickle.supersede(uid);
            }
            self.trickles.retain(|trickle| trickle.kind != kind);
            self.trickles.push_back(trickle);
        }
        self.finish_snapshot(turn);
    }

    /// When all parts are sent, the snapshot is accepted.
    fn finish_snapshot(&mut self, turn: &mut Turn<'_>) {
        let Some(open) = self
            .open
            .take_if(|open| matches!(&open.step, Step::Sending(parts) if parts.current().is_none()))
        else {
            return;
        };
        self.tally.barriers.record(turn.now.since(open.opened));
        let Step::Sending(parts) = open.step else { return };
        self.ledger.snapshot_ended(parts.ambiguous);
        self.ledger.set_lossy(open.missed);
        let took = turn.now.since(open.since);
        self.accepted = true;
        self.tally.snapshots.record(took);
        self.last_snapshot = Some((turn.now, took));
        self.backlog_told = false;
        // A kind that this snapshot didn't list stays what it was.
        self.too_large = self.too_large.without(open.covered).union(parts.too_large);
        if self.ledger.has_refused_delete(parts.too_large) {
            let at = turn.now + UNTOLD_DELETE;
            turn.push(Effect::Due { why: Cause::Answer, at });
        }
        turn.report(Delivery::Snapshot {
            n: open.n,
            end: SnapshotEnd::Accepted {
                too_large: parts.too_large,
                objects: parts.objects,
                bytes: parts.bytes,
                took,
            },
        });
    }

    /// 400, 422: one further try without the objects that are set aside; then it is refused.
    pub(super) fn part_invalid(&mut self, turn: &mut Turn<'_>, outcome: Outcome) {
        let kinds = self.parts().and_then(|parts| parts.current()).unwrap_or(KindSet::EMPTY);
        let set_aside: Vec<Uid> = self
            .ledger
            .set_aside()
            .filter(|(_, kind)| kinds.contains(*kind))
            .map(|(uid, _)| uid.clone())
            .collect();
        if !self.parts().is_some_and(|parts| parts.leave_out(set_aside)) {
            self.end_snapshot(turn, SnapshotEnd::Refused(outcome));
        }
    }
}
