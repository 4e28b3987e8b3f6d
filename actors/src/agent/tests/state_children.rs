// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Children that die are built anew, and what they knew is told again.

use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind::{Node, Pod};
use obsyk_domain::snapshot::Cause;

use super::driver::Driver;
use super::fakes::KINDS;
use crate::agent::Child;

#[test]
fn a_dead_watcher_is_built_anew_after_a_backoff_and_a_snapshot_is_due() {
    let mut driver = Driver::synced();
    driver.at(100);
    assert!(driver.exited(Child::Watcher(Pod)).is_empty());
    assert_eq!(driver.at(101), ["start Pod", "identify", "open 2 for watcher_lost"]);
}

#[test]
fn a_watcher_that_died_while_it_listed_lists_again_for_the_same_snapshot() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Node);
    driver.exited(Child::Watcher(Pod));
    assert_eq!(driver.at(1), ["start Pod", "relist Pod for 1"]);
    assert_eq!(driver.listed(1, Pod), ["send 1"]);
}

#[test]
fn a_watcher_that_died_after_its_list_does_not_list_again_for_that_snapshot() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Pod);
    driver.exited(Child::Watcher(Pod));
    assert_eq!(driver.at(1), ["start Pod"]);
}

#[test]
fn a_dead_sender_takes_the_watchers_with_it_and_all_begin_anew() {
    let mut driver = Driver::synced();
    driver.at(100);
    assert_eq!(driver.exited(Child::Sender), ["stop Pod", "stop Node"]);
    assert_eq!(
        driver.at(101),
        [
            "start sender",
            "start Pod",
            "start Node",
            "configure",
            "identify",
            "open 2 for sender_lost"
        ]
    );
}

#[test]
fn a_sender_that_died_in_mid_snapshot_leaves_nothing_of_it() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.listed(1, Pod);
    driver.exited(Child::Sender);
    driver.at(2);
    assert!(driver.listed(1, Node).is_empty());
    assert!(driver.overtaken(1).is_empty());
    assert_eq!(driver.at(30), ["identify", "open 2 for sender_lost"]);
}

#[test]
fn what_was_known_of_the_way_to_the_platform_dies_with_the_sender() {
    let mut driver = Driver::synced();
    driver.link(Link::Up);
    driver.exited(Child::Sender);
    assert_eq!(driver.reason("Available"), "Connecting");
    assert_eq!(driver.reason("Syncing"), "SnapshotPending");
}

#[test]
fn a_watcher_that_died_just_before_its_sender_waits_for_it() {
    let mut driver = Driver::synced();
    driver.exited(Child::Watcher(Pod));
    driver.exited(Child::Sender);
    let words = driver.at(3);
    assert_eq!(words[..3], ["start sender", "start Pod", "start Node"]);
}

#[test]
fn the_last_cause_of_a_lost_child_is_merged_with_others() {
    let mut driver = Driver::synced();
    driver.exited(Child::Watcher(Pod));
    driver.exited(Child::Watcher(Node));
    driver.due(Cause::Backlog, 1);
    let words = driver.at(31);
    assert_eq!(words.last().unwrap(), "open 2 for watcher_lost+backlog");
}

#[test]
fn children_that_die_again_and_again_end_the_agent() {
    let mut driver = Driver::synced();
    for _ in 0..8 {
        assert!(driver.exited(Child::Watcher(Pod)).is_empty());
    }
    assert_eq!(driver.exited(Child::Watcher(Pod)), ["stop children", "give up"]);
    assert_eq!(driver.reason("Degraded"), "Restarting");
    assert_eq!(driver.state.wake(), None);
}

#[test]
fn nothing_begins_any_more_after_the_end() {
    let mut driver = Driver::synced();
    driver.state.on_end();
    assert!(driver.exited(Child::Sender).is_empty());
    assert!(driver.edit(|spec| spec.cluster_name = "mall".to_owned()).is_empty());
    assert!(driver.due(Cause::Answer, 1).is_empty());
    assert!(driver.state.on_reread().is_empty());
    assert!(driver.timer().is_empty());
    assert_eq!(driver.state.wake(), None);
    for kind in KINDS {
        assert!(driver.listed(1, kind).is_empty());
    }
}
