// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What follows when a stream fails, ends, or says nothing: when what is opened again, and when a kind is unreadable.

use std::time::Duration;

use obsyk_domain::condition::Unreadability;
use obsyk_domain::ports::{Opening, ReadError};
use obsyk_domain::retry::clamp_retry_after;
use obsyk_domain::time::{Chance, Moment};

use super::{Effect, HEALTHY, STALLED, Stage, WatcherState};
use crate::inspect::ListWhy;

/// A watch that the server refuses, or ends with an error, this often before one has told anything is started anew with a list,
/// though the version may be good.
const MOST_FRUITLESS: u32 = 3;

impl WatcherState {
    pub(super) fn failed(&mut self, now: Moment, error: ReadError, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        self.close(effects);
        let listing = match &self.stage {
            Stage::Listing(list) => Some(list.form),
            Stage::Watching => None,
            Stage::Idle | Stage::Waiting { .. } | Stage::Stopped => return,
        };
        match (error, listing) {
            (ReadError::Forbidden, _) => self.give_up(now, Unreadability::Forbidden, chance, effects),
            (ReadError::Absent, _) => self.give_up(now, Unreadability::Absent, chance, effects),
            (error, Some(form)) => self.list_failed(now, error, form, chance, effects),
            (error, None) => self.watch_failed(now, error, chance, effects),
        }
    }

    fn list_failed(
        &mut self,
        now: Moment,
        error: ReadError,
        form: Opening,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        if error == ReadError::Unsupported && form == Opening::Stream {
            self.pages_only = true;
            self.begin_list(now, Opening::Pages, ListWhy::Unsupported, effects);
            return;
        }
        // Each attempt may make some progress, and the list still never end.
        let since = *self.trouble.get_or_insert(now);
        if now.since(since) >= STALLED && self.unreadable.is_none() {
            self.give_up(now, Unreadability::Stalled, chance, effects);
            return;
        }
        let then = match error {
            // A server can have many reasons why it can't stream a list, and names them variously.
            ReadError::Undecodable | ReadError::Expired | ReadError::Reverted | ReadError::Status(_) => Opening::Pages,
            ReadError::Forbidden
            | ReadError::Absent
            | ReadError::Unauthorized
            | ReadError::Unsupported
            | ReadError::Busy { .. }
            | ReadError::Unreachable => form,
        };
        self.wait(now, then, ListWhy::Failed, error, chance);
    }

    fn watch_failed(&mut self, now: Moment, error: ReadError, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        let resumed = Opening::Watch { after: self.resume };
        let then = match error {
            ReadError::Expired => {
                self.list_again(now, self.list_form(), ListWhy::Expired, chance, effects);
                return;
            }
            // A list would show some of what has gone back, but not what has changed again since.
            ReadError::Reverted => {
                self.forget(now, effects);
                return;
            }
            ReadError::Undecodable => Opening::Pages,
            // Something between the API server and us, which lists don't get past either.
            ReadError::Status(502 | 504) => resumed,
            ReadError::Unsupported | ReadError::Status(_) => {
                self.fruitless += 1;
                if self.fruitless >= MOST_FRUITLESS {
                    self.list_form()
                } else {
                    resumed
                }
            }
            ReadError::Forbidden
            | ReadError::Absent
            | ReadError::Unauthorized
            | ReadError::Busy { .. }
            | ReadError::Unreachable => resumed,
        };
        self.wait(now, then, ListWhy::Failed, error, chance);
    }

    /// The stream ended without an error.
    pub(super) fn closed(&mut self, now: Moment, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        match &self.stage {
            Stage::Watching => {
                let then = Opening::Watch { after: self.resume };
                if self.lived(now) {
                    self.failures.reset();
                    self.open(now, then, effects);
                } else {
                    self.wait(now, then, ListWhy::Failed, ReadError::Unreachable, chance);
                }
            }
            // A list that ended before its end is no list.
            Stage::Listing(_) => self.failed(now, ReadError::Unreachable, chance, effects),
            Stage::Idle | Stage::Waiting { .. } | Stage::Stopped => {}
        }
    }

    /// What is known has a gap, and the watch is closed: lists again, at once if it was healthy.
    pub(super) fn list_again(
        &mut self,
        now: Moment,
        form: Opening,
        why: ListWhy,
        chance: &mut dyn Chance,
        effects: &mut Vec<Effect>,
    ) {
        if self.lived(now) {
            self.begin_list(now, form, why, effects);
        } else {
            self.wait(now, form, why, ReadError::Expired, chance);
        }
    }

    fn wait(&mut self, now: Moment, then: Opening, why: ListWhy, error: ReadError, chance: &mut dyn Chance) {
        // A list that took its time to fail isn't healthy for that.
        if !self.is_listing() && self.lived(now) {
            self.failures.reset();
        }
        let asked = match error {
            ReadError::Busy { wait: Some(wait) } => clamp_retry_after(wait),
            _ => Duration::ZERO,
        };
        self.failure = Some(error);
        let at = now + self.failures.next(chance).max(asked);
        self.turn_to(Stage::Waiting { at, then, why });
    }

    /// The kind can't be read for now: the snapshot goes without it, and it is tried again after a backoff.
    fn give_up(&mut self, now: Moment, why: Unreadability, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        if self.unreadable != Some(why) {
            self.unreadable = Some(why);
            effects.push(Effect::Unreadable { n: self.n, why });
        }
        self.wanted = false;
        self.trouble = None;
        let mut at = now + self.denials.next(chance);
        if let Stage::Waiting { at: asked, .. } = self.stage {
            at = at.max(asked);
        }
        self.stalled |= why == Unreadability::Stalled;
        let then = self.list_form();
        let why = ListWhy::Unreadable;
        self.turn_to(Stage::Waiting { at, then, why });
    }

    /// The moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.stage {
            Stage::Waiting { at, then, why } if at <= now => match then {
                Opening::Watch { .. } => self.open(now, then, &mut effects),
                Opening::Stream | Opening::Pages => {
                    let why = self.unreadable.map_or(why, |_| ListWhy::Unreadable);
                    self.begin_list(now, then, why, &mut effects);
                }
            },
            Stage::Waiting { .. } if self.gives_up_at().is_some_and(|at| at <= now) => {
                self.give_up(now, Unreadability::Stalled, chance, &mut effects);
            }
            Stage::Listing(_) if now.since(self.progress) >= STALLED => {
                self.close(&mut effects);
                self.give_up(now, Unreadability::Stalled, chance, &mut effects);
            }
            Stage::Idle | Stage::Listing(_) | Stage::Watching | Stage::Waiting { .. } | Stage::Stopped => {}
        }
        effects
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting { at, .. } => Some(self.gives_up_at().map_or(at, |until| until.min(at))),
            Stage::Listing(_) => Some(self.progress + STALLED),
            Stage::Idle | Stage::Watching | Stage::Stopped => None,
        }
    }

    /// When a list that fails again and again is given up.
    fn gives_up_at(&self) -> Option<Moment> {
        let since = self.trouble.filter(|_| self.unreadable.is_none())?;
        Some(since + STALLED)
    }

    pub(super) fn is_listing(&self) -> bool {
        matches!(self.stage, Stage::Listing(_))
    }

    fn lived(&self, now: Moment) -> bool {
        now.since(self.opened) >= HEALTHY
    }
}
