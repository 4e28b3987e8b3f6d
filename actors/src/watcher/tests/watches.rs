// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Following changes, and going on after the watch ends.

use std::collections::BTreeMap;

use std::time::Duration;

use obsyk_domain::ports::{ReadError, Signal};
use obsyk_domain::resource::redact::Rule;

use super::*;
use crate::inspect::{ActorKind, ActorView};

fn a_watch() -> Driven {
    Driven::watching(&[a_pod("web").version(5).says("hello")], 9)
}

#[test]
fn changes_are_offered_as_they_come() {
    let mut watcher = a_watch();
    assert_eq!(
        watcher.hear([
            a_pod("web").version(10).put(),
            a_pod("new").version(11).put(),
            a_pod("web").version(12).gone()
        ]),
        ["offer 1: ~web@10 +new@11 -web"]
    );
}

#[test]
fn the_same_version_again_is_no_change() {
    assert!(a_watch().hear([a_pod("web").version(5).says("else").put()]).is_empty());
}

#[test]
fn an_older_version_is_no_change() {
    assert!(a_watch().hear([a_pod("web").version(4).put()]).is_empty());
}

#[test]
fn a_new_version_with_the_same_projection_is_no_change() {
    let mut watcher = a_watch();
    assert!(watcher.hear([a_pod("web").version(10).says("hello").put()]).is_empty());
    assert_eq!(watcher.hear_last([]), ["open watch 10"]);
}

#[test]
fn a_doubled_delete_is_offered_once() {
    let mut watcher = a_watch();
    let gone = a_pod("web").version(10).gone();
    assert_eq!(watcher.hear([gone.clone(), gone]), ["offer 1: -web"]);
}

#[test]
fn an_object_that_comes_after_its_delete_is_asked_for_in_pages() {
    let mut watcher = a_watch();
    watcher.hear([a_pod("web").version(12).gone()]);
    watcher.admit();
    assert_eq!(watcher.hear([a_pod("web").version(11).put()]), ["close", "open pages"]);
}

#[test]
fn objects_that_keep_coming_after_their_delete_make_no_hot_loop() {
    let mut watcher = a_watch();
    watcher.hear([a_pod("web").version(12).gone()]);
    watcher.admit();
    watcher.hear([a_pod("web").version(11).put()]);
    watcher.hear_last([list_end(12)]);
    assert_eq!(watcher.hear([a_pod("web").version(11).put()]), ["close"]);
    assert!(watcher.waits() >= Duration::from_millis(200));
    assert_eq!(watcher.wake(), ["open pages"]);
}

#[test]
fn a_watch_that_ends_after_a_while_goes_on_at_once_from_the_last_bookmark() {
    let mut watcher = a_watch();
    watcher.hear([bookmark(40)]);
    assert_eq!(watcher.hear_last([]), ["open watch 40"]);
}

#[test]
fn a_watch_that_ends_goes_on_behind_what_it_told_last() {
    let mut watcher = a_watch();
    assert_eq!(
        watcher.hear_last([a_pod("web").version(41).put()]),
        ["open watch 41", "offer 1: ~web@41"]
    );
    assert!(
        !watcher.state.is_ready(),
        "it isn't pulled before the offer is answered"
    );
    assert!(watcher.admit().is_empty());
}

#[test]
fn watches_that_end_at_once_are_opened_ever_more_slowly() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert!(watcher.hear_last([]).is_empty());
        waits.push(watcher.waits());
        assert_eq!(watcher.wake(), ["open watch 9"]);
    }
    assert!(waits[0] >= Duration::from_millis(200));
    assert!(waits.is_sorted() && waits[7] >= Duration::from_secs(30), "{waits:?}");
}

#[test]
fn a_watch_that_lived_ends_the_backoff() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    for _ in 0..5 {
        watcher.hear_last([]);
        watcher.wake();
    }
    watcher.pass(300);
    assert_eq!(watcher.hear_last([]), ["open watch 9"]);
    watcher.hear_last([]);
    assert!(watcher.waits() <= Duration::from_secs(1));
}

