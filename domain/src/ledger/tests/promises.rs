// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Events: what is merged, what is sent, and in which order.

use super::{at, change, event, json, uid};
use crate::ledger::{BOUND, Ledger, What};
use crate::resource::{KindSet, ResourceKind};
use crate::wire::EventType::{Added, Deleted, Updated};

#[test]
fn a_change_is_ready_at_once_and_goes_out_as_it_was_offered() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.update("b", "b7");
    ledger.delete("c");
    assert_eq!(ledger.backlog(), 3);
    assert_eq!(ledger.told(), event(Added, "a", "a1"));
    assert_eq!(ledger.told(), event(Updated, "b", "b7"));
    assert_eq!(ledger.told(), event(Deleted, "c", ""));
    assert!(ledger.is_empty());
}

#[test]
fn a_change_replaces_the_one_that_waits() {
    let mut ledger = Ledger::default();
    ledger.update("a", "a1");
    ledger.update("a", "a2");
    ledger.update("a", "a3");
    assert_eq!((ledger.backlog(), ledger.stats().merged), (1, 2));
    assert_eq!(ledger.told(), event(Updated, "a", "a3"));
    assert_eq!(ledger.sent(), None);
}

#[test]
fn an_object_that_the_platform_never_had_stays_an_add() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.update("a", "a2");
    assert_eq!(ledger.sent(), event(Added, "a", "a2"));
    ledger.update("a", "a3");
    ledger.returned(&uid("a"), false);
    assert_eq!(ledger.told(), event(Added, "a", "a3"));
    ledger.update("a", "a4");
    assert_eq!(ledger.told(), event(Updated, "a", "a4"));
}

#[test]
fn created_and_deleted_before_anything_was_sent_vanish() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.update("a", "a2");
    ledger.delete("a");
    assert_eq!(ledger.stats().vanished, 1);
    assert!(ledger.is_empty());
}

#[test]
fn deleted_while_its_add_is_in_flight_is_told_when_the_add_arrived() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.sent();
    ledger.delete("a");
    assert_eq!(ledger.sent(), None);
    ledger.accepted(&uid("a"));
    assert_eq!(ledger.told(), event(Deleted, "a", ""));
    assert!(ledger.is_empty());
}

#[test]
fn deleted_while_its_add_is_in_flight_vanishes_when_the_add_was_not_taken() {
    let mut returned = Ledger::default();
    returned.add("a", "a1");
    returned.sent();
    returned.delete("a");
    returned.returned(&uid("a"), false);
    assert!(returned.is_empty());

    let mut refused = Ledger::default();
    refused.add("a", "a1");
    refused.sent();
    refused.delete("a");
    refused.park(&uid("a"), true);
    assert!(refused.is_empty());
    assert_eq!(refused.stats().vanished, 1);
}

#[test]
fn deleted_after_an_ambiguous_add_is_told() {
    let mut ledger = Ledger::default();
    ledger.add("a", "a1");
    ledger.sent();
    ledger.returned(&uid("a"), true);
    ledger.delete("a");
    assert_eq!(ledger.told(), event(Deleted, "a", ""));
}

#[test]
fn what_is_set_aside_and_then_deleted_vanishes_unless_the_platform_had_it() {
    let mut ledger = Ledger::default();
    ledger.add("new", "1");
    ledger.update("old", "2");
    for name in ["new", "old"] {
        ledger.sent();
        ledger.park(&uid(name), true);
        ledger.delete(name);
    }
    assert_eq!(ledger.told(), event(Deleted, "old", ""));
    assert!(ledger.is_empty());
}

#[test]
fn at_most_one_request_is_in_flight_for_one_object() {
    let mut ledger = Ledger::default();
    ledger.update("a", "a1");
    ledger.update("b", "b1");
    assert_eq!(ledger.sent(), event(Updated, "a", "a1"));
    ledger.update("a", "a2");
    assert!(!ledger.is_ready(&uid("a")) && ledger.dispatch(&uid("a")).is_none());
    assert_eq!(ledger.sent(), event(Updated, "b", "b1"));
    assert_eq!((ledger.sent(), ledger.in_flight()), (None, 2));
    ledger.accepted(&uid("a"));
    assert_eq!(ledger.told(), event(Updated, "a", "a2"));
}

#[test]
fn what_comes_back_is_sent_in_the_state_of_that_time() {
    let mut ledger = Ledger::default();
    ledger.update("a", "a1");
    ledger.sent();
    ledger.returned(&uid("a"), false);
    assert_eq!(ledger.sent(), event(Updated, "a", "a1"));
    ledger.update("a", "a2");
    ledger.returned(&uid("a"), true);
    assert_eq!(ledger.sent(), event(Updated, "a", "a2"));
    ledger.delete("a");
    ledger.returned(&uid("a"), true);
    assert_eq!(ledger.sent(), event(Deleted, "a", ""));
}

