// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When a snapshot opens, what it waits for, and what comes of its end.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::ResourceKind::{Node, Pod};
use obsyk_domain::snapshot::Cause;

use super::driver::{Driver, accepted};
use crate::sender::SnapshotEnd;

#[test]
fn kinds_are_listed_when_the_sender_has_opened_it() {
    let mut driver = Driver::started();
    assert_eq!(driver.opened(1), ["relist Pod, Node for 1"]);
}

#[test]
fn it_is_sent_when_every_kind_is_listed_and_once() {
    let mut driver = Driver::started();
    driver.opened(1);
    assert!(driver.listed(1, Pod).is_empty());
    assert_eq!(driver.listed(1, Node), ["send 1"]);
    assert!(driver.listed(1, Node).is_empty());
}

#[test]
fn a_kind_that_can_not_be_read_is_left_out() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Node);
    assert_eq!(driver.unreadable(1, Pod), ["send 1 without Pod"]);
    assert_eq!(driver.reason("Degraded"), "KindUnreadable");
}

#[test]
fn a_list_for_an_older_snapshot_counts_for_none() {
    let mut driver = Driver::synced();
    driver.due(Cause::Answer, 1);
    driver.at(31);
    driver.opened(2);
    assert!(driver.listed(1, Pod).is_empty());
    assert!(driver.unreadable(1, Node).is_empty());
    driver.listed(2, Pod);
    assert_eq!(driver.listed(2, Node), ["send 2"]);
}

#[test]
fn a_late_opening_of_an_older_snapshot_lists_nothing() {
    let mut driver = Driver::started();
    driver.edit(|spec| spec.cluster_name = "mall".to_owned());
    assert!(driver.opened(1).is_empty());
}

#[test]
fn what_comes_due_before_the_barrier_is_up_is_answered_by_the_open_one() {
    let mut driver = Driver::started();
    assert!(driver.due(Cause::CircuitClosed, 0).is_empty());
    driver.snapshot(1);
    assert!(driver.at(200).is_empty());
    assert_eq!(driver.state.snapshots_view().by_cause[&Cause::CircuitClosed], 1);
}

#[test]
fn a_cause_that_comes_due_again_and_again_while_one_waits_to_open_counts_once() {
    let mut driver = Driver::started();
    for _ in 0..5 {
        driver.due(Cause::Unknown, 0);
    }
    let view = driver.state.snapshots_view();
    assert_eq!(view.open.unwrap().causes, [Cause::Start, Cause::Unknown]);
    assert_eq!(view.by_cause[&Cause::Unknown], 1);
}

#[test]
fn thirty_seconds_lie_between_two_also_when_the_first_had_to_wait_for_its_turn() {
    let mut driver = Driver::started();
    driver.at(3600);
    driver.snapshot(1);
    driver.due(Cause::LedgerFull, 3600);
    let words = driver.at(3629);
    assert!(words.iter().all(|word| !word.starts_with("open")), "{words:?}");
    let words = driver.at(3630);
    assert!(words.contains(&"open 2 for ledger_full".to_owned()), "{words:?}");
}

#[test]
fn a_snapshot_lasts_from_when_the_lists_were_asked_for() {
    let mut driver = Driver::started();
    driver.at(100);
    driver.snapshot(1);
    let last = &driver.state.snapshots_view().recent[0];
    assert_eq!((last.opened, last.took), (driver.now, Duration::ZERO));
}

#[test]
fn what_comes_due_while_one_is_open_opens_the_next_one_later() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.due(Cause::LedgerFull, 0);
    for kind in super::fakes::KINDS {
        driver.listed(1, kind);
    }
    assert!(driver.at(60).is_empty());
    assert_eq!(driver.ended(1, &accepted()), ["identify", "open 2 for ledger_full"]);
}

#[test]
fn causes_are_merged_and_two_are_thirty_seconds_apart() {
    let mut driver = Driver::synced();
    driver.at(2);
    assert!(driver.due(Cause::Answer, 2).is_empty());
    assert!(driver.due(Cause::Backlog, 2).is_empty());
    assert!(driver.at(30).is_empty());
    assert_eq!(driver.at(31), ["identify", "open 2 for answer+backlog"]);
}

