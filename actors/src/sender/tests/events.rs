// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table of answers: its column of events.

use obsyk_domain::condition::Link;
use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, TIMED_OUT, added, config, deleted, secs, status, status_after, updated};
use crate::sender::Config;

#[test]
fn changes_go_out_at_once_and_each_by_itself() {
    let mut scene = Scene::synced();
    scene.offer(&[added("a", 1), updated("b", 2), deleted("c")]).unwrap();
    assert_eq!(scene.said(), ["ADDED a 1", "UPDATED b 2", "DELETED c"]);
}

#[test]
fn one_object_has_one_request_in_flight_and_then_its_latest_state() {
    let mut scene = Scene::synced();
    let first = scene.send(updated("a", 1));
    scene.offer(&[updated("a", 2), updated("a", 3)]).unwrap();
    assert!(scene.said().is_empty());
    scene.answer(&first, OK);
    assert_eq!(scene.said(), ["UPDATED a 3"]);
}

#[test]
fn accepted_event_is_met() {
    let mut scene = Scene::synced();
    let event = scene.send(added("a", 1));
    scene.answer(&event, status(204));
    assert_eq!((scene.ledger().dirty, scene.view().events), (0, 1));
    assert_eq!(scene.view().last_accepted, Some(scene.now));
    assert!(scene.dues.is_empty());
}

#[test]
fn at_most_64_are_in_flight() {
    let mut scene = Scene::synced();
    let changes: Vec<_> = (0..100).map(|n| added(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    assert_eq!(scene.in_flight().len(), 64);
    let first = scene.next();
    scene.answer(&first, OK);
    assert_eq!(scene.in_flight().len(), 64);
}

#[test]
fn refused_object_is_set_aside_until_it_changes() {
    for code in [400, 422, 413] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.answer(&event, status(code));
        scene.pass(secs(600));
        assert_eq!(scene.said(), [""; 0], "{code}: it isn't retried");
        assert!(scene.dues.is_empty(), "{code}");
        assert_eq!(scene.refused, [("a".to_owned(), true)], "{code}");
        assert_eq!(scene.view().set_aside.values().sum::<u64>(), 1, "{code}");
        scene.offer(&[updated("a", 2)]).unwrap();
        assert_eq!(scene.said(), ["UPDATED a 2"], "{code}");
        assert_eq!(scene.ledger().set_aside, 0, "{code}");
    }
}

#[test]
fn refused_delete_makes_a_snapshot_due() {
    for code in [400, 422, 413] {
        let mut scene = Scene::synced();
        let event = scene.send(deleted("a"));
        scene.answer(&event, status(code));
        scene.pass(secs(600));
        assert_eq!(scene.said(), [""; 0], "{code}: it isn't retried");
        assert_eq!(scene.causes(), [Cause::Answer], "{code}");
        assert_eq!(scene.refused, [("a".to_owned(), false)], "{code}");
    }
}

#[test]
fn refused_event_isnt_retried_and_makes_a_snapshot_due() {
    for code in [404, 410, 402, 405, 409, 418, 451, 300, 302, 308] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.answer(&event, status(code));
        scene.pass(secs(600));
        assert_eq!(scene.said(), [""; 0], "{code}: it isn't retried");
        assert_eq!(scene.dues.len(), 1, "{code}");
        assert_eq!(scene.causes(), [Cause::Answer], "{code}");
        assert_eq!(scene.ledger().set_aside, 0, "{code}");
    }
}

#[test]
fn delete_of_what_the_platform_doesnt_have_is_met() {
    for code in [404, 410] {
        let mut scene = Scene::synced();
        let event = scene.send(deleted("a"));
        scene.answer(&event, status(code));
        assert!(scene.dues.is_empty(), "{code}");
        assert!(scene.refused.is_empty(), "{code}");
        assert_eq!((scene.ledger().dirty, scene.ledger().tombstones), (0, 0), "{code}");
    }
}

#[test]
fn told_to_come_later_it_waits_and_says_the_state_of_that_time() {
    for (outcome, wait) in [
        (status(429), 30),
        (status(408), 30),
        (status_after(429, 7), 7),
        (status_after(408, 0), 1),
        (status_after(429, 1_000_000), 300),
    ] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.answer(&event, outcome);
        scene.offer(&[updated("a", 2), updated("b", 1)]).unwrap();
        scene.pass(secs(wait) - secs(1) / 1000);
        assert_eq!(
            scene.said(),
            [""; 0],
            "{outcome:?}: nothing goes before {wait} s are over"
        );
        scene.pass(secs(1));
        assert_eq!(scene.said(), ["UPDATED a 2"], "{outcome:?}: one by itself");
        scene.answer_all(OK);
        assert_eq!(scene.said(), ["UPDATED b 1"], "{outcome:?}");
        assert!(scene.dues.is_empty(), "{outcome:?}");
    }
}

