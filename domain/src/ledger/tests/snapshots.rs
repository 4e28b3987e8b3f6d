// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Snapshots and the bound: what is covered, what an acceptance drops, and what the end of a snapshot leaves.

use super::{at, change, event, json, uid};
use crate::ledger::{Ledger, What};
use crate::resource::{KindSet, ResourceKind};
use crate::wire::EventType::{Added, Deleted, Updated};

const PODS: ResourceKind = ResourceKind::Pod;

fn only(kind: ResourceKind) -> KindSet {
    [kind].into_iter().collect()
}

/// The snapshot is accepted for these kinds, and was the whole of it.
fn accept(ledger: &mut Ledger, kinds: KindSet) {
    ledger.snapshot_accepted(kinds, |_| false);
    ledger.snapshot_ended(false);
}

#[test]
fn what_was_held_before_a_list_is_dropped_when_its_snapshot_is_accepted() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.delete("b");
    ledger.cover(PODS);
    assert_eq!(ledger.backlog(), 2, "and not before");
    accept(&mut ledger, only(PODS));
    assert!(ledger.is_empty());
}

#[test]
fn what_was_held_before_a_list_is_sent_when_its_snapshot_is_refused() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.delete("b");
    ledger.cover(PODS);
    ledger.snapshot_ended(false);
    assert_eq!(ledger.told(), event(Added, "a", "a1"));
    assert_eq!(ledger.told(), event(Deleted, "b", ""));
    ledger.snapshot_accepted(only(PODS), |_| false);
    assert!(ledger.is_empty());
}

#[test]
fn what_was_offered_after_a_list_is_sent_after_its_snapshot() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.cover(PODS);
    ledger.update("a", "a2");
    ledger.add("b", "b1");
    ledger.delete("c");
    accept(&mut ledger, only(PODS));
    assert_eq!(
        ledger.told(),
        event(Updated, "a", "a2"),
        "the snapshot brought the object"
    );
    assert_eq!(ledger.told(), event(Added, "b", "b1"));
    assert_eq!(ledger.told(), event(Deleted, "c", ""));
}

#[test]
fn an_object_that_the_snapshot_brought_and_that_is_gone_since_is_deleted() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.cover(PODS);
    ledger.delete("a");
    assert_eq!(ledger.stats().vanished, 0);
    accept(&mut ledger, only(PODS));
    assert_eq!(ledger.told(), event(Deleted, "a", ""));
}

#[test]
fn an_object_that_came_and_went_during_a_refused_snapshot_vanishes() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.cover(PODS);
    ledger.delete("a");
    ledger.snapshot_ended(false);
    assert!(ledger.is_empty());
}

#[test]
fn an_object_that_an_ambiguous_snapshot_may_have_brought_is_deleted() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.add("b", "b1");
    ledger.cover(PODS);
    ledger.delete("a");
    ledger.snapshot_ended(true);
    ledger.delete("b");
    let mut told = [ledger.told(), ledger.told()];
    told.sort_by_key(|told| told.clone().unwrap().1);
    assert_eq!(told, [event(Deleted, "a", ""), event(Deleted, "b", "")]);
}

#[test]
fn kinds_that_the_snapshot_left_out_keep_what_they_have() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.offer(at(0), ResourceKind::Node, change("n", What::Added(json("n1"))));
    ledger.cover(PODS);
    accept(&mut ledger, only(PODS));
    assert_eq!(ledger.told(), event(Added, "n", "n1"));
    assert!(ledger.is_empty());
}

#[test]
fn each_part_of_a_snapshot_covers_its_own_kind() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.offer(at(0), ResourceKind::Node, change("n", What::Added(json("n1"))));
    ledger.cover(PODS);
    ledger.cover(ResourceKind::Node);
    ledger.snapshot_accepted(only(PODS), |_| false);
    ledger.snapshot_ended(true);
    assert_eq!(
        ledger.told(),
        event(Added, "n", "n1"),
        "the second part wasn't accepted"
    );
    assert!(ledger.is_empty());
}

#[test]
fn a_cover_of_an_earlier_snapshot_counts_for_no_later_one() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.cover(PODS);
    ledger.snapshot_ended(false);
    accept(&mut ledger, only(PODS));
    assert_eq!(ledger.told(), event(Added, "a", "a1"));
}

#[test]
fn a_refused_delete_is_met_by_the_next_snapshot_and_lets_the_add_go() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    ledger.sent();
    ledger.park(&uid("old"), false);
    ledger.cover(PODS);
    ledger.add("new/web", "n1");
    assert_eq!(ledger.backlog(), 0);
    accept(&mut ledger, only(PODS));
    assert_eq!(ledger.told(), event(Added, "new", "n1"));
    assert!(ledger.is_empty());
}

