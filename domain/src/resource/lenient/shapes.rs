// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Shapes that the API uses in many places, each decoded to what is sent of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Lenient;

/// A map of texts, such as labels. A null in it counts as absent, a value that isn't a text is a fault.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextMap(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for TextMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextMapVisitor;

        impl<'de> Visitor<'de> for TextMapVisitor {
            type Value = TextMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextMap, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, Lenient(text))) = map.next_entry::<String, Lenient<String>>()? {
                    if let Some(text) = text {
                        texts.insert(key, text);
                    }
                }
                Ok(TextMap(texts))
            }
        }

        deserializer.deserialize_map(TextMapVisitor)
    }
}

/// The keys of a map; its values are skipped, never parsed into a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;

        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    keys.push(key);
                }
                keys.sort_unstable();
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(KeysVisitor)
    }
}

/// How many elements a list has; they are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(pub usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl<'de> Visitor<'de> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }

        deserializer.deserialize_seq(CountVisitor)
    }
}

/// A number or a text, such as a port or a quantity, as the text that it is spelled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled(pub String);

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpelledVisitor;

        impl Visitor<'_> for SpelledVisitor {
            type Value = Spelled;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Spelled, E> {
                Ok(Spelled(value.to_owned()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Spelled, E> {
                Ok(Spelled(value.to_string()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Spelled, E> {
                Ok(Spelled(value.to_string()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Spelled, E> {
                Ok(Spelled(value.to_string()))
            }
        }

        deserializer.deserialize_any(SpelledVisitor)
    }
}
