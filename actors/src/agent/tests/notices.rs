// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which notices are recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::notice::{Notice, Part};
use obsyk_domain::resource::ResourceKind::Pod;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;

use super::driver::{Driver, accepted};
use crate::agent::notices::NoticeKeeper;
use crate::sender::SnapshotEnd;

fn at(secs: u64) -> Moment {
    Moment::at(Duration::from_secs(secs))
}

fn a_keeper(driver: &Driver) -> NoticeKeeper {
    NoticeKeeper::new(driver.state.desired())
}

/// What waits to be recorded.
fn waiting(keeper: &mut NoticeKeeper) -> Vec<Notice> {
    std::iter::from_fn(|| keeper.next()).collect()
}

/// What is told of this link after what was told before.
fn link(keeper: &mut NoticeKeeper, driver: &mut Driver, now: Moment, link: Link) {
    driver.link(link);
    let nothing = BTreeMap::new();
    keeper.saw(now, &driver.state.situation(&nothing, &nothing), None);
}

#[test]
fn an_accepted_snapshot_is_told_with_its_causes() {
    let mut driver = Driver::started();
    let mut keeper = a_keeper(&driver);
    keeper.ended(&accepted(), vec![Cause::Start, Cause::Daily]);
    keeper.ended(&SnapshotEnd::Unfinished, vec![Cause::Answer]);
    keeper.ended(&SnapshotEnd::Refused(Outcome::status(400)), vec![Cause::Backlog]);
    link(&mut keeper, &mut driver, at(1), Link::Up);
    let told = waiting(&mut keeper);
    let [Notice::Connected { .. }, Notice::SnapshotSent { objects: 2, why, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(*why, [Cause::Start, Cause::Daily]);
}

#[test]
fn a_way_that_flaps_is_told_25_times_and_then_once_in_five_minutes() {
    let mut driver = Driver::synced();
    let mut keeper = a_keeper(&driver);
    for secs in 0..300 {
        let now = if secs % 2 == 0 {
            Link::Up
        } else {
            Link::Open(Outcome::status(503))
        };
        link(&mut keeper, &mut driver, at(secs), now);
        if secs < 200 {
            // They are recorded at once.
            while keeper.next().is_some() {}
        }
    }
    assert_eq!(keeper.dropped(), 275);
    for secs in 300..3900 {
        keeper.died(at(secs), Part::Sender);
    }
    assert_eq!(waiting(&mut keeper).len(), 12);
    assert_eq!(keeper.dropped(), 275 + 3600 - 12);
}

#[test]
fn notices_that_nobody_takes_are_bounded() {
    let mut keeper = a_keeper(&Driver::new());
    for secs in 0..100_000 {
        keeper.died(at(secs), Part::Watcher(Pod));
    }
    assert_eq!(waiting(&mut keeper).len(), 25);
}
