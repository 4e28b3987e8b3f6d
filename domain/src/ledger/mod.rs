// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform still has to be told.
//!
//! The unit is not the event but the **obligation**: from the moment that an object differs from what the platform last
//! accepted, an obligation for its uid is open, until the platform accepts that state or a later one, or a snapshot that
//! covers it. The ledger holds, by uid, the latest state to send or a tombstone, never a queue of events.
//!
//! It promises:
//!
//! - no obligation is dropped but by an acceptance, or by [`Ledger::overflow`], which says so: only an accepted snapshot
//!   ends that state ([`Ledger::is_lossy`]);
//! - at most one request in flight for one uid, nothing after its accepted delete, and the delete of a name before the
//!   add of another uid under it;
//! - created and deleted before the platform had anything of it: both vanish;
//! - what became dirty first goes first: an object that changes all the time queues again behind the others;
//! - memory is bounded by the caller through [`Ledger::bytes`] and [`BOUND`].
//!
//! It doesn't know rates, retries or the network, and never looks into an object.
#![doc = include_str!("guarantee.md")]

mod barrier;
mod change;
mod entry;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verify;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

pub use change::{Change, Dispatch, LedgerStats, Refused, What};

use crate::answer::Outcome;
use crate::resource::{ResourceKind, Uid};
use crate::time::Moment;
use crate::wire::EventType;
use entry::{Base, Entry, Flight, Parked, State, Turn, Waiting};

/// A ledger's memory for one agent: what 400 changed pods of 10 KB need, or 6,000 tombstones. Beyond it a snapshot is
/// the smaller thing to send.
pub const BOUND: usize = 4 * 1024 * 1024;

/// See the module's page.
#[derive(Debug)]
pub struct Ledger {
    entries: HashMap<Uid, Entry>,
    /// What may be sent now, oldest first.
    ready: BTreeMap<u64, Uid>,
    /// Uids by (a hash of) kind, namespace and name. A collision makes an add wait for a delete without need, no more.
    names: BTreeSet<(u64, Uid)>,
    sequence: u64,
    bytes: usize,
    in_flight: usize,
    lossy: bool,
    merged: u64,
    vanished: u64,
    overflows: u64,
    bound: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::bounded(BOUND)
    }
}

impl Ledger {
    /// Creates an empty ledger that overflows beyond `bound` bytes.
    pub fn bounded(bound: usize) -> Self {
        Self {
            entries: HashMap::new(),
            ready: BTreeMap::new(),
            names: BTreeSet::new(),
            sequence: 0,
            bytes: 0,
            in_flight: 0,
            lossy: false,
            merged: 0,
            vanished: 0,
            overflows: 0,
            bound,
        }
    }

    /// Takes a change. It replaces what waits for the same uid.
    pub fn offer(&mut self, now: Moment, kind: ResourceKind, change: Change) {
        let Change {
            uid,
            namespace,
            name,
            what,
        } = change;
        let (base, state) = match what {
            What::Added(json) => (Base::Absent, State::Object(json)),
            What::Updated(json) => (Base::Present, State::Object(json)),
            What::Deleted => (Base::Present, State::Gone),
        };
        let mut entry = self.take_out(&uid).unwrap_or_else(|| {
            let name_key = name_key(kind, namespace.as_deref(), &name);
            Entry::new(kind, namespace, name, name_key, base)
        });
        let turn = match &entry.waiting {
            Some(waiting) => {
                self.merged += 1;
                waiting.turn
            }
            None => {
                self.sequence += 1;
                Turn {
                    sequence: self.sequence,
                    since: now,
                }
            }
        };
        entry.parked = None;
        entry.waiting = Some(Waiting {
            state,
            turn,
            covered: false,
        });
        self.put_back(uid, entry);
    }

