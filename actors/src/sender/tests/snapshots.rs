// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The snapshot as a barrier, and the table of answers: its column of snapshots.

use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, TIMED_OUT, added, deleted, secs, spool_of, status, status_after, updated};
use crate::sender::SnapshotEnd;

const PODS: ResourceKind = ResourceKind::Pod;

fn refused(outcome: Outcome) -> Option<(u64, SnapshotEnd)> {
    Some((2, SnapshotEnd::Refused(outcome)))
}

#[test]
fn first_snapshot_waits_for_a_token_and_no_event_goes_before_it() {
    let mut scene = Scene::configured();
    scene.offer(&[updated("a", 1)]).unwrap();
    scene.open(1);
    assert!(scene.opened.is_empty());
    scene.token();
    assert_eq!(scene.opened, [1]);
    assert_eq!(scene.said(), [""; 0]);
    let snapshot = scene.send_listed(1, &[(PODS, &["a", "b"]), (ResourceKind::Node, &[])]);
    assert_eq!(snapshot.text(), "snapshot nodes= pods=a,b");
    scene.answer(&snapshot, OK);
    assert_eq!(scene.said(), [""; 0], "the snapshot carried it");
}

#[test]
fn no_event_starts_once_a_snapshot_opens_and_it_opens_when_nothing_is_in_flight() {
    let mut scene = Scene::synced();
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    let (a, b) = (scene.next(), scene.next());
    scene.open(2);
    scene.offer(&[updated("a", 2), updated("c", 1)]).unwrap();
    scene.answer(&a, OK);
    assert!(scene.opened.is_empty());
    scene.answer(&b, TIMED_OUT);
    assert_eq!(scene.opened, [0; 0], "a failure is followed by its backoff");
    scene.pass(secs(1));
    assert_eq!(scene.opened, [2]);
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn what_was_held_before_a_kinds_list_is_covered_and_what_came_after_is_sent() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[updated("before", 1), deleted("gone")]).unwrap();
    scene.spool(2, PODS, spool_of(&["before", "x"]));
    scene.offer(&[updated("before", 2), updated("after", 1)]).unwrap();
    scene.send_snapshot(2, &[]);
    let snapshot = scene.next();
    scene.offer(&[deleted("x")]).unwrap();
    scene.answer(&snapshot, OK);
    let mut said = scene.said();
    said.sort();
    assert_eq!(said, ["DELETED x", "UPDATED after 1", "UPDATED before 2"]);
}

#[test]
fn acceptance_is_reported_with_its_numbers() {
    let mut scene = Scene::synced();
    let snapshot = scene.snapshot(2, &[(PODS, &["a", "b"])]);
    scene.pass(secs(7));
    scene.answer(&snapshot, OK);
    let Some((2, SnapshotEnd::Accepted { objects, took, .. })) = scene.ended() else {
        panic!("{:?}", scene.reports);
    };
    assert_eq!((objects, took), (2, secs(7)));
}

#[test]
fn time_that_a_snapshot_waits_for_the_platform_isnt_its_duration() {
    let mut scene = Scene::configured();
    scene.open(1);
    scene.pass(secs(600));
    scene.token();
    let snapshot = scene.send_listed(1, &[(PODS, &[])]);
    scene.pass(secs(2));
    scene.answer(&snapshot, OK);
    let Some((1, SnapshotEnd::Accepted { took, .. })) = scene.ended() else {
        panic!("{:?}", scene.reports);
    };
    assert_eq!(took, secs(2));
}

#[test]
fn kind_that_cant_be_read_keeps_what_the_ledger_holds_of_it() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene
        .offer_of(ResourceKind::Node, &[deleted("n"), updated("m", 1)])
        .unwrap();
    scene.spool(2, PODS, spool_of(&[]));
    scene.send_snapshot(2, &[ResourceKind::Node]);
    let snapshot = scene.next();
    assert_eq!(
        snapshot.text(),
        "snapshot pods=",
        "an empty list would say that none exists"
    );
    scene.answer(&snapshot, OK);
    let mut said = scene.said();
    said.sort();
    assert_eq!(said, ["DELETED n", "UPDATED m 1"]);
}

#[test]
fn refused_snapshot_leaves_all_to_events() {
    for code in [400, 422, 404, 410, 402, 405, 409, 302] {
        let mut scene = Scene::synced();
        scene.open(2);
        scene.offer(&[updated("a", 1), deleted("b")]).unwrap();
        let snapshot = scene.send_listed(2, &[(PODS, &["a"])]);
        scene.answer(&snapshot, status(code));
        assert_eq!(scene.ended(), refused(status(code)));
        assert!(scene.dues.is_empty(), "{code}: the agent spaces the next one out");
        let mut said = scene.said();
        said.sort();
        assert_eq!(said, ["DELETED b", "UPDATED a 1"], "{code}");
    }
}

