// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The content of a request, read from its bytes.

use std::collections::BTreeMap;

use obsyk_domain::ports::Payload;
use obsyk_domain::resource::ResourceKind;
use serde::Deserialize;

/// An object, as the platform is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The number that it carries as a label.
    pub content: u64,
    /// Bytes of its labels, nearly all that a fat object has.
    pub size: usize,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// The object's uid.
    pub uid: String,
    /// Its kind.
    pub kind: ResourceKind,
    /// The object; none when it is gone.
    pub object: Option<StoredObject>,
    /// Bytes of the body.
    pub bytes: usize,
}

/// A snapshot, or a part of one.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The cluster's name.
    pub cluster_name: String,
    /// The lists that it has.
    pub lists: BTreeMap<ResourceKind, Vec<(String, StoredObject)>>,
    /// Bytes of the body.
    pub bytes: usize,
}

/// The content of a request.
#[derive(Clone, Debug)]
pub enum RequestContent {
    /// See [`Event`].
    Event(Event),
    /// The cluster is alive.
    Heartbeat,
    /// See [`Snapshot`].
    Snapshot(Snapshot),
}

#[derive(Deserialize)]
struct RawObject<'a> {
    uid: &'a str,
    name: &'a str,
    namespace: Option<&'a str>,
    labels: BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    r#type: &'a str,
    kind: &'a str,
    uid: &'a str,
    #[serde(borrow)]
    object: Option<RawObject<'a>>,
}

#[derive(Deserialize)]
struct RawSnapshot<'a> {
    cluster_name: &'a str,
    #[serde(flatten, borrow)]
    rest: BTreeMap<&'a str, Lenient<'a>>,
}

/// A list of objects, or something else of the head.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<'a> {
    #[serde(borrow)]
    List(Vec<RawObject<'a>>),
    Other(serde::de::IgnoredAny),
}

impl RawObject<'_> {
    fn told(&self, kind: ResourceKind) -> Result<StoredObject, String> {
        let says = self.labels.get("says").ok_or("an object says nothing")?;
        Ok(StoredObject {
            kind,
            namespace: self.namespace.map(str::to_owned),
            name: self.name.to_owned(),
            content: says.parse().map_err(|_| "an object says nonsense")?,
            size: self.labels.values().map(|value| value.len()).sum(),
        })
    }
}

impl RequestContent {
    /// Bytes of the body, as far as they matter.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Event(event) => event.bytes,
            Self::Heartbeat => 0,
            Self::Snapshot(snapshot) => snapshot.bytes,
        }
    }

    /// Returns true if it is an event of this kind.
    pub fn is_event_of(&self, kind: ResourceKind) -> bool {
        matches!(self, Self::Event(event) if event.kind == kind)
    }

    /// Returns true if the body has this object.
    pub fn names(&self, uid: &str) -> bool {
        match self {
            Self::Event(event) => event.uid == uid,
            Self::Heartbeat => false,
            Self::Snapshot(snapshot) => snapshot.lists.values().flatten().any(|(of, _)| of == uid),
        }
    }

    /// For a story.
    pub fn in_short(&self) -> String {
        match self {
            Self::Event(Event {
                uid,
                kind,
                object: Some(told),
                ..
            }) => format!("{kind} {} {uid} says {}", told.name, told.content),
            Self::Event(Event { uid, kind, .. }) => format!("{kind} {uid} is gone"),
            Self::Heartbeat => "heartbeat".to_owned(),
            Self::Snapshot(snapshot) => {
                let lists: Vec<String> = snapshot
                    .lists
                    .iter()
                    .map(|(kind, list)| format!("{} {kind}", list.len()))
                    .collect();
                format!("snapshot of {}", lists.join(", "))
            }
        }
    }

    /// Reads a request's body.
    pub fn read(payload: &Payload) -> Result<Self, String> {
        match payload {
            Payload::Event(body) => event(body).map(Self::Event),
            Payload::Heartbeat(_) => Ok(Self::Heartbeat),
            Payload::Snapshot(body) => {
                let mut whole = Vec::new();
                for piece in body.pieces() {
                    whole.extend_from_slice(&piece.map_err(|corrupt| corrupt.to_string())?);
                }
                snapshot(&whole).map(Self::Snapshot)
            }
        }
    }
}

fn event(body: &[u8]) -> Result<Event, String> {
    let raw: RawEvent<'_> = serde_json::from_slice(body).map_err(|error| format!("an event can't be read: {error}"))?;
    let kind = ResourceKind::ALL
        .into_iter()
        .find(|kind| kind.spec().kind == raw.kind)
        .ok_or("an event of no known kind")?;
    let object = raw.object.map(|object| object.told(kind)).transpose()?;
    if (raw.r#type == "DELETED") != object.is_none() {
        return Err(format!("an event of type {} whose object doesn't fit", raw.r#type));
    }
    Ok(Event {
        uid: raw.uid.to_owned(),
        kind,
        object,
        bytes: body.len(),
    })
}

fn snapshot(body: &[u8]) -> Result<Snapshot, String> {
    let raw: RawSnapshot<'_> =
        serde_json::from_slice(body).map_err(|error| format!("a snapshot can't be read: {error}"))?;
    let mut lists = BTreeMap::new();
    for kind in ResourceKind::ALL {
        if let Some(Lenient::List(objects)) = raw.rest.get(kind.spec().list) {
            let objects: Result<Vec<_>, String> = objects
                .iter()
                .map(|object| Ok((object.uid.to_owned(), object.told(kind)?)))
                .collect();
            lists.insert(kind, objects?);
        }
    }
    Ok(Snapshot {
        cluster_name: raw.cluster_name.to_owned(),
        lists,
        bytes: body.len(),
    })
}