#[test]
fn nothing_follows_an_accepted_delete() {
    let mut ledger = Ledger::default();
    ledger.delete("a");
    ledger.sent();
    ledger.update("a", "ghost");
    ledger.accepted(&uid("a"));
    assert!(ledger.is_empty());
}

#[test]
fn the_delete_of_a_name_is_accepted_before_the_add_of_another_uid_under_it() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    ledger.add("new/web", "n1");
    ledger.add("other/web-2", "o1");
    assert_eq!(ledger.sent(), event(Deleted, "old", ""));
    assert_eq!(ledger.sent(), event(Added, "other", "o1"));
    assert_eq!(ledger.sent(), None, "the delete is in flight");
    ledger.returned(&uid("old"), true);
    assert!(!ledger.is_ready(&uid("new")));
    ledger.sent();
    ledger.park(&uid("old"), false);
    assert_eq!(ledger.sent(), None, "the delete was refused: a snapshot is due");
    assert!(!ledger.is_ready(&uid("new")));
}

#[test]
fn an_accepted_delete_lets_the_add_under_its_name_go() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    ledger.add("new/web", "n1");
    assert_eq!(ledger.told(), event(Deleted, "old", ""));
    assert_eq!(ledger.told(), event(Added, "new", "n1"));
    assert!(ledger.is_empty());
}

#[test]
fn the_order_of_a_name_holds_whichever_was_offered_first() {
    let mut ledger = Ledger::default();
    ledger.add("new/web", "n1");
    ledger.delete("old/web");
    assert_eq!(ledger.told(), event(Deleted, "old", ""));
    assert_eq!(ledger.told(), event(Added, "new", "n1"));
}

#[test]
fn several_deletes_of_one_name_are_all_accepted_before_the_add() {
    let mut ledger = Ledger::default();
    for path in ["one/web", "two/web"] {
        ledger.delete(path);
    }
    ledger.add("three/web", "3");
    assert_eq!(ledger.sent(), event(Deleted, "one", ""));
    assert_eq!(ledger.sent(), event(Deleted, "two", ""));
    ledger.accepted(&uid("two"));
    assert_eq!(ledger.sent(), None);
    ledger.accepted(&uid("one"));
    assert_eq!(ledger.sent(), event(Added, "three", "3"));
}

#[test]
fn names_of_other_kinds_and_namespaces_are_others() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    ledger.offer(at(0), ResourceKind::Service, change("svc/web", What::Added(json("s"))));
    let mut elsewhere = change("pod/web", What::Added(json("p")));
    elsewhere.namespace = Some("blog".into());
    ledger.offer(at(0), ResourceKind::Pod, elsewhere);
    assert!(ledger.is_ready(&uid("svc")) && ledger.is_ready(&uid("pod")));
}

/// K12: 50 hot objects must not keep 10,000 cold ones waiting.
#[test]
fn an_object_that_changes_all_the_time_queues_again_behind_the_others() {
    let mut ledger = Ledger::default();
    ledger.update("hot", "1");
    ledger.update("cold", "1");
    assert_eq!(ledger.sent(), event(Updated, "hot", "1"));
    ledger.update("hot", "2");
    ledger.accepted(&uid("hot"));
    assert_eq!(ledger.sent(), event(Updated, "cold", "1"));
    assert_eq!(ledger.sent(), event(Updated, "hot", "2"));
}

#[test]
fn what_comes_back_keeps_its_place() {
    let mut ledger = Ledger::default();
    ledger.update("a", "1");
    ledger.update("b", "1");
    ledger.sent();
    ledger.update("a", "2");
    ledger.returned(&uid("a"), false);
    assert_eq!(ledger.sent(), event(Updated, "a", "2"));
}

#[test]
fn a_change_has_waited_since_it_was_offered_and_not_since_the_answer_before_it() {
    let mut ledger = Ledger::default();
    let update = |ledger: &mut Ledger, secs| {
        ledger.offer(at(secs), ResourceKind::Pod, change("a", What::Updated(json("x"))));
    };
    update(&mut ledger, 1);
    update(&mut ledger, 2);
    assert_eq!(ledger.oldest(), Some(at(1)), "a merged change is as old as the first");
    assert_eq!(ledger.next().unwrap().since, at(1));
    update(&mut ledger, 3);
    ledger.accepted(&uid("a"));
    assert_eq!(ledger.oldest(), Some(at(3)));
    assert_eq!(ledger.next().unwrap().since, at(3));
    update(&mut ledger, 5);
    ledger.returned(&uid("a"), false);
    assert_eq!(
        ledger.next().unwrap().since,
        at(3),
        "what came back is carried by what waits"
    );
}

#[test]
fn a_set_aside_object_waits_for_its_next_change() {
    let mut ledger = Ledger::default();
    ledger.update("a", "bad");
    ledger.sent();
    ledger.park(&uid("a"), true);
    assert!(ledger.is_set_aside(&uid("a")) && ledger.is_idle());
    assert_eq!((ledger.sent(), ledger.stats().set_aside), (None, 1));
    assert_eq!(ledger.set_aside().collect::<Vec<_>>(), [(&uid("a"), ResourceKind::Pod)]);
    ledger.update("a", "good");
    assert!(!ledger.is_set_aside(&uid("a")));
    assert_eq!(ledger.told(), event(Updated, "a", "good"));
    assert!(ledger.is_empty());
}

