// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the watcher does, driven without an API server: its state by hand, with plain moments, and the actor with probes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod actor;
mod faults;
mod lists;
mod offers;
mod probes;
mod relists;
mod stale;
mod watches;

use std::time::Duration;

use obsyk_domain::ledger::{Change, What};
use obsyk_domain::ports::{Opening, Signal};
use obsyk_domain::resource::redact::Rule;
use obsyk_domain::resource::{Body, ResourceKind, Sighting, Uid, Withheld};
use obsyk_domain::spool::Spool;
use obsyk_domain::time::{Chance, Moment};

use super::state::{Effect, WatcherState};
use crate::sender::Refusal;

/// A pod. Its JSON is its name and what it says, by default its version.
#[derive(Clone)]
struct Pod {
    name: String,
    uid: String,
    version: u64,
    says: Option<String>,
    undecodable: bool,
    withheld: Withheld,
}

fn a_pod(name: &str) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        version: 1,
        says: None,
        undecodable: false,
        withheld: Withheld::default(),
    }
}

impl Pod {
    fn version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    fn uid(self, uid: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            ..self
        }
    }

    fn says(self, says: &str) -> Self {
        Self {
            says: Some(says.to_owned()),
            ..self
        }
    }

    fn undecodable(self) -> Self {
        Self {
            undecodable: true,
            ..self
        }
    }

    fn withholds(self, rule: Rule) -> Self {
        Self {
            withheld: [rule].into_iter().collect(),
            ..self
        }
    }

    fn sighting(&self) -> Sighting {
        let says = self.says.clone().unwrap_or_else(|| self.version.to_string());
        Sighting {
            uid: Uid::from(self.uid.as_str()),
            namespace: Some("shop".into()),
            name: self.name.as_str().into(),
            version: self.version,
            body: if self.undecodable {
                Body::Undecodable
            } else {
                Body::Object(format!("{}@{says}", self.name).into_bytes())
            },
            facts: None,
            withheld: self.withheld,
        }
    }

    fn listed(&self) -> Signal {
        Signal::Listed(self.sighting())
    }

    fn put(&self) -> Signal {
        Signal::Put(self.sighting())
    }

    fn gone(&self) -> Signal {
        Signal::Gone {
            uid: Uid::from(self.uid.as_str()),
            version: self.version,
        }
    }
}

fn list_end(version: u64) -> Signal {
    Signal::ListEnd { version }
}

fn bookmark(version: u64) -> Signal {
    Signal::Bookmark { version }
}

/// Always the same fraction.
struct Always(f64);

impl Chance for Always {
    fn fraction(&mut self) -> f64 {
        self.0
    }
}

/// What the state asked for, a line for each effect.
fn told(effects: Vec<Effect>) -> Vec<String> {
    effects.into_iter().map(line).collect()
}

fn line(effect: Effect) -> String {
    match effect {
        Effect::Open(Opening::Stream) => "open stream".into(),
        Effect::Open(Opening::Pages) => "open pages".into(),
        Effect::Open(Opening::Watch { after }) => format!("open watch {after}"),
        Effect::Close => "close".into(),
        Effect::Offer { n, changes } => format!(
            "offer {n}: {}",
            changes.iter().map(change).collect::<Vec<_>>().join(" ")
        ),
        Effect::Spool { n, spool } => format!("spool {n}: {}", objects(&spool).join(" ")),
        Effect::Listed { n, count, .. } => format!("listed {n}: {count}"),
        Effect::Unreadable { n, why } => format!("unreadable {n}: {why:?}"),
        Effect::Due(cause) => format!("due {}", cause.label()),
    }
}

/// `+web@1`, `~web@2`, `-web`.
fn change(change: &Change) -> String {
    let text = |json: &[u8]| String::from_utf8(json.to_vec()).unwrap();
    match &change.what {
        What::Added(json) => format!("+{}", text(json)),
        What::Updated(json) => format!("~{}", text(json)),
        What::Deleted => format!("-{}", change.name),
    }
}

fn objects(spool: &Spool) -> Vec<String> {
    let mut reader = spool.read();
    let mut all = Vec::new();
    while let Some(record) = reader.next_record() {
        all.push(String::from_utf8(record.unwrap().json.to_vec()).unwrap());
    }
    all
}

/// A watcher's state, and the time.
struct Driven {
    state: WatcherState,
    now: Moment,
    chance: Always,
}

impl Driven {
    fn new() -> Self {
        Self {
            state: WatcherState::new(ResourceKind::Pod),
            now: Moment::at(Duration::from_secs(1000)),
            chance: Always(0.5),
        }
    }

    /// A watcher whose first list, at this version, had these pods.
    fn watching(pods: &[Pod], version: u64) -> Self {
        let mut watcher = Self::new();
        watcher.relist(1);
        watcher.hear(pods.iter().map(Pod::listed));
        watcher.hear([list_end(version)]);
        watcher.spooled();
        watcher.pass(10);
        watcher
    }

    fn relist(&mut self, n: u64) -> Vec<String> {
        told(self.state.on_relist(self.now, n))
    }

    fn hear(&mut self, signals: impl IntoIterator<Item = Signal>) -> Vec<String> {
        assert!(self.state.is_ready(), "pulled before it was ready");
        let signals = signals.into_iter().collect();
        told(self.state.on_signals(self.now, signals, false, &mut self.chance))
    }

    /// The stream says this, and ends.
    fn hear_last(&mut self, signals: impl IntoIterator<Item = Signal>) -> Vec<String> {
        assert!(self.state.is_ready(), "pulled before it was ready");
        let signals = signals.into_iter().collect();
        told(self.state.on_signals(self.now, signals, true, &mut self.chance))
    }

    fn admit(&mut self) -> Vec<String> {
        told(self.state.on_offered(self.now, Ok(()), &mut self.chance))
    }

    fn refuse(&mut self, refusal: Refusal) -> Vec<String> {
        told(self.state.on_offered(self.now, Err(refusal), &mut self.chance))
    }

    fn spooled(&mut self) -> Vec<String> {
        told(self.state.on_spooled(self.now, &mut self.chance))
    }

    /// Time passes, without a timer.
    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Goes on to the moment that the state named.
    fn wake(&mut self) -> Vec<String> {
        self.now = self.state.wake().expect("it waits for a moment").max(self.now);
        told(self.state.on_timer(self.now, &mut self.chance))
    }

    /// How long it waits for its timer.
    fn waits(&self) -> Duration {
        self.state.wake().expect("it waits for a moment").since(self.now)
    }
}
