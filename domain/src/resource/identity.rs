// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who an object is: its uid, and what is decoded of its metadata.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde::{Deserialize, Serialize, Serializer};

/// A uid. The API server gives UUIDs, which are kept in 16 bytes; another text is kept as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid([u8; 16]),
    Other(Box<str>),
}

/// Where the dashes of a UUID stand (RFC 9562).
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(parse_uuid(text).map_or_else(|| Repr::Other(text.into()), Repr::Uuid))
    }
}

/// A UUID in its canonical lower-case form, which is the only one that is printed again as it was.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0; 16];
    let mut nibbles = 0_usize;
    for (at, c) in text.bytes().enumerate() {
        if DASHES.contains(&at) {
            if c != b'-' {
                return None;
            }
            continue;
        }
        let value = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            _ => return None,
        };
        let byte = bytes.get_mut(nibbles / 2)?;
        *byte = (*byte << 4) | value;
        nibbles += 1;
    }
    (nibbles == 32).then_some(bytes)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Other(text) => f.write_str(text),
            Repr::Uuid(bytes) => {
                for (n, byte) in bytes.iter().enumerate() {
                    if matches!(n, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An owner of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OwnerReference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What is decoded of an object's metadata, strictly: without it an object can't even be set aside.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The object's uid.
    pub uid: Uid,
    /// Its name.
    pub name: Box<str>,
    /// Its namespace; none on cluster-scoped kinds.
    pub namespace: Option<Box<str>>,
    /// Its resource version. Versions of one kind are compared as numbers.
    pub version: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, all of them: [`super::redact`] decides which are sent.
    pub annotations: BTreeMap<String, String>,
    /// When it was created, as the API server wrote it.
    pub created: Option<String>,
    /// Who owns it.
    pub owners: Vec<OwnerReference>,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("uid", &self.uid).field("version", &self.version).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    uid: String,
    name: Box<str>,
    namespace: Option<Box<str>>,
    resource_version: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    #[serde(rename = "managedFields")]
    _managed_fields: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The decoder's text may quote the input; ours doesn't.
        let raw = Raw::deserialize(deserializer).map_err(|_| D::Error::custom("metadata can't be read"))?;
        if raw.uid.is_empty() || raw.name.is_empty() {
            return Err(D::Error::custom("metadata has no uid or no name"));
        }
        let version = raw.resource_version.parse().map_err(|_| D::Error::custom("resourceVersion isn't a number"))?;
        Ok(Self {
            uid: Uid::from(raw.uid.as_str()),
            name: raw.name,
            namespace: raw.namespace.filter(|namespace| !namespace.is_empty()),
            version,
            labels: raw.labels.unwrap_or_default(),
            annotations: raw.annotations.unwrap_or_default(),
            created: raw.creation_timestamp,
            owners: raw.owner_references.unwrap_or_default(),
        })
    }
}
