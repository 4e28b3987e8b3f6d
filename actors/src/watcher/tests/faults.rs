// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Kinds that can't be read: named, tried again, never holding up the others, never reported gone.

use std::time::Duration;

use obsyk_domain::ports::{ReadError, Signal};

use super::*;
use crate::inspect::{ActorKind, ActorView, ListWhy};
use crate::watcher::{Phase, STALLED};

fn failed(error: ReadError) -> [Signal; 1] {
    [Signal::Failed(error)]
}

#[test]
fn a_watcher_that_waits_says_what_failed_and_when_it_tries_again() {
    let mut watcher = Driven::watching(&[], 9);
    let view = |watcher: &Driven| {
        let actor = ActorView::unseen(ActorKind::Watcher, String::new(), 1, watcher.now);
        let view = watcher.state.view(actor);
        (view.problem, view.next_try)
    };
    assert_eq!(view(&watcher), (None, None));
    watcher.hear(failed(ReadError::Unreachable));
    assert_eq!(
        view(&watcher),
        (Some("the API server can't be reached".to_owned()), watcher.state.wake())
    );
    watcher.wake();
    assert_eq!(view(&watcher), (None, None));
    watcher.hear(failed(ReadError::Forbidden));
    assert_eq!(view(&watcher).0, Some("forbidden: grant list and watch".to_owned()));
    // It stays left out while it is listed again.
    watcher.wake();
    assert_eq!(view(&watcher).0, Some("forbidden: grant list and watch".to_owned()));
}

#[test]
fn a_kind_that_is_forbidden_is_unreadable_and_tried_again() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(
        watcher.hear(failed(ReadError::Forbidden)),
        ["close", "unreadable 1: Forbidden"]
    );
    assert_eq!(watcher.state.phase(), Phase::Unreadable);
    assert!(watcher.waits() >= Duration::from_secs(5));
    assert_eq!(watcher.wake(), ["open stream"]);
}

#[test]
fn a_kind_that_is_absent_is_unreadable() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    assert_eq!(
        watcher.hear(failed(ReadError::Absent)),
        ["close", "unreadable 1: Absent"]
    );
}

#[test]
fn a_cause_is_told_once_and_the_waits_grow_to_minutes() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear(failed(ReadError::Forbidden));
    for _ in 0..8 {
        watcher.wake();
        assert_eq!(watcher.hear(failed(ReadError::Forbidden)), ["close"]);
    }
    assert!(watcher.waits() >= Duration::from_secs(150));
    watcher.wake();
    assert_eq!(
        watcher.hear(failed(ReadError::Absent)),
        ["close", "unreadable 1: Absent"]
    );
}

#[test]
fn a_watch_that_is_forbidden_makes_the_kind_unreadable_and_nothing_gone() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    assert_eq!(
        watcher.hear(failed(ReadError::Forbidden)),
        ["close", "unreadable 1: Forbidden"]
    );
    assert_eq!(watcher.state.known().len(), 1);
}

#[test]
fn a_kind_that_can_be_read_again_is_reported_and_its_changes_offered() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear(failed(ReadError::Forbidden));
    assert_eq!(watcher.wake(), ["open stream"]);
    assert_eq!(
        watcher.hear([a_pod("web").version(12).listed(), list_end(20)]),
        ["offer 1: ~web@12"]
    );
    assert_eq!(watcher.admit(), ["listed 1: 1"]);
    assert_eq!(watcher.state.phase(), Phase::Watching);
}

#[test]
fn a_list_that_says_nothing_for_a_minute_is_given_up() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([Signal::Opened, a_pod("web").version(5).listed()]);
    assert_eq!(watcher.waits(), STALLED);
    assert_eq!(watcher.wake(), ["close", "unreadable 1: Stalled"]);
    // It may be the streaming that stalls.
    assert_eq!(watcher.wake(), ["open pages"]);
}

#[test]
fn a_slow_list_that_goes_on_isnt_given_up() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    for n in 0..10 {
        watcher.pass(59);
        let pod = a_pod("web").uid(&format!("uid-{n}")).version(n + 1);
        assert!(watcher.hear([pod.listed()]).is_empty());
        assert!(told(watcher.state.on_timer(watcher.now, &mut watcher.chance)).is_empty());
    }
    assert!(watcher.hear([list_end(90)])[0].starts_with("spool"));
}

#[test]
fn a_list_that_waits_for_its_turn_isnt_given_up() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear(failed(ReadError::Unsupported));
    watcher.pass(50);
    watcher.hear([Signal::Queued]);
    assert_eq!(watcher.waits(), STALLED);
}

#[test]
fn a_list_that_fails_again_and_again_is_given_up_after_a_minute() {
    for error in [
        ReadError::Unreachable,
        ReadError::Status(500),
        ReadError::Undecodable,
        ReadError::Unauthorized,
        ReadError::Busy { wait: None },
        ReadError::Expired,
    ] {
        let mut watcher = Driven::new();
        watcher.relist(1);
        let began = watcher.now;
        // Each attempt shows an object: that alone is no progress.
        let mut lines = Vec::new();
        while watcher.now.since(began) < 2 * STALLED && lines.is_empty() {
            let pod = a_pod("web").version(5).listed();
            let said = watcher.hear([Signal::Opened, pod].into_iter().chain(failed(error)));
            lines.extend(said.into_iter().filter(|line| line.starts_with("unreadable")));
            lines.extend(watcher.wake().into_iter().filter(|line| line.starts_with("unreadable")));
        }
        assert_eq!(lines, ["unreadable 1: Stalled"], "{error}");
        assert!(watcher.now.since(began) <= STALLED, "{error}");
    }
}

