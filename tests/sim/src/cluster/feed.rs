// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a watcher's stream says, and what goes wrong on the way.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::ports::{Opening, ReadError, Signal};
use obsyk_domain::resource::{ResourceKind, Told, read_line};
use obsyk_domain::time::Moment;

use super::{Change, Cluster, Object};
use crate::dice::Dice;

/// A watch is ended by the server after five to ten minutes.
const WATCH: (u64, u64) = (300, 600);

#[derive(Debug)]
enum Stage {
    Opening(Opening),
    Listing {
        form: Opening,
        items: VecDeque<(u64, Rc<Object>)>,
        version: u64,
    },
    Watching {
        after: u64,
        until: Moment,
    },
    Over,
}

/// A stream that a watcher has open.
#[derive(Debug)]
pub struct Feed {
    kind: ResourceKind,
    stage: Stage,
    /// Revisions that its API server is behind.
    lag: u64,
    ready: VecDeque<Signal>,
    /// How many restores there were when its versions were told.
    pub era: usize,
    /// It goes on from a version that is of a past which a restored backup doesn't have, and nothing shows it.
    pub overtaken: bool,
    /// When something will come on it.
    pub planned: Option<Moment>,
}

impl Feed {
    /// A stream that is asked for, by one who has its version from this era.
    pub fn new(kind: ResourceKind, opening: Opening, era: usize) -> Self {
        Self {
            kind,
            stage: Stage::Opening(opening),
            lag: 0,
            ready: VecDeque::new(),
            era,
            overtaken: false,
            planned: None,
        }
    }

    /// The kind.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// What it has ready, at most so many, and whether it ended behind that.
    pub fn take(&mut self, most: usize) -> (Vec<Signal>, bool) {
        let signals: Vec<Signal> = self.ready.drain(..most.min(self.ready.len())).collect();
        let ended = self.ready.is_empty() && matches!(self.stage, Stage::Over);
        (signals, ended)
    }

    /// Whether there is something to take.
    pub fn has_news(&self) -> bool {
        !self.ready.is_empty() || matches!(self.stage, Stage::Over)
    }

    /// Ends it, with an error or without one.
    pub fn cut(&mut self, error: Option<ReadError>) {
        if !matches!(self.stage, Stage::Over) {
            self.stage = Stage::Over;
            self.ready.extend(error.map(Signal::Failed));
        }
    }

    /// The past was compacted: a stream that reads from it may be told so.
    pub fn expire(&mut self, dice: &mut Dice) {
        let likely = match &self.stage {
            Stage::Listing {
                form: Opening::Pages, ..
            } => 0.7,
            Stage::Watching { .. } => 0.5,
            Stage::Opening(_) | Stage::Listing { .. } | Stage::Over => 0.0,
        };
        if dice.happens(likely) {
            self.cut(Some(ReadError::Expired));
        }
    }

    /// Takes in what the API server has for it: when there is more; none before something changes.
    pub fn advance(&mut self, now: Moment, cluster: &Cluster, dice: &mut Dice) -> Option<Duration> {
        match &mut self.stage {
            Stage::Opening(opening) => {
                let opening = *opening;
                self.open(now, opening, cluster, dice);
                Some(dice.millis(1, 5))
            }
            Stage::Listing { .. } => self.list(now, cluster, dice),
            Stage::Watching { .. } => self.watch(now, cluster, dice),
            Stage::Over => None,
        }
    }

