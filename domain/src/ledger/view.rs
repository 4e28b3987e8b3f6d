// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What can be asked of the ledger.

use super::change::Refused;
use super::entry::Entry;
use super::{Ledger, LedgerStats};
use crate::resource::{KindSet, ResourceKind, Uid};
use crate::time::Moment;

impl Ledger {
    /// Whether [`Self::dispatch`] would give an event for this uid.
    pub fn is_ready(&self, uid: &Uid) -> bool {
        self.entries.get(uid).is_some_and(|entry| entry.ready.is_some())
    }

    /// Whether an event may be sent now.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Events that wait to be sent.
    pub fn backlog(&self) -> usize {
        self.ready.len()
    }

    /// The same, without the events of some kinds.
    pub fn backlog_without(&self, kinds: KindSet) -> usize {
        if kinds.is_empty() {
            return self.ready.len();
        }
        let counts = |uid: &Uid| self.entries.get(uid).is_some_and(|entry| !kinds.contains(entry.kind));
        self.ready.values().filter(|uid| counts(uid)).count()
    }

    /// The objects of a kind of which something is open.
    #[cfg(test)]
    pub(super) fn uids_of(&self, kind: ResourceKind) -> impl Iterator<Item = &Uid> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.kind == kind)
            .map(|(uid, _)| uid)
    }

    /// The objects of a kind about which a list has nothing to tell: an event of them waits or is on its way, or they are
    /// set aside.
    pub fn spoken_for(&self, kind: ResourceKind) -> impl Iterator<Item = &Uid> {
        let is_spoken_for = |entry: &Entry| entry.waiting.is_some() || entry.flight.is_some() || entry.is_set_aside();
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.kind == kind && is_spoken_for(entry))
            .map(|(uid, _)| uid)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether no obligation is open but those that only a snapshot or a change can meet: what the platform refused, and
    /// adds that wait for a delete which it refused.
    pub fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.ready.is_empty()
    }

    /// Bytes held, an upper estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns true if the ledger holds more bytes than its bound.
    pub fn is_over_bound(&self) -> bool {
        self.bytes > self.bound
    }

    /// Whether something was dropped at the bound and no snapshot has been accepted since.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// When the oldest change that waits was offered.
    pub fn oldest(&self) -> Option<Moment> {
        self.entries
            .values()
            .filter_map(|entry| entry.waiting.as_ref())
            .map(|waiting| waiting.turn.since)
            .min()
    }

    /// Whether the platform refused this object as it is now.
    pub fn is_set_aside(&self, uid: &Uid) -> bool {
        self.entries.get(uid).is_some_and(Entry::is_set_aside)
    }

    /// Whether the platform refused a delete of these kinds.
    pub fn has_refused_delete(&self, kinds: KindSet) -> bool {
        let is_refused = |entry: &Entry| entry.parked.as_ref().is_some_and(|parked| parked.gone);
        self.entries
            .values()
            .any(|entry| kinds.contains(entry.kind) && is_refused(entry))
    }

    /// The objects that the platform refused.
    pub fn set_aside(&self) -> impl Iterator<Item = (&Uid, ResourceKind)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.is_set_aside())
            .map(|(uid, entry)| (uid, entry.kind))
    }

    /// The same, with namespace and name, and the answer that refused it.
    pub fn refused(&self) -> impl Iterator<Item = Refused<'_>> {
        self.entries.iter().filter_map(|(uid, entry)| {
            let parked = entry.parked.as_ref().filter(|parked| parked.set_aside)?;
            Some(Refused {
                kind: entry.kind,
                namespace: entry.namespace.as_deref(),
                name: &entry.name,
                uid,
                answer: parked.answer,
            })
        })
    }

    /// What it holds, in numbers.
    pub fn stats(&self) -> LedgerStats {
        let count = |which: fn(&Entry) -> bool| self.entries.values().filter(|entry| which(entry)).count();
        LedgerStats {
            dirty: count(|entry| entry.waiting.is_some()),
            tombstones: count(Entry::is_tombstone),
            in_flight: self.in_flight,
            set_aside: count(Entry::is_set_aside),
            bytes: self.bytes,
            bound: self.bound,
            lossy: self.lossy,
            merged: self.merged,
            vanished: self.vanished,
            overflows: self.overflows,
        }
    }
}
