// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The worlds in which today's operator fails, as `known-red.txt` lists them.

use crate::scenario::Scenario;

/// A listed scenario must fail in at least one of so many seeds.
pub const SEEDS: u64 = 25;

const LIST: &str = include_str!("../known-red.txt");

/// The scenarios of `known-red.txt`.
///
/// # Errors
///
/// A line names no scenario.
pub fn listed() -> Result<Vec<Scenario>, String> {
    read(LIST)
}

/// The other scenarios.
pub fn unlisted(listed: &[Scenario]) -> Vec<Scenario> {
    Scenario::ALL
        .iter()
        .copied()
        .filter(|scenario| !listed.contains(scenario))
        .collect()
}

fn read(list: &str) -> Result<Vec<Scenario>, String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let name = line.split_whitespace().next()?;
            // A test shows this case red, not a scenario.
            if name == "test" {
                return None;
            }
            let found = Scenario::ALL.iter().find(|scenario| scenario.name() == name);
            Some(
                found
                    .copied()
                    .ok_or_else(|| format!("known-red.txt names {name}, which is no scenario")),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_a_scenario_and_stands_once() {
        let listed = listed();
        assert!(listed.is_ok(), "{listed:?}");
        let mut names: Vec<Scenario> = listed.unwrap_or_default();
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn every_named_test_exists() {
        const TESTS: [&str; 2] = [
            include_str!("outages.rs"),
            include_str!("../../../src/platform/tests/gateways.rs"),
        ];
        let named: Vec<&str> = LIST
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.split_whitespace().next())
            .collect();
        assert!(!named.is_empty());
        for name in named {
            let function = format!("fn {name}()");
            assert!(TESTS.iter().any(|file| file.contains(&function)), "{name}");
        }
    }

    #[test]
    fn unknown_name_is_an_error() {
        assert!(read("# a comment\n\nK99/nothing  a case\n").is_err());
        assert_eq!(read("test a_name  a case\n"), Ok(Vec::new()));
    }
}
