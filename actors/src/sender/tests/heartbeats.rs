// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Heartbeats: they keep their time, and are never retried.

use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, TIMED_OUT, added, config, secs, status, updated};
use crate::sender::Config;

#[test]
fn heartbeat_keeps_its_time_whatever_the_backlog() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        ..config()
    });
    let changes: Vec<_> = (0..40).map(|n| added(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    scene.forget();
    scene.beat();
    assert_eq!(scene.said(), ["heartbeat"]);
}

#[test]
fn heartbeat_goes_beside_a_snapshot_and_while_it_is_collected() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.beat();
    assert_eq!(scene.said(), ["heartbeat"]);
    scene.answer_all(OK);
    scene.send_listed(2, &[(ResourceKind::Pod, &["a"])]);
    scene.beat();
    assert_eq!(scene.said(), ["heartbeat"]);
}

#[test]
fn heartbeat_goes_while_requests_are_retried_and_while_the_circuit_is_open() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    for _ in 0..6 {
        scene.answer_all(NO_CONNECTION);
        scene.forget();
        scene.beat();
        assert_eq!(scene.said(), ["heartbeat"]);
        scene.answer_all(NO_CONNECTION);
        scene.pass(secs(60));
        scene.said();
    }
}

#[test]
fn heartbeat_is_never_retried_and_its_failure_means_nothing() {
    for outcome in [
        NO_CONNECTION,
        TIMED_OUT,
        status(500),
        status(429),
        status(408),
        status(400),
        status(403),
        status(413),
        status(302),
        status(410),
    ] {
        let mut scene = Scene::synced();
        scene.beat();
        assert_eq!(scene.said(), ["heartbeat"]);
        scene.answer_all(outcome);
        scene.pass(secs(600));
        assert_eq!(scene.said(), [""; 0], "{outcome:?}");
        assert!(scene.dues.is_empty(), "{outcome:?}");
        scene.offer(&[updated("a", 1)]).unwrap();
        assert_eq!(scene.said(), ["UPDATED a 1"], "{outcome:?}: events go on");
    }
}

#[test]
fn heartbeat_answered_404_makes_a_snapshot_due() {
    let mut scene = Scene::synced();
    scene.beat();
    scene.answer_all(status(404));
    assert_eq!(scene.causes(), [Cause::Unknown]);
}

#[test]
fn heartbeat_fetches_a_token_when_there_is_none() {
    let mut scene = Scene::configured();
    assert!(!scene.is_fetching(), "nobody waits for one");
    scene.beat();
    assert_eq!(scene.said(), [""; 0]);
    scene.token();
    assert_eq!(scene.said(), ["heartbeat"]);
    scene.answer_all(OK);
    assert_eq!(scene.link(), Some(Link::Up));
    assert_eq!(scene.view().last_accepted, Some(scene.now));
}

#[test]
fn heartbeat_says_who_the_cluster_is() {
    let mut scene = Scene::synced();
    scene.beat();
    let beat = scene.next();
    assert_eq!(beat.body["cluster_uid"], "c-1");
    assert!(beat.body["agent_version"].is_string());
}

#[test]
fn heartbeat_answered_401_fetches_a_token_and_isnt_retried() {
    let mut scene = Scene::synced();
    scene.beat();
    scene.answer_all(status(401));
    scene.token();
    assert_eq!(scene.said(), [""; 0]);
    scene.beat();
    let beat = scene.next();
    assert_eq!(beat.token, "token-2");
}

#[test]
fn accepted_heartbeat_shows_that_a_new_token_is_good() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(401));
    scene.token();
    scene.answer_all(status(404));
    scene.beat();
    scene.answer_all(OK);
    scene.pass(secs(60));
    scene.forget();
    let event = scene.send(updated("a", 2));
    scene.answer(&event, status(401));
    assert!(scene.is_fetching(), "it counts as a first refusal");
    assert_eq!(scene.rereads(), 0);
}
