// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The rules of protocol and design for one sender, checked on each request that starts and on each answer that comes back.
//! Nothing here asks the operator.

mod answers;
mod parts;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::platform::{Event, RequestContent, Snapshot, StoredObject};
use crate::world::Lists;
use parts::{Bucket, EventInFlight, Failing, InFlight};

/// Requests in flight side by side: 1,000 events a second across a round trip of 50 ms need 50.
const MOST_IN_FLIGHT: usize = 64;

/// The protocol's bound, from its text and not from the operator's code.
const MOST_RETRIES: u32 = 5;

/// Events of a kind wait this long for a snapshot, from when its list is asked for.
const BARRIER: Duration = Duration::from_secs(10);

/// The limits of a request that starts.
pub(crate) struct Allowed<'a> {
    pub(crate) origin: &'a str,
    pub(crate) token: &'a str,
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
    /// The lists of each kind; none when more than one agent lists.
    pub(crate) lists: Option<&'a Lists>,
}

/// One sender, watched.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    bucket: Option<Bucket>,
    order: u64,
    in_flight: BTreeMap<u64, InFlight>,
    /// The last snapshot was too large, and goes kind by kind.
    in_parts: bool,
    /// A snapshot was sent since everything began anew.
    snapshot_sent: bool,
    /// The first list of each kind since the last `begin_anew`.
    first_lists: BTreeMap<ResourceKind, Moment>,
    /// The kinds that the last accepted snapshot had.
    carried: BTreeSet<ResourceKind>,
    /// The last event that started soon after a list of its kind was asked for, and when the list was.
    early: BTreeMap<ResourceKind, (Moment, String)>,
    failing: Option<Failing>,
    /// Waits in a row that were the longest possible: with jitter that is no chance.
    without_jitter: u32,
    /// The newest that was said of an object.
    said: HashMap<String, u64>,
    /// States refused for good: not sent again until the object changes or a snapshot carries it.
    refused: HashMap<String, Option<u64>>,
    /// Objects whose delete was accepted.
    deleted: HashSet<String>,
    /// The accepted state of each object, and the objects by place.
    told: BTreeMap<String, StoredObject>,
    places: HashMap<(ResourceKind, Option<String>, String), String>,
    /// Kinds whose events may be wrong, until a snapshot listed after this moment is accepted.
    untrusted_since: BTreeMap<ResourceKind, Moment>,
    fetching: u32,
}

type Verdict = Result<(), String>;

impl Rules {
    /// Another platform, client or name: nothing of what was said counts any more.
    pub fn begin_anew(&mut self) {
        self.in_parts = false;
        self.snapshot_sent = false;
        self.first_lists.clear();
        self.carried.clear();
        self.early.clear();
        self.failing = None;
        self.forget(|_| true);
    }

    /// A list of a kind is asked for.
    pub fn list_asked(&mut self, now: Moment, kind: ResourceKind) {
        self.first_lists.entry(kind).or_insert(now);
    }

    /// Forgets the sent and accepted states of these kinds, and deletes and refusals of all kinds.
    pub fn forget(&mut self, of: impl Fn(ResourceKind) -> bool) {
        self.told.retain(|_, told| !of(told.kind));
        self.said.retain(|uid, _| self.told.contains_key(uid));
        self.places.retain(|_, uid| self.told.contains_key(uid));
        self.deleted.clear();
        self.refused.clear();
    }

    /// Distrusts events of these kinds until a snapshot is accepted.
    pub fn mistrust(&mut self, now: Moment, kinds: impl Iterator<Item = ResourceKind>) {
        self.untrusted_since.extend(kinds.map(|kind| (kind, now)));
    }

    /// Returns true if the open snapshot is sent in parts.
    pub fn is_in_parts(&self) -> bool {
        self.in_parts
    }

    /// Returns true if snapshots have this kind, or nothing shows that they do not.
    pub fn carries(&self, kind: ResourceKind) -> bool {
        self.carried.is_empty() || self.carried.contains(&kind)
    }

