// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Many seeds, one after the other on each core; and what is left of a seed that fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use obsyk_domain::planted::{Bug, plant};

use crate::coverage::Coverage;
use crate::plan::{LEAST_CHANGES, Plan};
use crate::world::World;

thread_local! {
    /// Where the last panic on this thread was, and what it said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A run of a seed.
#[derive(Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What was wrong, if anything.
    pub wrong: Option<String>,
    /// What fired, and what was reached.
    pub coverage: Coverage,
    /// What happened, if it was to be told.
    pub story: Vec<String>,
}

/// Panics are told with the seed, not as they happen. Once, at the start of the program.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.set(Some(info.to_string()));
    }));
}

/// Runs a seed, without some of its faults, with this bug planted or none.
pub fn run(seed: u64, without: &BTreeSet<usize>, bug: Option<Bug>, tell: bool) -> Run {
    plant(bug);
    let mut plan = Plan::new(seed);
    plan.without.clone_from(without);
    let whole = without.is_empty();
    let mut world = World::new(plan, tell);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let wrong = match ran {
        Ok(Ok(())) if whole && world.coverage().changes < LEAST_CHANGES => Some(format!(
            "only {} changes: this shows too little",
            world.coverage().changes
        )),
        Ok(Ok(())) => None,
        Ok(Err(what)) => Some(what),
        Err(_) => Some(format!(
            "at {:.3} s: {}",
            world.seconds(),
            PANIC.take().unwrap_or_else(|| "a panic".to_owned())
        )),
    };
    plant(None);
    Run {
        seed,
        wrong,
        coverage: world.coverage().clone(),
        story: world.story().to_vec(),
    }
}

/// Runs seeds side by side, on so many threads; `each` is told of every run and says whether to go on.
pub fn run_all(from: u64, count: u64, threads: usize, bug: Option<Bug>, mut each: impl FnMut(Run) -> bool) {
    let next = AtomicU64::new(from);
    let end = from.saturating_add(count);
    thread::scope(|scope| {
        let (tell, runs) = mpsc::sync_channel(64);
        for _ in 0..threads.max(1) {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || tell.send(run(seed, &BTreeSet::new(), bug, false)).is_err() {
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
pub fn shrink(seed: u64, bug: Option<Bug>) -> BTreeSet<usize> {
    let mut without = BTreeSet::new();
    for number in (0..Plan::new(seed).faults.len()).rev() {
        without.insert(number);
        if run(seed, &without, bug, false).wrong.is_none() {
            without.remove(&number);
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_story() {
        for seed in 0..30 {
            let [one, other] = [(), ()].map(|()| run(seed, &BTreeSet::new(), None, true));
            let differs = one.story.iter().zip(&other.story).find(|(one, other)| one != other);
            assert_eq!(differs, None, "seed {seed}");
            assert_eq!(one.story.len(), other.story.len(), "seed {seed}");
            assert_eq!(one.wrong, None, "seed {seed}");
        }
    }
}
