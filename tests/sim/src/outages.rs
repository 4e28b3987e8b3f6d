// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Outages of the platform that last, and many agents that come back from one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::ledger::BOUND;
use obsyk_domain::ports::Bounds;
use obsyk_domain::time::Moment;

use crate::batch::live_through;
use crate::coverage::{Coverage, Reached, Row};
use crate::plan::{Fault, FaultKind, Plan};
use crate::setting::HERE;
use crate::wire::{Mishap, Weather};

const MINUTE: Duration = Duration::from_secs(60);

/// Faults begin here.
const BEGIN: Duration = Duration::from_secs(90);

/// A plan with nothing but this fault of all requests, while an object changes every `pace`, and until `after` its end.
fn outage(seed: u64, mishap: Mishap, lasts: Duration, pace: Duration, after: Duration) -> Plan {
    Plan {
        objects: 14,
        pace,
        per_second: 10,
        burst: 20,
        bandwidth: 0,
        bounds: Bounds { ledger: BOUND },
        lifetime: Duration::from_secs(3600),
        faults_until: BEGIN + lasts + after,
        faults: vec![Fault {
            row: Row::P9,
            at: Moment::at(BEGIN),
            lasts,
            what: FaultKind::Weather(vec![Weather::all(mishap)]),
        }],
        ..Plan::new(seed)
    }
}

fn away() -> Mishap {
    Mishap::Status {
        code: 503,
        retry_after: None,
        done: false,
    }
}

/// Requests that the platform accepted after the outage.
struct After {
    snapshots: Vec<Moment>,
    events: Vec<Moment>,
    coverage: Coverage,
}

impl After {
    fn first(&self) -> Moment {
        *self.snapshots.iter().chain(&self.events).min().unwrap()
    }
}

fn live(plan: Plan) -> After {
    let end = plan.faults.first().map(|fault| fault.at + fault.lasts).unwrap();
    let seed = plan.seed;
    let mut world = None;
    live_through(plan, None, false, &mut world).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    let world = world.unwrap();
    let world = world.borrow();
    let platform = world.wire.platforms.get(HERE).unwrap();
    let after = |all: &[Moment]| all.iter().copied().filter(|at| *at >= end).collect();
    After {
        snapshots: after(&platform.snapshots),
        events: after(&platform.events),
        coverage: world.coverage().clone(),
    }
}

/// Agents that come back in the busiest second.
fn busiest(agents: u64, plan: impl Fn(u64) -> Plan) -> usize {
    let mut seconds = BTreeMap::<u64, usize>::new();
    for seed in 0..agents {
        let first = live(plan(seed)).first();
        *seconds.entry(first.elapsed().as_secs()).or_default() += 1;
    }
    seconds.into_values().max().unwrap_or_default()
}

#[test]
fn outage_of_a_minute_an_hour_or_a_day_ends_with_one_snapshot_and_then_the_stream() {
    for (seed, lasts) in [(1, MINUTE), (2, 60 * MINUTE), (3, 24 * 60 * MINUTE)] {
        let after = live(outage(seed, away(), lasts, Duration::from_secs(1), 5 * MINUTE));
        assert_eq!(after.snapshots.len(), 1, "after {lasts:?}");
        assert!(after.events.last() > after.snapshots.last(), "after {lasts:?}");
        assert!(after.coverage.changes > lasts.as_secs() / 2);
    }
}

#[test]
fn outage_of_an_hour_under_changes_of_fat_objects_fills_the_ledger_to_its_bound_and_no_further() {
    let mut plan = outage(4, away(), 60 * MINUTE, Duration::from_secs(1), 5 * MINUTE);
    // The objects are fat before the outage begins, and change one by one from then on.
    plan.faults.push(Fault {
        row: Row::K12,
        at: Moment::at(BEGIN / 3),
        lasts: 60 * MINUTE,
        what: FaultKind::Storm {
            per_second: 100,
            fat: true,
        },
    });
    let after = live(plan);
    // The world looks each 5 s.
    let (fat, held) = (200 * 1024, after.coverage.most_held);
    assert!((BOUND - 2 * fat..BOUND + fat).contains(&held), "{held}");
    assert!(after.coverage.reached.contains_key(&Reached::LedgerFull));
}

#[test]
fn thousand_agents_do_not_come_back_from_an_outage_in_step() {
    let plan = |seed| outage(seed, away(), 5 * MINUTE, Duration::from_secs(2), MINUTE);
    // Spread over the minute that a probe waits at most, they are 17 a second.
    let busiest = busiest(1000, plan);
    assert!(busiest < 50, "{busiest} in one second");
}

/// `Retry-After` may be a date, the same for all agents. Red today: `known-red.txt` names this test.
#[test]
#[should_panic(expected = "in one second")]
fn agents_do_not_come_back_in_step_after_a_date() {
    let date = Moment::at(BEGIN + MINUTE);
    let plan = |seed| {
        outage(
            seed,
            Mishap::NotBefore(date),
            MINUTE,
            Duration::from_millis(500),
            MINUTE,
        )
    };
    let busiest = busiest(200, plan);
    assert!(busiest < 40, "{busiest} of 200 in one second");
}
