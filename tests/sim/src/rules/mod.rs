// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a sender may say, and when: the promises of the design and the rules of the protocol, checked on each request
//! that starts and on each answer that comes back. Nothing here asks the operator what it thinks; it is watched.

mod answers;
mod parts;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use obsyk_actors::sender::{Config, MOST_IN_FLIGHT};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::platform::{Event, Said, Snapshot, Told};
use parts::{Bucket, Failing, Flight};

/// The protocol's bound, from its text and not from the operator's code.
const MOST_RETRIES: u32 = 5;

/// A heartbeat that comes later than its interval and this is late.
const LATE: Duration = Duration::from_secs(2);

/// One sender, watched.
#[derive(Debug, Default)]
pub struct Rules {
    origin: Option<String>,
    cluster_name: String,
    bucket: Option<Bucket>,
    sync: Duration,
    order: u64,
    flights: BTreeMap<u64, Flight>,
    /// The snapshot that is open, and when it was ordered.
    open: Option<(u64, Moment)>,
    /// It is sent in parts.
    in_parts: bool,
    accepted: bool,
    /// The ledger's bound was reached, and no snapshot was accepted since.
    lossy: bool,
    failing: Option<Failing>,
    /// Waits in a row that were the longest possible: with jitter that is no chance.
    without_jitter: u32,
    /// The newest that was said of an object.
    said: HashMap<String, u64>,
    /// What the platform refused for good: it isn't said again until the object changes or a snapshot carries it.
    refused: HashMap<String, Option<u64>>,
    /// Deletes that the ledger has taken: those of kinds that the last snapshot couldn't carry are owed until they are
    /// accepted, or a snapshot carries the kind.
    deletes: HashMap<String, ResourceKind>,
    left_out: Vec<ResourceKind>,
    /// Objects whose delete was accepted.
    buried: HashSet<String>,
    /// What the platform has accepted of each object, and the objects by place.
    told: HashMap<String, Told>,
    places: HashMap<(ResourceKind, Option<String>, String), String>,
    /// What was seen of a kind may be wrong until a snapshot with it is accepted that is opened after this.
    untrue: BTreeMap<ResourceKind, Moment>,
    last_beat: Moment,
    able: Option<Moment>,
    fetching: u32,
}

type Verdict = Result<(), String>;

impl Rules {
    /// The sender is given a config.
    pub fn configured(&mut self, now: Moment, config: &Config, elsewhere: bool) -> Verdict {
        let (rate, burst) = (f64::from(config.per_second), f64::from(config.burst));
        let old = self.bucket.take();
        self.bucket = Some(match old {
            Some(old) if (old.per_second, old.burst) == (rate, burst) => old,
            other => Bucket {
                level: if other.is_none() { burst } else { 0.0 },
                at: now,
                per_second: rate,
                burst,
            },
        });
        self.origin = Some(config.platform.origin().to_owned());
        self.cluster_name.clone_from(&config.cluster_name);
        if !elsewhere {
            return Ok(());
        }
        if !self.flights.is_empty() {
            return Err("requests of the old config go on after an edit".to_owned());
        }
        self.open = None;
        self.in_parts = false;
        self.accepted = false;
        self.lossy = false;
        self.failing = None;
        self.last_beat = now;
        self.forget(|_| true);
        Ok(())
    }

    /// Whoever was told of objects isn't told any more.
    pub fn owes_nothing(&mut self) {
        self.deletes.clear();
    }

    /// Heartbeats are due this often, from now on.
    pub fn set_sync(&mut self, now: Moment, sync: Duration) {
        if self.sync != sync {
            self.sync = sync;
            self.last_beat = now;
        }
    }

    /// What was said of some objects counts no more: whoever says it next doesn't know of it.
    pub fn forget(&mut self, of: impl Fn(ResourceKind) -> bool) {
        self.told.retain(|_, told| !of(told.kind));
        self.said.retain(|uid, _| self.told.contains_key(uid));
        self.places.retain(|_, uid| self.told.contains_key(uid));
        self.buried.clear();
        self.refused.clear();
    }

