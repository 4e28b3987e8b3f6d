// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How fast events and notices may go: governor's token bucket, on a clock that the caller turns.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::time::Moment;

/// A clock that shows what it was last set to.
#[derive(Clone, Debug)]
struct Dial(Rc<Cell<Nanos>>);

impl Clock for Dial {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get()
    }
}

/// The bucket from which each `POST` to /events takes one token, retries too. Snapshots, heartbeats and tokens take none.
#[derive(Debug)]
pub struct Bucket {
    dial: Dial,
    limiter: RateLimiter<NotKeyed, InMemoryState, Dial, StateInformationMiddleware>,
    /// What was left when a token was last asked for, and when that was: for those who look.
    left: Cell<(u32, Moment)>,
    per_second: NonZeroU32,
    burst: NonZeroU32,
}

impl Bucket {
    /// A full bucket of `burst` tokens that gains `per_second` tokens a second. Zero counts as one.
    pub fn full(per_second: u32, burst: u32, now: Moment) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let dial = Dial(Rc::new(Cell::new(nanos(now))));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(quota, dial.clone()).with_middleware();
        Self {
            dial,
            limiter,
            left: Cell::new((burst.get(), now)),
            per_second,
            burst,
        }
    }

    /// The same, but empty: an edit of the limit must not grant a second burst.
    pub fn empty(per_second: u32, burst: u32, now: Moment) -> Self {
        let bucket = Self::full(per_second, burst, now);
        // A check for exactly the burst can't exceed the capacity, and a new bucket is full: the result is always granted.
        let _granted = bucket.limiter.check_n(bucket.burst);
        bucket.left.set((0, now));
        bucket
    }

    /// Takes one token, or says when there will be one.
    pub fn take(&self, now: Moment) -> Result<(), Moment> {
        let at = nanos(now);
        self.dial.0.set(at);
        match self.limiter.check() {
            Ok(state) => {
                self.left.set((state.remaining_burst_capacity(), now));
                Ok(())
            }
            Err(not_until) => {
                self.left.set((0, now));
                let wait = not_until.earliest_possible().duration_since(at);
                Err(now + wait.into())
            }
        }
    }

    /// Tokens that it holds, to within one. Looking takes none.
    pub fn tokens(&self, now: Moment) -> u32 {
        let (left, then) = self.left.get();
        let gained = now.since(then).as_secs_f64() * f64::from(self.per_second.get());
        // More than fits is all.
        left.saturating_add(gained as u32).min(self.burst.get())
    }

    /// Tokens gained in a second.
    pub fn per_second(&self) -> u32 {
        self.per_second.get()
    }

    /// Tokens that the bucket can hold.
    pub fn burst(&self) -> u32 {
        self.burst.get()
    }
}

/// A bucket for what is rare: it gains one token in a longer time.
#[derive(Debug)]
pub struct Allowance {
    dial: Dial,
    limiter: RateLimiter<NotKeyed, InMemoryState, Dial, NoOpMiddleware<Nanos>>,
}

impl Allowance {
    /// A full bucket of `burst` tokens that gains one token `every` so often. Zero counts as one, and no time as a second.
    pub fn full(every: Duration, burst: u32) -> Self {
        let dial = Dial(Rc::new(Cell::new(nanos(Moment::START))));
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        let limiter = RateLimiter::direct_with_clock(quota, dial.clone());
        Self { dial, limiter }
    }

    /// Takes a token, if there is one.
    pub fn take(&self, now: Moment) -> bool {
        self.dial.0.set(nanos(now));
        self.limiter.check().is_ok()
    }
}

/// Governor counts nanoseconds in 64 bits: 584 years.
fn nanos(now: Moment) -> Nanos {
    Nanos::from(now.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &Bucket, from: Moment, span: Duration) -> u32 {
        let mut now = from;
        let mut taken = 0;
        while now < from + span {
            match bucket.take(now) {
                Ok(()) => taken += 1,
                Err(at) => {
                    assert!(at > now, "a refusal must name a later moment");
                    now = at;
                }
            }
        }
        taken
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = Bucket::full(10, 20, Moment::START);
        assert_eq!(taken(&bucket, Moment::START, Duration::from_secs(10)), 20 + 99);
    }

    #[test]
    fn an_empty_bucket_gives_its_rate_only() {
        let bucket = Bucket::empty(10, 20, Moment::START);
        assert_eq!(taken(&bucket, Moment::START, Duration::from_secs(10)), 99);
    }

    #[test]
    fn looking_shows_the_tokens_and_takes_none() {
        let bucket = Bucket::full(10, 20, Moment::START);
        assert_eq!(bucket.tokens(Moment::START), 20);
        for _ in 0..15 {
            assert_eq!(bucket.take(Moment::START), Ok(()));
        }
        assert_eq!([bucket.tokens(Moment::START); 2], [5, 5]);
        let later = Moment::START + Duration::from_secs(1);
        assert_eq!(bucket.tokens(later), 15);
        assert_eq!(bucket.tokens(later + Duration::from_secs(60)), 20);
        assert_eq!(taken(&bucket, later, Duration::from_millis(1)), 15);
        assert_eq!(bucket.tokens(later), 0);
        assert_eq!(Bucket::empty(10, 20, Moment::START).tokens(Moment::START), 0);
    }

    #[test]
    fn an_allowance_gives_its_burst_and_then_one_token_each_period() {
        let allowance = Allowance::full(Duration::from_secs(300), 25);
        let at = |secs| Moment::at(Duration::from_secs(secs));
        let taken = |from: u64, to: u64| (from..to).filter(|secs| allowance.take(at(*secs))).count();
        assert_eq!(taken(0, 200), 25);
        assert_eq!(taken(200, 200 + 3600), 12);
    }

    #[test]
    fn a_thousand_a_second_is_a_thousand() {
        let bucket = Bucket::empty(1000, 1, Moment::START);
        let taken = taken(&bucket, Moment::START, Duration::from_secs(1));
        assert!((998..=1000).contains(&taken), "{taken}");
    }
}
