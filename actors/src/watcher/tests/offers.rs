// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Offers: their size, their credit, and what follows a refusal.

use obsyk_domain::ports::{ReadError, Signal};

use super::*;
use crate::watcher::{MOST_IN_OFFER, Phase};

fn pods(count: u64) -> Vec<Pod> {
    (0..count).map(|n| a_pod(&format!("pod-{n}")).version(n + 1)).collect()
}

/// The same names, each with another uid.
fn again(count: u64) -> impl Iterator<Item = Signal> {
    (0..count).map(|n| {
        a_pod(&format!("pod-{n}"))
            .uid(&format!("uid-again-{n}"))
            .version(500)
            .listed()
    })
}

fn changes_in(lines: &[String]) -> Option<usize> {
    let offers: Vec<&String> = lines.iter().filter(|line| line.starts_with("offer")).collect();
    assert!(offers.len() <= 1, "one offer is under way at most");
    offers.first().map(|line| line.split(' ').count() - 2)
}

#[test]
fn an_offer_has_at_most_128_changes_and_the_next_waits_for_its_reply() {
    let mut watcher = Driven::watching(&pods(300), 400);
    watcher.relist(2);
    assert_eq!(changes_in(&watcher.hear([list_end(500)])), Some(MOST_IN_OFFER));
    assert!(!watcher.state.is_ready());
    assert_eq!(changes_in(&watcher.admit()), Some(MOST_IN_OFFER));
    assert_eq!(changes_in(&watcher.admit()), Some(300 - 2 * MOST_IN_OFFER));
    assert_eq!(watcher.admit(), ["spool 2: "]);
}

#[test]
fn what_comes_after_a_list_is_offered_after_its_spool() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(
        watcher.hear([
            a_pod("web").version(5).listed(),
            list_end(9),
            a_pod("web").version(10).put()
        ]),
        ["spool 1: web@5"]
    );
    assert_eq!(watcher.spooled(), ["listed 1: 1", "offer 1: ~web@10"]);
}

#[test]
fn a_list_that_ends_behind_many_changes_is_whole_all_the_same() {
    let mut watcher = Driven::watching(&pods(100), 400);
    watcher.relist(2);
    assert_eq!(watcher.hear([list_end(300)]), ["open pages"]);
    // A page in which each object has a name anew, a delete and an add for each, and behind it the list's end.
    let mut lines = watcher.hear_last(again(100).chain([list_end(600)]));
    let mut offered = 0;
    while let Some(changes) = changes_in(&lines) {
        assert!(!lines.contains(&"close".to_owned()), "{lines:?}");
        offered += changes;
        lines = watcher.admit();
    }
    assert_eq!(offered, 200);
    assert!(lines[0].starts_with("spool 2: "), "{lines:?}");
}

#[test]
fn a_refused_offer_closes_the_stream_and_waits_for_relist() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    assert_eq!(watcher.refuse(Refusal::SnapshotDue), ["close"]);
    assert_eq!((watcher.state.phase(), watcher.state.wake()), (Phase::Idle, None));
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert_eq!(
        watcher.hear([a_pod("web").version(10).listed(), list_end(12)]),
        ["spool 2: web@10"]
    );
}

#[test]
fn what_went_while_it_waited_for_relist_gets_a_delete() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    watcher.refuse(Refusal::SnapshotDue);
    watcher.relist(2);
    assert_eq!(
        watcher.hear([a_pod("web").version(10).listed(), list_end(12)]),
        ["offer 2: -db"]
    );
}

#[test]
fn a_refusal_that_a_relist_overtook_changes_nothing() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    assert_eq!(watcher.relist(2), ["open stream"]);
    assert!(watcher.refuse(Refusal::SnapshotDue).is_empty());
    assert_eq!(watcher.state.phase(), Phase::Listing);
    assert_eq!(
        watcher.hear([a_pod("web").version(10).listed(), list_end(12)]),
        ["spool 2: web@10"]
    );
}

#[test]
fn nothing_is_pulled_from_a_new_list_before_the_old_offer_is_answered() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    watcher.relist(2);
    assert!(!watcher.state.is_ready());
    watcher.admit();
    assert!(watcher.state.is_ready());
}

#[test]
fn a_drain_stops_it_for_good() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    assert_eq!(watcher.refuse(Refusal::Draining), ["close"]);
    assert_eq!(watcher.state.phase(), Phase::Stopped);
    assert!(watcher.relist(2).is_empty());
}

#[test]
fn a_refusal_after_a_drain_doesnt_wake_it() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([a_pod("web").version(10).put()]);
    assert_eq!(told(watcher.state.on_drain()), ["close"]);
    assert!(watcher.refuse(Refusal::SnapshotDue).is_empty());
    assert_eq!(watcher.state.phase(), Phase::Stopped);
}

#[test]
fn an_error_behind_changes_counts_when_they_are_admitted() {
    let mut watcher = Driven::watching(&pods(200), 400);
    watcher.relist(2);
    watcher.hear([list_end(300)]);
    let lines = watcher.hear(again(200).chain([Signal::Failed(ReadError::Unreachable)]));
    assert!(changes_in(&lines).is_some() && !lines.contains(&"close".to_owned()));
    let lines = watcher.admit();
    assert_eq!(lines[0], "close");
}

#[test]
fn of_what_is_refused_the_deletes_are_offered_again_before_the_next_list() {
    let mut watcher = Driven::watching(&pods(200), 300);
    // A list that has none of them.
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    let first = watcher.hear([a_pod("new").version(301).listed(), list_end(302)]);
    assert!(first[0].starts_with("offer 1: "), "{first:?}");
    assert_eq!(watcher.refuse(Refusal::SnapshotDue), ["close"]);
    watcher.relist(2);
    let told = watcher.hear([a_pod("new").version(301).listed()]);
    let changes: Vec<&str> = told[0].split(' ').skip(2).collect();
    assert!(changes.iter().all(|change| change.starts_with('-')), "{told:?}");
    // The first offer had one change besides.
    assert!(changes.len() >= 200 - MOST_IN_OFFER, "{told:?}");
}
