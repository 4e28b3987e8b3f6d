// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `Relist` at inconvenient moments.

use obsyk_domain::ports::{ReadError, Signal};

use super::*;

#[test]
fn the_second_of_two_relists_counts() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([a_pod("web").version(5).listed()]);
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed(), list_end(9)]),
        ["spool 2: web@5"]
    );
    assert_eq!(watcher.spooled(), ["listed 2: 1"]);
}

#[test]
fn a_relist_during_a_hand_over_lists_again() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([a_pod("web").version(5).listed(), list_end(9)]);
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert_eq!(watcher.spooled(), ["listed 1: 1"], "the agent knows that 1 is over");
    assert_eq!(
        watcher.hear([a_pod("web").version(5).listed(), list_end(9)]),
        ["spool 2: web@5"]
    );
}

#[test]
fn a_relist_before_a_whole_list_is_handed_over_keeps_what_it_changed() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(watcher.hear([list_end(20)]), ["offer 2: -web"]);
    watcher.relist(3);
    assert!(watcher.admit().is_empty(), "the list for 2 isn't handed over any more");
    assert_eq!(watcher.hear([list_end(21)]), ["spool 3: "]);
}

#[test]
fn a_relist_while_it_waits_lists_at_once() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([Signal::Failed(ReadError::Unreachable)]);
    assert_eq!(watcher.relist(2), ["open stream"]);
}

#[test]
fn a_relist_while_unreadable_lists_at_once_and_is_answered_again() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([Signal::Failed(ReadError::Forbidden)]);
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Forbidden)]),
        ["close", "unreadable 2: Forbidden"]
    );
}

#[test]
fn changes_that_wait_are_offered_under_the_new_number() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    watcher.relist(2);
    watcher.admit();
    assert_eq!(watcher.hear([a_pod("db").version(11).listed()]), ["offer 2: ~db@11"]);
}

#[test]
fn a_relist_before_a_hand_over_keeps_what_changed_behind_the_list() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    watcher.relist(2);
    watcher.hear([a_pod("web").version(5).listed(), a_pod("web").version(10).gone()]);
    assert_eq!(watcher.hear([list_end(12)]), ["offer 2: -db"]);
    watcher.relist(3);
    assert_eq!(watcher.admit(), ["offer 3: -web"]);
}