#[test]
fn an_ambiguous_answer_makes_a_late_one_due_that_an_accepted_one_does_not_answer() {
    let mut driver = Driver::synced();
    driver.due(Cause::Ambiguous, 1000);
    driver.due(Cause::Answer, 31);
    assert_eq!(driver.at(31), ["identify", "open 2 for answer"]);
    driver.snapshot(2);
    assert!(driver.at(999).iter().all(|word| word == "beat"));
    assert_eq!(driver.at(1000), ["identify", "open 3 for ambiguous"]);
}

#[test]
fn a_day_later_the_next_one_opens() {
    let mut driver = Driver::synced();
    let words = driver.at(86_400);
    assert_eq!(words.iter().filter(|word| *word == "open 2 for daily").count(), 1);
}

#[test]
fn a_kind_that_was_left_out_and_can_be_read_again_opens_the_next_one() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Node);
    driver.unreadable(1, Pod);
    driver.ended(1, &accepted());
    driver.at(40);
    assert_eq!(driver.listed(1, Pod), ["identify", "open 2 for kind_readable"]);
    assert_eq!(driver.reason("Degraded"), "AsExpected");
}

#[test]
fn a_kind_that_becomes_readable_while_it_is_sent_opens_the_next_one() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Node);
    driver.unreadable(1, Pod);
    driver.listed(1, Pod);
    driver.ended(1, &accepted());
    assert_eq!(driver.at(30), ["identify", "open 2 for kind_readable"]);
}

#[test]
fn a_late_list_of_a_left_out_kind_asks_for_nothing_that_the_open_one_will_have() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Node);
    driver.unreadable(1, Pod);
    driver.ended(1, &accepted());
    driver.due(Cause::Answer, 30);
    driver.at(30);
    driver.opened(2);
    driver.listed(1, Pod);
    driver.listed(2, Pod);
    driver.listed(2, Node);
    driver.ended(2, &accepted());
    assert!(driver.at(200).is_empty());
}

#[test]
fn when_no_kind_can_be_read_it_is_given_up_and_the_first_readable_kind_opens_the_next() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.unreadable(1, Node);
    assert_eq!(driver.unreadable(1, Pod), ["abandon 1"]);
    assert!(driver.at(299).is_empty());
    assert_eq!(driver.listed(1, Pod), ["identify", "open 2 for kind_readable"]);
}

#[test]
fn a_refused_one_is_tried_again_after_a_minute_and_named() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Pod);
    driver.listed(1, Node);
    driver.ended(1, &SnapshotEnd::Refused(Outcome::status(405)));
    assert_eq!(driver.reason("Degraded"), "SnapshotRefused");
    assert!(driver.at(59).is_empty());
    assert_eq!(driver.at(60), ["identify", "open 2 for refused"]);
}

#[test]
fn an_unfinished_one_is_followed_by_another_but_not_within_thirty_seconds() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.ended(1, &SnapshotEnd::Unfinished);
    assert!(driver.at(29).is_empty());
    assert_eq!(driver.at(30), ["identify", "open 2 for unfinished"]);
}

#[test]
fn one_that_the_sender_could_not_open_is_followed_by_another() {
    let mut driver = Driver::started();
    driver.overtaken(1);
    assert_eq!(driver.at(30), ["identify", "open 2 for unfinished"]);
}

#[test]
fn the_end_of_an_older_one_ends_nothing() {
    let mut driver = Driver::started();
    driver.edit(|spec| spec.cluster_name = "mall".to_owned());
    driver.ended(1, &accepted());
    assert!(!driver.state.is_accepted());
    assert_eq!(driver.opened(2), ["relist Pod, Node for 2"]);
}

#[test]
fn syncing_is_true_from_the_first_accepted_one_on() {
    let mut driver = Driver::started();
    assert_eq!(driver.reason("Syncing"), "SnapshotPending");
    driver.snapshot(1);
    assert_eq!(driver.reason("Syncing"), "Streaming");
}
