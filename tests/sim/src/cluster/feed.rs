// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A watcher's stream, with its faults.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use obsyk_domain::ports::{Opening, ReadError, Signal};
use obsyk_domain::resource::{Body, ResourceKind, Told, read_line};
use obsyk_domain::time::Moment;

use super::{Change, Cluster, Object};
use crate::coverage::{Coverage, Reached};
use crate::dice::Dice;
use crate::saboteur::{Bug, Saboteur};
use crate::world::{Handed, HandedState};

/// A watch is ended by the server after five to ten minutes.
const WATCH: (u64, u64) = (300, 600);

#[derive(Debug)]
enum Stage {
    Opening(Opening),
    Listing {
        form: Opening,
        items: VecDeque<(u64, Rc<Object>)>,
        listed: Vec<(u64, Rc<Object>)>,
        version: u64,
    },
    Watching {
        after: u64,
        until: Moment,
    },
    Over,
}

/// A signal, and the state of an object that it hands over.
type FeedItem = (Signal, Option<(Rc<str>, Handed)>);

/// A stream that a watcher has open.
#[derive(Debug)]
pub struct Feed {
    kind: ResourceKind,
    stage: Stage,
    /// Revisions that its API server is behind.
    lag: u64,
    ready: VecDeque<FeedItem>,
    /// The newest version that was handed over of this kind before.
    seen: u64,
    pub(crate) waker: Option<Waker>,
    /// Objects that a saboteur reports as gone.
    pub(crate) forged_deletes: Vec<Rc<str>>,
    /// How many restores there were when its versions were told.
    pub era: usize,
    /// It goes on from a version that is of a past which a restored backup doesn't have, and nothing shows it.
    pub overtaken: bool,
    /// When something will come on it.
    pub planned: Option<Moment>,
}

impl Feed {
    /// A stream that is asked for, by one who has its version from this era.
    pub fn new(kind: ResourceKind, opening: Opening, era: usize, seen: u64) -> Self {
        Self {
            kind,
            stage: Stage::Opening(opening),
            lag: 0,
            ready: VecDeque::new(),
            seen,
            waker: None,
            forged_deletes: Vec::new(),
            era,
            overtaken: false,
            planned: None,
        }
    }

    /// The kind.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// Takes the next signal, and the state that it hands over.
    pub(crate) fn next(&mut self) -> Option<FeedItem> {
        self.ready.pop_front()
    }

    /// Returns true if it ended, with nothing left to take.
    pub fn is_over(&self) -> bool {
        self.ready.is_empty() && matches!(self.stage, Stage::Over)
    }

    /// Returns true if there is something to take.
    pub fn has_news(&self) -> bool {
        !self.ready.is_empty() || matches!(self.stage, Stage::Over)
    }

    fn say(&mut self, signal: Signal) {
        self.ready.push_back((signal, None));
    }

    /// Ends it, with an error or without one.
    pub(crate) fn cut(&mut self, error: Option<ReadError>, saboteur: &Saboteur) {
        let half = match &self.stage {
            Stage::Over => return,
            Stage::Listing { items, version, .. } if !items.is_empty() => Some((*version, items)),
            Stage::Opening(_) | Stage::Listing { .. } | Stage::Watching { .. } => None,
        };
        if let Some((version, items)) = half {
            if saboteur.is(Bug::HalfListCountedAsWhole) {
                self.stage = Stage::Over;
                self.say(Signal::ListEnd { version });
                return;
            }
            if saboteur.is(Bug::TombstonesAfterFailedList) {
                let unlisted = items.iter().take(3).map(|(_, object)| Rc::clone(&object.uid));
                self.forged_deletes.extend(unlisted);
            }
        }
        self.stage = Stage::Over;
        if let Some(error) = error {
            self.say(Signal::Failed(error));
        }
    }

    /// The past was compacted: a stream that reads from it may be told so.
    pub(crate) fn expire(&mut self, dice: &mut Dice, saboteur: &Saboteur) {
        let likely = match &self.stage {
            Stage::Listing {
                form: Opening::Pages, ..
            } => 0.7,
            Stage::Watching { .. } => 0.5,
            Stage::Opening(_) | Stage::Listing { .. } | Stage::Over => 0.0,
        };
        if dice.happens(likely) {
            self.cut(Some(ReadError::Expired), saboteur);
        }
    }