#[test]
fn what_changed_while_it_was_refused_is_sent() {
    let mut ledger = Ledger::default();
    ledger.update("a", "bad");
    ledger.sent();
    ledger.update("a", "good");
    ledger.park(&uid("a"), true);
    assert!(!ledger.is_set_aside(&uid("a")));
    assert_eq!(ledger.told(), event(Updated, "a", "good"));
}

#[test]
fn an_object_that_waits_again_can_be_set_aside_and_one_in_flight_cannot() {
    let mut ledger = Ledger::default();
    ledger.update("a", "1");
    ledger.sent();
    ledger.park_waiting(&uid("a"));
    assert!(!ledger.is_set_aside(&uid("a")) && ledger.in_flight() == 1);
    ledger.returned(&uid("a"), true);
    ledger.park_waiting(&uid("a"));
    assert!(ledger.is_set_aside(&uid("a")) && ledger.is_idle());
    ledger.park_waiting(&uid("unknown"));
}

#[test]
fn an_add_that_waits_for_a_refused_delete_keeps_nobody_waiting() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    ledger.add("new/web", "n1");
    ledger.sent();
    assert!(!ledger.is_idle());
    ledger.park(&uid("old"), false);
    assert!(ledger.is_idle(), "only a snapshot can meet it");
}

#[test]
fn an_answer_to_nothing_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.update("a", "1");
    let stats = ledger.stats();
    for name in ["a", "unknown"] {
        ledger.accepted(&uid(name));
        ledger.returned(&uid(name), true);
        ledger.park(&uid(name), true);
    }
    assert_eq!(ledger.stats(), stats);
}

#[test]
fn clearing_drops_all_and_an_answer_that_comes_later_is_nothing() {
    let mut ledger = Ledger::default();
    ledger.update("a", "1");
    ledger.sent();
    ledger.update("b", "1");
    ledger.overflow(KindSet::EMPTY);
    ledger.clear();
    assert!(ledger.is_empty() && !ledger.is_lossy() && ledger.in_flight() == 0);
    ledger.returned(&uid("a"), true);
    assert!(ledger.is_empty());
    assert_eq!(ledger.stats().overflows, 1);
}

#[test]
fn bytes_count_every_state_that_is_held() {
    let mut ledger = Ledger::default();
    ledger.update("a", &"x".repeat(1000));
    let waiting = ledger.bytes();
    assert!((1000..2000).contains(&waiting), "{waiting}");
    ledger.sent();
    assert_eq!(ledger.bytes(), waiting, "it may have to be sent again");
    ledger.update("a", &"y".repeat(500));
    assert_eq!(ledger.bytes(), waiting + 500);
    ledger.accepted(&uid("a"));
    assert_eq!(ledger.bytes(), waiting - 500);
    for _ in 0..1000 {
        ledger.update("a", &"z".repeat(500));
    }
    assert_eq!(ledger.bytes(), waiting - 500, "a change replaces, and takes no room");
    ledger.told();
    assert_eq!(ledger.bytes(), 0);
}

#[test]
fn the_bound_is_what_400_changed_pods_or_6000_tombstones_need() {
    let mut pods = Ledger::default();
    for n in 0..400 {
        pods.update(&format!("{n}"), &"x".repeat(9_800));
    }
    assert!(!pods.is_over_bound(), "{} of {BOUND}", pods.bytes());
    let mut tombstones = Ledger::default();
    for n in 0..6000 {
        tombstones.delete(&format!("00000000-0000-4000-8000-{n:012}/deployment-5d4f8c7b9-{n:05}"));
    }
    assert!(!tombstones.is_over_bound(), "{} of {BOUND}", tombstones.bytes());
    for n in 6000..10_000 {
        tombstones.delete(&format!("00000000-0000-4000-8000-{n:012}/deployment-5d4f8c7b9-{n:05}"));
    }
    assert!(tombstones.is_over_bound());
}

#[test]
fn numbers_tell_what_is_held() {
    let mut ledger = Ledger::default();
    ledger.update("a", "1");
    ledger.delete("b");
    ledger.offer(at(0), ResourceKind::Node, change("c", What::Updated(json("1"))));
    ledger.sent();
    let stats = ledger.stats();
    assert_eq!((stats.dirty, stats.tombstones, stats.in_flight), (2, 1, 1));
    assert_eq!(ledger.backlog(), 2);
    let nodes: KindSet = [ResourceKind::Node].into_iter().collect();
    assert_eq!(ledger.backlog_without(nodes), 1);
    assert_eq!(ledger.uids_of(ResourceKind::Node).collect::<Vec<_>>(), [&uid("c")]);
}

#[test]
fn printing_shows_no_content() {
    assert_eq!(format!("{:?}", What::Added(json("MARKER"))), "Added");
}
