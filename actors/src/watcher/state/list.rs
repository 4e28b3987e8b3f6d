// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! While a list is read: whether it is to be believed, what it tells of snapshot `n`, and what it shows to be gone.

use std::collections::{HashMap, VecDeque};

use obsyk_domain::ledger::{Change, What};
use obsyk_domain::ports::Opening;
use obsyk_domain::resource::{Body, ClusterFacts, Sighting, Uid};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::{Spool, SpoolWriter};
use obsyk_domain::time::Moment;

use super::outbox::tombstone;
use super::{Effect, Stage, WatcherState};
use crate::inspect::ListWhy;
use crate::watcher::known::Known;

/// A list that is being read, or is whole.
#[derive(Debug)]
pub(super) struct List {
    pub(super) form: Opening,
    why: ListWhy,
    began: Moment,
    /// The objects for snapshot `n`, when the list is for one.
    spool: Option<SpoolWriter>,
    facts: ClusterFacts,
    /// By name, what is known and not yet in this list: built when the first unknown object is listed.
    names: Option<HashMap<u64, Uid>>,
    /// What it has shown to be new: to be offered when it is whole, since it may turn out to be older than what was told.
    pub(super) held: Held,
    /// From the first change of an object that the list had shown already, all that was told. (A server ends a streamed
    /// list up to a second after its last object, and tells in between what changes.) The spool can't take it back.
    late: Vec<Late>,
    /// What that means, to be offered when the list is handed over.
    pub(super) after: VecDeque<Change>,
}

/// New objects are kept up to this many bytes until their list is whole. Those of a list that has more are offered at once:
/// a wrong order after a restored backup is the smaller evil than memory without bound, and the daily snapshot mends it.
const MOST_HELD: usize = 1024 * 1024;

/// Changes that wait for their list to be whole.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) changes: VecDeque<Change>,
    bytes: usize,
}

impl Held {
    fn has_room(&self) -> bool {
        self.bytes < MOST_HELD
    }

    fn push(&mut self, change: Change) {
        if let What::Added(json) = &change.what {
            self.bytes += json.len() + size_of::<Change>();
        }
        self.changes.push_back(change);
    }
}

#[derive(Debug)]
enum Late {
    Put(Sighting),
    Gone(Uid),
}

impl List {
    /// The object that is known under the name of this unknown one, and its version.
    fn namesake(&mut self, known: &Known, sighting: &Sighting) -> Option<(Uid, u64)> {
        let names = self.names.get_or_insert_with(|| known.unseen_names());
        let uid = names.get(&Known::name_hash(sighting.namespace.as_deref(), &sighting.name))?;
        let (version, listed) = known.version(uid)?;
        (!listed).then(|| (uid.clone(), version))
    }

    pub(super) fn into_parts(self) -> (ClusterFacts, Option<Spool>) {
        (self.facts, self.spool.map(SpoolWriter::finish))
    }
}

impl WatcherState {
    pub(super) fn begin_list(&mut self, now: Moment, form: Opening, why: ListWhy, effects: &mut Vec<Effect>) {
        self.known.begin_list();
        self.turn_to(Stage::Listing(Box::new(List {
            form,
            why,
            began: now,
            spool: self.wanted.then(SpoolWriter::default),
            facts: ClusterFacts::default(),
            names: None,
            held: Held::default(),
            late: Vec::new(),
            after: VecDeque::new(),
        })));
        self.tally.list_begins(form, why);
        self.progress = now;
        self.open(now, form, effects);
    }

