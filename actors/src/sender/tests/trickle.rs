// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A kind that is too large for the platform is told as events, from its spool.

use obsyk_domain::agent::EventTypes;
use obsyk_domain::resource::ResourceKind::{Node, Pod};
use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{OK, config, deleted, secs, spool_of, status, updated};
use crate::sender::Config;

/// Snapshot 2 of these pods was too large; one event a second may go.
fn too_large(names: &[&str]) -> Scene {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        case: EventTypes::Lower,
        ..config()
    });
    let whole = scene.snapshot(2, &[(Pod, names)]);
    scene.answer(&whole, status(413));
    scene.dues.clear();
    scene
}

/// All that is said while `seconds` pass and everything is accepted.
fn told(scene: &mut Scene, seconds: u64) -> Vec<String> {
    let mut said = scene.said();
    for _ in 0..seconds {
        scene.answer_all(OK);
        scene.pass(secs(1));
        said.extend(scene.said());
    }
    said
}

#[test]
fn objects_go_one_by_one_at_the_rate() {
    let mut scene = too_large(&["a", "b", "c"]);
    assert_eq!(scene.said(), ["modified a 0"]);
    scene.answer_all(OK);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["modified b 0"]);
    assert_eq!(told(&mut scene, 5), ["modified c 0"]);
}

#[test]
fn change_of_the_same_object_replaces_its_record() {
    let mut scene = too_large(&["a", "b", "c"]);
    scene.offer(&[updated("b", 1), deleted("c")]).unwrap();
    assert_eq!(told(&mut scene, 9), ["modified a 0", "modified b 1", "deleted c"]);
}

#[test]
fn change_during_the_snapshot_replaces_its_record() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Pod, &["a"])]);
    scene.offer(&[updated("a", 1)]).unwrap();
    scene.answer(&whole, status(413));
    assert_eq!(told(&mut scene, 3), ["UPDATED a 1"]);
}

#[test]
fn its_backlog_causes_no_snapshot() {
    let mut scene = too_large(&[]);
    scene.answer_all(OK);
    scene.pass(secs(600));
    let changes: Vec<_> = (0..200).map(|n| updated(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    scene.pass(secs(1));
    assert!(scene.dues.is_empty());
    scene.offer_of(Node, &changes_of_nodes()).unwrap();
    assert_eq!(scene.causes(), [Cause::Backlog], "that of other kinds does");
}

fn changes_of_nodes() -> Vec<obsyk_domain::ledger::Change> {
    (0..100).map(|n| updated(&format!("n{n}"), 1)).collect()
}

#[test]
fn what_is_left_goes_on_after_a_snapshot_that_wasnt_accepted() {
    let mut scene = too_large(&["a", "b"]);
    assert_eq!(scene.said(), ["modified a 0"]);
    scene.answer_all(OK);
    scene.open(3);
    scene.spool(3, Pod, spool_of(&["a", "b"]));
    scene.abandon(3);
    assert_eq!(told(&mut scene, 5), ["modified b 0"]);
}

#[test]
fn snapshot_that_carries_the_kind_ends_it() {
    let mut scene = too_large(&["a", "b", "c"]);
    scene.answer_all(OK);
    let whole = scene.snapshot(3, &[(Pod, &["a", "b", "c"])]);
    scene.answer(&whole, OK);
    assert_eq!(told(&mut scene, 5), [""; 0]);
}

#[test]
fn another_snapshot_that_is_too_large_begins_anew() {
    let mut scene = too_large(&["a", "b"]);
    scene.answer_all(OK);
    let whole = scene.snapshot(3, &[(Pod, &["b", "c"])]);
    scene.answer(&whole, status(413));
    assert_eq!(told(&mut scene, 5), ["modified b 0", "modified c 0"]);
}

#[test]
fn it_waits_while_requests_fail() {
    let mut scene = too_large(&["a", "b"]);
    scene.answer_all(status(500));
    assert_eq!(told(&mut scene, 9), ["modified a 0", "modified b 0"]);
}

#[test]
fn an_object_that_was_refused_but_is_not_at_fault_is_told_too() {
    for code in [404, 409] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.answer(&event, status(code));
        let whole = scene.snapshot(2, &[(Pod, &["a", "b"])]);
        scene.answer(&whole, status(413));
        assert_eq!(told(&mut scene, 3), ["UPDATED a 0", "UPDATED b 0"], "{code}");
    }
}

#[test]
fn an_object_that_is_set_aside_is_not_told_again_by_its_list() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(400));
    let whole = scene.snapshot(2, &[(Pod, &["a", "b"])]);
    scene.answer(&whole, status(413));
    assert_eq!(told(&mut scene, 3), ["UPDATED b 0"]);
}

#[test]
fn an_object_that_is_refused_again_and_again_keeps_no_other_from_being_told() {
    let mut scene = too_large(&["a", "b", "c"]);
    assert_eq!(scene.said(), ["modified a 0"]);
    scene.answer_all(status(409));
    assert_eq!(scene.dues, [], "no snapshot would have it");
    scene.pass(secs(1));
    assert_eq!(told(&mut scene, 5), ["modified b 0", "modified c 0"]);
}
