// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The process's clock and its randomness.

use std::time::Instant;

use jiff::Timestamp;
use obsyk_domain::ports::Clock;
use obsyk_domain::time::{Chance, Moment};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Time since the process began, and the wall clock.
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment::at(self.began.elapsed())
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn chance(&self) -> Box<dyn Chance> {
        Box::new(SystemChance(StdRng::from_rng(&mut rand::rng())))
    }
}

struct SystemChance(StdRng);

impl Chance for SystemChance {
    fn fraction(&mut self) -> f64 {
        self.0.random()
    }
}
