// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A cluster: etcd with its revisions, and what an API server makes of it.
//!
//! Watchers see the cluster through a [`Feed`], whose signals can be late, cut off, lost, doubled
//! or out of order, as the [`Api`]'s weather has it.

mod feed;
mod object;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::ports::ReadError;
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::time::Moment;

pub use feed::Feed;
pub use object::{Change, Health, Object};

/// How the API server behaves just now.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// It can't be reached.
    pub down: bool,
    /// It takes so long for each object of a list.
    pub slow: Duration,
    /// It is busy: 429 or 503, with or without `Retry-After`.
    pub busy: Option<Option<Duration>>,
    /// It doesn't stream lists.
    pub no_streams: bool,
    /// Streams that open now are so many revisions behind.
    pub lag: u64,
    /// The probability that a watch event is lost, that a delete is, that one comes twice, and that two change places.
    pub lost: f64,
    /// See [`Self::lost`].
    pub lost_deletes: f64,
    /// See [`Self::lost`].
    pub doubled: f64,
    /// See [`Self::lost`].
    pub swapped: f64,
    /// Kinds that may not be read.
    pub forbidden: KindSet,
    /// Kinds that it doesn't know.
    pub absent: KindSet,
    /// Streamed lists never end: they go on with what changes.
    pub endless: bool,
    /// Watches of this kind are refused, or closed at once when there is no error.
    pub refused_watch: Option<(ResourceKind, Option<ReadError>)>,
    /// Watches of this kind end with 410 after one event.
    pub expiring_watch: Option<ResourceKind>,
}

impl Api {
    /// Returns true if watches may lose, double or swap events.
    pub fn loses(&self) -> bool {
        self.lost + self.lost_deletes + self.doubled + self.swapped > 0.0
    }
}

/// One kind's objects, now and before.
#[derive(Debug, Default)]
struct Kind {
    now: BTreeMap<Rc<str>, (u64, Rc<Object>)>,
    history: Vec<Change>,
    /// Since when it can be read without trouble, and since when it can't be read at all.
    readable: Option<Moment>,
    unreadable: Option<Moment>,
}

/// See the module's page.
#[derive(Debug)]
pub struct Cluster {
    first: u64,
    head: u64,
    floor: u64,
    kinds: BTreeMap<ResourceKind, Kind>,
    uids: u64,
    contents: u64,
    gone: HashSet<Rc<str>>,
    /// Which revision each restored backup went back to.
    restores: Vec<u64>,
    /// How the API server behaves.
    pub api: Api,
    /// Changes that nobody has taken notice of.
    fresh: Vec<(ResourceKind, Change)>,
}

impl Cluster {
    /// A cluster without objects of these kinds, whose versions begin after `first`.
    pub fn new(kinds: &[ResourceKind], first: u64) -> Self {
        let kind = || Kind {
            readable: Some(Moment::START),
            ..Kind::default()
        };
        Self {
            first,
            head: first,
            floor: 0,
            kinds: kinds.iter().map(|it| (*it, kind())).collect(),
            uids: 0,
            contents: 0,
            gone: HashSet::new(),
            restores: Vec::new(),
            api: Api::default(),
            fresh: Vec::new(),
        }
    }

    /// The kinds that it has objects of.
    pub fn kinds(&self) -> impl Iterator<Item = ResourceKind> {
        self.kinds.keys().copied()
    }

    /// The objects of a kind.
    pub fn objects(&self, kind: ResourceKind) -> impl Iterator<Item = &Rc<Object>> {
        self.kinds
            .get(&kind)
            .into_iter()
            .flat_map(|it| it.now.values().map(|(_, object)| object))
    }

    /// How many there are.
    pub fn count(&self, kind: ResourceKind) -> usize {
        self.kinds.get(&kind).map_or(0, |it| it.now.len())
    }

    /// The state of an object as it is now.
    pub fn get(&self, kind: ResourceKind, uid: &str) -> Option<(u64, &Rc<Object>)> {
        let (version, object) = self.kinds.get(&kind)?.now.get(uid)?;
        Some((*version, object))
    }

    /// Returns true if this object was deleted at some time, or vanished with a restore.
    pub fn was_gone(&self, uid: &str) -> bool {
        self.gone.contains(uid)
    }

    fn write(&mut self, kind: ResourceKind, object: Rc<Object>, gone: bool) {
        self.head += 1;
        let version = self.head;
        let Some(it) = self.kinds.get_mut(&kind) else { return };
        if gone {
            it.now.remove(&object.uid);
            self.gone.insert(Rc::clone(&object.uid));
        } else {
            it.now.insert(Rc::clone(&object.uid), (version, Rc::clone(&object)));
        }
        let change = Change { version, object, gone };
        self.fresh.push((kind, change.clone()));
        it.history.push(change);
    }

    /// Takes the changes since the last call.
    pub fn take_fresh(&mut self) -> Vec<(ResourceKind, Change)> {
        std::mem::take(&mut self.fresh)
    }

