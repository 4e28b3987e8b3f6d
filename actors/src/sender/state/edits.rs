// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Edits: what changed takes effect, and nothing else.

use std::rc::Rc;

use obsyk_domain::rate::Bucket;
use obsyk_domain::resource::KindSet;
use obsyk_domain::time::{Chance, Moment};

use super::{Effect, SenderState, Turn};
use crate::sender::messages::{Config, SnapshotEnd};

impl SenderState {
    /// A config comes into force.
    pub fn on_configure(&mut self, now: Moment, config: Config, chance: &mut dyn Chance) -> Vec<Effect> {
        self.turn(now, chance, |state, turn| state.configure(turn, config))
    }

    fn configure(&mut self, turn: &mut Turn<'_>, config: Config) {
        match self.config.take() {
            None => {
                self.bucket = Some(Bucket::full(config.per_second, config.burst, turn.now));
            }
            Some(old) => {
                if config.is_elsewhere(&old) {
                    self.leave(turn);
                } else if old.credentials != config.credentials {
                    // The same client with another key: a new token, and nothing else.
                    self.drop_token(turn);
                    self.renew = true;
                }
                // A bucket that stays keeps its level: no edit grants a second burst.
                if (old.per_second, old.burst) != (config.per_second, config.burst) {
                    self.bucket = Some(Bucket::empty(config.per_second, config.burst, turn.now));
                    self.refill = None;
                }
            }
        }
        self.config = Some(Rc::new(config));
    }

    /// Another platform, cluster or client: nothing of what was said or held counts there.
    fn leave(&mut self, turn: &mut Turn<'_>) {
        self.abort(turn, |_| true);
        self.ledger.clear();
        self.drop_token(turn);
        self.end_snapshot(turn, SnapshotEnd::Unfinished);
        self.line.reset();
        self.renew = false;
        self.distrusted = false;
        self.accepted = false;
        self.heard = false;
        self.last_snapshot = None;
        self.backlog_told = false;
        self.too_large = KindSet::EMPTY;
        self.trickles.clear();
        self.refill = None;
    }

    /// The token in hand isn't used any more, nor one that is under way.
    fn drop_token(&mut self, turn: &mut Turn<'_>) {
        turn.push(Effect::AbortToken);
        self.fetch += 1;
        self.token.forget();
        self.spare = None;
    }
}
