// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Many seeds, one after the other on each core; and what is left of a seed that fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::coverage::Coverage;
use crate::plan::{LEAST_CHANGES, Plan};
use crate::saboteur::Bug;
use crate::scenario::Scenario;
use crate::simulation::Simulation;
use crate::world::{PLANNED_DEATH, Shared};

thread_local! {
    /// The place and text of the thread's last panic.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A run of a seed.
#[derive(Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The first violated rule.
    pub wrong: Option<String>,
    /// Fired faults and reached states.
    pub coverage: Coverage,
    /// The recorded story; empty unless asked for.
    pub story: Vec<String>,
}

/// Panics are told with the seed, not as they happen. Those that a plan asked for are not kept. Once, at the start of the
/// program.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let said = info.to_string();
        if !said.contains(PLANNED_DEATH) {
            PANIC.set(Some(said));
        }
    }));
}

/// The source of a seed's plan.
#[derive(Clone, Debug)]
pub enum PlanSource {
    /// A mixed one, or one of these scenarios.
    Mixed(Vec<Scenario>),
    /// This scenario's.
    Only(Scenario),
}

impl PlanSource {
    /// The plan.
    pub fn plan(&self, seed: u64) -> Plan {
        match self {
            Self::Mixed(scenarios) => Plan::mixed(seed, scenarios),
            Self::Only(scenario) => scenario.plan(seed),
        }
    }
}

/// Runs a plan. `world` receives the world, even if the run panics.
///
/// # Panics
///
/// A runtime cannot be built, or the simulation itself panics.
#[expect(
    clippy::expect_used,
    reason = "a runtime without drivers needs nothing of the system"
)]
pub(crate) fn live_through(
    plan: Plan,
    bug: Option<Bug>,
    record_story: bool,
    world: &mut Option<Shared>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut simulation = Simulation::new(plan, bug, record_story);
        *world = Some(Rc::clone(&simulation.world));
        simulation.run().await
    })
}

/// Runs a plan, without some of its faults, with this bug planted or none.
pub fn run(mut plan: Plan, without: &BTreeSet<usize>, bug: Option<Bug>, record_story: bool) -> Run {
    plan.without.clone_from(without);
    let (seed, whole) = (plan.seed, without.is_empty() && !plan.is_scenario());
    let mut world = None;
    PANIC.take();
    let ran = catch_unwind(AssertUnwindSafe(|| live_through(plan, bug, record_story, &mut world)));
    // A panic of an actor is caught by its task.
    let panicked = PANIC.take();
    let (seconds, coverage, story) = world.map_or((0.0, Coverage::default(), Vec::new()), |world| {
        let mut world = world.borrow_mut();
        (world.lived.as_secs_f64(), world.coverage().clone(), world.take_story())
    });
    let wrong = match (ran, panicked) {
        (_, Some(panic)) => Some(format!("at {seconds:.3} s: {panic}")),
        (Err(_), None) => Some(format!("at {seconds:.3} s: a panic")),
        (Ok(Ok(())), None) if whole && coverage.changes < LEAST_CHANGES => {
            Some(format!("only {} changes: this shows too little", coverage.changes))
        }
        (Ok(ran), None) => ran.err(),
    };
    Run {
        seed,
        wrong,
        coverage,
        story,
    }
}

/// Runs seeds side by side, on so many threads; `each` is told of every run and says whether to go on.
pub fn run_all(
    draw: &PlanSource,
    from: u64,
    count: u64,
    threads: usize,
    bug: Option<Bug>,
    mut each: impl FnMut(Run) -> bool,
) {
    let next = AtomicU64::new(from);
    let end = from.saturating_add(count);
    thread::scope(|scope| {
        let (tell, runs) = mpsc::sync_channel(64);
        for _ in 0..threads.max(1) {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || tell.send(run(draw.plan(seed), &BTreeSet::new(), bug, false)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        while let Ok(run) = runs.recv() {
            if !each(run) {
                next.store(end, Ordering::Relaxed);
                return;
            }
        }
    });
}

/// Leaves out every fault without which the seed fails all the same.
pub fn shrink(draw: &PlanSource, seed: u64) -> BTreeSet<usize> {
    let mut without = BTreeSet::new();
    for number in (0..draw.plan(seed).faults.len()).rev() {
        without.insert(number);
        if run(draw.plan(seed), &without, None, false).wrong.is_none() {
            without.remove(&number);
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listed world must fail because of its faults: without them every expectation is met.
    #[test]
    fn scenario_without_its_faults_is_green() {
        for scenario in Scenario::ALL {
            for seed in 0..2 {
                let mut plan = scenario.plan(seed);
                plan.first_version = 100;
                // Without the fault there is nothing to name.
                plan.expect.named = None;
                let all = (0..plan.faults.len()).collect();
                let ran = run(plan, &all, None, false);
                assert_eq!(ran.wrong, None, "{} seed {seed}", scenario.name());
            }
        }
    }
}
