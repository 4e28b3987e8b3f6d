// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A small world: a cluster, its watchers and agent, the sender's state, and a platform that keeps what it accepts.

use std::collections::{BTreeMap, BTreeSet};

use obsyk_domain::answer::{Meaning, Outcome};
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::resource::{ResourceKind, Uid};
use obsyk_domain::spool::SpoolWriter;
use obsyk_domain::time::Chance;
use obsyk_domain::token::TokenError;

use super::harness::{Said, Scene};
use super::samples::{OK, config, other_key, secs};
use crate::sender::{Config, Delivery, SnapshotEnd};

const KINDS: [ResourceKind; 2] = [ResourceKind::Pod, ResourceKind::Node];

/// Objects live in so many slots; one that comes after another in a slot has its name.
pub(super) const SLOTS: usize = 12;

/// Something happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The object in this slot appears, changes or goes.
    Change {
        slot: usize,
        gone: bool,
        large: bool,
    },
    /// A request in flight is answered; an ambiguous one may have been carried out.
    Answer {
        which: usize,
        outcome: Outcome,
        carried_out: bool,
    },
    Token(Option<TokenError>),
    Pass(u64),
    Beat,
    /// The agent goes on with the snapshot that is due or open.
    Snapshot {
        leave_out: bool,
    },
    /// The Secret's key changes.
    Key(bool),
}

/// Chances that differ, the same in each run.
struct Dice(u64);

