// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A small model of what stands around the ledger: a cluster, its watchers, a platform, and the sender's rules.
//!
//! Every assertion about what is sent is here. A version stands for an object's state: its JSON is the number.

mod checks;

use std::collections::{BTreeMap, BTreeSet};

use super::{at, change, json};
use crate::ledger::{Change, Dispatch, Ledger, What};
use crate::resource::{KindSet, ResourceKind, Uid};
use crate::wire::EventType;

pub(super) const KINDS: [ResourceKind; 2] = [ResourceKind::Pod, ResourceKind::Secret];

/// Objects by uid: name and version.
pub(super) type Objects = BTreeMap<Uid, (String, u64)>;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Accepted,
    /// Tried again, and not carried out.
    Returned,
    /// Tried again; no answer says whether it was carried out, and it was or wasn't.
    Ambiguous {
        arrived: bool,
    },
    Refused {
        set_aside: bool,
    },
}

/// What becomes of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Accepted,
    /// Accepted at the second try, without the objects that are set aside.
    WithoutSetAside,
    /// The first kind by itself was accepted, the rest wasn't.
    FirstPart,
    Refused,
    Ambiguous {
        arrived: bool,
    },
}

#[derive(Debug, Default)]
struct Kind {
    cluster: Objects,
    /// What its watcher knows: what it offered or listed.
    known: Objects,
    platform: Objects,
    unreadable: bool,
    /// Something of it was dropped at the bound, and no accepted snapshot has brought it since.
    tainted: bool,
    /// Deletes that were open at the bound while it was unreadable.
    kept: BTreeSet<Uid>,
}

#[derive(Debug, Default)]
struct Open {
    spools: BTreeMap<ResourceKind, Objects>,
    missed: bool,
}

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    kinds: BTreeMap<ResourceKind, Kind>,
    flights: BTreeMap<Uid, Dispatch>,
    /// Uids whose delete was accepted.
    dead: BTreeSet<Uid>,
    open: Option<Open>,
    /// The kinds that the last snapshot left out.
    left_out: KindSet,
    clock: u64,
    uids: u64,
}