    /// Returns true if an event of this kind is in flight.
    pub fn has_event_in_flight(&self, kind: ResourceKind) -> bool {
        self.in_flight
            .values()
            .any(|flight| flight.event.as_ref().is_some_and(|event| event.kind == kind))
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

    /// A request starts.
    pub fn launched(&mut self, now: Moment, id: u64, said: &RequestContent, allowed: &Allowed<'_>) -> Verdict {
        if !allowed.token.starts_with(allowed.origin) {
            return Err(format!("a token of another platform is shown to {}", allowed.origin));
        }
        self.order += 1;
        let mut flight = InFlight {
            order: self.order,
            at: now,
            event: None,
            snapshot: None,
        };
        match said {
            RequestContent::Heartbeat => {}
            RequestContent::Event(event) => {
                self.event(now, event, allowed)?;
                flight.event = Some(EventInFlight {
                    uid: event.uid.clone(),
                    kind: event.kind,
                });
                self.retry(now)?;
            }
            RequestContent::Snapshot(snapshot) => {
                self.snapshot(snapshot, allowed)?;
                let asked = |kind: &ResourceKind| allowed.lists.and_then(|lists| lists.of(*kind)?.whole);
                let asked = |kind: &ResourceKind| asked(kind).map(|(asked, _)| asked).unwrap_or_default();
                flight.snapshot = Some(snapshot.lists.keys().map(|kind| (*kind, asked(kind))).collect());
                self.retry(now)?;
            }
        }
        self.in_flight.insert(id, flight);
        Ok(())
    }

    fn event(&mut self, now: Moment, event: &Event, allowed: &Allowed<'_>) -> Verdict {
        let uid = &event.uid;
        let list = allowed.lists.and_then(|lists| lists.of(event.kind));
        if !self.snapshot_sent
            && let Some(first) = self.first_lists.get(&event.kind)
            && now < *first + BARRIER
        {
            return Err(format!(
                "an event of {} does not wait for the first snapshot",
                event.kind
            ));
        }
        if let Some(list) = list
            && now < list.asked + BARRIER
        {
            let carried = self.in_flight.values().any(|flight| {
                let kinds = flight.snapshot.as_ref();
                kinds.is_some_and(|kinds| kinds.contains_key(&event.kind)) && flight.at >= list.asked
            });
            if carried {
                return Err(format!("an event of {uid} overtakes the snapshot that lists its kind"));
            }
            self.early.insert(event.kind, (list.asked, uid.clone()));
        }
        let events = self.in_flight.values().filter_map(|flight| flight.event.as_ref());
        let (mut count, mut same) = (0, false);
        for other in events {
            count += 1;
            same |= other.uid == *uid;
        }
        if same {
            return Err(format!("two requests for {uid} are in flight"));
        }
        if count >= MOST_IN_FLIGHT {
            return Err(format!("more than {MOST_IN_FLIGHT} events are in flight"));
        }
        let (rate, burst) = (f64::from(allowed.per_second), f64::from(allowed.burst));
        let bucket = self.bucket.get_or_insert(Bucket { level: burst, at: now });
        if !bucket.take(now, rate, burst) {
            return Err("an event is sent faster than the rate allows".to_owned());
        }
        if self.untrusted_since.contains_key(&event.kind) {
            return Ok(());
        }
        let content = event.object.as_ref().map(|object| object.content);
        if event.object.is_some() && self.refused.get(uid) == Some(&content) {
            return Err(format!("{uid} is said again, though the platform refused it for good"));
        }
        if let Some(object) = &event.object {
            if self.deleted.contains(uid) {
                return Err(format!("{uid} is sent after its delete was accepted"));
            }
            self.check_order(uid, object)?;
            let namesake = self.places.get(&place(object)).filter(|other| *other != uid);
            if let Some(namesake) = namesake.filter(|_| self.carried.contains(&event.kind)) {
                return Err(format!(
                    "{uid} is added before the delete of {namesake}, which has its name"
                ));
            }
        }
        Ok(())
    }

    /// The states sent of an object never go back in time.
    fn check_order(&mut self, uid: &str, object: &StoredObject) -> Verdict {
        let before = self.said.insert(uid.to_owned(), object.content).unwrap_or_default();
        if before > object.content {
            return Err(format!("{uid} goes back from {before} to {}", object.content));
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot, allowed: &Allowed<'_>) -> Verdict {
        self.snapshot_sent = true;
        if snapshot.lists.len() > 1 {
            self.in_parts = false;
        }
        if self.in_flight.values().any(|flight| flight.snapshot.is_some()) {
            return Err("two snapshots are in flight".to_owned());
        }
        for kind in snapshot.lists.keys() {
            let Some((asked, ended)) = allowed.lists.and_then(|lists| lists.of(*kind)?.whole) else {
                continue;
            };
            let older =
                |flight: &InFlight| flight.at < ended && flight.event.as_ref().is_some_and(|event| event.kind == *kind);
            if self.in_flight.values().any(older) {
                return Err(format!(
                    "a snapshot goes out while an older event of {kind} is in flight"
                ));
            }
            if let Some((of, uid)) = self.early.get(kind)
                && *of == asked
            {
                return Err(format!(
                    "an event of {uid} does not wait for the snapshot that lists {kind}"
                ));
            }
        }
        let untrusted_since: Vec<ResourceKind> = self.untrusted_since.keys().copied().collect();
        let believed = |(kind, _): &(&ResourceKind, _)| !untrusted_since.contains(kind);
        for (uid, object) in snapshot.lists.iter().filter(believed).flat_map(|(_, list)| list) {
            if self.deleted.contains(uid) {
                return Err(format!("a snapshot has {uid}, whose delete was accepted"));
            }
            self.check_order(uid, object)?;
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
        self.in_flight.remove(&id);
    }

    /// The platform issued a token: everything that was paused begins anew.
    pub fn token_issued(&mut self) {
        self.failing = None;
    }

    /// Returns true if a snapshot is in flight.
    pub fn has_snapshot_in_flight(&self) -> bool {
        self.in_flight.values().any(|flight| flight.snapshot.is_some())
    }
}

fn place(told: &StoredObject) -> (ResourceKind, Option<String>, String) {
    (told.kind, told.namespace.clone(), told.name.clone())
}
