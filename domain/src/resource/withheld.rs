// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How many annotations were held back, by rule: of one object, and in all.

use super::redact::Rule;

/// How many annotations of one object each rule holds back. It stops counting at 65,535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld([u16; Rule::ALL.len()]);

impl Withheld {
    /// Counts an annotation.
    pub(super) fn count(&mut self, rule: Rule) {
        if let Some(count) = self.0.get_mut(rule as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// The rules that held something back, and how much.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, u16)> {
        Rule::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl FromIterator<Rule> for Withheld {
    /// An annotation for each.
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut withheld = Self::default();
        rules.into_iter().for_each(|rule| withheld.count(rule));
        withheld
    }
}

/// The same of many objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithheldTotals([u64; Rule::ALL.len()]);

impl WithheldTotals {
    /// Adds what was held back of an object.
    pub fn add(&mut self, object: Withheld) {
        for (total, count) in self.0.iter_mut().zip(object.0) {
            *total += u64::from(count);
        }
    }

    /// Adds other totals.
    pub fn merge(&mut self, other: &Self) {
        for (total, count) in self.0.iter_mut().zip(other.0) {
            *total += count;
        }
    }

    /// The rules that held something back, and how much.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, u64)> {
        Rule::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// How much all rules held back.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}