#[test]
fn a_watch_that_breaks_is_resumed() {
    let mut watcher = a_watch();
    watcher.hear([bookmark(40)]);
    assert_eq!(watcher.hear([Signal::Failed(ReadError::Unreachable)]), ["close"]);
    assert!(watcher.waits() <= Duration::from_secs(1));
    assert_eq!(watcher.wake(), ["open watch 40"]);
}

#[test]
fn an_expired_version_means_a_new_list_and_deletes() {
    let mut watcher = a_watch();
    assert_eq!(
        watcher.hear([Signal::Failed(ReadError::Expired)]),
        ["close", "open stream"]
    );
    assert_eq!(watcher.hear([list_end(50)]), ["offer 1: -web"]);
}

#[test]
fn a_watch_that_expires_at_its_start_lists_after_a_wait() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    assert_eq!(watcher.hear([Signal::Failed(ReadError::Expired)]), ["close"]);
    assert!(watcher.waits() >= Duration::from_millis(200));
    assert_eq!(watcher.wake(), ["open stream"]);
}

#[test]
fn a_watch_that_is_refused_three_times_is_started_anew_with_a_list() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    for _ in 0..2 {
        watcher.hear([Signal::Failed(ReadError::Unsupported)]);
        assert_eq!(watcher.wake(), ["open watch 9"]);
    }
    watcher.hear([Signal::Failed(ReadError::Unsupported)]);
    assert_eq!(watcher.wake(), ["open stream"]);
}

#[test]
fn refusals_that_are_not_in_a_row_make_no_list() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    for version in 9..15 {
        watcher.hear([Signal::Failed(ReadError::Unsupported)]);
        assert_eq!(watcher.wake(), [format!("open watch {version}")]);
        watcher.hear([Signal::Opened, bookmark(version + 1)]);
    }
}

#[test]
fn a_watch_that_begins_and_fails_at_once_three_times_is_started_anew_with_a_list() {
    for error in [ReadError::Status(500), ReadError::Unsupported] {
        let mut watcher = a_watch();
        watcher.hear_last([]);
        for _ in 0..2 {
            watcher.hear([Signal::Opened, Signal::Failed(error)]);
            assert_eq!(watcher.wake(), ["open watch 9"]);
        }
        watcher.hear([Signal::Opened, Signal::Failed(error)]);
        assert_eq!(watcher.wake(), ["open stream"]);
    }
}

#[test]
fn a_gateway_that_fails_makes_no_list() {
    let mut watcher = a_watch();
    watcher.hear_last([]);
    for status in [502, 504, 502, 504] {
        watcher.hear([Signal::Failed(ReadError::Status(status))]);
        assert_eq!(watcher.wake(), ["open watch 9"]);
    }
}

#[test]
fn a_delete_and_an_add_under_one_name_keep_their_order() {
    let mut watcher = a_watch();
    let again = a_pod("web").uid("uid-web-2").version(11);
    assert_eq!(
        watcher.hear([a_pod("web").version(10).gone(), again.put()]),
        ["offer 1: -web +web@11"]
    );
}

#[test]
fn what_is_held_back_of_lists_and_changes_is_counted_by_rule() {
    let mut watcher = Driven::watching(
        &[
            a_pod("web").version(5).withholds(Rule::Jwt),
            a_pod("db").version(6).withholds(Rule::Long).undecodable(),
        ],
        9,
    );
    watcher.hear([
        a_pod("web").version(10).withholds(Rule::Jwt).put(),
        a_pod("db").version(11).put(),
    ]);
    let actor = ActorView::unseen(ActorKind::Watcher, String::new(), 1, watcher.now);
    assert_eq!(
        watcher.state.view(actor).withheld,
        BTreeMap::from([(Rule::Long, 1), (Rule::Jwt, 2)])
    );
}
