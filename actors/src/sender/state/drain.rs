// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The end: nothing new comes in, and what the ledger holds goes on for a while.

use obsyk_domain::time::{Chance, Moment};

use super::{Effect, SenderState, Turn};
use crate::sender::line::Stage;

impl SenderState {
    /// The process ends: nothing new comes in, and what the ledger holds goes on until `deadline`.
    pub fn on_drain(&mut self, now: Moment, deadline: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        self.drain = Some(self.drain.map_or(deadline, |earlier| earlier.min(deadline)));
        self.turn(now, chance, |state, turn| {
            if state.drained {
                turn.push(Effect::Drained);
            } else {
                state.close_snapshot(turn);
                state.trickles.clear();
                // Before anything starts: there may be no time for it.
                state.finish_drain(turn);
            }
        })
    }

    pub(super) fn finish_drain(&mut self, turn: &mut Turn<'_>) {
        let Some(deadline) = self.drain else { return };
        let hopeless =
            !self.accepted || self.ledger.is_lossy() || matches!(self.line.stage(), Stage::Open { .. } | Stage::Denied);
        let done = self.sending() == 0 && (hopeless || self.ledger.is_idle());
        if done || turn.now >= deadline {
            self.drained = true;
            self.abort(turn, |_| true);
            turn.push(Effect::AbortToken);
            turn.push(Effect::Drained);
        }
    }
}