    /// Takes in what the API server has for it: when there is more; none before something changes.
    pub(crate) fn advance(
        &mut self,
        now: Moment,
        cluster: &Cluster,
        dice: &mut Dice,
        saboteur: &Saboteur,
        coverage: &mut Coverage,
    ) -> Option<Duration> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                let opening = *opening;
                self.open(now, opening, cluster, dice, saboteur, coverage);
                Some(dice.millis(1, 5))
            }
            Stage::Listing { .. } => self.list(now, cluster, dice, saboteur, coverage),
            Stage::Watching { .. } => self.watch(now, cluster, dice, saboteur),
            Stage::Over => None,
        }
    }

    fn open(
        &mut self,
        now: Moment,
        opening: Opening,
        cluster: &Cluster,
        dice: &mut Dice,
        saboteur: &Saboteur,
        coverage: &mut Coverage,
    ) {
        let api = &cluster.api;
        let refusal = if api.down {
            Some(ReadError::Unreachable)
        } else if api.forbidden.contains(self.kind) {
            Some(ReadError::Forbidden)
        } else if api.absent.contains(self.kind) {
            Some(ReadError::Absent)
        } else if let Some(wait) = api.busy {
            Some(ReadError::Busy { wait })
        } else if api.no_streams && opening == Opening::Stream {
            Some(ReadError::Unsupported)
        } else {
            None
        };
        if let Some(error) = refusal {
            if saboteur.is(Bug::TombstonesAfterFailedList) && !matches!(opening, Opening::Watch { .. }) {
                let unlisted = cluster.objects(self.kind).take(3);
                self.forged_deletes
                    .extend(unlisted.map(|object| Rc::clone(&object.uid)));
            }
            self.cut(Some(error), saboteur);
            return;
        }
        if let (Opening::Watch { .. }, Some((kind, error))) = (opening, api.refused_watch)
            && kind == self.kind
        {
            self.cut(error, saboteur);
            return;
        }
        self.lag = if dice.happens(0.7) { api.lag } else { 0 };
        let seen = match opening {
            Opening::Pages => cluster.head,
            Opening::Stream | Opening::Watch { .. } => cluster.head.saturating_sub(self.lag),
        };
        match opening {
            Opening::Stream | Opening::Pages => {
                if seen < self.seen {
                    coverage.reach(match opening {
                        Opening::Pages => Reached::BackupFoundInPages,
                        Opening::Stream | Opening::Watch { .. } => Reached::StaleList,
                    });
                }
                self.era = cluster.restores();
                self.say(Signal::Opened);
                let mut items: VecDeque<_> = cluster.at(self.kind, seen).into_values().collect();
                let mut version = seen;
                if opening == Opening::Stream && saboteur.is(Bug::StaleListBelieved) {
                    version = cluster.head;
                    items.iter_mut().for_each(|(version, _)| *version = cluster.head);
                }
                self.stage = Stage::Listing {
                    form: opening,
                    items,
                    listed: Vec::new(),
                    version,
                };
            }
            // The adapter asks for the kind's version first.
            Opening::Watch { after } if cluster.head < after => self.cut(Some(ReadError::Reverted), saboteur),
            Opening::Watch { after } if after < cluster.floor => self.cut(Some(ReadError::Expired), saboteur),
            Opening::Watch { after } => {
                self.overtaken = cluster.is_overtaken(after, self.era);
                self.era = cluster.restores();
                self.say(Signal::Opened);
                self.follow(now, after, dice);
            }
        }
    }

    fn follow(&mut self, now: Moment, after: u64, dice: &mut Dice) {
        let until = now + dice.secs(WATCH.0, WATCH.1);
        self.stage = Stage::Watching { after, until };
    }

    fn list(
        &mut self,
        now: Moment,
        cluster: &Cluster,
        dice: &mut Dice,
        saboteur: &Saboteur,
        coverage: &mut Coverage,
    ) -> Option<Duration> {
        let Stage::Listing {
            form,
            items,
            listed,
            version,
        } = &mut self.stage
        else {
            return None;
        };
        let (form, version, slow) = (*form, *version, cluster.api.slow);
        let chunk = if slow.is_zero() { dice.within(1, 60) as usize } else { 1 };
        let chunk: Vec<_> = items.drain(..chunk.min(items.len())).collect();
        let more = !items.is_empty();
        listed.extend(chunk.iter().cloned());
        for (version, object) in chunk {
            match read(self.kind, object.line("ADDED", version)) {
                Ok(Told::Put(sighting)) => {
                    let skipped = matches!(sighting.body, Body::Undecodable);
                    let handed = self.state_of(&object, version, skipped, false);
                    self.ready.push_back((Signal::Listed(sighting), handed));
                }
                // In pages one bad object fails the page, and in a stream its line the stream.
                Ok(_) | Err(_) => {
                    self.cut(Some(ReadError::Undecodable), saboteur);
                    return Some(Duration::ZERO);
                }
            }
        }
        if more {
            return Some(slow.max(dice.millis(1, 10)));
        }
        let endless = form == Opening::Stream && cluster.api.endless;
        let mut ends_at = version;
        if endless || (form == Opening::Stream && dice.happens(0.3)) {
            // A server ends a streamed list up to a second after its last object, and tells in between what changes.
            let seen = cluster.head.saturating_sub(self.lag);
            let changes = cluster.changes(self.kind, ends_at).iter();
            let mut failed = None;
            for change in changes.take_while(|change| change.version <= seen) {
                match read_change(self.kind, change) {
                    Ok(Signal::Put(sighting)) => self.hand(Signal::Listed(sighting), change),
                    Ok(signal) => self.hand(signal, change),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            if failed.is_some() {
                self.cut(failed, saboteur);
                return Some(Duration::ZERO);
            }
            ends_at = ends_at.max(seen);
        }
        if endless {
            if let Stage::Listing { version, .. } = &mut self.stage {
                *version = ends_at;
            }
            return Some(Duration::from_secs(1));
        }
        if let Stage::Listing { listed, .. } = &self.stage {
            for (version, object) in listed {
                match cluster.get(self.kind, &object.uid) {
                    None => coverage.reach(Reached::DeletedDuringList),
                    Some((now, _)) if now > *version => coverage.reach(Reached::ChangedDuringList),
                    Some(_) => {}
                }
            }
        }
        self.say(Signal::ListEnd { version: ends_at });
        match form {
            Opening::Pages => self.stage = Stage::Over,
            Opening::Stream if cluster.api.refused_watch.is_some_and(|(kind, _)| kind == self.kind) => {
                let error = cluster.api.refused_watch.and_then(|(_, error)| error);
                self.cut(error, saboteur);
            }
            Opening::Stream | Opening::Watch { .. } => self.follow(now, ends_at, dice),
        }
        Some(Duration::ZERO)
    }

    fn state_of(&self, object: &Object, version: u64, skipped: bool, gone: bool) -> Option<(Rc<str>, Handed)> {
        let state = match (gone, skipped) {
            (true, _) => HandedState::Gone,
            (false, true) => HandedState::Skipped,
            (false, false) => HandedState::Says(object.content),
        };
        let handed = Handed {
            kind: self.kind,
            namespace: object.namespace,
            name: Rc::clone(&object.name),
            version,
            state,
        };
        Some((Rc::clone(&object.uid), handed))
    }

    /// Hands over a change.
    fn hand(&mut self, signal: Signal, change: &Change) {
        let skipped = match &signal {
            Signal::Put(sighting) | Signal::Listed(sighting) => matches!(sighting.body, Body::Undecodable),
            _ => false,
        };
        let handed = self.state_of(&change.object, change.version, skipped, change.gone);
        self.ready.push_back((signal, handed));
    }

    fn watch(&mut self, now: Moment, cluster: &Cluster, dice: &mut Dice, saboteur: &Saboteur) -> Option<Duration> {
        let Stage::Watching { after, until } = &mut self.stage else {
            return None;
        };
        if *until <= now {
            self.cut(None, saboteur);
            return Some(Duration::ZERO);
        }
        let wait = until.since(now);
        let api = &cluster.api;
        let seen = cluster.head.saturating_sub(self.lag);
        let mut last = *after;
        let mut failed = None;
        let quiet = self.ready.len();
        for change in cluster.changes(self.kind, last) {
            if change.version > seen {
                break;
            }
            last = change.version;
            let lost = api.lost + if change.gone { api.lost_deletes } else { 0.0 };
            if dice.happens(lost) {
                continue;
            }
            match read_change(self.kind, change) {
                Ok(Signal::Put(sighting))
                    if matches!(sighting.body, Body::Undecodable) && saboteur.is(Bug::UndecodableReportedGone) =>
                {
                    let (uid, version) = (sighting.uid, sighting.version);
                    self.ready.push_back((Signal::Gone { uid, version }, None));
                }
                Ok(signal) => {
                    if dice.happens(api.doubled) {
                        self.hand(signal.clone(), change);
                    }
                    self.hand(signal, change);
                }
                Err(_) if saboteur.is(Bug::VersionPastDecodeError) => continue,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            if api.expiring_watch == Some(self.kind) {
                failed = Some(ReadError::Expired);
                break;
            }
            let end = self.ready.len() - 1;
            if end > quiet && dice.happens(api.swapped) {
                self.ready.swap(end, end - 1);
            }
        }
        if failed.is_some() {
            self.cut(failed, saboteur);
            return Some(Duration::ZERO);
        }
        let mut bookmark = None;
        if self.lag == 0 && dice.happens(0.02) {
            last = seen.max(last);
            bookmark = Some(last);
        }
        if let Stage::Watching { after, .. } = &mut self.stage {
            *after = last;
        }
        if let Some(version) = bookmark {
            self.say(Signal::Bookmark { version });
        }
        // A lag passes.
        if self.lag > cluster.api.lag {
            self.lag = cluster.api.lag;
            return Some(dice.millis(5, 200));
        }
        Some(wait)
    }
}

fn read(kind: ResourceKind, line: String) -> Result<Told, ReadError> {
    read_line(kind, line.as_bytes())
}

/// Reads a change as a watch event.
fn read_change(kind: ResourceKind, change: &Change) -> Result<Signal, ReadError> {
    let what = if change.gone { "DELETED" } else { "MODIFIED" };
    Ok(match read(kind, change.object.line(what, change.version))? {
        Told::Put(sighting) => Signal::Put(sighting),
        Told::Gone { uid, version } => Signal::Gone { uid, version },
        Told::Bookmark { version, .. } => Signal::Bookmark { version },
        Told::Failed(error) => Signal::Failed(error),
    })
}