    pub(super) fn listed(&mut self, now: Moment, sighting: Sighting, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &mut self.stage else { return };
        let known = self.known.version(&sighting.uid);
        if !list.late.is_empty() || known.is_some_and(|(_, listed)| listed) {
            list.late.push(Late::Put(sighting));
            return;
        }
        let namesake = match known {
            None if self.baseline => list.namesake(&self.known, &sighting),
            Some(_) | None => None,
        };
        // A name is held from an object's creation to its end: an older object can't follow a newer one under it.
        let seen = known.map(|(version, _)| version);
        let older = seen.or(namesake.as_ref().map(|(_, version)| *version)) > Some(sighting.version);
        let may_be_gone = known.is_none() && sighting.version <= self.resume;
        match list.form {
            Opening::Stream if older || may_be_gone => {
                self.begin_list(now, Opening::Pages, ListWhy::Stale, effects);
                return;
            }
            Opening::Pages if older => {
                self.forget(now, effects);
                return;
            }
            // A quorum read. What it has and isn't known was missed, or was told to be gone and a backup has it again: then its
            // add must not follow its delete. A snapshot is right for both.
            Opening::Pages if may_be_gone && self.baseline => {
                self.start_anew(now, effects);
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
        // Two objects can't have one name: the one that had it is gone, and that is told first.
        if let Some(gone) = namesake.and_then(|(uid, _)| self.known.remove(&uid)) {
            tombstone(&mut self.outbox, self.baseline, gone);
        }
        let change = self.learn(sighting);
        self.hold(change);
    }

    /// Offers what a list has shown to be changed, and keeps what it has shown to be new.
    fn hold(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        match &mut self.stage {
            Stage::Listing(list) if matches!(change.what, What::Added(_)) && list.held.has_room() => {
                list.held.push(change)
            }
            _ => self.outbox.push_back(change),
        }
    }

    pub(super) fn list_end(&mut self, now: Moment, version: u64, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &self.stage else { return };
        let form = list.form;
        if version < self.newest.max(self.resume) {
            if form == Opening::Stream {
                self.begin_list(now, Opening::Pages, ListWhy::Stale, effects);
            } else {
                self.forget(now, effects);
            }
            return;
        }
        let Stage::Listing(mut list) = std::mem::replace(&mut self.stage, Stage::Watching) else {
            return;
        };
        for late in &list.late {
            if let Late::Put(sighting) = late {
                self.known.see_late(&sighting.uid);
            }
        }
        self.bury_unseen();
        self.outbox.append(&mut list.held.changes);
        self.tally.list_ends(now, form, list.why, list.began);
        self.newest = version;
        self.resume = version;
        // The watch begins here, in the same stream or in one of its own.
        self.opened = now;
        // Until a snapshot has had a list of this kind, its changes say nothing: the platform may hold what was forgotten.
        self.baseline |= list.spool.is_some();
        self.unreadable = None;
        if self.wanted {
            self.stalled = false;
            self.failures.reset();
            self.denials.reset();
        }
        self.wanted = false;
        self.trouble = None;
        self.fruitless = 0;
        if form == Opening::Pages {
            self.open(now, Opening::Watch { after: version }, effects);
        }
        list.names = None;
        let before = std::mem::take(&mut self.outbox);
        for late in std::mem::take(&mut list.late) {
            self.late(late);
        }
        list.after = std::mem::replace(&mut self.outbox, before);
        self.finished = Some(*list);
    }

    /// What the list hasn't shown is gone.
    pub(super) fn bury_unseen(&mut self) {
        let (outbox, baseline) = (&mut self.outbox, self.baseline);
        self.known.remove_unseen(|gone| tombstone(outbox, baseline, gone));
    }

    fn late(&mut self, late: Late) {
        match late {
            Late::Put(sighting) => {
                let known = self.known.version(&sighting.uid);
                if known.is_none_or(|(version, _)| version <= sighting.version) {
                    let change = self.learn(sighting);
                    self.outbox.extend(change);
                }
            }
            Late::Gone(uid) => {
                if let Some(gone) = self.known.remove(&uid) {
                    tombstone(&mut self.outbox, self.baseline, gone);
                }
            }
        }
    }

    /// The API server is a restored backup: what is known of this kind is worth nothing. Until a snapshot has told what there is,
    /// nothing may be told of single objects: the platform may have accepted the delete of one that is there again.
    pub(super) fn forget(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.newest = 0;
        self.resume = 0;
        self.start_anew(now, effects);
    }

    /// What is known of this kind is worth nothing, and only a snapshot tells what there is. What was seen stays the measure
    /// of whether a list is older.
    fn start_anew(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.known = Known::default();
        self.baseline = false;
        self.outbox.clear();
        effects.push(Effect::Due(Cause::WatcherLost));
        if self.wanted {
            self.begin_list(now, Opening::Pages, ListWhy::Forgotten, effects);
        } else {
            self.turn_to(Stage::Idle);
            self.close(effects);
        }
    }

    /// Keeps a delete for when the list is handed over, when it may be of what its spool has. Whether it did.
    pub(super) fn is_late(&mut self, uid: &Uid) -> bool {
        let Stage::Listing(list) = &mut self.stage else {
            return false;
        };
        let late = !list.late.is_empty() || self.known.version(uid).is_some_and(|(_, listed)| listed);
        if late {
            list.late.push(Late::Gone(uid.clone()));
        }
        late
    }
}
