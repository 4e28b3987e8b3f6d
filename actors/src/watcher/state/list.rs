// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! While a list is read: whether it is to be believed, what it tells of snapshot `n`, and what it shows to be gone.

use std::collections::HashMap;

use obsyk_domain::ports::{Opening, Signal};
use obsyk_domain::resource::{Body, ClusterFacts, Sighting, Uid};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::{Spool, SpoolWriter};
use obsyk_domain::time::Moment;

use super::outbox::tombstone;
use super::{Effect, Stage, WatcherState};
use crate::watcher::known::Known;

/// A list that is being read, or is whole.
#[derive(Debug)]
pub(super) struct List {
    pub(super) form: Opening,
    /// The objects for snapshot `n`, when the list is for one.
    spool: Option<SpoolWriter>,
    facts: ClusterFacts,
    /// By name, what is known and not yet in this list: built when the first unknown object is listed.
    names: Option<HashMap<u64, Uid>>,
    /// Changes of objects that the list has shown already. (A server ends a streamed list up to a second after its last
    /// object, and tells in between what changes.) The spool can't take them back: they are looked at after it.
    late: Vec<Signal>,
}

impl List {
    pub(super) fn into_parts(self) -> (ClusterFacts, Option<Spool>) {
        (self.facts, self.spool.map(SpoolWriter::finish))
    }
}

impl WatcherState {
    pub(super) fn begin_list(&mut self, now: Moment, form: Opening, effects: &mut Vec<Effect>) {
        self.known.begin_list();
        self.stage = Stage::Listing(List {
            form,
            spool: self.wanted.then(SpoolWriter::default),
            facts: ClusterFacts::default(),
            names: None,
            late: Vec::new(),
        });
        self.lists += 1;
        self.progress = now;
        self.open(now, form, effects);
    }

    pub(super) fn listed(&mut self, now: Moment, sighting: Sighting, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &mut self.stage else { return };
        let known = self.known.version(&sighting.uid);
        let stale = match known {
            Some((_, true)) => {
                list.late.push(Signal::Put(sighting));
                return;
            }
            Some((version, false)) => version > sighting.version,
            None => sighting.version <= self.resume,
        };
        match list.form {
            Opening::Stream if stale => {
                self.begin_list(now, Opening::Pages, effects);
                return;
            }
            Opening::Pages if stale && known.is_some() => {
                self.forget(now, effects);
                return;
            }
            Opening::Stream | Opening::Pages | Opening::Watch { .. } => {}
        }
        if let Some(facts) = &sighting.facts {
            list.facts.add(facts);
        }
        if let (Some(spool), Body::Object(json)) = (&mut list.spool, &sighting.body) {
            spool.push(&sighting.uid, json);
        }
        if known.is_none() && self.baseline {
            // Two objects can't have one name: the one that had it is gone, and that is told first.
            let names = list.names.get_or_insert_with(|| self.known.unseen_names());
            let name = Known::name_hash(sighting.namespace.as_deref(), &sighting.name);
            if let Some(namesake) = names.remove(&name)
                && self.known.version(&namesake).is_some_and(|(_, listed)| !listed)
                && let Some(gone) = self.known.remove(&namesake)
            {
                tombstone(&mut self.outbox, self.baseline, gone);
            }
        }
        self.learn(sighting);
    }

    pub(super) fn list_end(&mut self, now: Moment, version: u64, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &self.stage else { return };
        let form = list.form;
        if version < self.newest.max(self.resume) {
            if form == Opening::Stream {
                self.begin_list(now, Opening::Pages, effects);
            } else {
                self.forget(now, effects);
            }
            return;
        }
        let Stage::Listing(mut list) = std::mem::replace(&mut self.stage, Stage::Watching) else {
            return;
        };
        let (outbox, baseline) = (&mut self.outbox, self.baseline);
        self.known.remove_unseen(|gone| tombstone(outbox, baseline, gone));
        self.newest = version;
        self.resume = version;
        self.baseline = true;
        self.unreadable = None;
        self.wanted = false;
        self.trouble = None;
        self.refused_starts = 0;
        self.failures.reset();
        self.denials.reset();
        if form == Opening::Pages {
            self.open(now, Opening::Watch { after: version }, effects);
        }
        for signal in list.late.drain(..).rev() {
            self.inbox.push_front(signal);
        }
        list.names = None;
        self.finished = Some(list);
    }

    /// The API server is a restored backup: what is known of this kind is worth nothing.
    fn forget(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.known = Known::default();
        self.newest = 0;
        self.resume = 0;
        self.baseline = false;
        self.outbox.clear();
        effects.push(Effect::Due(Cause::WatcherLost));
        self.begin_list(now, Opening::Pages, effects);
    }

    /// Keeps the delete of an object that this list has shown for when the list is handed over. Whether it did.
    pub(super) fn is_late(&mut self, uid: &Uid, version: u64) -> bool {
        let Stage::Listing(list) = &mut self.stage else {
            return false;
        };
        let listed = self.known.version(uid).is_some_and(|(_, listed)| listed);
        if listed {
            list.late.push(Signal::Gone {
                uid: uid.clone(),
                version,
            });
        }
        listed
    }
}
