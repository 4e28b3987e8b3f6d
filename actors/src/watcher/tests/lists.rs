// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A list, and what it shows.

use obsyk_domain::ports::{ReadError, Signal};

use super::*;

#[test]
fn a_new_watcher_waits_for_relist() {
    let watcher = Driven::new();
    assert_eq!(watcher.state.wake(), None);
}

#[test]
fn the_first_list_is_streamed_spooled_and_reported_and_offers_nothing() {
    let mut watcher = Driven::new();
    assert_eq!(watcher.relist(1), ["open stream"]);
    assert!(
        watcher
            .hear([Signal::Opened, a_pod("web").version(5).listed()])
            .is_empty()
    );
    assert_eq!(
        watcher.hear([a_pod("db").version(3).listed(), list_end(9)]),
        ["spool 1: web@5 db@3"]
    );
    assert!(
        !watcher.state.is_ready(),
        "nothing is pulled before the sender has the list"
    );
    assert_eq!(watcher.spooled(), ["listed 1: 2"]);
    assert!(watcher.state.is_ready());
}

#[test]
fn an_empty_list_is_whole() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(watcher.hear([list_end(9)]), ["spool 1: "]);
    assert_eq!(watcher.spooled(), ["listed 1: 0"]);
}

#[test]
fn a_list_in_pages_is_followed_by_a_watch_from_its_version() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Unsupported)]),
        ["close", "open pages"]
    );
    assert_eq!(
        watcher.hear_last([a_pod("web").version(5).listed(), list_end(9)]),
        ["open watch 9", "spool 1: web@5"]
    );
}

#[test]
fn a_server_that_refused_a_streamed_list_isnt_asked_for_one_again() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([Signal::Failed(ReadError::Unsupported)]);
    assert_eq!(watcher.relist(2), ["open pages"]);
}

#[test]
fn a_streamed_list_that_fails_with_another_status_is_asked_for_in_pages_once() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(watcher.hear([Signal::Failed(ReadError::Status(500))]), ["close"]);
    assert_eq!(watcher.wake(), ["open pages"]);
    assert_eq!(watcher.relist(2), ["open stream"]);
}

#[test]
fn what_went_missing_gets_a_delete_when_the_list_is_whole() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(3)], 9);
    watcher.relist(2);
    assert!(watcher.hear([a_pod("web").version(5).listed()]).is_empty());
    assert_eq!(watcher.hear([list_end(20)]), ["offer 2: -db"]);
    assert_eq!(watcher.admit(), ["spool 2: web@5"]);
    assert_eq!(watcher.spooled(), ["listed 2: 1"]);
}

#[test]
fn a_list_that_failed_makes_no_deletes_and_the_next_one_does() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(3)], 9);
    watcher.relist(2);
    watcher.hear([a_pod("web").version(5).listed()]);
    assert_eq!(watcher.hear([Signal::Failed(ReadError::Unreachable)]), ["close"]);
    assert_eq!(watcher.wake(), ["open stream"]);
    // What the first attempt had seen doesn't count as seen in this one.
    watcher.hear([a_pod("db").version(3).listed()]);
    assert_eq!(watcher.hear([list_end(20)]), ["offer 2: -web"]);
    assert_eq!(watcher.admit(), ["spool 2: db@3"]);
}

#[test]
fn half_a_list_is_no_list() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(3)], 9);
    watcher.relist(2);
    assert_eq!(watcher.hear_last([a_pod("web").version(5).listed()]), ["close"]);
    assert_eq!(watcher.wake(), ["open stream"]);
}

#[test]
fn what_a_list_shows_to_be_new_or_changed_is_offered_before_its_spool() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(
        watcher.hear([
            a_pod("web").version(12).listed(),
            a_pod("new").version(11).listed(),
            list_end(20)
        ]),
        ["offer 2: ~web@12 +new@11"]
    );
    assert_eq!(watcher.admit(), ["spool 2: web@12 new@11"]);
}

#[test]
fn a_name_that_another_object_has_now_is_deleted_before_it_is_added() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    let again = a_pod("web").uid("uid-web-2").version(15);
    assert_eq!(watcher.hear([again.listed()]), ["offer 2: -web"]);
    watcher.admit();
    assert_eq!(watcher.hear([list_end(20)]), ["offer 2: +web@15"]);
    assert_eq!(watcher.admit(), ["spool 2: web@15"]);
}

#[test]
fn what_a_list_shows_to_be_changed_is_told_at_once_and_what_is_new_when_it_is_whole() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(6)], 9);
    watcher.relist(2);
    assert!(watcher.hear([a_pod("new").version(11).listed()]).is_empty());
    assert_eq!(watcher.hear([a_pod("web").version(12).listed()]), ["offer 2: ~web@12"]);
    watcher.admit();
    // Deletes come before adds.
    assert_eq!(watcher.hear([list_end(20)]), ["offer 2: -db +new@11"]);
    assert_eq!(watcher.admit(), ["spool 2: new@11 web@12"]);
}

#[test]
fn what_was_new_in_a_list_that_was_cut_off_is_told_by_the_next() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    watcher.hear([
        a_pod("new").version(15).listed(),
        Signal::Failed(ReadError::Unreachable),
    ]);
    watcher.wake();
    let both = [a_pod("web").version(5).listed(), a_pod("new").version(15).listed()];
    assert!(watcher.hear(both).is_empty());
    assert_eq!(watcher.hear([list_end(20)])[0], "offer 1: +new@15");
}

