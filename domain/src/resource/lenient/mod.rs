// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Decoding that never fails half-way.
//!
//! Objects are decoded in one pass, without a copy, straight from the client's buffer. If a value there isn't of the type
//! that the API promises, an ordinary decoder stops in the middle, and the object can't even be named. Here each value
//! that is decoded is wrapped in [`Lenient`]: a value of another shape is read to its end, counts as absent, and the
//! fault is noted, so that the object as a whole is known to be undecodable.
//!
//! The note is a counter of the thread, which [`watch_faults`] sets aside, reads and puts back: serde gives a value no
//! other way to tell its surroundings something. That is sound because decoding is one synchronous call on one thread.
//!
//! Only a value that was refused is forgiven. What the input itself is guilty of (it is cut, or isn't JSON) stays an
//! error, as the parser gave it: after it, nothing that follows may be believed. So whatever is inside a [`Lenient`] list
//! or map must be lenient itself, or its refusal would count as the input's.

mod shapes;
#[cfg(test)]
mod tests;

pub use shapes::{Count, Keys, Spelled, TextMap};

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BoolDeserializer, F64Deserializer, I64Deserializer, MapAccessDeserializer};
use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

thread_local! {
    static FAULTS: Cell<u32> = const { Cell::new(0) };
}

/// Runs a decoding, and says whether a [`Lenient`] in it met a value of another type. One within another keeps its
/// faults to itself.
pub fn watch_faults<T>(decode: impl FnOnce() -> T) -> (T, bool) {
    let outer = FAULTS.replace(0);
    let value = decode();
    (value, FAULTS.replace(outer) > 0)
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
        let mut at = At::Next;
        let value = T::deserialize(Elements(Seq {
            inner: &mut seq,
            at: &mut at,
        }));
        if at == At::Broken
            && let Err(broken) = value
        {
            return Err(broken);
        }
        if at != At::End {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(or_fault(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut at = At::Next;
        let value = T::deserialize(MapAccessDeserializer::new(Map {
            inner: &mut map,
            at: &mut at,
        }));
        if at == At::Broken
            && let Err(broken) = value
        {
            return Err(broken);
        }
        if at == At::Value {
            map.next_value::<IgnoredAny>()?;
        }
        if at != At::End {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(or_fault(value))
    }
}

/// How far a list or a map was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// An element or a key comes next.
    Next,
    /// The value of a key comes next.
    Value,
    /// All was read.
    End,
    /// The input gave an error.
    Broken,
}

/// Lends a list, and tells how far it was read.
struct Seq<'a, A> {
    inner: &'a mut A,
    at: &'a mut At,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Seq<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        *self.at = At::Broken;
        let element = self.inner.next_element_seed(seed)?;
        *self.at = if element.is_some() { At::Next } else { At::End };
        Ok(element)
    }
}

/// A list for a value that wants one. A struct gets none: a derived one would take the elements for its fields.
struct Elements<A>(A);

impl<'de, A: SeqAccess<'de>> Deserializer<'de> for Elements<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_seq(self.0)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a list where fields are expected"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Lends a map, and tells how far it was read.
struct Map<'a, A> {
    inner: &'a mut A,
    at: &'a mut At,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Map<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        *self.at = At::Broken;
        let key = self.inner.next_key_seed(seed)?;
        *self.at = if key.is_some() { At::Value } else { At::End };
        Ok(key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        *self.at = At::Broken;
        let value = self.inner.next_value_seed(seed)?;
        *self.at = At::Next;
        Ok(value)
    }
}
