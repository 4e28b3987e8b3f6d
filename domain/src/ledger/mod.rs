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
//! - created and deleted before anything was sent: both vanish;
//! - memory is bounded by the caller through [`Ledger::bytes`] and [`BOUND`].
//!
//! It doesn't know rates, retries or the network, and never looks into an object.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde::Serialize;

use crate::resource::{KindSet, ResourceKind, Uid};
use crate::time::Moment;
use crate::wire::EventType;
use entry::{Base, Entry, Parked, State, Waiting};

/// A ledger's memory for one agent: what 400 changed pods of 10 KB need, or 10,000 tombstones. Beyond it a snapshot is
/// the smaller thing to send.
pub const BOUND: usize = 4 * 1024 * 1024;

/// A change of an object, as its watcher saw it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object's uid.
    pub uid: Uid,
    /// Its namespace, of namespaced kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// What happened to it.
    pub what: What,
}

/// What happened to an object. The bytes are its JSON as the protocol has it.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added(Bytes),
    /// It differs from what was known.
    Updated(Bytes),
    /// It is gone.
    Deleted,
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Added(_) => "Added",
            Self::Updated(_) => "Updated",
            Self::Deleted => "Deleted",
        })
    }
}

/// An event to send now.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The object's kind.
    pub kind: ResourceKind,
    /// Its uid.
    pub uid: Uid,
    /// Its namespace, of namespaced kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// What the event says.
    pub event: EventType,
    /// The object's JSON; nothing for a delete.
    pub object: Option<Bytes>,
    /// When the oldest change that it carries was offered.
    pub since: Moment,
}

/// What the ledger holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStats {
    /// Objects with something to send.
    pub dirty: usize,
    /// Those of them that are gone.
    pub tombstones: usize,
    /// Requests in flight.
    pub in_flight: usize,
    /// Objects that the platform refused, until they change or a snapshot carries them.
    pub set_aside: usize,
    /// Bytes held.
    pub bytes: usize,
    /// Changes that replaced one that waited.
    pub merged: u64,
    /// Objects that came and went before anything was sent.
    pub vanished: u64,
    /// How often the bound was reached.
    pub overflows: u64,
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: HashMap<Uid, Entry>,
    /// What may be sent now, oldest first.
    ready: BTreeSet<(u64, Uid)>,
    /// Uids by (a hash of) kind, namespace and name. A collision makes an add wait for a delete without need, no more.
    names: HashMap<u64, Vec<Uid>>,
    sequence: u64,
    bytes: usize,
    in_flight: usize,
    lossy: bool,
    merged: u64,
    vanished: u64,
    overflows: u64,
}

