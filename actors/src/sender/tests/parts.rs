// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A snapshot that isn't taken as a whole: 413, and the further try after a 400.

use obsyk_domain::resource::ResourceKind::{ConfigMap, Node, Pod, Secret};
use obsyk_domain::resource::{KindSet, ResourceKind};

use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{OK, TIMED_OUT, added, config, deleted, secs, status, updated};
use crate::sender::{Config, SnapshotEnd};

fn too_large(scene: &Scene) -> Vec<ResourceKind> {
    match scene.ended() {
        Some((_, SnapshotEnd::Accepted { too_large, .. })) => too_large.iter().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn snapshot_that_is_too_large_goes_kind_by_kind() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Pod, &["a"]), (Node, &["n"]), (Secret, &[])]);
    assert_eq!(whole.text(), "snapshot nodes=n pods=a secrets=");
    scene.answer(&whole, status(413));
    let mut parts = Vec::new();
    for _ in 0..3 {
        assert_eq!(scene.in_flight().len(), 1, "one after the other");
        let part = scene.next();
        assert_eq!(part.body["cluster_uid"], "c-1");
        parts.push(part.text());
        scene.answer(&part, OK);
    }
    parts.sort();
    assert_eq!(parts, ["snapshot nodes=n", "snapshot pods=a", "snapshot secrets="]);
    assert!(too_large(&scene).is_empty());
}

#[test]
fn kind_that_is_too_large_by_itself_goes_as_events_and_is_named() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Pod, &["a", "b"]), (Node, &["n"])]);
    scene.answer(&whole, status(413));
    while let Some(part) = scene.in_flight().pop().filter(|said| said.what == "snapshot") {
        let outcome = if part.text().contains("pods") { status(413) } else { OK };
        scene.answer(&part, outcome);
    }
    assert_eq!(too_large(&scene), [Pod]);
    let Some((_, SnapshotEnd::Accepted { objects, .. })) = scene.ended() else {
        panic!("it was accepted");
    };
    assert_eq!(objects, 1, "what it carried");
    let mut said = Vec::new();
    for _ in 0..2 {
        said.extend(scene.in_flight().iter().map(|said| said.text()));
        scene.answer_all(OK);
    }
    assert_eq!(said, ["UPDATED a 0", "UPDATED b 0"]);
}

#[test]
fn refused_delete_of_a_kind_that_is_too_large_makes_another_snapshot_due() {
    let mut scene = Scene::synced();
    let event = scene.send(deleted("a"));
    scene.answer(&event, status(413));
    let whole = scene.snapshot(2, &[(Pod, &[]), (Node, &["n"])]);
    scene.forget();
    scene.answer(&whole, status(413));
    for _ in 0..2 {
        let part = scene.next();
        let outcome = if part.text().contains("pods") { status(413) } else { OK };
        scene.answer(&part, outcome);
    }
    assert_eq!(too_large(&scene), [Pod]);
    assert_eq!(scene.causes(), [Cause::Answer], "no snapshot has told that it is gone");
}

#[test]
fn only_kind_of_a_snapshot_isnt_cut_further() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Pod, &["a"])]);
    scene.answer(&whole, status(413));
    assert_eq!(too_large(&scene), [Pod]);
}

#[test]
fn further_try_after_400_goes_without_the_objects_that_are_set_aside() {
    for code in [400, 422] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("bad", 1));
        scene.answer(&event, status(code));
        let whole = scene.snapshot(2, &[(Pod, &["bad", "good"])]);
        assert_eq!(whole.text(), "snapshot pods=bad,good", "it stays in snapshots");
        scene.answer(&whole, status(code));
        let further = scene.next();
        assert_eq!(further.text(), "snapshot pods=good");
        scene.answer(&further, OK);
        assert!(too_large(&scene).is_empty());
        assert_eq!(scene.ledger().set_aside, 1, "this snapshot didn't carry it");
    }
}

#[test]
fn snapshot_that_carries_a_set_aside_object_ends_its_setting_aside() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("bad", 1));
    scene.answer(&event, status(422));
    let whole = scene.snapshot(2, &[(Pod, &["bad"])]);
    scene.answer(&whole, OK);
    assert_eq!(scene.ledger().set_aside, 0);
}

#[test]
fn one_further_try_and_no_more() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("bad", 1));
    scene.answer(&event, status(400));
    let whole = scene.snapshot(2, &[(Pod, &["bad", "good"])]);
    scene.answer(&whole, status(400));
    scene.answer_all(status(400));
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Refused(status(400)))));
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn no_further_try_that_would_say_the_same() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("bad", 1));
    scene.answer(&event, status(400));
    let whole = scene.snapshot(2, &[(Node, &["n"])]);
    scene.answer(&whole, status(400));
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Refused(status(400)))));
}

#[test]
fn each_part_has_its_own_further_try() {
    let mut scene = Scene::synced();
    for (kind, name) in [(Pod, "p"), (Node, "n")] {
        scene.offer_of(kind, &[updated(name, 1)]).unwrap();
        scene.answer_all(status(400));
    }
    scene.forget();
    let whole = scene.snapshot(2, &[(Pod, &["p", "q"]), (Node, &["n", "m"])]);
    scene.answer(&whole, status(413));
    let mut bodies = Vec::new();
    for outcome in [status(400), OK, status(400), OK] {
        let part = scene.next();
        bodies.push(part.text());
        scene.answer(&part, outcome);
    }
    bodies.sort();
    assert_eq!(
        bodies,
        [
            "snapshot nodes=m",
            "snapshot nodes=n,m",
            "snapshot pods=p,q",
            "snapshot pods=q"
        ]
    );
}

#[test]
fn refusal_of_one_part_keeps_what_the_parts_before_settled() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[updated("a", 1)]).unwrap();
    scene.offer_of(ConfigMap, &[updated("c", 1)]).unwrap();
    let whole = scene.send_listed(2, &[(Pod, &["a"]), (ConfigMap, &["c"])]);
    scene.answer(&whole, status(413));
    let first = scene.next();
    scene.answer(&first, OK);
    let second = scene.next();
    scene.answer(&second, status(409));
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Refused(status(409)))));
    let left = if first.text().contains("pods") {
        "UPDATED c 1"
    } else {
        "UPDATED a 1"
    };
    assert_eq!(scene.said(), [left]);
}

#[test]
fn object_of_a_too_large_kind_that_an_ambiguous_try_may_have_told_is_told_as_deleted() {
    let mut scene = Scene::synced_with(Config {
        per_second: 1,
        burst: 1,
        ..config()
    });
    scene.open(2);
    scene.offer(&[added("a", 1), added("b", 1)]).unwrap();
    let whole = scene.send_listed(2, &[(Pod, &["a", "b"])]);
    scene.answer(&whole, TIMED_OUT);
    scene.pass(secs(1));
    scene.answer_all(status(413));
    assert_eq!(too_large(&scene), [Pod]);
    assert_eq!(scene.said(), ["ADDED a 1"], "the other waits for the bucket");
    scene.offer(&[deleted("b")]).unwrap();
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["DELETED b"]);
}

#[test]
fn every_snapshot_tries_the_whole_again() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Pod, &["a"])]);
    scene.answer(&whole, status(413));
    scene.answer_all(OK);
    let whole = scene.snapshot(3, &[(Pod, &["a"])]);
    scene.answer(&whole, OK);
    assert_eq!(too_large(&scene), KindSet::EMPTY.iter().collect::<Vec<_>>());
}
