// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Time and chance as values.
//!
//! Nothing in this crate reads a clock or draws a number: both come in as parameters, so that a test or a simulation
//! decides them.

use std::ops::Add;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in monotonic time, as the time since the process (or the simulation) began: in JSON, seconds.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(#[schemars(with = "f64")] Duration);

impl Moment {
    /// The beginning of time.
    pub const START: Self = Self(Duration::ZERO);
    /// Later than any moment that comes.
    pub const NEVER: Self = Self(Duration::MAX);

    /// The moment that lies `elapsed` after the beginning.
    pub const fn at(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The time since the beginning.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }
}

impl Serialize for Moment {
    /// Seconds since the beginning, with a fraction.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        seconds::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        seconds::deserialize(deserializer).map(Self)
    }
}

/// Durations in JSON: seconds, with a fraction.
pub mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// As a number, in thousandths.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    /// From a number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(|_| D::Error::custom("not a number of seconds"))
    }
}

/// Where randomness comes from.
pub trait Chance {
    /// A number in `[0, 1)`, each equally likely.
    fn fraction(&mut self) -> f64;

    /// A duration in `[shortest, longest)`.
    fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        shortest
            + longest
                .saturating_sub(shortest)
                .mul_f64(self.fraction().clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]

    use super::*;

    struct Always(f64);

    impl Chance for Always {
        fn fraction(&mut self) -> f64 {
            self.0
        }
    }

    #[test]
    fn moments_neither_wrap_nor_go_below_zero() {
        let later = Moment::START + Duration::from_secs(5);
        assert_eq!(later.since(Moment::START), Duration::from_secs(5));
        assert_eq!(Moment::START.since(later), Duration::ZERO);
        assert_eq!(Moment::NEVER + Duration::from_secs(1), Moment::NEVER);
    }

    #[test]
    fn a_moment_is_seconds_in_json() {
        let moment = Moment::at(Duration::from_micros(1_234_567));
        let json = serde_json::to_string(&moment).expect("a number");
        assert_eq!(json, "1.235");
        let read: Moment = serde_json::from_str(&json).expect("a moment");
        assert_eq!(read, Moment::at(Duration::from_millis(1235)));
        assert!(serde_json::from_str::<Moment>("-1").is_err());
    }

    #[test]
    fn a_drawn_duration_lies_between_its_bounds_whatever_is_drawn() {
        let (shortest, longest) = (Duration::from_secs(600), Duration::from_secs(3600));
        for (drawn, secs) in [(0.0, 600), (0.5, 2100), (1.0, 3600), (7.0, 3600), (-1.0, 600)] {
            assert_eq!(Always(drawn).between(shortest, longest), Duration::from_secs(secs));
        }
        assert_eq!(Always(0.5).between(longest, shortest), longest);
    }
}
