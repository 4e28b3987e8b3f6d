// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Offers: the ledger's bound, and the backlog that asks for a snapshot.

use bytes::Bytes;
use obsyk_domain::ledger::{BOUND, Change, What};
use obsyk_domain::resource::ResourceKind::{Node, Pod};
use obsyk_domain::snapshot::Cause;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, added, config, deleted, secs, spool_of, status, updated};
use crate::sender::{Config, Refusal};

/// A change whose object is 1 MiB.
fn large(name: &str) -> Change {
    let json = format!("{{\"uid\":\"{name}\",\"v\":1,\"pad\":\"{}\"}}", "x".repeat(BOUND / 4));
    Change {
        what: What::Updated(Bytes::from(json)),
        ..updated(name, 1)
    }
}

fn larges() -> Vec<Change> {
    (0..5).map(|n| large(&format!("l{n}"))).collect()
}

/// An event failed, so that what is offered waits.
fn stuck() -> Scene {
    let mut scene = Scene::synced();
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.forget();
    scene
}

#[test]
fn beyond_its_bound_the_ledger_is_emptied_and_offers_are_refused() {
    let mut scene = stuck();
    assert_eq!(scene.offer(&larges()), Err(Refusal::SnapshotDue));
    assert_eq!(scene.causes(), [Cause::LedgerFull]);
    assert_eq!((scene.ledger().dirty, scene.ledger().overflows), (0, 1));
    assert_eq!(scene.offer(&[updated("a", 1)]), Err(Refusal::SnapshotDue));
    scene.pass(secs(600));
    assert_eq!(scene.said(), [""; 0], "no event goes from a ledger that lacks some");
}

#[test]
fn one_offer_cant_take_the_ledger_beyond_its_bound_by_more_than_one_object() {
    let mut scene = Scene::synced();
    let changes: Vec<Change> = (0..20).map(|n| large(&format!("l{n}"))).collect();
    assert_eq!(scene.offer(&changes), Err(Refusal::SnapshotDue));
    let bytes = scene.ledger().bytes;
    assert!(bytes <= BOUND + BOUND / 2, "{bytes}");
    assert_eq!(scene.causes(), [Cause::LedgerFull]);
}

#[test]
fn deletes_behind_the_bound_in_one_offer_are_kept_for_a_kind_that_is_unreadable() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.spool(2, Pod, spool_of(&[]));
    scene.send_snapshot(2, &[Node]);
    scene.answer_all(OK);
    let mut changes = larges();
    changes.push(deleted("n"));
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer_of(Node, &changes).unwrap_err();
    assert_eq!(scene.ledger().tombstones, 1);
}

#[test]
fn accepted_snapshot_makes_good_what_was_dropped_at_the_bound() {
    let mut scene = stuck();
    scene.offer(&larges()).unwrap_err();
    scene.pass(secs(1));
    let snapshot = scene.snapshot(2, &[(Pod, &["l0"])]);
    scene.answer(&snapshot, OK);
    assert_eq!(scene.offer(&[updated("a", 1)]), Ok(()));
    assert_eq!(scene.said(), ["UPDATED a 1"]);
}

#[test]
fn refused_snapshot_doesnt_make_good_what_was_dropped() {
    let mut scene = stuck();
    scene.offer(&larges()).unwrap_err();
    scene.pass(secs(1));
    let snapshot = scene.snapshot(2, &[(Pod, &["l0"])]);
    scene.answer(&snapshot, status(409));
    assert_eq!(scene.offer(&[updated("a", 1)]), Err(Refusal::SnapshotDue));
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn what_a_coming_list_carries_is_admitted_though_the_ledger_lacks_some() {
    let mut scene = stuck();
    scene.offer(&larges()).unwrap_err();
    scene.pass(secs(1));
    scene.open(2);
    assert_eq!(scene.offer(&[updated("a", 1)]), Ok(()), "its list will carry it");
    scene.spool(2, Pod, spool_of(&["a"]));
    assert_eq!(scene.offer(&[updated("a", 2)]), Err(Refusal::SnapshotDue));
    assert_eq!(scene.offer_of(Node, &[updated("n", 1)]), Ok(()));
}

#[test]
fn bound_that_is_reached_before_any_list_is_covered_by_the_open_snapshot() {
    let mut scene = Scene::synced();
    scene.open(2);
    assert_eq!(scene.offer(&larges()), Ok(()));
    let snapshot = scene.send_listed(2, &[(Pod, &["a"])]);
    scene.answer(&snapshot, OK);
    assert_eq!(scene.offer(&[updated("a", 1)]), Ok(()));
}

#[test]
fn bound_that_is_reached_behind_a_list_needs_another_snapshot() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.spool(2, Pod, spool_of(&["a"]));
    assert_eq!(scene.offer(&larges()), Err(Refusal::SnapshotDue));
    scene.send_snapshot(2, &[]);
    let snapshot = scene.next();
    scene.answer(&snapshot, OK);
    assert_eq!(
        scene.offer(&[updated("a", 1)]),
        Err(Refusal::SnapshotDue),
        "what was dropped isn't told yet"
    );
    assert_eq!(scene.causes(), [Cause::LedgerFull]);
    let snapshot = scene.snapshot(3, &[(Pod, &["a"])]);
    scene.answer(&snapshot, OK);
    assert_eq!(scene.offer(&[updated("a", 1)]), Ok(()));
}

