// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The retry state and the circuit: one for all requests.

use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::token::TokenError;

use super::harness::Scene;
use super::samples::{Fixed, NO_CONNECTION, OK, added, deleted, secs, spool_of, status, updated};
use crate::sender::SnapshotEnd;

/// Fails the request that is tried until the circuit is open.
fn fail_all(scene: &mut Scene) {
    for _ in 0..6 {
        scene.answer_all(NO_CONNECTION);
        if !matches!(scene.link(), Some(Link::Open(_))) {
            scene.pass(secs(60));
        }
    }
    scene.said();
}

/// An event failed six times.
fn broken() -> Scene {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    fail_all(&mut scene);
    assert_eq!(scene.link(), Some(Link::Open(NO_CONNECTION)));
    scene
}

#[test]
fn waits_double_with_full_jitter_and_the_sixth_failure_opens_the_circuit() {
    let mut scene = Scene::synced();
    scene.chance = Box::new(Fixed(0.999_999));
    scene.send(updated("a", 1));
    let mut waits = Vec::new();
    for _ in 0..5 {
        scene.answer_all(status(502));
        let failed = scene.now;
        while scene.in_flight().is_empty() {
            scene.pass(secs(1));
        }
        waits.push(scene.now.since(failed).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16]);
    scene.answer_all(status(502));
    assert_eq!(scene.link(), Some(Link::Open(status(502))));
    assert_eq!(scene.view().retries, 5);
}

#[test]
fn waits_dont_begin_anew_when_earlier_requests_are_answered() {
    let mut scene = Scene::synced();
    scene
        .offer(&[updated("poison", 1), updated("b", 1), updated("c", 1)])
        .unwrap();
    let (poison, b, c) = (scene.next(), scene.next(), scene.next());
    scene.answer(&b, OK);
    scene.answer(&poison, status(500));
    scene.answer(&c, OK);
    scene.offer(&[updated("d", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0], "one request failed: no new one starts");
    for _ in 0..5 {
        scene.pass(secs(60));
        assert_eq!(scene.said(), ["UPDATED poison 1"]);
        scene.answer_all(status(500));
    }
    assert!(matches!(scene.link(), Some(Link::Open(_))));
}

#[test]
fn failures_of_requests_from_before_arent_counted() {
    let mut scene = Scene::synced();
    let changes: Vec<_> = (0..64).map(|n| added(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    scene.forget();
    scene.answer_all(NO_CONNECTION);
    assert_eq!(scene.link(), Some(Link::Trying(NO_CONNECTION)));
    assert_eq!(scene.view().retries, 1);
    scene.pass(secs(1));
    assert_eq!(scene.in_flight().len(), 1);
    scene.answer_all(OK);
    assert_eq!(scene.in_flight().len(), 63, "it works again");
}

#[test]
fn first_failure_counts_though_the_platform_has_asked_to_come_later() {
    let mut scene = Scene::synced();
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    let flights = scene.in_flight();
    scene.answer(&flights[0], status(429));
    scene.answer(&flights[1], NO_CONNECTION);
    scene.pass(secs(29));
    assert_eq!(scene.in_flight().len(), 0, "the wait that was asked for holds");
    for retry in 1..=5 {
        scene.pass(secs(60));
        assert_eq!(scene.in_flight().len(), 1, "retry {retry}");
        scene.answer_all(NO_CONNECTION);
    }
    assert_eq!(scene.link(), Some(Link::Open(NO_CONNECTION)), "no sixth retry");
}

#[test]
fn open_circuit_lets_only_heartbeats_out_and_they_probe() {
    let mut scene = broken();
    scene.chance = Box::new(Fixed(0.999_999));
    scene.offer(&[updated("b", 1)]).unwrap();
    // The first probe's moment was drawn with a chance of a half: 8 s.
    scene.pass(secs(7));
    assert_eq!(scene.said(), [""; 0]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["heartbeat"]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        scene.answer_all(NO_CONNECTION);
        let failed = scene.now;
        while scene.in_flight().is_empty() {
            scene.pass(secs(1));
        }
        assert_eq!(scene.said(), ["heartbeat"]);
        waits.push(scene.now.since(failed).as_secs());
    }
    assert_eq!(waits, [30, 60, 60, 60]);
}

#[test]
fn first_2xx_closes_the_circuit_and_a_snapshot_is_due() {
    let mut scene = broken();
    scene.pass(secs(10));
    scene.answer_all(NO_CONNECTION);
    scene.pass(secs(60));
    scene.forget();
    scene.answer_all(OK);
    assert_eq!(scene.causes(), [Cause::CircuitClosed]);
    assert_eq!(scene.said(), ["UPDATED a 1"], "nothing was lost");
    assert_eq!(scene.ledger().set_aside, 0);
    scene.answer_all(OK);
    assert_eq!(scene.link(), Some(Link::Up));
}

#[test]
fn regular_heartbeat_closes_the_circuit_too() {
    let mut scene = broken();
    scene.beat();
    scene.answer_all(OK);
    assert_eq!(scene.causes(), [Cause::CircuitClosed]);
}

#[test]
fn refusals_dont_close_the_circuit() {
    for code in [400, 403, 405, 410, 413, 429, 302, 500] {
        let mut scene = broken();
        scene.beat();
        scene.answer_all(status(code));
        assert!(scene.dues.is_empty(), "{code}");
        scene.offer(&[updated("b", 1)]).unwrap();
        assert_eq!(
            scene.said().iter().filter(|said| *said != "heartbeat").count(),
            0,
            "{code}"
        );
    }
}

#[test]
fn platform_that_forgot_the_cluster_closes_the_circuit() {
    let mut scene = broken();
    scene.beat();
    scene.answer_all(status(404));
    assert_eq!(scene.causes(), [Cause::Unknown, Cause::CircuitClosed]);
}

#[test]
fn probe_that_succeeds_at_once_sets_the_object_aside() {
    let mut scene = broken();
    scene.offer(&[updated("b", 1)]).unwrap();
    scene.pass(secs(10));
    scene.forget();
    scene.answer_all(OK);
    assert_eq!(scene.causes(), [Cause::CircuitClosed]);
    assert_eq!(scene.said(), ["UPDATED b 1"], "the others go on");
    assert_eq!(scene.ledger().set_aside, 1);
    assert_eq!(scene.refused, [("a".to_owned(), true)], "it is logged");
    scene.answer_all(OK);
    scene.offer(&[updated("a", 2)]).unwrap();
    assert_eq!(scene.said(), ["UPDATED a 2"], "it is tried again when it changes");
}

#[test]
fn object_that_changed_meanwhile_isnt_set_aside() {
    let mut scene = broken();
    scene.offer(&[updated("a", 2)]).unwrap();
    scene.pass(secs(10));
    scene.forget();
    scene.answer_all(OK);
    assert_eq!(scene.said(), ["UPDATED a 2"], "its new state was never tried");
    assert_eq!(scene.ledger().set_aside, 0);
}

#[test]
fn object_isnt_at_fault_when_a_probe_failed_before_a_regular_heartbeat_was_accepted() {
    let mut scene = broken();
    scene.pass(secs(10));
    scene.answer_all(NO_CONNECTION);
    scene.beat();
    scene.answer_all(OK);
    assert_eq!(scene.ledger().set_aside, 0);
}

#[test]
fn snapshot_that_fails_for_long_sets_no_object_aside() {
    let mut scene = Scene::synced();
    scene.snapshot(2, &[(ResourceKind::Pod, &["a"])]);
    fail_all(&mut scene);
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)));
    scene.beat();
    scene.answer_all(OK);
    assert_eq!(scene.causes(), [Cause::CircuitClosed]);
    assert_eq!(scene.ledger().set_aside, 0);
}

