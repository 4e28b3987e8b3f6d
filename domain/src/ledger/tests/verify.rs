// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! [`Ledger::verify`] itself: each thing that it looks at, broken.

use super::uid;
use crate::ledger::Ledger;
use crate::ledger::entry::{Base, Entry, Parked};

/// Something waits, flies, is set aside, waits for a name, and is gone.
fn busy() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.update("parked", "p1");
    ledger.sent();
    ledger.park(&uid("parked"), true);
    ledger.update("flies", "f1");
    ledger.sent();
    ledger.update("flies", "f2");
    ledger.delete("old/web");
    ledger.add("new/web", "n1");
    ledger.update("waits", "w1");
    ledger
}

fn complaint(break_it: impl FnOnce(&mut Ledger)) -> String {
    let mut ledger = busy();
    assert_eq!(ledger.verify(), Ok(()));
    break_it(&mut ledger);
    ledger.verify().expect_err("it was broken")
}

fn complaint_of(uid_text: &str, break_it: impl FnOnce(&mut Entry)) -> String {
    complaint(|ledger| break_it(ledger.entries.get_mut(&uid(uid_text)).unwrap()))
}

#[test]
fn a_count_that_is_wrong_is_found() {
    assert!(complaint(|ledger| ledger.bytes += 1).contains("bytes"));
    assert!(complaint(|ledger| ledger.in_flight += 1).contains("in flight"));
    assert!(complaint(|ledger| ledger.lossy = true).contains("lossy"));
}

#[test]
fn a_place_in_an_index_that_is_wrong_is_found() {
    assert!(complaint(|ledger| ledger.ready.clear()).contains("in its place"));
    assert!(complaint(|ledger| drop(ledger.ready.insert(99, uid("gone")))).contains("may be sent: 3 are counted, 2"));
    assert!(complaint(|ledger| ledger.names.clear()).contains("by its name"));
    assert!(complaint(|ledger| assert!(ledger.names.insert((7, uid("gone"))))).contains("names"));
    assert!(complaint_of("waits", |entry| entry.name = "other".into()).contains("by its name"));
}

#[test]
fn an_event_that_may_not_be_sent_is_found() {
    for blocked in ["new", "flies", "parked"] {
        let would = complaint_of(blocked, |entry| entry.ready = Some(99));
        assert!(would.contains("may not be sent, and would be"), "{blocked}: {would}");
    }
    assert!(complaint_of("waits", |entry| entry.ready = None).contains("may be sent, and isn't"));
}

#[test]
fn an_entry_that_makes_no_sense_is_found() {
    assert!(complaint_of("waits", |entry| entry.waiting = None).contains("nothing is open"));
    assert!(complaint_of("old", |entry| entry.base = Base::Absent).contains("never had"));
    let set_aside = |entry: &mut Entry| {
        entry.parked = Some(Parked {
            gone: false,
            set_aside: true,
            covered: false,
            answer: None,
        })
    };
    for busy in ["waits", "flies"] {
        assert!(complaint_of(busy, set_aside).contains("set aside"));
    }
    assert!(complaint(|ledger| ledger.sequence = 1).contains("never given"));
}

#[test]
fn a_delete_and_an_add_of_one_name_are_namesakes_until_the_delete_is_accepted() {
    let mut ledger = Ledger::default();
    ledger.delete("old/web");
    assert!(!ledger.has_namesakes());
    ledger.add("new/web", "n1");
    ledger.add("other/shop", "o1");
    assert!(ledger.has_namesakes() && ledger.is_open(&uid("old")));
    ledger.told();
    assert!(!ledger.has_namesakes() && !ledger.is_open(&uid("old")));
    assert!(ledger.is_open(&uid("new")));
}