    /// The ledger's bound is reached: deletes may be dropped with the rest. A kind that the next snapshot leaves out has no
    /// order of names until one carries it.
    pub fn overflowed(&mut self, now: Moment, kinds: impl Iterator<Item = ResourceKind>) {
        self.lossy = true;
        self.deletes.retain(|_, kind| self.left_out.contains(kind));
        self.mistrust(now, kinds);
    }

    /// What is seen of the cluster from here may be wrong until a snapshot is accepted.
    pub fn mistrust(&mut self, now: Moment, kinds: impl Iterator<Item = ResourceKind>) {
        self.untrue.extend(kinds.map(|kind| (kind, now)));
    }

    /// A snapshot goes without these kinds.
    pub fn goes_without(&mut self, kinds: impl Iterator<Item = ResourceKind>) {
        self.left_out = kinds.collect();
    }

    /// The ledger has taken a delete.
    pub fn admitted_delete(&mut self, uid: String, kind: ResourceKind) {
        if self.told.contains_key(&uid) {
            self.deletes.insert(uid, kind);
        }
    }

    /// Whether what is owed is still known to be.
    pub fn owes(&self, is_open: impl Fn(&str) -> bool) -> Verdict {
        let mut owed = self.deletes.iter().filter(|(_, kind)| self.left_out.contains(kind));
        match owed.find(|(uid, _)| !is_open(uid)) {
            Some((uid, kind)) => Err(format!(
                "the delete of {uid} is forgotten, though no snapshot could tell it: {kind} couldn't be read"
            )),
            None => Ok(()),
        }
    }

    /// A snapshot is ordered.
    pub fn ordered(&mut self, now: Moment, n: u64) {
        self.open = Some((n, now));
        self.in_parts = false;
    }

    /// A snapshot ended.
    pub fn ended(&mut self, n: u64) {
        self.open.take_if(|(open, _)| *open == n);
    }

    /// The snapshot that is open, and since when.
    pub fn open(&self) -> Option<(u64, Moment)> {
        self.open
    }

    /// Whether the open snapshot is sent in parts.
    pub fn is_in_parts(&self) -> bool {
        self.in_parts
    }

    /// A fetch of a token starts.
    pub fn fetches(&mut self) -> Verdict {
        self.fetching += 1;
        if self.fetching > 1 {
            return Err("two tokens are fetched at once".to_owned());
        }
        Ok(())
    }

    /// A fetch of a token ended, or was dropped.
    pub fn fetched(&mut self) {
        self.fetching = self.fetching.saturating_sub(1);
    }

    /// Whether it could send a heartbeat now.
    pub fn is_able(&mut self, now: Moment, able: bool) {
        self.able = able.then(|| self.able.unwrap_or(now));
    }

    /// Whether a heartbeat is overdue.
    pub fn beats(&self, now: Moment) -> Verdict {
        let Some(able) = self.able else { return Ok(()) };
        let since = now.since(able.max(self.last_beat));
        if !self.sync.is_zero() && since > self.sync + LATE {
            return Err(format!(
                "no heartbeat for {since:?}, though one is due each {:?}",
                self.sync
            ));
        }
        Ok(())
    }

    /// A request starts.
    pub fn launched(&mut self, now: Moment, id: u64, origin: &str, token: &str, said: &Said) -> Verdict {
        if self.origin.as_deref() != Some(origin) {
            return Err(format!("a request to {origin}, which the config doesn't name"));
        }
        if !token.starts_with(origin) {
            return Err(format!("a token of another platform is shown to {origin}"));
        }
        self.order += 1;
        let mut flight = Flight {
            order: self.order,
            event: None,
            snapshot: false,
        };
        match said {
            Said::Heartbeat => {
                self.beats(now)?;
                self.last_beat = now;
                self.able = None;
            }
            Said::Event(event) => {
                self.event(now, event)?;
                flight.event = Some((event.uid.clone(), event.object.is_none()));
                self.retry(now)?;
            }
            Said::Snapshot(snapshot) => {
                self.snapshot(snapshot)?;
                flight.snapshot = true;
                self.retry(now)?;
            }
        }
        self.flights.insert(id, flight);
        Ok(())
    }

