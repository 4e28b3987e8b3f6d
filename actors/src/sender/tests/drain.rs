// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The end: nothing new comes in, and what is held goes on for a while.

use obsyk_domain::resource::ResourceKind::Pod;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, config, secs, status, updated};
use crate::sender::{Config, Refusal};

#[test]
fn offers_are_refused_while_draining() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.drain(secs(5));
    assert_eq!(scene.offer(&[updated("b", 1)]), Err(Refusal::Draining));
    assert_eq!(scene.drained, 0);
}

#[test]
fn what_is_held_goes_on_at_the_rate_until_nothing_is_left() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        ..config()
    });
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    scene.forget();
    scene.drain(secs(5));
    scene.answer_all(OK);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED b 1"]);
    assert_eq!(scene.drained, 0);
    scene.answer_all(OK);
    assert_eq!(scene.drained, 1);
    assert!(scene.aborted.is_empty());
}

#[test]
fn nothing_held_ends_at_once() {
    let mut scene = Scene::synced();
    scene.drain(secs(5));
    assert_eq!(scene.drained, 1);
}

#[test]
fn at_its_deadline_what_is_in_flight_is_aborted() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.drain(secs(5));
    scene.pass(secs(4));
    assert_eq!(scene.drained, 0);
    scene.pass(secs(1));
    assert_eq!(scene.drained, 1);
    assert_eq!(scene.aborted, ["UPDATED a 1"]);
}

#[test]
fn unfinished_snapshot_is_aborted_and_events_go_on() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[updated("a", 1)]).unwrap();
    let snapshot = scene.send_listed(2, &[(Pod, &["a"])]);
    scene.drain(secs(5));
    assert_eq!(scene.aborted, [snapshot.text()]);
    assert_eq!(scene.said(), ["UPDATED a 1"]);
    scene.answer_all(OK);
    assert_eq!(scene.drained, 1);
}

#[test]
fn snapshot_that_waits_or_comes_is_overtaken() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.open(2);
    scene.drain(secs(5));
    scene.open(3);
    assert_eq!(scene.overtaken, [2, 3]);
}

#[test]
fn without_a_platform_it_ends_at_once() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    for _ in 0..6 {
        scene.answer_all(NO_CONNECTION);
        scene.pass(secs(60));
    }
    scene.drain(secs(5));
    assert_eq!(scene.drained, 1);
}

#[test]
fn refused_credentials_end_it_at_once() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(403));
    scene.drain(secs(5));
    assert_eq!(scene.drained, 1);
}

#[test]
fn unconfigured_it_ends_at_once() {
    let mut scene = Scene::blank();
    scene.drain(secs(5));
    assert_eq!(scene.drained, 1);
}

#[test]
fn nothing_is_said_once_it_is_drained() {
    let mut scene = Scene::synced();
    scene.drain(secs(5));
    scene.beat();
    scene.pass(secs(7200));
    assert_eq!(scene.said(), [""; 0]);
    assert!(!scene.is_fetching());
}

#[test]
fn a_second_drain_shortens_the_first() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.drain(secs(5));
    scene.drain(secs(1));
    scene.pass(secs(1));
    assert_eq!(scene.drained, 1);
    scene.drain(secs(1));
    assert_eq!(scene.drained, 2, "who asks late is told too");
}

#[test]
fn a_drain_without_time_starts_nothing() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[updated("a", 1)]).unwrap();
    let snapshot = scene.send_listed(2, &[(Pod, &["a"])]);
    scene.drain(secs(0));
    assert_eq!(
        scene.said(),
        [""; 0],
        "a deleted resource's last changes are nobody's business any more"
    );
    assert_eq!((scene.aborted.clone(), scene.drained), (vec![snapshot.text()], 1));
}
