// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What must be so of a ledger after whatever happened to it, for tests and the simulation. The product has nothing of
//! this.
//!
//! Everything is counted anew from the entries, entry by entry, where the ledger keeps it up to date by what it touched.

use super::entry::{Base, Entry};
use super::{Ledger, name_key};
use crate::resource::Uid;

impl Ledger {
    /// Whether a delete and an add of one name wait or fly at once.
    pub fn has_namesakes(&self) -> bool {
        self.entries
            .iter()
            .any(|(uid, entry)| is_add(entry) && self.awaits_namesake(uid, entry))
    }

    /// Whether an obligation for this uid is open, be it one that the platform refused.
    pub fn is_open(&self, uid: &Uid) -> bool {
        self.entries.contains_key(uid)
    }

    /// The first invariant that doesn't hold, in words.
    pub fn verify(&self) -> Result<(), String> {
        for (uid, entry) in &self.entries {
            self.verify_entry(entry).map_err(|what| format!("{uid}: {what}"))?;
            self.verify_place(uid, entry).map_err(|what| format!("{uid}: {what}"))?;
        }
        let entries = || self.entries.values();
        same("bytes", self.bytes, entries().map(Entry::cost).sum())?;
        let flights = entries().filter(|entry| entry.flight.is_some()).count();
        same("requests in flight", self.in_flight, flights)?;
        // Each entry has its name and its place, so equal numbers mean that there are no others.
        same("names", self.names.len(), self.entries.len())?;
        let ready = entries().filter(|entry| entry.ready.is_some()).count();
        same("events that may be sent", self.ready.len(), ready)?;
        if self.lossy && self.overflows == 0 {
            return Err("lossy though the bound was never reached".to_owned());
        }
        Ok(())
    }

    /// What is so of an entry by itself.
    fn verify_entry(&self, entry: &Entry) -> Result<(), &'static str> {
        let Entry {
            waiting,
            flight,
            parked,
            ..
        } = entry;
        // One that the open snapshot covers goes with its end.
        let deletes = waiting.as_ref().is_some_and(|w| w.state.is_gone() && !w.covered);
        let turns = [waiting.as_ref().map(|w| w.turn), flight.as_ref().map(|f| f.turn)];
        if waiting.is_none() && flight.is_none() && parked.is_none() {
            Err("kept though nothing is open")
        } else if parked.is_some() && (waiting.is_some() || flight.is_some()) {
            Err("set aside, and waits or flies all the same")
        } else if deletes && entry.base == Base::Absent && flight.is_none() && !entry.listed {
            Err("a delete of what the platform never had")
        } else if turns.into_iter().flatten().any(|turn| turn.sequence > self.sequence) {
            Err("a turn that was never given")
        } else {
            Ok(())
        }
    }

    /// Whether it is in the indexes where it belongs: among the names always, and among what may be sent when it waits,
    /// nothing of it flies, and no delete of another uid under its name is open before it.
    fn verify_place(&self, uid: &Uid, entry: &Entry) -> Result<(), &'static str> {
        let key = name_key(entry.kind, entry.namespace.as_deref(), &entry.name);
        if entry.name_key != key || !self.names.contains(&(key, uid.clone())) {
            return Err("not found by its name");
        }
        let waiting = entry.waiting.as_ref().filter(|_| entry.flight.is_none());
        let may_go = waiting.filter(|waiting| waiting.state.is_gone() || !self.awaits_namesake(uid, entry));
        match (may_go, entry.ready) {
            (Some(waiting), Some(place)) if place == waiting.turn.sequence && self.ready.get(&place) == Some(uid) => {
                Ok(())
            }
            (None, None) => Ok(()),
            (Some(_), _) => Err("may be sent, and isn't in its place"),
            (None, Some(_)) => Err("may not be sent, and would be"),
        }
    }

    /// Whether the platform hasn't accepted the delete of another uid under this entry's name.
    fn awaits_namesake(&self, uid: &Uid, entry: &Entry) -> bool {
        let from = (entry.name_key, Uid::LEAST);
        let namesakes = self.names.range(from..).take_while(|(key, _)| *key == entry.name_key);
        namesakes
            .filter(|(_, other)| other != uid)
            .filter_map(|(_, other)| self.entries.get(other))
            .any(Entry::has_open_delete)
    }
}

fn is_add(entry: &Entry) -> bool {
    !entry.has_open_delete() && (entry.waiting.is_some() || entry.flight.is_some())
}

fn same(what: &str, counted: usize, is: usize) -> Result<(), String> {
    if counted == is {
        Ok(())
    } else {
        Err(format!("{what}: {counted} are counted, {is} there are"))
    }
}
