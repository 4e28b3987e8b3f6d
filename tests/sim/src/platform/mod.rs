// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform: it keeps what it is told, and knows who may speak.
//!
//! It is naive, as a platform may be: what arrives last counts, however late it is. Faults on the way are the
//! wire's business.

mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use obsyk_domain::time::Moment;

pub use said::{Event, RequestContent, Snapshot, StoredObject};

/// A platform.
#[derive(Debug)]
pub struct Platform {
    /// Where it is.
    pub origin: String,
    objects: BTreeMap<String, StoredObject>,
    /// It has a snapshot of the cluster.
    known: bool,
    tokens: BTreeMap<String, Moment>,
    issued: u64,
    /// How long its tokens live.
    pub lifetime: Duration,
    /// True if it says 404 to a delete of what it doesn't hold.
    pub pedantic: bool,
    /// Objects of events that were answered as refused for good, until a later event is accepted.
    pub refused: BTreeSet<String>,
    /// When it accepted snapshots.
    pub snapshots: Vec<Moment>,
    /// When it accepted events.
    pub events: Vec<Moment>,
}

impl Platform {
    /// A platform that knows nothing.
    pub fn new(origin: &str, lifetime: Duration, pedantic: bool) -> Self {
        Self {
            origin: origin.to_owned(),
            objects: BTreeMap::new(),
            known: false,
            tokens: BTreeMap::new(),
            issued: 0,
            lifetime,
            pedantic,
            refused: BTreeSet::new(),
            snapshots: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Returns the stored objects.
    pub fn objects(&self) -> &BTreeMap<String, StoredObject> {
        &self.objects
    }

    /// Issues a token that lives so long.
    pub fn issue(&mut self, now: Moment, lifetime: Duration) -> String {
        self.issued += 1;
        let token = format!("{}#{}", self.origin, self.issued);
        self.tokens.insert(token.clone(), now + lifetime);
        token
    }

    /// All tokens are worth nothing any more.
    pub fn revoke(&mut self) {
        self.tokens.clear();
    }

    /// Everything is lost.
    pub fn forget(&mut self) {
        self.objects.clear();
        self.known = false;
    }

    /// Returns true if a token is valid.
    pub fn knows(&self, now: Moment, token: &str) -> bool {
        self.tokens.get(token).is_some_and(|expires| *expires > now)
    }

    /// Takes a request whose token was checked when its head came: the status code of its answer.
    pub fn take(&mut self, now: Moment, valid: bool, said: &RequestContent) -> u16 {
        if !valid {
            return 401;
        }
        match said {
            RequestContent::Heartbeat if self.known => 200,
            RequestContent::Heartbeat => 404,
            RequestContent::Event(event) => self.event(now, event),
            RequestContent::Snapshot(snapshot) => {
                self.known = true;
                self.snapshots.push(now);
                for (kind, list) in &snapshot.lists {
                    self.objects.retain(|_, object| object.kind != *kind);
                    self.objects.extend(list.iter().cloned());
                }
                202
            }
        }
    }

    fn event(&mut self, now: Moment, event: &Event) -> u16 {
        if !self.known {
            return 404;
        }
        self.refused.remove(&event.uid);
        self.events.push(now);
        match &event.object {
            Some(object) => {
                self.objects.insert(event.uid.clone(), object.clone());
                202
            }
            None if self.objects.remove(&event.uid).is_none() && self.pedantic => 404,
            None => 202,
        }
    }
}