#[test]
fn one_reset_in_a_long_list_doesnt_make_it_unreadable() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.pass(50);
    watcher.hear(failed(ReadError::Unreachable));
    watcher.wake();
    for n in 0..20 {
        watcher.pass(30);
        watcher.hear([a_pod("web").uid(&format!("uid-{n}")).version(n + 1).listed()]);
    }
    assert!(watcher.hear([list_end(90)])[0].starts_with("spool"));
}

#[test]
fn a_wait_between_attempts_isnt_counted_against_the_next_one() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let wait = Some(Duration::from_secs(50));
    watcher.hear(failed(ReadError::Busy { wait }));
    assert_eq!(watcher.wake(), ["open stream"]);
    assert_eq!(watcher.waits(), STALLED);
}

#[test]
fn retry_after_is_waited_for() {
    let mut watcher = Driven::watching(&[], 9);
    let wait = Some(Duration::from_secs(120));
    watcher.hear(failed(ReadError::Busy { wait }));
    assert_eq!(watcher.waits(), Duration::from_secs(120));
}

#[test]
fn retry_after_is_waited_for_even_when_the_kind_is_given_up() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let wait = Some(Duration::from_secs(280));
    watcher.hear(failed(ReadError::Busy { wait }));
    assert_eq!(watcher.wake(), ["unreadable 1: Stalled"]);
    assert_eq!(watcher.waits(), Duration::from_secs(220));
}

#[test]
fn failed_lists_are_tried_again_ever_more_slowly() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let mut waits = Vec::new();
    for _ in 0..5 {
        watcher.hear(failed(ReadError::Unreachable));
        waits.push(watcher.waits());
        watcher.wake();
    }
    assert!(waits.is_sorted() && waits[0] < waits[4], "{waits:?}");
}

#[test]
fn a_page_that_expired_is_asked_for_anew_in_pages() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear(failed(ReadError::Unsupported));
    watcher.hear([a_pod("web").version(5).listed()]);
    assert_eq!(watcher.hear(failed(ReadError::Expired)), ["close"]);
    assert_eq!(watcher.wake(), ["open pages"]);
}

#[test]
fn a_list_of_its_own_that_fails_for_a_minute_is_named() {
    let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
    watcher.hear(failed(ReadError::Expired));
    let mut lines = Vec::new();
    for _ in 0..20 {
        lines.extend(watcher.hear(failed(ReadError::Unreachable)));
        lines.extend(watcher.wake());
        if lines.iter().any(|line| line.starts_with("unreadable")) {
            break;
        }
    }
    assert!(lines.contains(&"unreadable 1: Stalled".to_owned()));
}

#[test]
fn a_list_that_had_to_wait_is_counted_under_its_own_cause() {
    for (signal, why) in [
        (Signal::Failed(ReadError::Expired), ListWhy::Expired),
        (a_pod("old").version(3).put(), ListWhy::Gap),
    ] {
        let mut watcher = Driven::watching(&[a_pod("web").version(5)], 9);
        // A watch that lives for less than five seconds doesn't get a list at once.
        watcher.hear_last([]);
        watcher.hear([signal]);
        watcher.wake();
        let lists = watcher
            .state
            .view(ActorView::unseen(ActorKind::Watcher, String::new(), 1, watcher.now))
            .lists;
        assert!(lists.iter().any(|lists| lists.why == why), "{why:?}: {lists:?}");
        assert!(lists.iter().all(|lists| lists.why != ListWhy::Failed), "{lists:?}");
    }
}

#[test]
fn lists_that_fail_late_are_tried_again_ever_more_slowly_too() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    let mut waits = Vec::new();
    for _ in 0..4 {
        watcher.pass(10);
        watcher.hear(failed(ReadError::Status(504)));
        waits.push(watcher.waits());
        watcher.wake();
    }
    assert!(waits.is_sorted() && waits[0] * 4 <= waits[3], "{waits:?}");
}

#[test]
fn a_kind_whose_streamed_list_stalls_is_listed_in_pages_for_the_next_snapshot() {
    let mut watcher = Driven::new();
    watcher.relist(1);
    watcher.hear([Signal::Opened]);
    assert_eq!(watcher.wake(), ["close", "unreadable 1: Stalled"]);
    assert_eq!(watcher.wake(), ["open pages"]);
    watcher.hear([list_end(9)]);
    assert_eq!(watcher.relist(2), ["open pages"]);
    watcher.hear([list_end(9)]);
    assert_eq!(watcher.relist(3), ["open stream"], "it is tried again, one time");
}

#[test]
fn lists_are_ever_more_seldom_when_each_watch_after_one_fails() {
    for error in [ReadError::Expired, ReadError::Forbidden] {
        let mut watcher = Driven::watching(&[], 9);
        watcher.hear_last([]);
        let mut waits = Vec::new();
        for _ in 0..5 {
            watcher.hear(failed(error));
            waits.push(watcher.waits());
            assert_eq!(watcher.wake(), ["open stream"]);
            watcher.hear([list_end(9)]);
        }
        assert!(waits.is_sorted() && waits[0] * 4 <= waits[4], "{error:?}: {waits:?}");
    }
}
