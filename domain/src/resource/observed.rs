// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From the bytes of an object to what a watcher sees of it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::annotations::{NotSent, Sent};
use super::identity::Read;
use super::lenient::{Lenient, watch_faults};
use super::meta::WireMeta;
use super::{Metadata, NodeFacts, ResourceKind, Uid, Withheld, redact};

/// A kind: what is decoded of its objects, and what is sent.
pub trait Collected: 'static {
    /// Its row in the table.
    const KIND: ResourceKind;
    /// What is decoded beside the metadata, every value of it leniently.
    type Source: for<'de> Deserialize<'de> + Default + Clone + Send;
    /// What is sent beside the metadata.
    type Wire: Serialize;
    /// From the one to the other.
    fn project(metadata: &Metadata, source: Self::Source) -> Self::Wire;
    /// What the snapshot's head needs to know of an object.
    fn facts(_metadata: &Metadata, _source: &Self::Source) -> Option<NodeFacts> {
        None
    }
}

/// An object as it was read.
pub struct Observed<K: Collected> {
    metadata: Metadata,
    source: K::Source,
    faulty: bool,
}

/// What a watcher sees of an object.
#[derive(Clone)]
pub struct Sighting {
    /// The object's uid.
    pub uid: Uid,
    /// Its namespace; none on cluster-scoped kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// Its resource version.
    pub version: u64,
    /// What it is.
    pub body: Body,
    /// What the snapshot's head needs of it.
    pub facts: Option<NodeFacts>,
    /// How many of its annotations aren't sent.
    pub withheld: Withheld,
}

/// What an object is.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Its JSON as the protocol has it.
    Object(Vec<u8>),
    /// Something in it isn't of the type that the API promises: it is known, and set aside.
    Undecodable,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(json) => write!(f, "Object({} bytes)", json.len()),
            Self::Undecodable => f.write_str("Undecodable"),
        }
    }
}

impl fmt::Debug for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sighting")
            .field("uid", &self.uid)
            .field("version", &self.version)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl<K: Collected> Observed<K> {
    /// The object's metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Projects and encodes it.
    pub fn into_sighting(self) -> Sighting {
        let Self {
            metadata,
            source,
            faulty,
        } = self;
        let facts = if faulty { None } else { K::facts(&metadata, &source) };
        let body = if faulty { None } else { encode::<K>(&metadata, source) };
        Sighting {
            uid: metadata.uid,
            namespace: metadata.namespace,
            name: metadata.name,
            version: metadata.version,
            body: body.map_or(Body::Undecodable, Body::Object),
            facts,
            withheld: metadata.withheld,
        }
    }
}

fn encode<K: Collected>(metadata: &Metadata, source: K::Source) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Wire<'a, W> {
        #[serde(flatten)]
        meta: WireMeta<'a>,
        #[serde(flatten)]
        rest: W,
    }
    let wire = Wire {
        meta: WireMeta::new(K::KIND, metadata),
        rest: K::project(metadata, source),
    };
    let mut json = Vec::with_capacity(USUAL_SIZE);
    serde_json::to_writer(&mut json, &wire).ok()?;
    // It may wait in the ledger, which counts what it holds by its length.
    json.shrink_to_fit();
    Some(json)
}

/// Most objects need no more bytes, so that their encoding allocates once.
const USUAL_SIZE: usize = 2048;

impl<K: Collected> Clone for Observed<K> {
    fn clone(&self) -> Self {
        Self {
            metadata: self.metadata.clone(),
            source: self.source.clone(),
            faulty: self.faulty,
        }
    }
}

impl<K: Collected> fmt::Debug for Observed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", K::KIND, self.metadata.uid)
    }
}

impl<'de, K: Collected> Deserialize<'de> for Observed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A lenient wrapper, so that what isn't a map isn't quoted by an error.
        Lenient::<Whole<K>>::deserialize(deserializer)?
            .get()
            .map(|Whole(observed)| observed)
            .ok_or_else(|| D::Error::custom("an object without metadata that can be read"))
    }
}

struct Whole<K: Collected>(Observed<K>);

impl<'de, K: Collected> Deserialize<'de> for Whole<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<K>(PhantomData<K>);

impl<'de, K: Collected> Visitor<'de> for ObjectVisitor<K> {
    type Value = Observed<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of the API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut metadata = None;
        let rest = Rest {
            inner: &mut map,
            kind: K::KIND,
            metadata: &mut metadata,
        };
        let (source, faulty) =
            watch_faults(|| K::Source::deserialize(serde::de::value::MapAccessDeserializer::new(rest)));
        let source = source?;
        let metadata = metadata.ok_or_else(|| A::Error::custom("an object without metadata"))?;
        Ok(Observed {
            metadata,
            source,
            faulty,
        })
    }
}

/// The fields of an object but its metadata, which is put aside when it comes by.
struct Rest<'a, A> {
    inner: &'a mut A,
    kind: ResourceKind,
    metadata: &'a mut Option<Metadata>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.inner.next_key_seed(KeySeed(&mut seed))? {
                None => return Ok(None),
                Some(Key::Rest(key)) => return Ok(Some(key)),
                Some(Key::Metadata) if redact::may_have_annotations(self.kind) => {
                    *self.metadata = Some(self.inner.next_value::<Read<Sent>>()?.metadata);
                }
                Some(Key::Metadata) => *self.metadata = Some(self.inner.next_value::<Read<NotSent>>()?.metadata),
                Some(Key::Skipped) => {
                    self.inner.next_value::<IgnoredAny>()?;
                }
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

/// A key of an object; that of a kind's own field as the kind reads it.
enum Key<T> {
    Metadata,
    Skipped,
    Rest(T),
}

/// Reads a key where it stands, without a copy. The seed is taken by the first key that is a kind's own.
struct KeySeed<'s, S>(&'s mut Option<S>);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<'_, S> {
    type Value = Key<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for KeySeed<'_, S> {
    type Value = Key<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field of an object")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        match key {
            "metadata" => Ok(Key::Metadata),
            "kind" | "apiVersion" => Ok(Key::Skipped),
            _ => match self.0.take() {
                Some(seed) => seed.deserialize(key.into_deserializer()).map(Key::Rest),
                None => Ok(Key::Skipped),
            },
        }
    }
}
