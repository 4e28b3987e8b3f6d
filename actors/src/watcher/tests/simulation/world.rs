// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The watcher between a simulated cluster and a model of the platform.

use std::collections::VecDeque;
use std::time::Duration;

use obsyk_domain::ports::{ReadError, Signal};

use super::super::*;
use super::Step;
use super::cluster::Cluster;
use super::platform::{Platform, Rules};

/// A stream that the watcher has open.
struct Feed {
    ready: VecDeque<Signal>,
    /// The watch goes on behind this version, unless the stream ends with what is ready.
    after: Option<u64>,
    last: Option<Signal>,
}

pub(super) struct World {
    watcher: Driven,
    pub(super) cluster: Cluster,
    feed: Option<Feed>,
    pub(super) platform: Platform,
    offered: Option<Vec<Change>>,
    spooled: Option<Spool>,
    n: u64,
    pub(super) due: bool,
    /// An event was lost, and no whole list has come since.
    lossy: bool,
    /// Events lost so far, and when the list that is being read began.
    lost: (u64, u64),
    /// Versions went back: what holds of their order holds no more.
    restored: bool,
    /// An offer was refused: until a snapshot is accepted, no event is sent.
    refused: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            watcher: Driven::new(),
            cluster: Cluster::default(),
            feed: None,
            platform: Platform::default(),
            offered: None,
            spooled: None,
            n: 0,
            due: true,
            lossy: false,
            lost: (0, 0),
            restored: false,
            refused: false,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        self.watcher.pass(1);
        match step {
            Step::Put {
                name,
                touch,
                undecodable,
            } => self.cluster.put(name, touch, undecodable),
            Step::Delete { name } => self.cluster.delete(name),
            Step::Deliver { most } => self.deliver(most),
            Step::Bookmark => self.bookmark(),
            Step::Fail(error) => self.say(vec![Signal::Failed(error)], true),
            Step::End => self.say(Vec::new(), true),
            Step::Lose => self.lose(),
            Step::Double => {
                let last = self.feed.as_ref().and_then(|feed| feed.last.clone());
                self.say(last.into_iter().collect(), false);
            }
            Step::Compact => self.cluster.floor = self.cluster.version,
            Step::Lag(lag) => self.cluster.lag = lag,
            Step::Restore(back) => {
                self.restored = true;
                self.cluster.restore(back);
                self.feed = None;
                self.say(vec![Signal::Failed(ReadError::Unreachable)], true);
            }
            Step::Relist => self.relist(),
            Step::Reply { refuse } => self.reply(refuse),
            Step::Wake => {
                if self.watcher.state.wake().is_some() {
                    self.watcher.now = self.watcher.now.max(self.watcher.state.wake().unwrap());
                    let effects = self.watcher.state.on_timer(self.watcher.now, &mut self.watcher.chance);
                    self.carry_out(effects);
                }
            }
        }
    }

    fn relist(&mut self) {
        self.n += 1;
        self.due = false;
        let effects = self.watcher.state.on_relist(self.watcher.now, self.n);
        self.carry_out(effects);
    }

    /// The stream says something, if the watcher would hear it.
    fn say(&mut self, signals: Vec<Signal>, ends: bool) {
        if (self.feed.is_none() && !self.restored) || !self.watcher.state.is_ready() {
            return;
        }
        if ends {
            self.feed = None;
        }
        let (now, chance) = (self.watcher.now, &mut self.watcher.chance);
        let effects = self.watcher.state.on_signals(now, signals, ends, chance);
        self.carry_out(effects);
    }

    fn deliver(&mut self, most: usize) {
        let Some(feed) = self.feed.as_mut().filter(|_| self.watcher.state.is_ready()) else {
            return;
        };
        let mut signals = Vec::new();
        while signals.len() < most {
            if let Some(signal) = feed.ready.pop_front() {
                signals.push(signal);
                continue;
            }
            let seen = self.cluster.version.saturating_sub(self.cluster.lag);
            let next = feed.after.and_then(|after| {
                let mut later = self.cluster.history.iter().filter(|event| event.version > after);
                later.next().filter(|event| event.version <= seen)
            });
            let Some(event) = next else { break };
            feed.after = Some(event.version);
            feed.last = Some(event.signal(false));
            signals.push(event.signal(false));
        }
        let ends = feed.after.is_none() && feed.ready.is_empty();
        if !signals.is_empty() || ends {
            self.say(signals, ends);
        }
    }

    fn bookmark(&mut self) {
        let told = self.feed.as_ref().filter(|feed| feed.ready.is_empty());
        if let Some(version) = told.and_then(|feed| feed.after) {
            self.say(vec![Signal::Bookmark { version }], false);
        }
    }

    fn lose(&mut self) {
        let Some(feed) = self.feed.as_mut().filter(|feed| feed.ready.is_empty()) else {
            return;
        };
        let Some(after) = feed.after else { return };
        if let Some(event) = self.cluster.history.iter().find(|event| event.version > after) {
            feed.after = Some(event.version);
            self.lossy = true;
            self.lost.0 += 1;
        }
    }

    fn open(&mut self, opening: Opening) {
        let (version, lag) = (self.cluster.version, self.cluster.lag);
        if !matches!(opening, Opening::Watch { .. }) {
            self.lost.1 = self.lost.0;
        }
        let mut feed = Feed {
            ready: VecDeque::new(),
            after: None,
            last: None,
        };
        match opening {
            Opening::Stream => {
                let end = version.saturating_sub(lag);
                // What changes while the list is streamed is told before its end.
                let begin = end.saturating_sub(lag / 2);
                let listed = self.cluster.at(begin);
                feed.ready.extend(listed.values().map(|event| event.signal(true)));
                let later = self.cluster.history.iter();
                let later = later.filter(|event| event.version > begin && event.version <= end);
                feed.ready.extend(later.map(|event| event.signal(true)));
                feed.ready.push_back(list_end(end));
                feed.after = Some(end);
            }
            Opening::Pages => {
                feed.ready
                    .extend(self.cluster.at(version).values().map(|event| event.signal(true)));
                feed.ready.push_back(list_end(version));
            }
            Opening::Watch { after } if after < self.cluster.floor || after > version => {
                feed.ready.push_back(Signal::Failed(ReadError::Expired));
            }
            Opening::Watch { after } => feed.after = Some(after),
        }
        self.feed = Some(feed);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open(opening) => self.open(opening),
                Effect::Close => self.feed = None,
                Effect::Offer { n, changes } => {
                    assert_eq!(n, self.n);
                    assert!(changes.len() <= 128 && self.offered.is_none() && self.spooled.is_none());
                    self.offered = Some(changes);
                }
                Effect::Spool { n, spool } => {
                    assert_eq!(n, self.n);
                    assert!(self.offered.is_none() && self.spooled.is_none());
                    self.spooled = Some(spool);
                }
                Effect::Listed { .. } => self.lossy &= self.lost.0 != self.lost.1,
                Effect::Unreadable { .. } => {}
                Effect::Due(_) => self.due = true,
            }
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            ordered: !self.restored,
            complete: !self.lossy && !self.refused,
        }
    }

    fn reply(&mut self, refuse: bool) {
        let now = self.watcher.now;
        if let Some(changes) = self.offered.take() {
            self.due |= refuse;
            self.refused |= refuse;
            let reply = if refuse { Err(Refusal::SnapshotDue) } else { Ok(()) };
            let rules = self.rules();
            for change in &changes {
                self.platform.tell(change, refuse, &self.cluster, rules);
            }
            let effects = self.watcher.state.on_offered(now, reply, &mut self.watcher.chance);
            self.carry_out(effects);
        } else if let Some(spool) = self.spooled.take() {
            self.platform.replace(&spool, self.rules());
            self.refused = false;
            let effects = self.watcher.state.on_spooled(now, &mut self.watcher.chance);
            self.carry_out(effects);
        }
    }

    /// Faults end: everything is delivered, answered and waited for.
    pub(super) fn settle(&mut self) {
        self.cluster.lag = 0;
        for _ in 0..1000 {
            let idle = self.offered.is_none() && self.spooled.is_none();
            let waits = self.feed.is_none() && self.watcher.state.wake().is_some();
            let behind = self.feed.as_ref().is_some_and(|feed| {
                !feed.ready.is_empty() || feed.after.is_none_or(|after| after < self.cluster.version)
            });
            self.watcher.now = self.watcher.now + Duration::from_millis(10);
            if !idle {
                self.reply(false);
            } else if self.due {
                self.relist();
            } else if waits {
                self.step(Step::Wake);
            } else if behind {
                self.deliver(50);
            } else {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.watcher.state);
    }
}