    /// Creates an object under a name that nobody has.
    pub fn create(&mut self, kind: ResourceKind, name: &str, padding: usize) {
        self.uids += 1;
        self.contents += 1;
        let object = Object {
            uid: format!("00000000-0000-4000-8000-{:012x}", self.uids).into(),
            namespace: object::namespace_of(kind),
            name: name.into(),
            content: self.contents,
            padding,
            health: Health::Good,
        };
        self.write(kind, Rc::new(object), false);
    }

    /// Changes what an object says.
    pub fn update(&mut self, kind: ResourceKind, object: &Object) {
        self.contents += 1;
        let content = self.contents;
        self.write(
            kind,
            Rc::new(Object {
                content,
                ..object.clone()
            }),
            false,
        );
    }

    /// Changes something of an object that isn't collected.
    pub fn touch(&mut self, kind: ResourceKind, object: &Rc<Object>) {
        self.write(kind, Rc::clone(object), false);
    }

    /// An object can be decoded from now on, or can't.
    pub fn set_health(&mut self, kind: ResourceKind, object: &Object, health: Health) {
        self.update(
            kind,
            &Object {
                health,
                ..object.clone()
            },
        );
    }

    /// Deletes an object.
    pub fn delete(&mut self, kind: ResourceKind, object: &Rc<Object>) {
        self.write(kind, Rc::clone(object), true);
    }

    /// Forgets the past.
    pub fn compact(&mut self) {
        self.floor = self.head;
    }

    /// Goes back by so many revisions, as a restored backup has it.
    pub fn restore(&mut self, back: u64) {
        self.head = self.head.saturating_sub(back).max(self.first);
        self.restores.push(self.head);
        self.floor = self.floor.min(self.head);
        for it in self.kinds.values_mut() {
            it.history.retain(|change| change.version <= self.head);
            let mut now = BTreeMap::new();
            replay(&it.history, self.head, &mut now);
            let vanished = it.now.keys().filter(|uid| !now.contains_key(*uid));
            self.gone.extend(vanished.cloned());
            it.now = now;
        }
    }

    /// How often it was restored from a backup.
    pub fn restores(&self) -> usize {
        self.restores.len()
    }

    /// Returns true if a revision that was told after so many restores is the name of another past by now.
    fn is_overtaken(&self, version: u64, told_after: usize) -> bool {
        let later = self.restores.get(told_after..).unwrap_or_default();
        later.iter().any(|back_to| version > *back_to)
    }

    /// A kind's objects at a revision.
    fn at(&self, kind: ResourceKind, version: u64) -> BTreeMap<Rc<str>, (u64, Rc<Object>)> {
        let mut then = BTreeMap::new();
        if let Some(it) = self.kinds.get(&kind) {
            if version >= self.head {
                return it.now.clone();
            }
            replay(&it.history, version, &mut then);
        }
        then
    }

    /// A kind's changes after a revision.
    fn changes(&self, kind: ResourceKind, after: u64) -> &[Change] {
        self.kinds
            .get(&kind)
            .and_then(|it| {
                it.history
                    .get(it.history.partition_point(|change| change.version <= after)..)
            })
            .unwrap_or_default()
    }

    /// Says since when each kind can be read, after the weather has changed.
    pub fn note_readability(&mut self, now: Moment) {
        let calm = !self.api.down && self.api.busy.is_none() && self.api.slow.is_zero();
        for (kind, it) in &mut self.kinds {
            let denied = self.api.forbidden.contains(*kind) || self.api.absent.contains(*kind);
            let broken = it.now.values().any(|(_, object)| object.health == Health::BadMetadata);
            keep(&mut it.readable, calm && !denied && !broken, now);
            keep(&mut it.unreadable, denied, now);
        }
    }

    /// Something goes wrong while a kind is read.
    pub fn disturb(&mut self, kind: ResourceKind, now: Moment) {
        if let Some(it) = self.kinds.get_mut(&kind) {
            it.readable = it.readable.map(|_| now);
        }
    }

    /// Since when the kind can be read without any trouble.
    pub fn readable_since(&self, kind: ResourceKind) -> Option<Moment> {
        self.kinds.get(&kind)?.readable
    }

    /// Since when the kind is forbidden or unknown.
    pub fn unreadable_since(&self, kind: ResourceKind) -> Option<Moment> {
        self.kinds.get(&kind)?.unreadable
    }
}

fn keep(since: &mut Option<Moment>, holds: bool, now: Moment) {
    *since = holds.then(|| since.unwrap_or(now));
}

fn replay(history: &[Change], until: u64, objects: &mut BTreeMap<Rc<str>, (u64, Rc<Object>)>) {
    for change in history.iter().take_while(|change| change.version <= until) {
        if change.gone {
            objects.remove(&change.object.uid);
        } else {
            let object = Rc::clone(&change.object);
            objects.insert(Rc::clone(&object.uid), (change.version, object));
        }
    }
}
