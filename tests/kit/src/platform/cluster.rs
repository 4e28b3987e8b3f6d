// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform believes a cluster to hold: what snapshots and events, as far as they were accepted, describe.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::request::{Change, Event};
use super::schema::{KINDS, Kind, kind};

/// The picture of one cluster.
#[derive(Default)]
pub(super) struct Cluster {
    /// The head of the last snapshot.
    pub(super) head: Map<String, Value>,
    /// By kind. A kind that no snapshot listed is absent: nothing is known of it but what events said.
    kinds: BTreeMap<&'static str, BTreeMap<String, Held>>,
    /// The kinds that a snapshot has listed.
    listed: HashSet<&'static str>,
    /// Uids whose delete was answered with a 2xx.
    gone: HashSet<String>,
}

/// An object that the platform holds. Kept as text: values of JSON take several times the memory.
pub(super) struct Held {
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
    json: Box<str>,
}

/// What an event was that changed nothing that is a fault by itself: a time-out leaves it open whether an earlier one arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// ADDED, and the object was held already.
    Redundant,
    /// UPDATED, and the object was not known.
    UnknownUpdate,
    /// DELETED, and the object was not known.
    UnknownDelete,
}

impl Held {
    fn new(object: &Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        Self {
            namespace: text("namespace").map(Into::into),
            name: text("name").unwrap_or_default().into(),
            json: object.to_string().into(),
        }
    }

    /// The object as it was sent.
    pub(super) fn object(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }
}

impl Cluster {
    /// A snapshot: the kinds that it lists are replaced, the others stay as they are.
    pub(super) fn replace(&mut self, head: Map<String, Value>, snapshot: &Value) {
        self.head = head;
        for kind in &KINDS {
            let Some(Value::Array(objects)) = snapshot.get(kind.list) else {
                continue;
            };
            let held: BTreeMap<String, Held> = objects
                .iter()
                .map(|object| (object["uid"].as_str().unwrap_or_default().to_owned(), Held::new(object)))
                .collect();
            // A cluster that was restored from a backup can have them again.
            self.gone.retain(|uid| !held.contains_key(uid));
            self.kinds.insert(kind.kind, held);
            self.listed.insert(kind.kind);
        }
    }

    /// An event.
    pub(super) fn change(&mut self, event: &Event, object: Option<&Value>) -> Option<Oddity> {
        let kind: &Kind = kind(&event.kind)?;
        let held = self.kinds.entry(kind.kind).or_default();
        let before = match object {
            Some(object) => held.insert(event.uid.clone(), Held::new(object)),
            None => held.remove(&event.uid),
        };
        match (event.change, before) {
            (Change::Added, Some(_)) => Some(Oddity::Redundant),
            (Change::Updated, None) => Some(Oddity::UnknownUpdate),
            (Change::Deleted, None) => Some(Oddity::UnknownDelete),
            _ => None,
        }
    }

    /// The delete of this uid was answered with a 2xx: nothing may follow it.
    pub(super) fn is_gone(&mut self, uid: &str) {
        self.gone.insert(uid.to_owned());
    }

    /// Whether the delete of this uid was answered with a 2xx.
    pub(super) fn has_lost(&self, uid: &str) -> bool {
        self.gone.contains(uid)
    }

    /// Whether a snapshot has listed this kind.
    pub(super) fn has_list(&self, kind: &str) -> bool {
        self.listed.contains(kind)
    }

    /// The objects of a kind, by uid.
    pub(super) fn objects(&self, kind: &str) -> impl Iterator<Item = (&String, &Held)> {
        self.kinds.get(kind).into_iter().flatten()
    }

    /// The object of this uid.
    pub(super) fn object(&self, kind: &str, uid: &str) -> Option<&Held> {
        self.kinds.get(kind)?.get(uid)
    }
}