#[test]
fn watcher_that_is_refused_behind_its_list_is_asked_to_list_again() {
    let mut scene = stuck();
    scene.offer(&larges()).unwrap_err();
    scene.pass(secs(1));
    scene.open(2);
    scene.spool(2, Pod, spool_of(&["l0"]));
    scene.forget();
    for _ in 0..2 {
        assert_eq!(scene.offer(&[updated("a", 1)]), Err(Refusal::SnapshotDue));
    }
    assert_eq!(scene.causes(), [Cause::LedgerFull], "snapshot 2 won't carry it");
    scene.send_snapshot(2, &[]);
    scene.answer_all(OK);
    assert_eq!(scene.offer(&[updated("a", 1)]), Err(Refusal::SnapshotDue));
    let snapshot = scene.snapshot(3, &[(Pod, &["a"])]);
    scene.answer(&snapshot, OK);
    assert_eq!(scene.offer(&[updated("a", 2)]), Ok(()));
}

#[test]
fn tombstones_of_an_unreadable_kind_outlive_the_bound() {
    let mut scene = Scene::synced();
    scene.open(2);
    scene.spool(2, Pod, spool_of(&[]));
    scene.send_snapshot(2, &[Node]);
    scene.answer_all(OK);
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer_of(Node, &[deleted("n")]).unwrap();
    scene.offer(&larges()).unwrap_err();
    assert_eq!(scene.ledger().tombstones, 1);
    scene.pass(secs(1));
    let snapshot = scene.snapshot(3, &[(Pod, &[])]);
    scene.answer(&snapshot, OK);
    assert_eq!(scene.said(), ["DELETED n"]);
}

#[test]
fn tombstones_of_a_kind_that_is_too_large_outlive_the_bound() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Node, &[])]);
    scene.answer(&whole, status(413));
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer_of(Node, &[deleted("n")]).unwrap();
    scene.offer(&larges()).unwrap_err();
    assert_eq!(scene.ledger().tombstones, 1, "no snapshot can say that it is gone");
}

#[test]
fn tombstones_of_a_kind_that_is_too_large_are_kept_when_the_bound_was_reached_before() {
    let mut scene = Scene::synced();
    let whole = scene.snapshot(2, &[(Node, &[])]);
    scene.answer(&whole, status(413));
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer(&larges()).unwrap_err();
    let refused = scene.offer_of(Node, &[updated("m", 1), deleted("n")]);
    assert_eq!(refused, Err(Refusal::SnapshotDue), "the rest is told by a list");
    assert_eq!((scene.ledger().tombstones, scene.ledger().dirty), (1, 1));
}

/// Ten events a second; the last snapshot took this long and ended 100 s ago.
fn slow(took: u64) -> Scene {
    let mut scene = Scene::blank();
    scene.configure(Config {
        per_second: 10,
        burst: 1,
        ..config()
    });
    scene.open(1);
    scene.token();
    let snapshot = scene.send_listed(1, &[(Pod, &[])]);
    scene.pass(secs(took));
    scene.answer(&snapshot, OK);
    scene.pass(secs(100));
    scene.forget();
    scene
}

fn many(n: u64) -> Vec<Change> {
    (0..n).map(|n| added(&format!("o{n}"), 1)).collect()
}

#[test]
fn backlog_of_more_than_a_minute_makes_one_snapshot_due() {
    let mut scene = slow(1);
    scene.offer(&many(601)).unwrap();
    assert!(scene.dues.is_empty(), "one flies, 600 wait: a minute at the rate");
    scene.offer(&[added("one more", 1)]).unwrap();
    assert_eq!(scene.causes(), [Cause::Backlog]);
    scene.offer(&[added("and another", 1)]).unwrap();
    assert_eq!(scene.dues.len(), 1, "once");
}

#[test]
fn backlog_asks_again_after_a_snapshot() {
    let mut scene = slow(1);
    scene.offer(&many(700)).unwrap();
    scene.answer_all(OK);
    let snapshot = scene.snapshot(2, &[(Pod, &[])]);
    scene.answer(&snapshot, OK);
    scene.forget();
    scene.offer(&many(700)).unwrap();
    assert!(scene.dues.is_empty(), "not within a minute");
    scene.pass(secs(61));
    assert_eq!(
        scene.causes(),
        [Cause::Backlog],
        "nothing was accepted, so that it is as long"
    );
}

#[test]
fn backlog_waits_twenty_times_the_last_snapshots_duration() {
    let mut scene = slow(10);
    let event = scene.send(updated("first", 1));
    scene.answer(&event, NO_CONNECTION);
    scene.offer(&many(700)).unwrap();
    assert!(scene.dues.is_empty());
    scene.pass(secs(99));
    assert!(scene.dues.is_empty());
    scene.pass(secs(1));
    assert_eq!(scene.causes(), [Cause::Backlog], "nobody has to offer anything for it");
}