#[test]
fn an_object_that_is_set_aside_is_met_by_a_snapshot_that_carries_it() {
    let mut ledger = Ledger::default();
    ledger.update("a", "bad");
    ledger.sent();
    ledger.park(&uid("a"), true);
    ledger.cover(PODS);
    accept(&mut ledger, only(PODS));
    assert!(ledger.is_empty());
    ledger.update("a", "better");
    assert_eq!(ledger.told(), event(Updated, "a", "better"));
}

#[test]
fn an_object_that_the_accepted_try_left_out_stays_set_aside_and_is_an_add_when_it_changes() {
    let mut ledger = Ledger::default();
    for name in ["a", "b"] {
        ledger.update(name, "bad");
        ledger.sent();
        ledger.park(&uid(name), true);
    }
    ledger.cover(PODS);
    ledger.snapshot_accepted(only(PODS), |_| true);
    ledger.snapshot_ended(false);
    assert_eq!(ledger.stats().set_aside, 2);
    ledger.update("a", "better");
    assert_eq!(ledger.told(), event(Added, "a", "better"));
    ledger.delete("b");
    assert!(ledger.is_empty(), "the snapshot took it from the platform");
}

#[test]
fn the_bound_drops_all_but_what_is_in_flight_and_makes_the_ledger_lossy() {
    let mut ledger = Ledger::default();
    ledger.update("a", "a1");
    ledger.sent();
    ledger.update("a", "a2");
    ledger.update("b", "b1");
    ledger.delete("c");
    ledger.update("d", "d1");
    ledger.dispatch(&uid("d"));
    ledger.park(&uid("d"), true);
    ledger.overflow(KindSet::EMPTY);
    assert!(ledger.is_lossy());
    assert_eq!((ledger.backlog(), ledger.in_flight()), (0, 1));
    ledger.accepted(&uid("a"));
    assert!(ledger.is_empty() && ledger.is_lossy());
    assert_eq!(ledger.stats().overflows, 1);
}

#[test]
fn an_old_state_that_comes_back_after_the_bound_is_not_sent_again() {
    for parked in [false, true] {
        let mut ledger = Ledger::default();
        ledger.update("a", "a1");
        ledger.sent();
        ledger.update("a", "a2");
        ledger.overflow(KindSet::EMPTY);
        if parked {
            ledger.park(&uid("a"), true);
        } else {
            ledger.returned(&uid("a"), true);
        }
        assert!(ledger.is_empty());
    }
}

#[test]
fn what_follows_the_bound_is_held_as_ever() {
    let mut ledger = Ledger::default();
    ledger.update("a", "a1");
    ledger.sent();
    ledger.overflow(KindSet::EMPTY);
    ledger.update("a", "a2");
    ledger.accepted(&uid("a"));
    ledger.sent();
    ledger.returned(&uid("a"), false);
    assert_eq!(ledger.told(), event(Updated, "a", "a2"));
}

#[test]
fn tombstones_of_an_unreadable_kind_outlive_the_bound() {
    let mut ledger = Ledger::default();
    ledger.delete("flying");
    ledger.sent();
    ledger.delete("refused");
    ledger.sent();
    ledger.park(&uid("refused"), false);
    ledger.delete("waiting");
    ledger.update("object", "1");
    ledger.overflow(only(PODS));
    assert_eq!(ledger.told(), event(Deleted, "waiting", ""));
    ledger.returned(&uid("flying"), true);
    assert_eq!(ledger.told(), event(Deleted, "flying", ""));
    ledger.add("new/refused", "n1");
    assert!(!ledger.is_ready(&uid("new")), "the refused delete is still open");
    ledger.cover(PODS);
    accept(&mut ledger, only(PODS));
    assert!(ledger.is_empty());
}

#[test]
fn a_snapshot_ends_the_lossy_state_only_when_it_makes_good_what_was_dropped() {
    let mut ledger = Ledger::default();
    ledger.overflow(KindSet::EMPTY);
    accept(&mut ledger, KindSet::ALL);
    assert!(ledger.is_lossy(), "it is the caller who knows");
    ledger.set_lossy(true);
    assert!(ledger.is_lossy());
    ledger.set_lossy(false);
    assert!(!ledger.is_lossy());
}

#[test]
fn a_list_has_something_to_tell_of_what_was_refused_and_is_not_at_fault() {
    let mut ledger = Ledger::default();
    for name in ["refused", "at-fault", "waits"] {
        ledger.update(name, "1");
    }
    for (name, set_aside) in [("refused", false), ("at-fault", true)] {
        ledger.sent();
        ledger.park(&uid(name), set_aside);
    }
    let mut spoken_for: Vec<_> = ledger.spoken_for(ResourceKind::Pod).collect();
    spoken_for.sort();
    assert_eq!(spoken_for, [&uid("at-fault"), &uid("waits")]);
}