    /// The next event to send; it is in flight from here, until [`Self::accepted`], [`Self::returned`] or
    /// [`Self::park`].
    #[expect(
        clippy::should_implement_trait,
        reason = "no iterator: what comes next depends on answers"
    )]
    pub fn next(&mut self) -> Option<Dispatch> {
        let (_, uid) = self.ready.first_key_value()?;
        let uid = uid.clone();
        self.dispatch(&uid)
    }

    /// The event of this uid, if it may be sent now.
    pub fn dispatch(&mut self, uid: &Uid) -> Option<Dispatch> {
        if !self.is_ready(uid) {
            return None;
        }
        let mut entry = self.take_out(uid)?;
        let Waiting { state, turn, .. } = entry.waiting.take()?;
        let (event, object) = match &state {
            State::Gone => (EventType::Deleted, None),
            State::Object(json) if entry.base == Base::Present => (EventType::Updated, Some(json.clone())),
            State::Object(json) => (EventType::Added, Some(json.clone())),
        };
        let dispatch = Dispatch {
            kind: entry.kind,
            uid: uid.clone(),
            namespace: entry.namespace.clone(),
            name: entry.name.clone(),
            event,
            object,
            since: turn.since,
        };
        entry.flight = Some(Flight {
            state,
            turn,
            orphaned: false,
        });
        self.in_flight += 1;
        self.put_back(uid.clone(), entry);
        Some(dispatch)
    }

    /// The platform accepted what is in flight.
    pub fn accepted(&mut self, uid: &Uid) {
        let Some((mut entry, flight)) = self.land(uid) else {
            return;
        };
        if flight.state.is_gone() {
            // Nothing follows an accepted delete: a uid never comes back.
            entry.base = Base::Absent;
            entry.waiting = None;
        } else {
            entry.base = Base::Present;
        }
        self.put_back(uid.clone(), entry);
    }

    /// What is in flight came back unaccepted and is to be sent again, in the state that the object has then.
    /// `ambiguous`: the platform may have it all the same.
    pub fn returned(&mut self, uid: &Uid, ambiguous: bool) {
        let Some((mut entry, flight)) = self.land(uid) else {
            return;
        };
        if ambiguous && !flight.state.is_gone() && entry.base == Base::Absent {
            entry.base = Base::Maybe;
        }
        match &mut entry.waiting {
            // It carries the older change too, and keeps that one's place in the queue.
            Some(waiting) => waiting.turn = flight.turn,
            None if flight.orphaned => {}
            None => {
                entry.waiting = Some(Waiting {
                    state: flight.state,
                    turn: flight.turn,
                    covered: false,
                });
            }
        }
        self.put_back(uid.clone(), entry);
    }

    /// The platform refused what is in flight for good: it isn't sent again until the object changes or a snapshot
    /// carries it. `set_aside`: the object itself is at fault, and is counted.
    pub fn park(&mut self, uid: &Uid, set_aside: bool) {
        let Some((mut entry, flight)) = self.land(uid) else {
            return;
        };
        if entry.waiting.is_none() && !flight.orphaned {
            entry.parked = Some(Parked {
                gone: flight.state.is_gone(),
                set_aside,
                covered: false,
                answer: None,
            });
        }
        self.put_back(uid.clone(), entry);
    }

    /// As [`Self::park`], for an object that waits again: its request failed although the platform works.
    pub fn park_waiting(&mut self, uid: &Uid) {
        let Some(mut entry) = self.take_out(uid) else { return };
        if entry.flight.is_none()
            && let Some(waiting) = entry.waiting.take()
        {
            entry.parked = Some(Parked {
                gone: waiting.state.is_gone(),
                set_aside: true,
                covered: waiting.covered,
                answer: None,
            });
        }
        self.put_back(uid.clone(), entry);
    }

    /// Keeps what the platform said to an object that it refused, for those who ask why.
    pub fn explain(&mut self, uid: &Uid, answer: Outcome) {
        let parked = self.entries.get_mut(uid).and_then(|entry| entry.parked.as_mut());
        if let Some(parked) = parked {
            parked.answer = Some(answer.into());
        }
    }

    /// Ends the flight of a uid.
    fn land(&mut self, uid: &Uid) -> Option<(Entry, Flight)> {
        let mut entry = self.take_out(uid)?;
        match entry.flight.take() {
            Some(flight) => {
                self.in_flight -= 1;
                Some((entry, flight))
            }
            None => {
                self.put_back(uid.clone(), entry);
                None
            }
        }
    }

    fn take_out(&mut self, uid: &Uid) -> Option<Entry> {
        let entry = self.entries.remove(uid)?;
        self.bytes -= entry.cost();
        Some(entry)
    }

    /// Puts an entry where it belongs now, or nowhere when nothing of it is open, and looks again at those that share
    /// its name: they may wait for it.
    fn put_back(&mut self, uid: Uid, mut entry: Entry) {
        let name_key = entry.name_key;
        self.vanished += u64::from(entry.vanish());
        if entry.is_spent() {
            if let Some(place) = entry.ready {
                self.ready.remove(&place);
            }
            self.names.remove(&(name_key, uid));
        } else {
            self.bytes += entry.cost();
            self.names.insert((name_key, uid.clone()));
            self.entries.insert(uid, entry);
        }
        self.sort_out(name_key);
    }

    /// Says of each uid under a name whether it may be sent now.
    fn sort_out(&mut self, name_key: u64) {
        let uids = || {
            let from = (name_key, Uid::LEAST);
            self.names.range(from..).take_while(|(key, _)| *key == name_key)
        };
        let mut deletes = uids().filter(|(_, uid)| self.entries.get(uid).is_some_and(Entry::has_open_delete));
        let (first, another) = (deletes.next().map(|(_, uid)| uid), deletes.next().is_some());
        for (_, uid) in uids() {
            let Some(entry) = self.entries.get_mut(uid) else {
                continue;
            };
            let namesake_goes = another || first.is_some_and(|deleted| deleted != uid);
            let flies = entry.flight.is_some();
            let place = entry
                .waiting
                .as_ref()
                .filter(|waiting| !flies && (waiting.state.is_gone() || !namesake_goes))
                .map(|waiting| waiting.turn.sequence);
            if let Some(old) = entry.ready.filter(|old| Some(*old) != place) {
                self.ready.remove(&old);
            }
            if let Some(place) = place.filter(|place| Some(*place) != entry.ready) {
                self.ready.insert(place, uid.clone());
            }
            entry.ready = place;
        }
    }
}

fn name_key(kind: ResourceKind, namespace: Option<&str>, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, namespace, name).hash(&mut hasher);
    hasher.finish()
}
