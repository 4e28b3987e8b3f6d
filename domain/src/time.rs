// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Time and chance as values.
//!
//! Nothing in this crate reads a clock or draws a number: both come in as parameters, so that a test or a simulation
//! decides them.

use std::ops::Add;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A point in monotonic time, as the time since the process (or the simulation) began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

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
        serializer.serialize_f64(self.0.as_secs_f64())
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
    fn a_drawn_duration_lies_between_its_bounds_whatever_is_drawn() {
        let (shortest, longest) = (Duration::from_secs(600), Duration::from_secs(3600));
        for (drawn, secs) in [(0.0, 600), (0.5, 2100), (1.0, 3600), (7.0, 3600), (-1.0, 600)] {
            assert_eq!(Always(drawn).between(shortest, longest), Duration::from_secs(secs));
        }
        assert_eq!(Always(0.5).between(longest, shortest), longest);
    }
}
