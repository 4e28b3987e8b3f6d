// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The watchers' side: streams that they open, what they are handed, and when each kind is listed.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use obsyk_domain::ports::{Opening, ReadError, Signal};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::{ActorId, Happening, World, whole_millis};
use crate::cluster::Feed;
use crate::coverage::Reached;
use crate::saboteur::Bug;

/// A state that a watcher was handed.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    pub(crate) kind: ResourceKind,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) name: Rc<str>,
    pub(crate) version: u64,
    /// The content, or that the object is gone or cannot be decoded.
    pub(crate) state: HandedState,
}

/// See [`Handed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandedState {
    Says(u64),
    Gone,
    Skipped,
}

/// The lists of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListTimes {
    /// When the last one was asked for.
    pub(crate) asked: Moment,
    /// When the last whole one was asked for, and when it ended.
    pub(crate) whole: Option<(Moment, Moment)>,
    /// How many backups had been restored when the newest version was handed over.
    pub(crate) era: usize,
    /// The newest version that was handed over.
    pub(crate) newest: u64,
}

/// The lists of each kind, since the process started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists(BTreeMap<ResourceKind, ListTimes>);

impl Lists {
    pub(crate) fn of(&self, kind: ResourceKind) -> Option<&ListTimes> {
        self.0.get(&kind)
    }
}

impl World {
    pub(crate) fn open_feed(&mut self, watcher: ActorId, kind: ResourceKind, opening: Opening) -> u64 {
        let number = self.next_id();
        let now = self.now();
        self.record(|| format!("{watcher:?} opens {kind} {opening:?}"));
        if !matches!(opening, Opening::Watch { .. }) {
            self.list_asked(kind, now);
        }
        let times = self.lists.of(kind).copied().unwrap_or_default();
        self.feeds
            .insert(number, Feed::new(kind, opening, times.era, times.newest));
        let takes = self.dice.millis(1, 20);
        self.plan_feed(number, takes);
        number
    }

    fn list_asked(&mut self, kind: ResourceKind, now: Moment) {
        let times = self.lists.0.entry(kind).or_default();
        times.asked = now;
        self.expect.list_begins(now, kind);
        let mut flies = false;
        for sender in self.senders.values_mut() {
            sender.rules.list_asked(now, kind);
            flies |= sender.rules.has_event_in_flight(kind);
        }
        if flies {
            self.coverage.reach(Reached::EventInFlightWhenListBegins);
        }
        if self.saboteur.is(Bug::EventDuringSnapshot) {
            let last = self.senders.iter().find_map(|(id, sender)| {
                let said = sender.last_accepted.as_ref().filter(|said| said.is_event_of(kind))?;
                sender.forged(*id, Some(said.clone()))
            });
            if let Some(forged) = last {
                self.plan_in(Duration::from_millis(1), Happening::Forge(Box::new(forged)));
            }
        }
    }

    /// An actor pulls its stream.
    pub(crate) fn pull(&mut self, number: u64, waker: &Waker) -> Poll<Option<Signal>> {
        let Some(feed) = self.feeds.get_mut(&number) else {
            return Poll::Ready(None);
        };
        let kind = feed.kind();
        let Some((signal, handed)) = feed.next() else {
            if feed.is_over() {
                return Poll::Ready(None);
            }
            feed.waker = Some(waker.clone());
            return Poll::Pending;
        };
        let era = feed.era;
        if let Some(times) = self.lists.0.get_mut(&kind) {
            times.era = era;
        }
        if let Some((uid, handed)) = handed {
            self.hand_over(uid, handed);
        }
        match &signal {
            Signal::ListEnd { .. } => {
                let now = self.now();
                if let Some(times) = self.lists.0.get_mut(&kind) {
                    times.whole = Some((times.asked, now));
                }
            }
            Signal::Failed(ReadError::Expired) if self.inspection.snapshot_is_open() => {
                self.coverage.reach(Reached::ExpiredWhileSnapshotIsOpen);
            }
            _ => {}
        }
        Poll::Ready(Some(signal))
    }

    fn hand_over(&mut self, uid: Rc<str>, handed: Handed) {
        let newer = self.handed.get(&uid).is_none_or(|known| known.version < handed.version);
        let newest = self.lists.0.entry(handed.kind).or_default();
        newest.newest = newest.newest.max(handed.version);
        if newer {
            let now = self.now();
            self.pending.handed(now, &uid, &handed);
            if handed.state == HandedState::Gone {
                self.record(|| format!("{} {uid} is gone", handed.kind));
            }
            if self.pending.has_namesakes() {
                self.coverage.reach(Reached::NamesakesOwed);
            }
            self.handed.insert(uid, handed);
        }
    }

    /// Something comes on a stream.
    pub(crate) fn feed(&mut self, number: u64, at: Moment) {
        let now = self.now();
        let Some(feed) = self.feeds.get_mut(&number).filter(|feed| feed.planned == Some(at)) else {
            return;
        };
        feed.planned = None;
        let again = feed.advance(now, &self.cluster, &mut self.dice, &self.saboteur, &mut self.coverage);
        self.overtaken |= feed.overtaken;
        let forged = std::mem::take(&mut feed.forged_deletes);
        if feed.has_news()
            && let Some(waker) = feed.waker.take()
        {
            waker.wake();
        }
        for uid in forged {
            self.forge_delete(&uid);
        }
        if let Some(wait) = again {
            self.plan_feed(number, wait);
        }
    }

    /// Something will come on a stream, after this wait or sooner.
    pub(crate) fn plan_feed(&mut self, number: u64, wait: Duration) {
        let at = whole_millis(self.now() + wait);
        if let Some(feed) = self.feeds.get_mut(&number)
            && feed.planned.is_none_or(|planned| at < planned)
        {
            feed.planned = Some(at);
            self.plan_at(at, Happening::Feed(number, at));
        }
    }

    /// Objects of a kind changed: its streams will say so.
    pub(crate) fn stir(&mut self, kind: ResourceKind) {
        let feeds: Vec<u64> = self
            .feeds
            .iter()
            .filter(|(_, feed)| feed.kind() == kind)
            .map(|(number, _)| *number)
            .collect();
        for number in feeds {
            let takes = self.dice.millis(1, 20);
            self.plan_feed(number, takes);
        }
    }

    /// The cluster's changes are owed to the platform from the moment at which they are written.
    pub(crate) fn owe_changes(&mut self) {
        let now = self.now();
        for (kind, change) in self.cluster.take_fresh() {
            let state = match (change.gone, change.object.is_good()) {
                (true, _) => HandedState::Gone,
                (false, true) => HandedState::Says(change.object.content),
                (false, false) => HandedState::Skipped,
            };
            let handed = Handed {
                kind,
                namespace: change.object.namespace,
                name: Rc::clone(&change.object.name),
                version: change.version,
                state,
            };
            self.owed.handed(now, &change.object.uid, &handed);
        }
    }
}
