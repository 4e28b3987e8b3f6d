// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Offers of the watchers, and the backlog that they make.

use std::time::Duration;

use obsyk_domain::ledger::{Change, What};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::{Cause, LONGEST_BACKLOG};
use obsyk_domain::time::{Chance, Moment};

use super::{Effect, SenderState, Turn};
use crate::sender::messages::Refusal;
use crate::sender::open::{Open, Step};

/// The backlog asks for a snapshot no sooner than this after the last one …
const BACKLOG_APART: Duration = Duration::from_secs(60);

/// … and no sooner than this many times the last one's own duration, so that at most 5 % of the time goes into them.
const BACKLOG_SHARE: u32 = 20;

impl SenderState {
    /// A watcher offers changes.
    pub fn on_offer(
        &mut self,
        now: Moment,
        kind: ResourceKind,
        changes: Vec<Change>,
        chance: &mut dyn Chance,
    ) -> (Result<(), Refusal>, Vec<Effect>) {
        if self.drain.is_some() {
            return (Err(Refusal::Draining), Vec::new());
        }
        let mut turn = Turn::new(now, chance);
        let reply = self.offered(&mut turn, kind, changes);
        (reply, turn.effects)
    }

    fn offered(&mut self, turn: &mut Turn<'_>, kind: ResourceKind, changes: Vec<Change>) -> Result<(), Refusal> {
        // What a list for the open snapshot will carry needs no room in the ledger.
        let carried = self
            .open
            .as_ref()
            .is_some_and(|open| matches!(open.step, Step::Collecting) && !open.covered.contains(kind));
        self.tally.changes += changes.len() as u64;
        // No snapshot tells that an object of these kinds is gone.
        let untold = self.unreadable.union(self.too_large);
        let was_lossy = self.ledger.is_lossy();
        let mut overflowed = was_lossy;
        for change in changes {
            if let Some(trickle) = self.trickles.iter_mut().find(|trickle| trickle.kind == kind) {
                trickle.supersede(&change.uid);
            }
            if overflowed && !(untold.contains(kind) && change.what == What::Deleted) {
                continue;
            }
            self.line.changed(&change.uid);
            self.ledger.offer(turn.now, kind, change);
            // One by one, so that none is merged into a later one while the rate allows it to go.
            self.advance(turn);
            // After each, so that no offer takes it beyond its bound by more than one object.
            if !overflowed && self.ledger.is_over_bound() {
                overflowed = true;
                self.ledger.overflow(untold);
            }
        }
        if !overflowed {
            return Ok(());
        }
        if was_lossy {
            return if carried { Ok(()) } else { self.refuse(turn) };
        }
        if let Some(open) = &mut self.open {
            open.missed = !open.covered.is_empty();
        }
        turn.due(Cause::LedgerFull);
        if carried { Ok(()) } else { Err(Refusal::SnapshotDue) }
    }

    /// Refuses changes that the ledger has no room for. The watcher waits for the next list: when it has made the one
    /// for the open snapshot already, another snapshot is due.
    fn refuse(&mut self, turn: &mut Turn<'_>) -> Result<(), Refusal> {
        let behind = |open: &&mut Open| !matches!(open.step, Step::Opening) && !open.missed;
        if let Some(open) = self.open.as_mut().filter(behind) {
            open.missed = true;
            turn.due(Cause::LedgerFull);
        }
        Err(Refusal::SnapshotDue)
    }

    /// A backlog that takes longer than a minute is better told by a snapshot: from when on, if there is one.
    pub(super) fn backlog_due(&self) -> Option<Moment> {
        let (ended, took) = self.last_snapshot?;
        if self.open.is_some() || self.backlog_told || self.drain.is_some() {
            return None;
        }
        let most = LONGEST_BACKLOG.as_secs() * u64::from(self.bucket.as_ref()?.per_second());
        let is_long = |backlog: usize| backlog as u64 > most;
        // The exact number takes a look at each event that waits.
        let is_due = is_long(self.ledger.backlog()) && is_long(self.ledger.backlog_without(self.too_large));
        is_due.then(|| ended + BACKLOG_APART.max(took.saturating_mul(BACKLOG_SHARE)))
    }

    pub(super) fn ask_for_backlog(&mut self, turn: &mut Turn<'_>) {
        if self.backlog_due().is_some_and(|at| at <= turn.now) {
            self.backlog_told = true;
            turn.due(Cause::Backlog);
        }
    }
}
