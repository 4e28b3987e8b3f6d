// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who an object is: its uid, and what is decoded of its metadata.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Withheld;
use super::annotations::Annotations;
use super::lenient::{Lenient, TextMap, watch_faults};

/// A uid. The API server gives UUIDs, which are kept in 16 bytes; another text is kept as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid([u8; 16]),
    Other(Box<str>),
}

impl Uid {
    /// The first in order.
    pub(crate) const LEAST: Self = Self(Repr::Uuid([0; 16]));

    /// Its text, for which `place` is room.
    pub(crate) fn text<'a>(&'a self, place: &'a mut [u8; UUID_LEN]) -> &'a str {
        match &self.0 {
            Repr::Other(text) => text,
            Repr::Uuid(bytes) => {
                *place = print_uuid(bytes);
                // It is ASCII.
                std::str::from_utf8(place).unwrap_or_default()
            }
        }
    }
}

/// The length of a UUID's text.
pub(crate) const UUID_LEN: usize = 36;

/// Where the dashes of a UUID stand (RFC 9562).
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(parse_uuid(text).map_or_else(|| Repr::Other(text.into()), Repr::Uuid))
    }
}

/// A UUID in its canonical lower-case form, which is the only one that is printed again as it was.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != UUID_LEN {
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
        f.write_str(self.text(&mut [0; UUID_LEN]))
    }
}

/// The canonical form. By hand, since it is printed for each object that is sent: the formatter takes ten times as long.
fn print_uuid(bytes: &[u8; 16]) -> [u8; UUID_LEN] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
    let mut text = [b'-'; UUID_LEN];
    let places = text
        .iter_mut()
        .enumerate()
        .filter(|(at, _)| !DASHES.contains(at))
        .map(|(_, place)| place);
    for (place, nibble) in places.zip(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15])) {
        *place = digit(nibble);
    }
    text
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; UUID_LEN]))
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UidVisitor;

        impl Visitor<'_> for UidVisitor {
            type Value = Uid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a uid")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Uid, E> {
                if text.is_empty() {
                    Err(E::custom("an empty uid"))
                } else {
                    Ok(Uid::from(text))
                }
            }
        }

        deserializer.deserialize_str(UidVisitor)
    }
}

/// An owner of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its annotations that may leave the cluster ([`super::redact`]); the others aren't kept.
    pub annotations: BTreeMap<String, String>,
    /// How many others there were.
    pub withheld: Withheld,
    /// When it was created, as the API server wrote it.
    pub created: Option<String>,
    /// Who owns it.
    pub owners: Vec<OwnerReference>,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("uid", &self.uid)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Decodes metadata, with annotations or without.
///
/// It is lenient at first, and strict at the end: so each error of type is ours, and quotes nothing of what was read,
/// while the parser's own errors stay what they are (a client tells a cut line from a bad one by them).
pub(super) struct Read<A> {
    pub(super) metadata: Metadata,
    annotations: PhantomData<A>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw<A> {
    uid: Lenient<Uid>,
    name: Lenient<Box<str>>,
    namespace: Lenient<Box<str>>,
    resource_version: Lenient<Version>,
    labels: Lenient<TextMap>,
    annotations: Lenient<A>,
    creation_timestamp: Lenient<String>,
    owner_references: Lenient<Vec<Lenient<RawOwner>>>,
}

/// A resource version: a number, as a text.
struct Version(u64);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VersionVisitor;

        impl Visitor<'_> for VersionVisitor {
            type Value = Version;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a resource version")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Version, E> {
                let number = text.parse().map_err(|_| E::custom("not a number"))?;
                Ok(Version(number))
            }
        }

        deserializer.deserialize_str(VersionVisitor)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawOwner {
    kind: Lenient<String>,
    name: Lenient<String>,
}

impl<'de, A: Annotations> Deserialize<'de> for Read<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (raw, faulty) = watch_faults(|| Lenient::<Raw<A>>::deserialize(deserializer));
        let raw = raw?.or_default();
        if faulty {
            return Err(D::Error::custom("metadata has a value of another type"));
        }
        let metadata = raw
            .checked()
            .ok_or_else(|| D::Error::custom("metadata lacks a uid, a name or a version"))?;
        Ok(Self {
            metadata,
            annotations: PhantomData,
        })
    }
}

impl<A: Annotations> Raw<A> {
    fn checked(self) -> Option<Metadata> {
        let owner = |owner: RawOwner| OwnerReference {
            kind: owner.kind.or_default(),
            name: owner.name.or_default(),
        };
        let (annotations, withheld) = self.annotations.or_default().into_parts();
        Some(Metadata {
            uid: self.uid.get()?,
            name: self.name.get().filter(|name| !name.is_empty())?,
            namespace: self.namespace.get().filter(|namespace| !namespace.is_empty()),
            version: self.resource_version.get()?.0,
            labels: self.labels.or_default().0,
            annotations,
            withheld,
            created: self.creation_timestamp.get(),
            owners: self
                .owner_references
                .or_default()
                .into_iter()
                .filter_map(Lenient::get)
                .map(owner)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uid_is_kept_in_24_bytes() {
        assert!(size_of::<Uid>() <= 24 && size_of::<Option<Uid>>() <= 24);
        let canonical = Uid::from("0b2f4a52-6f0e-4c1b-9a57-3d1a2c9e7f10");
        assert!(matches!(canonical.0, Repr::Uuid(_)));
        for other in [
            "",
            "0B2F4A52-6F0E-4C1B-9A57-3D1A2C9E7F10",
            "0b2f4a526f0e4c1b9a573d1a2c9e7f10",
            "u-1",
        ] {
            assert!(matches!(Uid::from(other).0, Repr::Other(_)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_uid_is_printed_as_it_was(
            text in prop_oneof!["[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[0-9a-fA-F-]{36}", ".{0,40}"],
        ) {
            let uid = Uid::from(text.as_str());
            prop_assert_eq!(uid.to_string(), text.clone());
            prop_assert_eq!(serde_json::to_value(&uid).unwrap(), serde_json::Value::from(text.clone()));
            if !text.is_empty() {
                prop_assert_eq!(serde_json::from_value::<Uid>(text.into()).unwrap(), uid);
            }
        }
    }
}