    fn open(&mut self, now: Moment, opening: Opening, cluster: &Cluster, dice: &mut Dice) {
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
            self.cut(Some(error));
            return;
        }
        self.lag = if dice.happens(0.7) { api.lag } else { 0 };
        let seen = match opening {
            Opening::Pages => cluster.head,
            Opening::Stream | Opening::Watch { .. } => cluster.head.saturating_sub(self.lag),
        };
        match opening {
            Opening::Stream | Opening::Pages => {
                self.era = cluster.restores();
                self.ready.push_back(Signal::Opened);
                self.stage = Stage::Listing {
                    form: opening,
                    items: cluster.at(self.kind, seen).into_values().collect(),
                    version: seen,
                };
            }
            // The adapter asks for the kind's version first.
            Opening::Watch { after } if cluster.head < after => self.cut(Some(ReadError::Reverted)),
            Opening::Watch { after } if after < cluster.floor => self.cut(Some(ReadError::Expired)),
            Opening::Watch { after } => {
                self.overtaken = cluster.is_overtaken(after, self.era);
                self.era = cluster.restores();
                self.ready.push_back(Signal::Opened);
                self.follow(now, after, dice);
            }
        }
    }

    fn follow(&mut self, now: Moment, after: u64, dice: &mut Dice) {
        let until = now + dice.secs(WATCH.0, WATCH.1);
        self.stage = Stage::Watching { after, until };
    }

    fn list(&mut self, now: Moment, cluster: &Cluster, dice: &mut Dice) -> Option<Duration> {
        let Stage::Listing { form, items, version } = &mut self.stage else {
            return None;
        };
        let (form, version, slow) = (*form, *version, cluster.api.slow);
        let chunk = if slow.is_zero() { dice.within(1, 60) as usize } else { 1 };
        let chunk: Vec<_> = items.drain(..chunk.min(items.len())).collect();
        let more = !items.is_empty();
        for (version, object) in chunk {
            match read(self.kind, object.line("ADDED", version)) {
                Ok(Told::Put(sighting)) => self.ready.push_back(Signal::Listed(sighting)),
                // In pages one bad object fails the page, and in a stream its line the stream.
                Ok(_) | Err(_) => {
                    self.cut(Some(ReadError::Undecodable));
                    return Some(Duration::ZERO);
                }
            }
        }
        if more {
            return Some(slow.max(dice.millis(1, 10)));
        }
        let mut ends_at = version;
        if form == Opening::Stream && dice.happens(0.3) {
            // A server ends a streamed list up to a second after its last object, and tells in between what changes.
            let seen = cluster.head.saturating_sub(self.lag);
            let changes = cluster.changes(self.kind, ends_at).iter();
            for change in changes.take_while(|change| change.version <= seen) {
                match told(self.kind, change) {
                    Ok(Signal::Put(sighting)) => self.ready.push_back(Signal::Listed(sighting)),
                    Ok(signal) => self.ready.push_back(signal),
                    Err(error) => {
                        self.cut(Some(error));
                        return Some(Duration::ZERO);
                    }
                }
            }
            ends_at = ends_at.max(seen);
        }
        self.ready.push_back(Signal::ListEnd { version: ends_at });
        match form {
            Opening::Pages => self.stage = Stage::Over,
            Opening::Stream | Opening::Watch { .. } => self.follow(now, ends_at, dice),
        }
        Some(Duration::ZERO)
    }

    fn watch(&mut self, now: Moment, cluster: &Cluster, dice: &mut Dice) -> Option<Duration> {
        let Stage::Watching { after, until } = &mut self.stage else {
            return None;
        };
        if *until <= now {
            self.cut(None);
            return Some(Duration::ZERO);
        }
        let wait = until.since(now);
        let api = &cluster.api;
        let seen = cluster.head.saturating_sub(self.lag);
        let mut failed = None;
        let quiet = self.ready.len();
        for change in cluster.changes(self.kind, *after) {
            if change.version > seen {
                break;
            }
            *after = change.version;
            let lost = api.lost + if change.gone { api.lost_deletes } else { 0.0 };
            if dice.happens(lost) {
                continue;
            }
            match told(self.kind, change) {
                Ok(signal) => {
                    if dice.happens(api.doubled) {
                        self.ready.push_back(signal.clone());
                    }
                    self.ready.push_back(signal);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            let last = self.ready.len() - 1;
            if last > quiet && dice.happens(api.swapped) {
                self.ready.swap(last, last - 1);
            }
        }
        if failed.is_some() {
            self.cut(failed);
            return Some(Duration::ZERO);
        }
        if self.lag == 0 && dice.happens(0.02) {
            *after = seen.max(*after);
            let version = *after;
            self.ready.push_back(Signal::Bookmark { version });
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

/// What a change says in a watch.
fn told(kind: ResourceKind, change: &Change) -> Result<Signal, ReadError> {
    let what = if change.gone { "DELETED" } else { "MODIFIED" };
    Ok(match read(kind, change.object.line(what, change.version))? {
        Told::Put(sighting) => Signal::Put(sighting),
        Told::Gone { uid, version } => Signal::Gone { uid, version },
        Told::Bookmark { version, .. } => Signal::Bookmark { version },
        Told::Failed(error) => Signal::Failed(error),
    })
}
