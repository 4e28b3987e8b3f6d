// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! While changes are followed.

use obsyk_domain::ports::Opening;
use obsyk_domain::resource::{Sighting, Uid};
use obsyk_domain::time::{Chance, Moment};

use super::outbox::tombstone;
use super::{Effect, WatcherState};
use crate::inspect::ListWhy;

impl WatcherState {
    pub(super) fn put(&mut self, now: Moment, sighting: Sighting, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        self.tally.event(now);
        match self.known.version(&sighting.uid) {
            Some((version, _)) if version >= sighting.version => return,
            None if sighting.version <= self.resume => {
                // Its delete may have been told already, or its add was lost: only a quorum read knows.
                self.close(effects);
                self.list_again(now, Opening::Pages, ListWhy::Gap, chance, effects);
                return;
            }
            Some(_) | None => {}
        }
        self.told(sighting.version);
        let change = self.learn(sighting);
        self.outbox.extend(change);
    }

    pub(super) fn gone(&mut self, now: Moment, uid: Uid, version: u64) {
        self.tally.event(now);
        self.newest = self.newest.max(version);
        if self.is_late(&uid) {
            return;
        }
        if !self.is_listing() {
            self.told(version);
        }
        if let Some(gone) = self.known.remove(&uid) {
            tombstone(&mut self.outbox, self.baseline, gone);
        }
    }

    /// All changes up to this version were told. So the watch works, which a list alone doesn't show.
    pub(super) fn told(&mut self, version: u64) {
        self.fruitless = 0;
        self.failures.reset();
        self.denials.reset();
        self.newest = self.newest.max(version);
        self.resume = self.resume.max(version);
    }
}