#[test]
fn no_event_goes_after_a_refusal_when_none_was_ever_accepted() {
    let mut scene = Scene::configured();
    scene.open(1);
    scene.token();
    let snapshot = scene.send_listed(1, &[(PODS, &["a"])]);
    scene.answer(&snapshot, status(404));
    assert_eq!(scene.ended(), Some((1, SnapshotEnd::Refused(status(404)))));
    scene.offer(&[updated("a", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn snapshot_answered_401_is_sent_again_with_a_new_token() {
    let mut scene = Scene::synced();
    let snapshot = scene.snapshot(2, &[(PODS, &["a"])]);
    scene.answer(&snapshot, status(401));
    scene.token();
    let again = scene.next();
    assert_eq!((again.text(), again.token.as_str()), (snapshot.text(), "token-2"));
    scene.answer(&again, OK);
    assert!(matches!(scene.ended(), Some((2, SnapshotEnd::Accepted { .. }))));
}

#[test]
fn snapshot_ends_when_the_credentials_are_refused_and_what_it_held_stays() {
    for twice in [true, false] {
        let mut scene = Scene::synced();
        scene.open(2);
        scene.offer(&[updated("a", 1)]).unwrap();
        let snapshot = scene.send_listed(2, &[(PODS, &["a"])]);
        if twice {
            scene.answer(&snapshot, status(401));
            scene.token();
            scene.answer_all(status(401));
        } else {
            scene.answer(&snapshot, status(403));
        }
        assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)));
        assert_eq!(scene.rereads(), 1);
        scene.pass(secs(300));
        scene.said();
        scene.token();
        assert_eq!(scene.said(), ["UPDATED a 1"]);
        assert_eq!(scene.causes(), [Cause::Resumed]);
    }
}

#[test]
fn snapshot_that_is_collected_ends_when_the_credentials_are_refused() {
    let mut scene = Scene::synced();
    scene.beat();
    scene.answer_all(status(401));
    scene.token();
    scene.open(2);
    scene.beat();
    scene.answer_all(status(401));
    assert_eq!(
        scene.ended(),
        Some((2, SnapshotEnd::Unfinished)),
        "another one follows the pause"
    );
}

#[test]
fn told_to_come_later_the_same_body_is_sent_then() {
    for (outcome, wait) in [(status(429), 30), (status(408), 30), (status_after(429, 90), 90)] {
        let mut scene = Scene::synced();
        let snapshot = scene.snapshot(2, &[(PODS, &["a"])]);
        scene.answer(&snapshot, outcome);
        scene.pass(secs(wait - 1));
        assert_eq!(scene.said(), [""; 0]);
        scene.pass(secs(1));
        assert_eq!(scene.said(), [snapshot.text()]);
        assert_eq!(scene.ended(), None);
    }
}

#[test]
fn failed_snapshot_is_retried_with_the_same_spools_five_times() {
    for outcome in [status(500), status(503), NO_CONNECTION, TIMED_OUT] {
        let mut scene = Scene::synced();
        let snapshot = scene.snapshot(2, &[(PODS, &["a", "b"])]);
        scene.answer(&snapshot, outcome);
        for _ in 0..5 {
            scene.offer(&[updated("a", 1)]).unwrap();
            scene.pass(secs(60));
            let again = scene.next();
            assert_eq!(again.body, snapshot.body);
            scene.answer(&again, outcome);
        }
        assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)), "{outcome:?}");
        assert!(matches!(scene.link(), Some(Link::Open(_))));
        let later = outcome.is_ambiguous();
        assert_eq!(scene.causes().contains(&Cause::Ambiguous), later, "{outcome:?}");
    }
}

#[test]
fn ambiguous_snapshot_that_is_accepted_then_is_followed_by_another() {
    let mut scene = Scene::synced();
    let snapshot = scene.snapshot(2, &[(PODS, &["a"])]);
    scene.answer(&snapshot, TIMED_OUT);
    scene.pass(secs(1));
    scene.answer_all(OK);
    assert!(matches!(scene.ended(), Some((2, SnapshotEnd::Accepted { .. }))));
    assert_eq!(scene.causes(), [Cause::Ambiguous]);
}

#[test]
fn object_that_an_ambiguous_snapshot_may_have_told_is_told_as_deleted() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[added("a", 1)]).unwrap();
    let snapshot = scene.send_listed(2, &[(PODS, &["a"])]);
    scene.answer(&snapshot, TIMED_OUT);
    scene.offer(&[deleted("a")]).unwrap();
    scene.pass(secs(1));
    scene.answer_all(status(405));
    assert_eq!(scene.said(), ["DELETED a"]);
}

#[test]
fn abandoned_snapshot_lets_events_go_on() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.offer(&[updated("a", 1)]).unwrap();
    scene.abandon(2);
    assert_eq!(scene.said(), ["UPDATED a 1"]);
    assert_eq!(scene.ended(), None, "the agent knows");
}

#[test]
fn a_newer_snapshot_overtakes_the_one_that_waits() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.open(2);
    scene.open(3);
    assert_eq!(scene.overtaken, [2]);
    scene.answer_all(OK);
    assert_eq!(scene.opened, [3]);
}

#[test]
fn a_newer_snapshot_aborts_the_one_that_is_sent_and_reckons_with_its_arrival() {
    let mut scene = Scene::synced();
    let snapshot = scene.snapshot(2, &[(PODS, &["a"])]);
    scene.open(3);
    assert_eq!(scene.aborted, [snapshot.text()]);
    assert_eq!(scene.opened.last(), Some(&3));
    assert_eq!(scene.causes(), [Cause::Ambiguous]);
}

#[test]
fn lists_and_orders_for_another_snapshot_are_ignored() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.spool(1, PODS, spool_of(&["stale"]));
    scene.send_snapshot(1, &[]);
    assert_eq!(scene.said(), [""; 0]);
    scene.spool(2, PODS, spool_of(&["a"]));
    scene.send_snapshot(2, &[]);
    assert_eq!(scene.said(), ["snapshot pods=a"]);
}

#[test]
fn the_time_that_changes_wait_for_snapshots_is_counted_however_they_end() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.pass(secs(3));
    scene.snapshot(2, &[(ResourceKind::Pod, &["a"])]);
    let before = scene.view().barriers.total();
    assert!(before >= secs(3), "{before:?}");
    scene.open(3);
    scene.pass(secs(4));
    scene.abandon(3);
    assert_eq!(scene.view().barriers.total() - before, secs(4));
}
