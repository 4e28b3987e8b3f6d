// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Decoding that never fails half-way.
//!
//! Objects are decoded in one pass, without a copy, straight from the client's buffer. If a value there isn't of the type
//! that the API promises, an ordinary decoder stops in the middle, and the object can't even be named. Here each value
//! that is decoded is wrapped in [`Lenient`]: a value of another shape is read to its end, counts as absent, and the
//! fault is noted, so that the object as a whole is known to be undecodable.
//!
//! The note is a counter of the thread, which [`watch_faults`] resets and reads: serde gives a value no other way to tell
//! its surroundings something. That is sound because decoding an object is one synchronous call on one thread, and
//! `watch_faults` isn't called within itself.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BoolDeserializer, F64Deserializer, I64Deserializer, MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

thread_local! {
    static FAULTS: Cell<u32> = const { Cell::new(0) };
}

/// Runs a decoding, and says whether a [`Lenient`] in it met a value of another type.
pub fn watch_faults<T>(decode: impl FnOnce() -> T) -> (T, bool) {
    FAULTS.set(0);
    let value = decode();
    (value, FAULTS.get() > 0)
}

fn note_fault() {
    FAULTS.set(FAULTS.get().saturating_add(1));
}

/// A value that may be absent, null, or (a fault that is noted) of another type: all three read as none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lenient<T>(pub Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Lenient<T> {
    /// The value.
    pub fn get(self) -> Option<T> {
        self.0
    }

    /// A reference to the value.
    pub fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T: Default> Lenient<T> {
    /// The value, or its default.
    pub fn or_default(self) -> T {
        self.0.unwrap_or_default()
    }
}

impl<T> fmt::Debug for Lenient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some(…)" } else { "None" })
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

struct Any<T>(PhantomData<T>);

/// The value, or the noted fault.
fn or_fault<T, E>(result: Result<T, E>) -> Lenient<T> {
    if result.is_err() {
        note_fault();
    }
    Lenient(result.ok())
}

/// The error of a value that refuses its input. It has no text: nobody reads it.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
    type Value = Lenient<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(or_fault(T::deserialize(BoolDeserializer::<Refused>::new(value))))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(or_fault(T::deserialize(I64Deserializer::<Refused>::new(value))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(or_fault(T::deserialize(U64Deserializer::<Refused>::new(value))))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(or_fault(T::deserialize(F64Deserializer::<Refused>::new(value))))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(or_fault(T::deserialize(StrDeserializer::<Refused>::new(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut ended = false;
        let value = or_fault(T::deserialize(SeqAccessDeserializer::new(Seq { inner: &mut seq, ended: &mut ended })));
        if !ended {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut at = At::Key;
        let value = or_fault(T::deserialize(MapAccessDeserializer::new(Map { inner: &mut map, at: &mut at })));
        if at == At::Value {
            map.next_value::<IgnoredAny>()?;
            at = At::Key;
        }
        if at == At::Key {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(value)
    }
}

/// Lends a sequence, and tells whether it was read to its end.
struct Seq<'a, A> {
    inner: &'a mut A,
    ended: &'a mut bool,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Seq<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let element = self.inner.next_element_seed(seed)?;
        *self.ended = element.is_none();
        Ok(element)
    }
}

/// What a map gives next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Key,
    Value,
    End,
}

/// Lends a map, and tells how far it was read.
struct Map<'a, A> {
    inner: &'a mut A,
    at: &'a mut At,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Map<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let key = self.inner.next_key_seed(seed)?;
        *self.at = if key.is_some() { At::Value } else { At::End };
        Ok(key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        *self.at = At::Key;
        self.inner.next_value_seed(seed)
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
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