impl Chance for Dice {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Object {
    kind: ResourceKind,
    name: String,
    version: u64,
}

/// The snapshot, as the agent sees it.
struct Open {
    n: u64,
    listed: BTreeSet<ResourceKind>,
    sent: bool,
}

/// The cluster, its watchers and agent, the sender, and the platform.
pub(super) struct World {
    scene: Scene,
    slots: Vec<Option<String>>,
    cluster: BTreeMap<String, Object>,
    large: BTreeSet<String>,
    /// What the watchers know.
    known: BTreeMap<String, Object>,
    /// Watchers that were refused and wait for a list.
    idle: BTreeSet<ResourceKind>,
    platform: BTreeMap<String, Object>,
    due: bool,
    n: u64,
    open: Option<Open>,
    versions: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let mut scene = Scene::blank();
        scene.chance = Box::new(Dice(7));
        scene.configure(Config {
            per_second: 50,
            burst: 10,
            ..config()
        });
        Self {
            scene,
            slots: vec![None; SLOTS],
            cluster: BTreeMap::new(),
            large: BTreeSet::new(),
            known: BTreeMap::new(),
            idle: BTreeSet::new(),
            platform: BTreeMap::new(),
            due: true,
            n: 0,
            open: None,
            versions: 0,
        }
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Change { slot, gone, large } => self.change(*slot, *gone, *large),
            Step::Answer {
                which,
                outcome,
                carried_out,
            } => {
                let flights = self.scene.in_flight();
                if !flights.is_empty() {
                    self.answer(&flights[which % flights.len()], *outcome, *carried_out);
                }
            }
            Step::Token(None) if self.scene.is_fetching() => self.scene.token(),
            Step::Token(Some(error)) if self.scene.is_fetching() => self.scene.no_token(*error),
            Step::Token(_) => {}
            Step::Pass(millis) => self.scene.pass(secs(*millis) / 1000),
            Step::Beat => self.scene.beat(),
            Step::Snapshot { leave_out } => self.snapshot(*leave_out),
            Step::Key(other) => {
                let credentials = if *other {
                    other_key("client-1")
                } else {
                    config().credentials
                };
                self.scene.configure(Config {
                    per_second: 50,
                    burst: 10,
                    credentials,
                    ..config()
                });
            }
        }
        self.listen();
    }

    fn change(&mut self, slot: usize, gone: bool, large: bool) {
        self.versions += 1;
        let kind = KINDS[slot % KINDS.len()];
        let uid = match (self.slots[slot].clone(), gone) {
            (Some(uid), true) => {
                self.slots[slot] = None;
                self.cluster.remove(&uid);
                uid
            }
            (None, true) => return,
            (Some(uid), false) => uid,
            (None, false) => format!("{slot}.{}", self.versions),
        };
        if !gone {
            self.slots[slot] = Some(uid.clone());
            let (name, version) = (slot.to_string(), self.versions);
            self.cluster.insert(uid.clone(), Object { kind, name, version });
            if large {
                self.large.insert(uid);
            }
        }
        if !self.idle.contains(&kind) {
            self.tell(kind);
        }
    }

    /// The watcher of a kind offers what it doesn't know yet: deletes first.
    fn tell(&mut self, kind: ResourceKind) {
        let of_kind = |(_, object): &(&String, &Object)| object.kind == kind;
        let gone: Vec<(String, Object)> = self
            .known
            .iter()
            .filter(of_kind)
            .filter(|(uid, _)| !self.cluster.contains_key(*uid))
            .map(|(uid, object)| (uid.clone(), object.clone()))
            .collect();
        let mut changes: Vec<Change> = gone
            .iter()
            .map(|(uid, object)| change(uid, object, What::Deleted))
            .collect();
        for (uid, _) in gone {
            self.known.remove(&uid);
        }
        for (uid, object) in self.cluster.iter().filter(of_kind) {
            let json = self.json(uid, object).into();
            let what = match self.known.get(uid) {
                None => What::Added(json),
                Some(known) if known != object => What::Updated(json),
                Some(_) => continue,
            };
            changes.push(change(uid, object, what));
        }
        for (uid, object) in self.cluster.iter().filter(of_kind) {
            self.known.insert(uid.clone(), object.clone());
        }
        if !changes.is_empty() && self.scene.offer_of(kind, &changes).is_err() {
            self.idle.insert(kind);
        }
    }

    fn json(&self, uid: &str, object: &Object) -> Vec<u8> {
        let pad = if self.large.contains(uid) { 1_500_000 } else { 0 };
        let (name, version) = (&object.name, object.version);
        format!(
            "{{\"uid\":\"{uid}\",\"name\":\"{name}\",\"v\":{version},\"pad\":\"{}\"}}",
            "x".repeat(pad)
        )
        .into_bytes()
    }

    fn snapshot(&mut self, leave_out: bool) {
        let Some(open) = &mut self.open else {
            if self.due {
                self.due = false;
                self.n += 1;
                self.open = Some(Open {
                    n: self.n,
                    listed: BTreeSet::new(),
                    sent: false,
                });
                self.scene.open(self.n);
            }
            return;
        };
        let n = open.n;
        if open.sent || !self.scene.opened.contains(&n) {
            return;
        }
        let pending = KINDS.into_iter().find(|kind| !open.listed.contains(kind));
        match pending {
            Some(kind) if !leave_out || open.listed.is_empty() => {
                open.listed.insert(kind);
                self.idle.remove(&kind);
                self.tell(kind);
                if !self.idle.contains(&kind) {
                    let mut spool = SpoolWriter::default();
                    for (uid, object) in self.cluster.iter().filter(|(_, object)| object.kind == kind) {
                        spool.push(&Uid::from(uid.as_str()), &self.json(uid, object));
                    }
                    self.scene.spool(n, kind, spool.finish());
                }
            }
            left_out => {
                open.sent = true;
                // A kind that was left out can be read again: another is due.
                self.due |= left_out.is_some();
                self.scene.send_snapshot(n, left_out.as_slice());
            }
        }
    }

    fn answer(&mut self, said: &Said, outcome: Outcome, carried_out: bool) {
        let carried_out = match outcome.meaning() {
            Meaning::Accepted => true,
            // Who says that there is no such object has none.
            Meaning::NotFound | Meaning::Gone => said.body["type"] == "DELETED",
            _ => outcome.is_ambiguous() && carried_out,
        };
        if carried_out {
            self.carry_out(said);
        }
        self.scene.answer(said, outcome);
    }

    fn carry_out(&mut self, said: &Said) {
        let uid = |object: &serde_json::Value| object["uid"].as_str().unwrap().to_owned();
        let read = |kind, object: &serde_json::Value| Object {
            kind,
            name: object["name"].as_str().unwrap().to_owned(),
            version: object["v"].as_u64().unwrap(),
        };
        match said.what {
            "event" if said.body["type"] == "DELETED" => {
                self.platform.remove(&uid(&said.body));
            }
            "event" => {
                let kind = *KINDS.iter().find(|kind| said.body["kind"] == kind.to_string()).unwrap();
                let object = read(kind, &said.body["object"]);
                let before = self.platform.insert(uid(&said.body), object.clone());
                assert!(
                    before.is_none_or(|before| before.version <= object.version),
                    "an object goes back in time"
                );
                let namesakes = self
                    .platform
                    .values()
                    .filter(|o| o.kind == kind && o.name == object.name);
                assert!(
                    namesakes.count() == 1 || self.scene.ledger().overflows > 0,
                    "the add comes before the delete of its name"
                );
            }
            "snapshot" => {
                for kind in KINDS {
                    let Some(list) = said.body[kind.spec().list].as_array() else {
                        continue;
                    };
                    self.platform.retain(|_, object| object.kind != kind);
                    for object in list {
                        self.platform.insert(uid(object), read(kind, object));
                    }
                }
            }
            _ => {}
        }
    }

    /// What the agent makes of the sender's reports.
    fn listen(&mut self) {
        self.due |= !self.scene.dues.is_empty();
        self.scene.dues.clear();
        for n in std::mem::take(&mut self.scene.overtaken) {
            if self.open.take_if(|open| open.n == n).is_some() {
                self.due = true;
            }
        }
        for report in std::mem::take(&mut self.scene.reports) {
            if let Delivery::Snapshot { n, end } = report {
                let ended = self.open.take_if(|open| open.n == n);
                assert!(ended.is_some(), "a snapshot ends once");
                self.due |= !matches!(end, SnapshotEnd::Accepted { .. });
            }
        }
    }

    /// Objects of which the platform holds something else than the cluster.
    pub(super) fn differing(&self) -> usize {
        let uids: BTreeSet<&String> = self.cluster.keys().chain(self.platform.keys()).collect();
        let differs = |uid: &&String| self.cluster.get(*uid) != self.platform.get(*uid);
        uids.into_iter().filter(differs).count()
    }

    pub(super) fn set_aside(&self) -> usize {
        self.scene.ledger().set_aside
    }

    /// Whether each watcher that was refused was asked to list.
    pub(super) fn watchers_are_awake(&self) -> bool {
        self.idle.is_empty()
    }

    /// The agent has a snapshot taken, as it does once a day.
    pub(super) fn a_day_passes(&mut self) {
        self.due = true;
        self.heal();
    }

    /// From here everything is answered well.
    pub(super) fn heal(&mut self) {
        for _ in 0..400 {
            let flights = self.scene.in_flight();
            for said in &flights {
                self.answer(said, OK, true);
            }
            if self.scene.is_fetching() {
                self.scene.token();
            }
            self.listen();
            self.snapshot(false);
            self.listen();
            let ledger = self.scene.ledger();
            let quiet = flights.is_empty() && ledger.dirty + ledger.in_flight == 0;
            if quiet && !self.due && self.open.is_none() {
                return;
            }
            self.scene.pass(secs(5));
        }
        panic!("it doesn't come to rest: {:?}", self.scene.view());
    }
}

fn change(uid: &str, object: &Object, what: What) -> Change {
    Change {
        uid: Uid::from(uid),
        namespace: None,
        name: object.name.as_str().into(),
        what,
    }
}