    fn event(&mut self, now: Moment, event: &Event) -> Verdict {
        let uid = &event.uid;
        if let Some((n, _)) = self.open {
            return Err(format!("an event starts while snapshot {n} is open"));
        }
        if !self.accepted {
            return Err("an event comes before the first snapshot".to_owned());
        }
        if self.lossy {
            return Err("an event is sent though something was dropped at the ledger's bound".to_owned());
        }
        let events = self.flights.values().filter_map(|flight| flight.event.as_ref());
        let (mut count, mut same) = (0, false);
        for (other, _) in events {
            count += 1;
            same |= other == uid;
        }
        if same {
            return Err(format!("two requests for {uid} are in flight"));
        }
        if count >= MOST_IN_FLIGHT {
            return Err(format!("more than {MOST_IN_FLIGHT} events are in flight"));
        }
        if !self.bucket.as_mut().is_some_and(|bucket| bucket.take(now)) {
            return Err("an event is sent faster than the rate allows".to_owned());
        }
        if self.untrue.contains_key(&event.kind) {
            return Ok(());
        }
        let content = event.object.as_ref().map(|object| object.content);
        if self.refused.get(uid) == Some(&content) {
            return Err(format!("{uid} is said again, though the platform refused it for good"));
        }
        if self.buried.contains(uid) {
            return Err(format!("something is said of {uid} after its delete was accepted"));
        }
        if let Some(object) = &event.object {
            self.goes_on(uid, object)?;
            let namesake = self.places.get(&place(object)).filter(|other| *other != uid);
            if let Some(namesake) = namesake {
                return Err(format!(
                    "{uid} is added before the delete of {namesake}, which has its name"
                ));
            }
        }
        Ok(())
    }

    /// What is said of an object never goes back in time.
    fn goes_on(&mut self, uid: &str, object: &Told) -> Verdict {
        let before = self.said.insert(uid.to_owned(), object.content).unwrap_or_default();
        if before > object.content {
            return Err(format!("{uid} goes back from {before} to {}", object.content));
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Verdict {
        if snapshot.cluster_name != self.cluster_name {
            return Err("a snapshot has the old name of the cluster".to_owned());
        }
        if self.open.is_none() {
            return Err("a snapshot is sent that isn't open".to_owned());
        }
        if self
            .flights
            .values()
            .any(|flight| flight.event.is_some() || flight.snapshot)
        {
            return Err("a snapshot is sent while something else is in flight".to_owned());
        }
        let untrue: Vec<ResourceKind> = self.untrue.keys().copied().collect();
        let believed = |(kind, _): &(&ResourceKind, _)| !untrue.contains(kind);
        for (uid, object) in snapshot.lists.iter().filter(believed).flat_map(|(_, list)| list) {
            if self.buried.contains(uid) {
                return Err(format!("a snapshot has {uid}, whose delete was accepted"));
            }
            self.goes_on(uid, object)?;
        }
        Ok(())
    }

    /// One more request after a failure.
    fn retry(&mut self, now: Moment) -> Verdict {
        let Some(failing) = &mut self.failing else {
            return Ok(());
        };
        failing.retries += 1;
        if failing.retries > MOST_RETRIES {
            return Err(format!("retry {} after one try", failing.retries));
        }
        let off = now.since(failing.since).abs_diff(failing.longest);
        self.without_jitter = if off < Duration::from_millis(3) {
            self.without_jitter + 1
        } else {
            0
        };
        if self.without_jitter > 3 {
            return Err("retries come without jitter".to_owned());
        }
        Ok(())
    }

    /// The sender doesn't wait for this answer any more.
    pub fn dropped(&mut self, id: u64) {
        self.flights.remove(&id);
    }

    /// The platform issued a token after sending was paused: everything begins anew.
    pub fn resumed(&mut self) {
        self.failing = None;
    }

    /// Whether a snapshot is in flight.
    pub fn snapshot_flies(&self) -> bool {
        self.flights.values().any(|flight| flight.snapshot)
    }
}

fn place(told: &Told) -> (ResourceKind, Option<String>, String) {
    (told.kind, told.namespace.clone(), told.name.clone())
}
