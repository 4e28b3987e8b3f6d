// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which annotations leave the cluster. All of it is decided here, and nowhere else.
//!
//! Annotations can carry copies of whole objects, values included. Those of ConfigMaps and Secrets are never sent; of
//! the other kinds those are held back that a tool is known to put copies into, and those that look like one.
//!
//! It is decided while they are decoded, so that what is held back isn't even kept until the object is sent.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::ResourceKind;
use super::lenient::Lenient;

/// Keys with these prefixes are never sent: tools keep what was last applied there.
pub const PREFIXES: [&str; 5] = [
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kapp.k14s.io/",
    "objectset.rio.cattle.io/",
    "consul.hashicorp.com/original",
];

/// Longer values, in bytes, are documents, not notes.
pub const LONGEST: usize = 1024;

/// What a JSON object begins with in base64: a brace, and a quotation mark, a blank, or a line's end after it.
pub const OBJECTS: [&str; 4] = ["eyJ", "eyA", "ewo", "ew0"];

/// What gzip begins with in base64: its magic number, and deflate (RFC 1952).
pub const GZIP: &str = "H4sI";

/// Why an annotation isn't sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Its key has one of [`PREFIXES`].
    Prefix,
    /// Its value is longer than [`LONGEST`].
    Long,
    /// Its value has both `apiVersion` and `kind`, as a manifest in JSON or YAML has.
    Manifest,
    /// Its value has a PEM block.
    Pem,
    /// Its value has a JWT: three parts in base64url, the first of which begins as a JSON object does ([`OBJECTS`]).
    Jwt,
    /// Its value has gzip in base64, as [`GZIP`] begins it.
    Gzip,
}

/// Whether any annotation of this kind may leave the cluster.
pub const fn may_have_annotations(kind: ResourceKind) -> bool {
    match kind {
        ResourceKind::ConfigMap | ResourceKind::Secret => false,
        ResourceKind::Namespace
        | ResourceKind::Pod
        | ResourceKind::Service
        | ResourceKind::Node
        | ResourceKind::Deployment
        | ResourceKind::StatefulSet
        | ResourceKind::DaemonSet
        | ResourceKind::Job
        | ResourceKind::CronJob
        | ResourceKind::Ingress
        | ResourceKind::NetworkPolicy => true,
    }
}

/// The first rule that holds an annotation back, of a kind whose annotations may leave at all.
pub fn held_back(key: &str, value: &str) -> Option<Rule> {
    if has_prefix(key) {
        Some(Rule::Prefix)
    } else {
        value_held_back(value)
    }
}

fn has_prefix(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn value_held_back(value: &str) -> Option<Rule> {
    if value.len() > LONGEST {
        Some(Rule::Long)
    } else if value.contains("apiVersion") && value.contains("kind") {
        Some(Rule::Manifest)
    } else if value.contains("-----BEGIN ") {
        Some(Rule::Pem)
    } else if has_jwt(value) {
        Some(Rule::Jwt)
    } else if has_gzip(value) {
        Some(Rule::Gzip)
    } else {
        None
    }
}

/// At the beginning of a word in base64, anywhere in the value.
fn has_gzip(value: &str) -> bool {
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/')))
        .any(|word| word.starts_with(GZIP))
}

/// Three parts in a row, anywhere in the value.
fn has_jwt(value: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    value.split(|c: char| !(part(c) || c == '.')).any(|word| {
        let claims_and_signature = word.split('.').skip(1).zip(word.split('.').skip(2));
        word.split('.')
            .zip(claims_and_signature)
            .any(|(head, (claims, _))| OBJECTS.iter().any(|object| head.starts_with(object)) && claims.len() >= 2)
    })
}

/// The annotations that may leave the cluster.
#[derive(Default)]
pub(super) struct Sent(pub(super) BTreeMap<String, String>);

/// None of them.
#[derive(Default)]
pub(super) struct NotSent;

/// What is decoded of annotations.
pub(super) trait Annotations: for<'de> Deserialize<'de> + Default {
    /// What may leave.
    fn sent(self) -> BTreeMap<String, String>;
}

impl Annotations for Sent {
    fn sent(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl Annotations for NotSent {
    fn sent(self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

impl<'de> Deserialize<'de> for NotSent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SentVisitor)
    }
}

struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = Sent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent, A::Error> {
        let mut sent = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if has_prefix(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(Harmless(Some(value))) = map.next_value::<Lenient<Harmless>>()?.get() {
                sent.insert(key, value);
            }
        }
        Ok(Sent(sent))
    }
}

/// A value that may leave, or nothing of it.
struct Harmless(Option<String>);

impl<'de> Deserialize<'de> for Harmless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HarmlessVisitor;

        impl Visitor<'_> for HarmlessVisitor {
            type Value = Harmless;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Harmless, E> {
                Ok(Harmless(value_held_back(value).is_none().then(|| value.to_owned())))
            }
        }

        deserializer.deserialize_str(HarmlessVisitor)
    }
}
