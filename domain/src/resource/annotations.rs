// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Annotations as they are decoded: what [`super::redact`] holds back is skipped there and then, and counted.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::Withheld;
use super::lenient::Lenient;
use super::redact::{Rule, key_held_back, value_held_back};

/// The annotations that may leave the cluster, and how many others there were.
#[derive(Default)]
pub(super) struct Sent {
    texts: BTreeMap<String, String>,
    withheld: Withheld,
}

/// None of them, and how many there were.
#[derive(Default)]
pub(super) struct NotSent(Withheld);

/// What is decoded of annotations.
pub(super) trait Annotations: for<'de> Deserialize<'de> + Default {
    /// What may leave, and how much may not.
    fn into_parts(self) -> (BTreeMap<String, String>, Withheld);
}

impl Annotations for Sent {
    fn into_parts(self) -> (BTreeMap<String, String>, Withheld) {
        (self.texts, self.withheld)
    }
}

impl Annotations for NotSent {
    fn into_parts(self) -> (BTreeMap<String, String>, Withheld) {
        (BTreeMap::new(), self.0)
    }
}

impl<'de> Deserialize<'de> for NotSent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NotSentVisitor;

        impl<'de> Visitor<'de> for NotSentVisitor {
            type Value = NotSent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NotSent, A::Error> {
                let mut withheld = Withheld::default();
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    withheld.count(Rule::Kind);
                }
                Ok(NotSent(withheld))
            }
        }

        deserializer.deserialize_map(NotSentVisitor)
    }
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SentVisitor;

        impl<'de> Visitor<'de> for SentVisitor {
            type Value = Sent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent, A::Error> {
                let mut sent = Sent::default();
                while let Some(key) = map.next_key::<String>()? {
                    if let Some(rule) = key_held_back(&key) {
                        map.next_value::<IgnoredAny>()?;
                        sent.withheld.count(rule);
                        continue;
                    }
                    match map.next_value::<Lenient<Judged>>()?.get() {
                        Some(Judged(Ok(text))) => {
                            sent.texts.insert(key, text);
                        }
                        Some(Judged(Err(rule))) => sent.withheld.count(rule),
                        None => {}
                    }
                }
                Ok(sent)
            }
        }

        deserializer.deserialize_map(SentVisitor)
    }
}

/// A value that may leave, or the rule that holds it back, and then nothing of it.
struct Judged(Result<String, Rule>);

impl<'de> Deserialize<'de> for Judged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JudgedVisitor;

        impl Visitor<'_> for JudgedVisitor {
            type Value = Judged;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Judged, E> {
                Ok(Judged(match value_held_back(value) {
                    None => Ok(value.to_owned()),
                    Some(rule) => Err(rule),
                }))
            }
        }

        deserializer.deserialize_str(JudgedVisitor)
    }
}
