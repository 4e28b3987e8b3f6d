// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Outages of the platform that last, and many agents that come back from one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::ledger::BOUND;
use obsyk_domain::time::Moment;

use crate::coverage::{Reached, Row};
use crate::plan::{Fault, Plan, What};
use crate::setting::HERE;
use crate::wire::{Mishap, Weather};
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// Everything works until here.
const BEGIN: Duration = Duration::from_secs(90);

/// A plan with nothing but an outage of this length, while something changes every `pace`, and until five minutes after.
fn outage(seed: u64, lasts: Duration, pace: Duration) -> Plan {
    let away = Weather {
        mishap: Mishap::Status {
            code: 503,
            retry_after: None,
            done: false,
        },
        likely: 1.0,
        endpoint: None,
    };
    Plan {
        objects: 14,
        pace,
        per_second: 10,
        burst: 20,
        lifetime: Duration::from_secs(3600),
        trouble: BEGIN + lasts + 5 * MINUTE,
        faults: vec![Fault {
            row: Row::P9,
            at: Moment::at(BEGIN),
            lasts,
            what: What::Weather(vec![away]),
        }],
        ..Plan::new(seed)
    }
}

/// When snapshots were accepted after the outage, and whether events were after the last of them.
fn live_through(plan: Plan) -> (World, Vec<Moment>, bool) {
    let end = plan.faults.first().map(|fault| fault.at + fault.lasts).unwrap();
    let seed = plan.seed;
    let mut world = World::new(plan, false);
    world.run().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    let platform = world.wire.platforms.get(HERE).unwrap();
    let after: Vec<Moment> = platform.snapshots.iter().copied().filter(|at| *at >= end).collect();
    let streams = platform.last_event > after.last().copied();
    (world, after, streams)
}

#[test]
fn outage_of_a_minute_an_hour_or_a_day_ends_with_one_snapshot_and_then_the_stream() {
    for (seed, lasts) in [(1, MINUTE), (2, 60 * MINUTE), (3, 24 * 60 * MINUTE)] {
        let (world, snapshots, streams) = live_through(outage(seed, lasts, Duration::from_secs(1)));
        assert_eq!(snapshots.len(), 1, "after {lasts:?}");
        assert!(streams, "after {lasts:?}");
        assert!(world.coverage().changes > lasts.as_secs() / 2);
    }
}

#[test]
fn outage_of_an_hour_under_changes_of_fat_objects_fills_the_ledger_to_its_bound_and_no_further() {
    let mut plan = outage(4, 60 * MINUTE, Duration::from_secs(1));
    // The objects are fat before the outage begins, and change one by one from then on.
    plan.faults.push(Fault {
        row: Row::K12,
        at: Moment::at(BEGIN / 3),
        lasts: 60 * MINUTE,
        what: What::Storm {
            per_second: 100,
            fat: true,
        },
    });
    let (world, ..) = live_through(plan);
    let fat = 200 * 1024;
    let held = world.coverage().most_held;
    assert!((BOUND - fat..BOUND + fat).contains(&held), "{held}");
    assert!(world.coverage().reached.contains_key(&Reached::LedgerFull));
}

#[test]
fn thousand_agents_do_not_come_back_from_an_outage_in_step() {
    let mut seconds = BTreeMap::<u64, usize>::new();
    for seed in 0..1000 {
        let (_, snapshots, _) = live_through(outage(seed, 5 * MINUTE, Duration::from_secs(2)));
        let first = snapshots.first().unwrap_or_else(|| panic!("seed {seed}: no snapshot"));
        *seconds.entry(first.elapsed().as_secs()).or_default() += 1;
    }
    // Spread over the minute that a probe waits at most, they are 17 a second.
    let busiest = seconds.into_values().max().unwrap_or_default();
    assert!(busiest < 50, "{busiest} in one second");
}
