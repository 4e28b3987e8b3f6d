// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The changes that watchers were handed and the first platform lacks, each with its age.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::expect::Expectations;
use crate::platform::{Platform, RequestContent};
use crate::world::{Handed, HandedState, IN_FORCE};

/// Changes that are handed over within this time may overtake each other.
const PATIENCE: Duration = Duration::from_secs(15);

/// A watcher has offered a change this long after it was handed over: messages are held back for up to 50 ms.
const OFFERED: Duration = Duration::from_millis(200);

/// Kind, namespace and name.
type Place = (ResourceKind, Option<&'static str>, Rc<str>);

/// A change that the platform has not been told.
#[derive(Debug)]
pub(crate) struct Waiting {
    kind: ResourceKind,
    place: Place,
    is_new: bool,
    /// States that the platform does not have, and when each was handed over; none for gone.
    pub(crate) states: VecDeque<(Option<u64>, Moment)>,
    /// When the first of all its changes that wait was handed over: its place in the queue.
    place_since: Moment,
    /// A request about it failed or was refused: it may wait behind others.
    failed: bool,
}

/// The differences between what watchers were handed and what the first platform has.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) objects: BTreeMap<Rc<str>, Waiting>,
    has: HashMap<String, (ResourceKind, u64)>,
    /// Waiting objects by kind, namespace and name.
    names: BTreeMap<Place, BTreeSet<Rc<str>>>,
    /// Waiting objects with the name that was handed over last.
    shared_names: usize,
    /// The most that waited at once since the last quiet time.
    pub(crate) most: usize,
    /// Changes before this moment may be lost: an actor died, or the resource was edited.
    forgotten_before: Moment,
    /// Changes from this moment on may be lost: a watcher died.
    unoffered_from: Option<Moment>,
    /// The same for kinds that a snapshot makes good: the ledger's bound was reached.
    overflowed: BTreeMap<ResourceKind, Moment>,
    /// The last change that was told by an event: when it was handed over.
    last_event: Moment,
}

impl Pending {
    /// A watcher is handed a state.
    pub(crate) fn handed(&mut self, now: Moment, uid: &Rc<str>, handed: &Handed) {
        self.shared_names = 0;
        let has = self.has.get(&**uid).map(|(_, content)| *content);
        let state = match handed.state {
            HandedState::Says(content) if has.is_some_and(|has| has >= content) => return,
            HandedState::Gone if has.is_none() => return self.done(uid),
            HandedState::Skipped => return self.done(uid),
            HandedState::Says(content) => Some(content),
            HandedState::Gone => None,
        };
        let place = (handed.kind, handed.namespace, Rc::clone(&handed.name));
        let waiting = self.objects.entry(Rc::clone(uid)).or_insert_with(|| Waiting {
            kind: handed.kind,
            place: place.clone(),
            is_new: has.is_none(),
            states: VecDeque::new(),
            place_since: now,
            failed: false,
        });
        if state.is_none() {
            waiting.states.clear();
        }
        waiting.states.push_back((state, now));
        let same = self.names.entry(place).or_default();
        same.insert(Rc::clone(uid));
        self.shared_names = same.len();
    }

    /// Changes until now may be lost. Children of a dead actor may read on for a moment, and an edit takes
    /// effect after one.
    pub(crate) fn forget(&mut self, now: Moment) {
        self.forgotten_before = now + IN_FORCE;
    }

    /// The ledger's bound was reached: a snapshot tells what is gone of these kinds.
    pub(crate) fn overflowed(&mut self, now: Moment, kinds: impl Iterator<Item = ResourceKind>) {
        self.overflowed.extend(kinds.map(|kind| (kind, now)));
    }

    /// A watcher died: deletes that it has not offered are lost with it, and so are those until all kinds are carried again.
    pub(crate) fn watcher_died(&mut self, now: Moment) {
        let offered = Moment::at(now.elapsed().saturating_sub(OFFERED));
        self.unoffered_from.get_or_insert(offered);
    }

    /// A snapshot with all kinds was accepted.
    pub(crate) fn all_carried(&mut self) {
        self.unoffered_from = None;
    }

    /// A request about an object was not accepted.
    pub(crate) fn failed(&mut self, uid: &str) {
        if let Some(waiting) = self.objects.get_mut(uid) {
            waiting.failed = true;
        }
    }

    /// A delete that was passed over: later changes were told, and no snapshot can tell it, since none has its kind.
    pub(crate) fn passed_over(
        &self,
        carried: impl Fn(ResourceKind) -> bool,
        flies: impl Fn(&str) -> bool,
    ) -> Option<&Rc<str>> {
        self.objects.iter().find_map(|(uid, waiting)| {
            let (state, since) = waiting.states.front()?;
            let passed_over = state.is_none()
                && !waiting.failed
                && *since > self.forgotten_before
                && self.unoffered_from.is_none_or(|from| *since < from)
                && self.overflowed.get(&waiting.kind).is_none_or(|at| since > at)
                && *since + PATIENCE < self.last_event
                && !carried(waiting.kind)
                && !flies(uid);
            passed_over.then_some(uid)
        })
    }

    /// Returns true if the last object that was handed over shares its name with another one that waits.
    pub(crate) fn has_namesakes(&self) -> bool {
        self.shared_names > 1
    }

    fn done(&mut self, uid: &str) {
        if let Some(waiting) = self.objects.remove(uid)
            && let Some(same) = self.names.get_mut(&waiting.place)
        {
            same.remove(uid);
            if same.is_empty() {
                self.names.remove(&waiting.place);
            }
        }
    }

    /// A request arrived at the platform.
    pub(crate) fn arrived(
        &mut self,
        now: Moment,
        said: &RequestContent,
        platform: &Platform,
        mut expect: Option<&mut Expectations>,
    ) {
        match said {
            RequestContent::Heartbeat => {}
            RequestContent::Event(event) => {
                if let Some(waiting) = self.objects.get(&*event.uid) {
                    self.last_event = self.last_event.max(waiting.place_since);
                }
                self.settle(now, &event.uid, platform, expect);
            }
            RequestContent::Snapshot(snapshot) => {
                self.has.retain(|_, (kind, _)| !snapshot.lists.contains_key(kind));
                for (uid, told) in platform.objects() {
                    self.has.insert(uid.clone(), (told.kind, told.content));
                }
                let uids: Vec<Rc<str>> = self
                    .objects
                    .iter()
                    .filter(|(_, waiting)| snapshot.lists.contains_key(&waiting.kind))
                    .map(|(uid, _)| Rc::clone(uid))
                    .collect();
                for uid in uids {
                    self.settle(now, &uid, platform, expect.as_deref_mut());
                }
            }
        }
    }

    fn settle(&mut self, now: Moment, uid: &str, platform: &Platform, mut expect: Option<&mut Expectations>) {
        let has = platform.objects().get(uid).map(|told| (told.kind, told.content));
        match has {
            Some(has) => self.has.insert(uid.to_owned(), has),
            None => self.has.remove(uid),
        };
        let Some(waiting) = self.objects.get_mut(uid) else {
            return;
        };
        while let Some((state, since)) = waiting.states.front() {
            let told = match (state, has) {
                (Some(content), Some((_, has))) => has >= *content,
                (None, None) => true,
                _ => false,
            };
            if !told {
                break;
            }
            if let Some(expect) = &mut expect {
                expect.told(now, *since, waiting.is_new && state.is_some());
            }
            waiting.states.pop_front();
            waiting.is_new = false;
            waiting.place_since = waiting.states.front().map_or(now, |(_, since)| *since);
        }
        if waiting.states.is_empty() {
            self.done(uid);
        }
    }
}