#[test]
fn circuit_closes_into_the_snapshot_that_waits() {
    let mut scene = broken();
    scene.open(2);
    scene.pass(secs(3));
    assert_eq!(scene.opened, [0; 0], "it can't speak yet");
    scene.beat();
    scene.answer_all(OK);
    assert_eq!(scene.opened, [2]);
    assert_eq!(scene.said(), [""; 0], "no event goes before it");
}

#[test]
fn deletes_wait_through_an_open_circuit() {
    let mut scene = broken();
    scene.offer(&[deleted("b"), updated("c", 1), deleted("c")]).unwrap();
    scene.beat();
    scene.answer_all(NO_CONNECTION);
    scene.beat();
    scene.answer_all(OK);
    let mut said = scene.said();
    said.sort();
    assert_eq!(said, ["DELETED b", "DELETED c", "UPDATED a 1"]);
}

#[test]
fn probe_fetches_a_token_though_nothing_else_waits() {
    let mut scene = Scene::synced();
    scene.lifetime = secs(300);
    scene.pass(secs(2780));
    scene.token();
    scene.snapshot(2, &[(ResourceKind::Pod, &[])]);
    fail_all(&mut scene);
    for _ in 0..20 {
        scene.pass(secs(60));
        scene.answer_all(NO_CONNECTION);
        if scene.is_fetching() {
            scene.no_token(TokenError::Answer(NO_CONNECTION));
        }
    }
    scene.pass(secs(60));
    scene.token();
    scene.pass(secs(60));
    scene.answer_all(OK);
    assert_eq!(scene.causes(), [Cause::CircuitClosed]);
}

#[test]
fn heartbeat_counts_as_the_try_when_nothing_else_is_left_to_try() {
    let mut scene = Scene::synced();
    let event = scene.send(added("a", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer(&[deleted("a")]).unwrap();
    scene.pass(secs(10));
    assert_eq!(
        scene.said(),
        [""; 0],
        "it came and went before the platform heard of it"
    );
    assert_eq!(scene.link(), Some(Link::Trying(NO_CONNECTION)));
    scene.beat();
    scene.answer_all(OK);
    assert_eq!(scene.link(), Some(Link::Up));
}

#[test]
fn snapshot_that_was_collected_is_tried_within_the_same_retries() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    for _ in 0..3 {
        scene.answer_all(NO_CONNECTION);
        scene.pass(secs(60));
    }
    scene.open(2);
    scene.answer_all(NO_CONNECTION);
    scene.pass(secs(60));
    scene.forget();
    scene.spool(2, ResourceKind::Pod, spool_of(&["a"]));
    scene.send_snapshot(2, &[]);
    for _ in 0..2 {
        assert_eq!(scene.said(), ["snapshot pods=a"]);
        scene.answer_all(NO_CONNECTION);
        scene.pass(secs(60));
    }
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)));
}
