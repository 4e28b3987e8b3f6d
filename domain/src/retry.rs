// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When to try again.
//!
//! An error says whether to try again, a [`Backoff`] says when; the actor only sleeps.

use std::time::Duration;

use crate::time::Chance;

/// Requests that failed for a reason that may pass are tried again at most this often after the first try
/// (the protocol's table of answers).
pub const MOST_RETRIES: u32 = 5;

/// An answer's `Retry-After` is held within these bounds, so that a platform can neither make us hammer nor silence us.
pub const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// A 408 or 429 without `Retry-After` means this.
pub const RETRY_AFTER_ABSENT: Duration = Duration::from_secs(30);

/// `Retry-After`, held within [`RETRY_AFTER`].
pub fn clamp_retry_after(wait: Duration) -> Duration {
    wait.clamp(RETRY_AFTER.0, RETRY_AFTER.1)
}

/// Exponential backoff with full jitter: the n-th wait is a random part of `base × 2ⁿ`, at most `cap`.
///
/// Full jitter, because a thousand agents that lost one platform must not come back in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    floor: Duration,
    tries: u32,
}

impl Backoff {
    /// What requests to the platform wait: base 1 s, cap 60 s.
    pub const REQUEST: Self = Self::new(Duration::from_secs(1), Duration::from_secs(60), Duration::ZERO);
    /// What an open circuit's probes wait: 15 s, doubling to 60 s; at least 1 s, since a probe is extra load.
    pub const PROBE: Self = Self::new(Duration::from_secs(15), Duration::from_secs(60), Duration::from_secs(1));
    /// What a refused token waits: up to 5 min.
    pub const DENIED: Self = Self::new(
        Duration::from_secs(10),
        Duration::from_secs(300),
        Duration::from_secs(1),
    );
    /// What a failed list or watch waits: base 1 s, cap 60 s; at least 200 ms, so that an error at once is no hot loop.
    pub const WATCH: Self = Self::new(
        Duration::from_secs(1),
        Duration::from_secs(60),
        Duration::from_millis(200),
    );
    /// What a kind that can't be read waits: 10 s, doubling to 5 min.
    pub const UNREADABLE: Self = Self::new(
        Duration::from_secs(10),
        Duration::from_secs(300),
        Duration::from_secs(5),
    );
    /// What a child that died waits before its parent builds a new one.
    pub const RESTART: Self = Self::new(
        Duration::from_millis(500),
        Duration::from_secs(30),
        Duration::from_millis(100),
    );

    /// A backoff whose n-th wait lies between `floor` and `base × 2ⁿ`, the latter at most `cap`.
    pub const fn new(base: Duration, cap: Duration, floor: Duration) -> Self {
        Self {
            base,
            cap,
            floor,
            tries: 0,
        }
    }

    /// How many waits were handed out since the last reset.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait.
    pub fn next(&mut self, chance: &mut dyn Chance) -> Duration {
        let longest = self
            .base
            .saturating_mul(2u32.saturating_pow(self.tries.min(16)))
            .min(self.cap);
        self.tries = self.tries.saturating_add(1);
        chance.between(self.floor.min(longest), longest)
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
    fn waits_double_up_to_the_cap() {
        let mut backoff = Backoff::REQUEST;
        let waits: Vec<_> = (0..8).map(|_| backoff.next(&mut Always(1.0)).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next(&mut Always(1.0)), Duration::from_secs(1));
    }

    #[test]
    fn jitter_is_full() {
        let mut backoff = Backoff::REQUEST;
        assert_eq!(backoff.next(&mut Always(0.0)), Duration::ZERO);
        assert_eq!(backoff.next(&mut Always(0.5)), Duration::from_secs(1));
    }

    #[test]
    fn a_watch_never_waits_less_than_its_floor() {
        assert_eq!(
            Backoff::WATCH.clone().next(&mut Always(0.0)),
            Duration::from_millis(200)
        );
    }

    #[test]
    fn each_backoff_doubles_from_its_base_to_its_cap() {
        for (backoff, floor, waits) in [
            (Backoff::PROBE, 1.0, [15.0, 30.0, 60.0, 60.0]),
            (Backoff::DENIED, 1.0, [10.0, 20.0, 40.0, 80.0]),
            (Backoff::UNREADABLE, 5.0, [10.0, 20.0, 40.0, 80.0]),
            (Backoff::RESTART, 0.1, [0.5, 1.0, 2.0, 4.0]),
        ] {
            let mut longest = backoff.clone();
            let mut shortest = backoff;
            for wait in waits {
                assert_eq!(longest.next(&mut Always(1.0)).as_secs_f64(), wait);
                assert_eq!(shortest.next(&mut Always(0.0)).as_secs_f64(), floor);
            }
        }
    }

    #[test]
    fn a_long_outage_stays_at_the_cap() {
        for (mut backoff, cap) in [(Backoff::DENIED, 300), (Backoff::WATCH, 60), (Backoff::RESTART, 30)] {
            for _ in 0..100 {
                backoff.next(&mut Always(1.0));
            }
            assert_eq!(backoff.next(&mut Always(1.0)).as_secs(), cap);
            assert_eq!(backoff.tries(), 101);
        }
    }

    #[test]
    fn retry_after_is_clamped() {
        assert_eq!(clamp_retry_after(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(clamp_retry_after(Duration::from_secs(7)), Duration::from_secs(7));
        assert_eq!(
            clamp_retry_after(Duration::from_secs(1_000_000)),
            Duration::from_secs(300)
        );
    }
}
