// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Chance from one seed, for the world and for the operator.

use std::time::Duration;

use obsyk_domain::time::Chance;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Throws that the seed decides.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    /// Dice whose throws follow from the seed and from whose they are.
    pub fn new(seed: u64, whose: u64) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(whose),
        ))
    }

    /// Returns true if something happens whose probability this is.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end.max(1))
    }

    /// A number in `from..=to`.
    pub fn within(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..=to.max(from))
    }

    /// One of them.
    ///
    /// # Panics
    ///
    /// There is none to pick.
    #[expect(clippy::expect_used, reason = "the simulation's own lists are never empty")]
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len());
        of.get(at).expect("something to pick from")
    }

    /// A wait whose mean this is, as of something that comes by chance (an exponential distribution, cut at ten means).
    pub fn wait(&mut self, mean: Duration) -> Duration {
        let throw = 1.0 - self.0.random::<f64>();
        mean.mul_f64((-throw.ln()).clamp(0.0, 10.0))
    }

    /// Milliseconds in `from..=to`.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(self.within(from * 1000, to * 1000))
    }

    /// Seconds in `from..=to`.
    pub fn secs(&mut self, from: u64, to: u64) -> Duration {
        self.millis(from * 1000, to * 1000)
    }
}

impl Chance for Dice {
    fn fraction(&mut self) -> f64 {
        self.0.random()
    }
}