impl Ledger {
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
        let mut entry = match self.entries.remove(&uid) {
            Some(entry) => {
                self.bytes -= entry.cost();
                entry
            }
            None => {
                self.sequence += 1;
                let name_key = name_key(kind, namespace.as_deref(), &name);
                self.names.entry(name_key).or_default().push(uid.clone());
                Entry::new(kind, namespace, name, name_key, base, self.sequence, now)
            }
        };
        entry.parked = None;
        if entry.waiting.is_some() {
            self.merged += 1;
        } else if entry.flight.is_none() {
            entry.since = now;
        }
        let vanishes = state.is_gone() && entry.base == Base::Absent && entry.flight.is_none() && !entry.listed;
        if vanishes {
            self.vanished += 1;
            entry.waiting = None;
        } else {
            entry.waiting = Some(Waiting { state, covered: false });
        }
        self.put_back(uid, entry);
    }

    /// The next event to send; it is in flight from here, until [`Self::accepted`], [`Self::returned`] or
    /// [`Self::park`].
    pub fn next(&mut self) -> Option<Dispatch> {
        let (_, uid) = self.ready.first()?.clone();
        self.dispatch(&uid)
    }

    /// The event of this uid, if it may be sent now.
    pub fn dispatch(&mut self, uid: &Uid) -> Option<Dispatch> {
        if !self.is_ready(uid) {
            return None;
        }
        let mut entry = self.take_out(uid)?;
        let state = entry.waiting.take()?.state;
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
            since: entry.since,
        };
        entry.flight = Some(state);
        self.in_flight += 1;
        self.put_back(uid.clone(), entry);
        Some(dispatch)
    }

    /// Whether [`Self::dispatch`] would give an event for this uid.
    pub fn is_ready(&self, uid: &Uid) -> bool {
        self.entries
            .get(uid)
            .is_some_and(|entry| self.ready.contains(&(entry.sequence, uid.clone())))
    }

    /// The platform accepted what is in flight.
    pub fn accepted(&mut self, now: Moment, uid: &Uid) {
        let Some((mut entry, state)) = self.land(uid) else {
            return;
        };
        if state.is_gone() {
            // Nothing follows an accepted delete: a uid never comes back.
            entry.base = Base::Absent;
            entry.waiting = None;
        } else {
            entry.base = Base::Present;
            entry.since = now;
        }
        self.put_back(uid.clone(), entry);
    }

    /// What is in flight came back unaccepted and is to be sent again, in the state that the object has then.
    /// `ambiguous`: the platform may have it all the same.
    pub fn returned(&mut self, uid: &Uid, ambiguous: bool) {
        let Some((mut entry, state)) = self.land(uid) else {
            return;
        };
        if ambiguous && !state.is_gone() && entry.base == Base::Absent {
            entry.base = Base::Maybe;
        }
        let orphaned = std::mem::take(&mut entry.orphaned);
        if entry.waiting.is_none() && !orphaned {
            entry.waiting = Some(Waiting { state, covered: false });
        }
        let vanishes =
            entry.base == Base::Absent && entry.waiting.as_ref().is_some_and(|waiting| waiting.state.is_gone());
        if vanishes && !ambiguous {
            self.vanished += 1;
            entry.waiting = None;
        }
        self.put_back(uid.clone(), entry);
    }

    /// The platform refused what is in flight for good: it isn't sent again until the object changes or a snapshot
    /// carries it. `set_aside`: the object itself is at fault, and is counted.
    pub fn park(&mut self, uid: &Uid, set_aside: bool) {
        let Some((mut entry, state)) = self.land(uid) else {
            return;
        };
        let orphaned = std::mem::take(&mut entry.orphaned);
        if entry.waiting.is_none() && !orphaned {
            entry.parked = Some(Parked {
                gone: state.is_gone(),
                set_aside,
                covered: false,
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
            });
        }
        self.put_back(uid.clone(), entry);
    }

    /// A kind's list for the open snapshot is complete: what is held of it is covered when that snapshot is accepted.
    pub fn cover(&mut self, kind: ResourceKind) {
        for entry in self.entries.values_mut().filter(|entry| entry.kind == kind) {
            entry.cover();
        }
    }

    /// The open snapshot was accepted for `kinds`, without the objects for which `left_out` is true.
    pub fn snapshot_accepted(&mut self, kinds: KindSet, left_out: impl Fn(&Uid) -> bool) {
        self.settle(|uid, entry| {
            if kinds.contains(entry.kind) && !left_out(uid) {
                entry.settle_accepted();
            }
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

    /// Everything is dropped: the platform, the cluster's name or the credentials' client are others now.
    pub fn clear(&mut self) {
        *self = Self {
            sequence: self.sequence,
            merged: self.merged,
            vanished: self.vanished,
            overflows: self.overflows,
            ..Self::default()
        };
    }

    /// Whether something was dropped at the bound and no snapshot has been accepted since.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// A snapshot was accepted that makes good what was dropped at the bound, or (`true`) not all of it.
    pub fn set_lossy(&mut self, lossy: bool) {
        self.lossy = lossy;
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
        self.ready.iter().filter(|(_, uid)| counts(uid)).count()
    }

    /// The objects of a kind of which something is open.
    pub fn uids_of(&self, kind: ResourceKind) -> impl Iterator<Item = &Uid> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.kind == kind)
            .map(|(uid, _)| uid)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether no obligation is open but those that only a snapshot or a change can meet.
    pub fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.entries.values().all(|entry| entry.waiting.is_none())
    }

    /// Bytes held, an upper estimate.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether more is held than [`BOUND`].
    pub fn is_over_bound(&self) -> bool {
        self.bytes > BOUND
    }

    /// When the oldest change that waits was offered.
    pub fn oldest(&self) -> Option<Moment> {
        self.entries
            .values()
            .filter(|entry| entry.waiting.is_some())
            .map(|entry| entry.since)
            .min()
    }

    /// Whether the platform refused this object as it is now.
    pub fn is_set_aside(&self, uid: &Uid) -> bool {
        self.entries.get(uid).is_some_and(Entry::is_set_aside)
    }

    /// The objects that the platform refused.
    pub fn set_aside(&self) -> impl Iterator<Item = (&Uid, ResourceKind)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.is_set_aside())
            .map(|(uid, entry)| (uid, entry.kind))
    }

    /// What it holds, in numbers.
    pub fn stats(&self) -> LedgerStats {
        let waiting = || self.entries.values().filter_map(|entry| entry.waiting.as_ref());
        LedgerStats {
            dirty: waiting().count(),
            tombstones: waiting().filter(|waiting| waiting.state.is_gone()).count(),
            in_flight: self.in_flight,
            set_aside: self.entries.values().filter(|entry| entry.is_set_aside()).count(),
            bytes: self.bytes,
            merged: self.merged,
            vanished: self.vanished,
            overflows: self.overflows,
        }
    }

    /// Ends the flight of a uid.
    fn land(&mut self, uid: &Uid) -> Option<(Entry, State)> {
        let mut entry = self.take_out(uid)?;
        match entry.flight.take() {
            Some(state) => {
                self.in_flight -= 1;
                Some((entry, state))
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
    fn put_back(&mut self, uid: Uid, entry: Entry) {
        let name_key = entry.name_key;
        if entry.is_spent() {
            self.ready.remove(&(entry.sequence, uid.clone()));
            if let Some(uids) = self.names.get_mut(&name_key) {
                uids.retain(|other| *other != uid);
                if uids.is_empty() {
                    self.names.remove(&name_key);
                }
            }
        } else {
            self.bytes += entry.cost();
            self.entries.insert(uid, entry);
        }
        self.sort_out(name_key);
    }

    fn sort_out(&mut self, name_key: u64) {
        let Some(uids) = self.names.get(&name_key) else { return };
        for uid in uids {
            let Some(entry) = self.entries.get(uid) else { continue };
            let ready = entry.flight.is_none()
                && entry.waiting.as_ref().is_some_and(|waiting| {
                    waiting.state.is_gone()
                        || uids
                            .iter()
                            .filter(|other| *other != uid)
                            .all(|other| self.entries.get(other).is_none_or(|other| !other.has_open_delete()))
                });
            if ready {
                self.ready.insert((entry.sequence, uid.clone()));
            } else {
                self.ready.remove(&(entry.sequence, uid.clone()));
            }
        }
    }

    /// Changes every entry, then puts each where it belongs.
    fn settle(&mut self, mut change: impl FnMut(&Uid, &mut Entry)) {
        let entries = std::mem::take(&mut self.entries);
        self.ready.clear();
        self.names.clear();
        self.bytes = 0;
        for (uid, mut entry) in entries {
            change(&uid, &mut entry);
            if !entry.is_spent() {
                self.bytes += entry.cost();
                self.names.entry(entry.name_key).or_default().push(uid.clone());
                self.entries.insert(uid, entry);
            }
        }
        let keys: Vec<u64> = self.names.keys().copied().collect();
        for key in keys {
            self.sort_out(key);
        }
    }
}

fn name_key(kind: ResourceKind, namespace: Option<&str>, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, namespace, name).hash(&mut hasher);
    hasher.finish()
}
