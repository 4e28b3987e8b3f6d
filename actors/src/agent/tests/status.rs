// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When the status is written.

use std::time::Duration;

use jiff::Timestamp;
use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::condition::status_time;
use obsyk_domain::time::Moment;

use crate::agent::status::StatusKeeper;

fn at(millis: u64) -> Moment {
    Moment::at(Duration::from_millis(millis))
}

fn wall(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn a_status(generation: i64) -> ObsykAgentStatus {
    ObsykAgentStatus {
        observed_generation: Some(generation),
        ..ObsykAgentStatus::default()
    }
}

fn synced_at(text: &str) -> ObsykAgentStatus {
    ObsykAgentStatus {
        last_sync_time: Some(status_time(wall(text))),
        ..a_status(1)
    }
}

/// A keeper that wrote a status at second 0.
fn a_keeper() -> StatusKeeper {
    let mut keeper = StatusKeeper::new(None);
    assert!(keeper.should_write(at(0), &a_status(1)));
    keeper.succeeded();
    keeper
}

#[test]
fn a_status_that_says_nothing_new_is_not_written() {
    let mut keeper = a_keeper();
    assert!(!keeper.should_write(at(1_000_000), &a_status(1)));
}

#[test]
fn a_status_that_the_resource_has_already_is_not_written() {
    let mut keeper = StatusKeeper::new(Some(&a_status(1)));
    assert!(!keeper.should_write(at(0), &a_status(1)));
}

#[test]
fn a_transition_is_written_at_once() {
    assert!(a_keeper().should_write(at(1), &a_status(2)));
}

#[test]
fn a_time_alone_waits_for_ten_seconds() {
    let mut keeper = a_keeper();
    assert!(!keeper.should_write(at(9_999), &synced_at("2026-01-15T00:00:09Z")));
    assert!(keeper.should_write(at(10_000), &synced_at("2026-01-15T00:00:09Z")));
    keeper.succeeded();
    assert!(!keeper.should_write(at(19_999), &synced_at("2026-01-15T00:00:19Z")));
}

#[test]
fn a_failed_write_is_tried_again_after_a_while_though_nothing_changed() {
    let mut keeper = a_keeper();
    assert!(keeper.should_write(at(1), &a_status(2)));
    keeper.failed(at(100));
    assert!(!keeper.should_write(at(5_099), &a_status(2)));
    assert!(keeper.should_write(at(5_100), &a_status(2)));
    keeper.succeeded();
    assert!(!keeper.should_write(at(60_000), &a_status(2)));
}

#[test]
fn only_the_first_failure_in_a_row_is_news() {
    let mut keeper = a_keeper();
    assert!(keeper.failed(at(1)));
    assert!(!keeper.failed(at(6_000)));
    keeper.succeeded();
    assert!(keeper.failed(at(9_000)));
}

#[test]
fn what_failed_to_be_written_stays_known_so_that_transition_times_do() {
    let mut keeper = a_keeper();
    keeper.should_write(at(1), &a_status(2));
    keeper.failed(at(100));
    assert_eq!(*keeper.written(), a_status(2));
}

#[test]
fn a_time_does_not_move_when_the_wall_clock_does() {
    let mut keeper = StatusKeeper::new(None);
    keeper.saw(at(2_000), wall("2026-01-15T00:00:02Z"), Some(at(1_000)), None);
    let first = keeper.last_sync();
    assert_eq!(first, Some(status_time(wall("2026-01-15T00:00:01Z"))));
    keeper.saw(at(9_000), wall("2026-01-15T01:00:00Z"), Some(at(1_000)), None);
    assert_eq!(keeper.last_sync(), first);
}

#[test]
fn a_new_sender_that_has_sent_nothing_yet_takes_no_time_back() {
    let mut keeper = StatusKeeper::new(None);
    keeper.saw(
        at(9_000),
        wall("2026-01-15T00:00:09Z"),
        Some(at(8_000)),
        Some(at(1_000)),
    );
    keeper.saw(at(9_500), wall("2026-01-15T00:00:09Z"), None, Some(at(1_000)));
    assert_eq!(keeper.last_sync(), Some(status_time(wall("2026-01-15T00:00:08Z"))));
}

#[test]
fn times_of_the_process_before_stay_until_there_are_newer_ones() {
    let mut keeper = StatusKeeper::new(Some(&synced_at("2026-01-14T00:00:00Z")));
    assert_eq!(keeper.last_sync(), Some(status_time(wall("2026-01-14T00:00:00Z"))));
    keeper.saw(at(2_000), wall("2026-01-15T00:00:02Z"), Some(at(1_000)), None);
    assert_eq!(keeper.last_sync(), Some(status_time(wall("2026-01-15T00:00:01Z"))));
}
