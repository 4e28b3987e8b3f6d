// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The ledger and snapshots: what one covers, and what its end leaves.

use super::Ledger;
use super::entry::Entry;
use crate::resource::{KindSet, ResourceKind, Uid};

impl Ledger {
    /// A kind's list for the open snapshot is complete: what is held of it is covered when that snapshot is accepted.
    pub fn cover(&mut self, kind: ResourceKind) {
        for entry in self.entries.values_mut().filter(|entry| entry.kind == kind) {
            entry.cover();
        }
    }

    /// The open snapshot was accepted for `kinds`, without the objects for which `left_out` is true.
    pub fn snapshot_accepted(&mut self, kinds: KindSet, left_out: impl Fn(&Uid) -> bool) {
        self.settle(|uid, entry| match (kinds.contains(entry.kind), left_out(uid)) {
            (true, false) => entry.settle_accepted(),
            (true, true) => entry.settle_left_out(),
            (false, _) => {}
        });
    }

    /// The open snapshot ended: all that no acceptance covered is still to be sent.
    pub fn snapshot_ended(&mut self, ambiguous: bool) {
        self.settle(|_, entry| entry.settle_open(ambiguous));
    }

    /// The bound is reached: everything is dropped but what is in flight, and the tombstones of kinds that no snapshot
    /// can cover just now. From here only an accepted snapshot makes the platform's picture true again.
    pub fn overflow(&mut self, unreadable: KindSet) {
        self.lossy = true;
        self.overflows += 1;
        self.settle(|_, entry| entry.forget(unreadable.contains(entry.kind)));
    }

    /// A snapshot was accepted that makes good what was dropped at the bound, or (`true`) not all of it.
    pub fn set_lossy(&mut self, lossy: bool) {
        self.lossy = lossy;
    }

    /// Everything is dropped: the platform, the cluster's name or the credentials' client are others now.
    pub fn clear(&mut self) {
        *self = Self {
            sequence: self.sequence,
            merged: self.merged,
            vanished: self.vanished,
            overflows: self.overflows,
            ..Self::bounded(self.bound)
        };
    }

    /// Changes every entry, then puts each where it belongs. The maps are built anew, so that what a burst made them
    /// grow to is given back.
    fn settle(&mut self, mut change: impl FnMut(&Uid, &mut Entry)) {
        let entries = std::mem::take(&mut self.entries);
        self.ready.clear();
        self.names.clear();
        self.bytes = 0;
        for (uid, mut entry) in entries {
            change(&uid, &mut entry);
            entry.ready = None;
            self.vanished += u64::from(entry.vanish());
            if !entry.is_spent() {
                self.bytes += entry.cost();
                self.names.insert((entry.name_key, uid.clone()));
                self.entries.insert(uid, entry);
            }
        }
        let mut keys: Vec<u64> = self.names.iter().map(|(key, _)| *key).collect();
        keys.dedup();
        for key in keys {
            self.sort_out(key);
        }
    }
}
