// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How long things took: counted in the classes that a histogram of the metrics has.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::seconds;

/// The upper bounds of the classes; one more class has what took longer. They reach from what an event takes on a good day
/// (milliseconds) to what a list or a snapshot takes on a bad one (its deadline is ten minutes).
pub const BOUNDS: [Duration; 14] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(600),
];

/// How long things took. In JSON the durations are seconds.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// How many were at most 5, 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5, 10, 30, 60, 600 s long, and longer: each is
    /// counted once.
    classes: [u64; BOUNDS.len() + 1],
    /// All of them together.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    total: Duration,
    /// The longest.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    longest: Duration,
}

impl Durations {
    /// Another one.
    pub fn record(&mut self, took: Duration) {
        let class = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.classes.get_mut(class) {
            *count += 1;
        }
        self.total += took;
        self.longest = self.longest.max(took);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The classes: an upper bound (`None` of the last), and how many were in it.
    pub fn classes(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        bounds.zip(self.classes)
    }

    /// An upper bound of all but one in `one_in`: of 100, for instance, the 99th percentile. Zero when there were none.
    pub fn all_but_one_in(&self, one_in: u64) -> Duration {
        let longer = self.count() / one_in.max(1);
        let mut left = self.count();
        for (bound, count) in self.classes() {
            left -= count;
            if left <= longer {
                return bound.map_or(self.longest, |bound| bound.min(self.longest));
            }
        }
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: &[u64]) -> Durations {
        let mut durations = Durations::default();
        for took in milliseconds {
            durations.record(Duration::from_millis(*took));
        }
        durations
    }

    #[test]
    fn each_is_in_the_class_whose_bound_it_does_not_exceed() {
        let durations = of(&[5, 6, 10, 700_000]);
        let counts: Vec<u64> = durations.classes().map(|(_, count)| count).collect();
        assert_eq!(
            (counts.first(), counts.get(1), counts.last()),
            (Some(&1), Some(&2), Some(&1))
        );
        assert_eq!(durations.count(), 4);
        assert_eq!(durations.total(), Duration::from_millis(700_021));
        assert_eq!(durations.longest(), Duration::from_secs(700));
    }

    #[test]
    fn a_percentile_is_bounded_by_its_class_and_by_the_longest() {
        assert_eq!(of(&[]).all_but_one_in(100), Duration::ZERO);
        assert_eq!(of(&[3]).all_but_one_in(100), Duration::from_millis(3));
        let mut many = vec![20; 99];
        many.push(4000);
        assert_eq!(of(&many).all_but_one_in(100), Duration::from_millis(25));
        assert_eq!(of(&many).all_but_one_in(1000), Duration::from_secs(4));
    }
}