#[test]
fn what_was_new_in_a_list_that_was_cut_off_and_is_gone_since_was_never_there() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    watcher.hear([
        a_pod("new").version(15).listed(),
        Signal::Failed(ReadError::Unreachable),
    ]);
    watcher.wake();
    let told = watcher.hear([a_pod("web").version(5).listed(), list_end(20)]);
    assert!(!told.iter().any(|line| line.contains("new")), "{told:?}");
}

#[test]
fn more_new_objects_than_a_list_may_keep_are_told_before_it_is_whole() {
    let mut watcher = Driven::watching(&[], 9);
    watcher.hear([Signal::Failed(ReadError::Expired)]);
    let large = |n: u64| {
        a_pod(&format!("pod-{n}"))
            .version(10 + n)
            .says(&"x".repeat(64 * 1024))
            .listed()
    };
    assert!(watcher.hear((0..15).map(large)).is_empty());
    let told = watcher.hear((15..20).map(large));
    assert_eq!(told.len(), 1, "{} lines", told.len());
    assert!(told[0].starts_with("offer 1: +pod-16@"));
}

#[test]
fn an_undecodable_object_is_known_but_not_in_the_spool_and_not_reported_gone() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(
        watcher.hear([a_pod("web").version(12).undecodable().listed(), list_end(20)]),
        ["spool 2: "]
    );
    assert_eq!(watcher.spooled(), ["listed 2: 1"]);
    assert_eq!(watcher.state.known().undecodable(), 1);
}

#[test]
fn an_object_that_can_be_decoded_again_is_offered_though_it_says_the_same() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5).says("same")], 9);
    assert!(watcher.hear([a_pod("web").version(12).undecodable().put()]).is_empty());
    assert_eq!(
        watcher.hear([a_pod("web").version(13).says("same").put()]),
        ["offer 1: ~web@same"]
    );
}

#[test]
fn metadata_that_cant_be_decoded_makes_the_kind_list_again_in_pages() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(watcher.hear([Signal::Failed(ReadError::Undecodable)]), ["close"]);
    assert_eq!(watcher.wake(), ["open pages"]);
}

#[test]
fn what_changes_while_a_list_streams_is_offered_after_its_spool() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([a_pod("web").version(5).listed(), a_pod("db").version(6).listed()]);
    // The server tells changes between the last object and the list's end.
    assert!(
        watcher
            .hear([a_pod("web").version(10).listed(), a_pod("db").version(11).gone()])
            .is_empty()
    );
    assert_eq!(watcher.hear([list_end(12)]), ["spool 1: web@5 db@6"]);
    assert_eq!(watcher.spooled(), ["listed 1: 1", "offer 1: ~web@10 -db"]);
}

#[test]
fn a_name_that_comes_back_while_a_list_streams_keeps_its_order() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let again = a_pod("web").uid("uid-web-2").version(11);
    watcher.hear([
        a_pod("web").version(5).listed(),
        a_pod("web").version(10).gone(),
        again.listed(),
    ]);
    assert_eq!(watcher.hear([list_end(12)]), ["spool 1: web@5"]);
    assert_eq!(watcher.spooled(), ["listed 1: 1", "offer 1: -web +web@11"]);
}

#[test]
fn a_known_object_that_only_the_changes_behind_a_list_show_lives_and_is_told_again() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5), a_pod("db").version(9)], 9);
    watcher.relist(2);
    watcher.hear([
        a_pod("web").version(5).listed(),
        a_pod("web").version(8).gone(),
        a_pod("db").version(9).listed(),
    ]);
    assert_eq!(watcher.hear([list_end(9)]), ["spool 2: web@5"]);
    assert_eq!(watcher.spooled(), ["listed 2: 1", "offer 2: -web ~db@9"]);
}

#[test]
fn what_goes_before_a_streamed_list_has_shown_it_is_deleted_before_the_spool() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.relist(2);
    assert_eq!(watcher.hear([a_pod("web").version(11).gone()]), ["offer 2: -web"]);
    watcher.admit();
    assert_eq!(watcher.hear([list_end(12)]), ["spool 2: "]);
}

#[test]
fn an_object_that_only_an_unfinished_first_list_had_gets_no_delete() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([a_pod("web").version(5).listed()]);
    watcher.hear([Signal::Failed(ReadError::Unreachable)]);
    watcher.wake();
    assert_eq!(watcher.hear([list_end(9)]), ["spool 1: "]);
}

#[test]
fn a_list_that_nobody_asked_for_has_no_spool() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Expired)]),
        ["close", "open stream"]
    );
    assert_eq!(watcher.hear([list_end(30)]), ["offer 1: -web"]);
    assert_eq!(watcher.admit(), ["listed 1: 0"]);
}

#[test]
fn facts_of_nodes_are_reported_with_the_list() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let mut node = a_pod("node").sighting();
    node.facts = Some(obsyk_domain::resource::NodeFacts {
        platform: Some("eks"),
        region: None,
    });
    watcher.hear([Signal::Listed(node), list_end(9)]);
    let effects = watcher.state.on_spooled(watcher.now, &mut watcher.chance);
    assert!(matches!(&effects[..], [Effect::Listed { facts, .. }] if facts.platform("") == Some("eks")));
}