#[test]
fn answer_to_an_earlier_request_doesnt_end_the_wait() {
    let mut scene = Scene::synced();
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    let (a, b) = (scene.next(), scene.next());
    scene.answer(&a, status_after(429, 60));
    scene.answer(&b, OK);
    scene.pass(secs(59));
    assert_eq!(scene.said(), [""; 0]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED a 1"]);
}

#[test]
fn longest_wait_that_was_asked_for_holds() {
    let mut scene = Scene::synced();
    scene
        .offer(&[updated("a", 1), updated("b", 1), updated("c", 1)])
        .unwrap();
    let (a, b, c) = (scene.next(), scene.next(), scene.next());
    scene.answer(&a, status_after(429, 60));
    scene.answer(&b, status_after(503, 90));
    scene.answer(&c, status_after(429, 5));
    scene.pass(secs(89));
    assert_eq!(scene.said(), [""; 0]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED b 1"], "what failed is tried first");
}

#[test]
fn coming_later_uses_up_no_retries() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    for _ in 0..20 {
        scene.answer_all(status(429));
        scene.pass(secs(30));
        assert_eq!(scene.said(), ["UPDATED a 1"]);
    }
}

#[test]
fn failed_event_is_tried_again_after_a_backoff() {
    for outcome in [status(500), status(503), NO_CONNECTION, TIMED_OUT] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.answer(&event, outcome);
        assert_eq!(scene.link(), Some(Link::Trying(outcome)));
        scene.offer(&[updated("a", 2), updated("b", 1)]).unwrap();
        scene.pass(secs(499) / 1000);
        assert_eq!(scene.said(), [""; 0], "{outcome:?}");
        scene.pass(secs(1) / 1000);
        assert_eq!(
            scene.said(),
            ["UPDATED a 2"],
            "{outcome:?}: one by itself, in its latest state"
        );
        scene.answer_all(OK);
        assert_eq!(scene.said(), ["UPDATED b 1"], "{outcome:?}");
        assert_eq!(scene.link(), Some(Link::Up), "{outcome:?}");
        assert_eq!(scene.view().retries, 1, "{outcome:?}");
    }
}

#[test]
fn retry_after_is_the_least_wait_after_a_failure() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status_after(503, 20));
    scene.pass(secs(19));
    assert_eq!(scene.said(), [""; 0]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED a 1"]);
}

#[test]
fn ambiguous_answer_sends_the_state_again_and_makes_a_snapshot_due_later() {
    for (chance, after) in [(0.0, 600), (0.5, 2100), (0.999_999, 3599)] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.chance = Box::new(super::samples::Fixed(chance));
        scene.answer(&event, TIMED_OUT);
        let [(Cause::Ambiguous, at)] = scene.dues[..] else {
            panic!("one snapshot is due: {:?}", scene.dues);
        };
        assert_eq!(at.since(scene.now).as_secs(), after);
        scene.pass(secs(1));
        assert_eq!(scene.said(), ["UPDATED a 1"]);
    }
}

#[test]
fn object_deleted_after_an_ambiguous_add_is_told_as_deleted() {
    let mut scene = Scene::synced();
    let event = scene.send(added("a", 1));
    scene.offer(&[deleted("a")]).unwrap();
    scene.answer(&event, TIMED_OUT);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["DELETED a"]);
}

#[test]
fn failure_without_a_trace_makes_no_snapshot_due() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, NO_CONNECTION);
    assert!(scene.dues.is_empty());
}

#[test]
fn each_post_to_events_takes_from_the_bucket_retries_too() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 2,
        ..config()
    });
    scene
        .offer(&[updated("a", 1), updated("b", 1), updated("c", 1)])
        .unwrap();
    assert_eq!(scene.said(), ["UPDATED a 1", "UPDATED b 1"]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED c 1"]);
    scene.answer_all(status(500));
    scene.pass(secs(1) / 2);
    assert_eq!(scene.said(), [""; 0], "the backoff is over, but the bucket is empty");
    scene.pass(secs(1) / 2);
    assert_eq!(scene.said(), ["UPDATED a 1"], "the retry took the next token");
}

#[test]
fn only_events_take_from_the_bucket() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        ..config()
    });
    for n in 2..5 {
        scene.beat();
        scene.answer_all(OK);
        let snapshot = scene.snapshot(n, &[]);
        scene.answer(&snapshot, OK);
    }
    scene.forget();
    scene.offer(&[updated("a", 1)]).unwrap();
    assert_eq!(scene.said(), ["UPDATED a 1"]);
}

#[test]
fn what_waits_for_the_bucket_is_merged() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        ..config()
    });
    let first = scene.send(updated("a", 1));
    scene.answer(&first, OK);
    scene
        .offer(&[updated("b", 1), updated("b", 2), added("c", 1), deleted("c")])
        .unwrap();
    scene.pass(secs(10));
    assert_eq!(scene.said(), ["UPDATED b 2"]);
    assert_eq!((scene.ledger().merged, scene.ledger().vanished), (2, 1));
}