impl World {
    fn of(&mut self, kind: ResourceKind) -> &mut Kind {
        self.kinds.entry(kind).or_default()
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// An object appears under this name, or the one that is there changes.
    pub(super) fn put(&mut self, kind: ResourceKind, name: &str) {
        let version = self.tick();
        self.uids += 1;
        let fresh = Uid::from(format!("u{}", self.uids).as_str());
        let cluster = &mut self.of(kind).cluster;
        let uid = cluster.iter().find(|(_, (known, _))| known == name);
        let uid = uid.map_or(fresh, |(uid, _)| uid.clone());
        cluster.insert(uid, (name.to_owned(), version));
        self.watch(kind);
    }

    /// The object under this name goes.
    pub(super) fn remove(&mut self, kind: ResourceKind, name: &str) {
        self.of(kind).cluster.retain(|_, (known, _)| known != name);
        self.watch(kind);
    }

    pub(super) fn set_readable(&mut self, kind: ResourceKind, readable: bool) {
        self.of(kind).unreadable = !readable;
        self.watch(kind);
    }

    /// A watcher sees what changed, if it can read, and offers it: deletes before adds.
    fn watch(&mut self, kind: ResourceKind) {
        let of = self.of(kind);
        if of.unreadable {
            return;
        }
        let gone = of.known.iter().filter(|(uid, _)| !of.cluster.contains_key(uid));
        let mut changes: Vec<Change> = gone.map(|(uid, (name, _))| told(uid, name, What::Deleted)).collect();
        for (uid, (name, version)) in &of.cluster {
            let state = json(&version.to_string());
            match of.known.get(uid) {
                None => changes.push(told(uid, name, What::Added(state))),
                Some((_, known)) if known != version => changes.push(told(uid, name, What::Updated(state))),
                Some(_) => {}
            }
        }
        of.known = of.cluster.clone();
        // While a snapshot is open that makes good what was dropped, what its lists don't have is held as ever.
        let refused = self.open.as_ref().map_or(self.ledger.is_lossy(), |open| open.missed);
        for change in changes {
            if refused {
                self.of(kind).tainted = true;
                continue;
            }
            let now = at(self.clock);
            self.ledger.offer(now, kind, change);
        }
    }

    pub(super) fn send(&mut self) -> bool {
        if self.open.is_some() || self.ledger.is_lossy() {
            return false;
        }
        let Some(dispatch) = self.ledger.next() else {
            return false;
        };
        assert!(
            !self.dead.contains(&dispatch.uid),
            "something follows an accepted delete"
        );
        let kind = self.kinds.entry(dispatch.kind).or_default();
        if dispatch.object.is_some() {
            let namesake = |(uid, (name, _)): (&Uid, &(String, u64))| *uid != dispatch.uid && **name == *dispatch.name;
            assert!(
                kind.tainted || !kind.platform.iter().any(namesake),
                "an add before the delete of its name"
            );
        }
        if dispatch.event == EventType::Updated {
            assert!(
                kind.tainted || kind.platform.contains_key(&dispatch.uid),
                "an update of nothing"
            );
        }
        assert_eq!(dispatch.object.is_none(), dispatch.event == EventType::Deleted);
        let before = self.flights.insert(dispatch.uid.clone(), dispatch);
        assert!(before.is_none(), "two requests in flight for one object");
        true
    }

    pub(super) fn answer(&mut self, which: usize, answer: Answer) {
        let Some(uid) = nth(self.flights.keys(), which) else {
            return;
        };
        let dispatch = self.flights.remove(&uid).unwrap();
        match answer {
            Answer::Accepted => {
                self.arrive(&dispatch);
                self.ledger.accepted(&uid);
                if dispatch.object.is_none() {
                    self.of(dispatch.kind).kept.remove(&uid);
                    self.dead.insert(uid);
                }
            }
            Answer::Returned => self.ledger.returned(&uid, false),
            Answer::Ambiguous { arrived } => {
                if arrived {
                    self.arrive(&dispatch);
                }
                self.ledger.returned(&uid, true);
            }
            Answer::Refused { set_aside } => self.ledger.park(&uid, set_aside),
        }
    }

    fn arrive(&mut self, dispatch: &Dispatch) {
        let platform = &mut self.of(dispatch.kind).platform;
        let Some(state) = &dispatch.object else {
            platform.remove(&dispatch.uid);
            return;
        };
        let version: u64 = std::str::from_utf8(state).unwrap().parse().unwrap();
        if let Some((_, held)) = platform.insert(dispatch.uid.clone(), (dispatch.name.to_string(), version)) {
            assert!(held <= version, "a version went back at the platform");
        }
    }

    pub(super) fn park_waiting(&mut self, which: usize) {
        let uids = KINDS.iter().flat_map(|kind| self.ledger.uids_of(*kind));
        let uids: BTreeSet<Uid> = uids.cloned().collect();
        if let Some(uid) = nth(uids.iter(), which) {
            self.ledger.park_waiting(&uid);
        }
    }

    /// Opens a snapshot; what was open before it ends unsent. Opening waits until nothing is in flight.
    pub(super) fn open(&mut self) {
        while !self.flights.is_empty() {
            self.answer(0, Answer::Accepted);
        }
        if self.open.take().is_some() {
            self.ledger.snapshot_ended(false);
        }
        self.open = Some(Open::default());
    }

    /// The kind's list for the open snapshot is whole: what it shows is offered, then the list is handed over.
    pub(super) fn list(&mut self, kind: ResourceKind) {
        if self.open.is_none() || self.of(kind).unreadable {
            return;
        }
        self.watch(kind);
        let objects = self.of(kind).cluster.clone();
        let open = self.open.as_mut().unwrap();
        open.spools.insert(kind, objects);
        self.ledger.cover(kind);
    }

    pub(super) fn end(&mut self, end: End) {
        let Some(open) = self.open.take() else { return };
        let covered: KindSet = open.spools.keys().copied().collect();
        self.left_out = KindSet::ALL.without(covered);
        let set_aside: BTreeSet<Uid> = self.ledger.set_aside().map(|(uid, _)| uid.clone()).collect();
        match end {
            End::Accepted => self.bring(&open, covered, &BTreeSet::new()),
            End::WithoutSetAside => self.bring(&open, covered, &set_aside),
            End::FirstPart => self.bring(&open, covered.iter().take(1).collect(), &BTreeSet::new()),
            End::Refused => {}
            End::Ambiguous { arrived: false } => {}
            End::Ambiguous { arrived: true } => {
                for (kind, objects) in &open.spools {
                    self.replace(*kind, objects.clone());
                }
            }
        }
        self.ledger.snapshot_ended(matches!(end, End::Ambiguous { .. }));
        if matches!(end, End::Accepted | End::WithoutSetAside) {
            self.ledger.set_lossy(open.missed);
        }
    }

    fn bring(&mut self, open: &Open, kinds: KindSet, without: &BTreeSet<Uid>) {
        for kind in kinds.iter() {
            let mut objects = open.spools[&kind].clone();
            objects.retain(|uid, _| !without.contains(uid));
            self.replace(kind, objects);
            let of = self.of(kind);
            of.tainted &= open.missed;
            of.kept.clear();
        }
        self.ledger.snapshot_accepted(kinds, |uid| without.contains(uid));
    }

    fn replace(&mut self, kind: ResourceKind, objects: Objects) {
        let platform = &mut self.of(kind).platform;
        for (uid, (_, version)) in &objects {
            let held = platform.get(uid).map_or(0, |(_, held)| *held);
            assert!(held <= *version, "a version went back at the platform");
        }
        *platform = objects;
    }

    /// The bound is reached.
    pub(super) fn overflow(&mut self) {
        let unreadable = self.left_out;
        for kind in KINDS {
            let open_deletes: Vec<Uid> = self
                .ledger
                .uids_of(kind)
                .filter(|uid| self.ledger.entries[uid].has_open_delete())
                .cloned()
                .collect();
            let of = self.of(kind);
            of.tainted = true;
            if unreadable.contains(kind) {
                of.kept.extend(open_deletes);
            } else {
                // A snapshot can carry it again.
                of.kept.clear();
            }
        }
        self.ledger.overflow(unreadable);
        if let Some(open) = &mut self.open {
            open.missed = !open.spools.is_empty();
        }
    }
}

fn told(uid: &Uid, name: &str, what: What) -> Change {
    Change {
        uid: uid.clone(),
        ..change(name, what)
    }
}

fn nth<'a>(mut uids: impl ExactSizeIterator<Item = &'a Uid>, which: usize) -> Option<Uid> {
    let which = which.checked_rem(uids.len())?;
    uids.nth(which).cloned()
}
