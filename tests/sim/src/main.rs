// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Runs the simulation: `make sim`, `make mutants`, and the replay of a seed.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use obsyk_sim::batch::{PlanSource, Run, catch_panics, run, run_all, shrink};
use obsyk_sim::coverage::{Coverage, LEAST_FIRED, Reached, Row};
use obsyk_sim::known_red;
use obsyk_sim::saboteur::Bug;
use obsyk_sim::scenario::Scenario;

/// Shows that nothing is lost: obsyk-operator's own actors, simulated under every fault that they survive.
#[derive(Parser)]
#[command(name = "obsyk-sim")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many seeds
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How often each row of the table of faults must fire; by default 1 in 100 seeds
    #[arg(long)]
    least: Option<u64>,
}

#[derive(Subcommand)]
enum Command {
    /// Lives through one seed again, and prints its story
    Replay {
        /// The seed
        seed: u64,
        /// Faults to leave out, by number
        #[arg(long, value_delimiter = ',')]
        without: Vec<usize>,
        /// A scenario instead of the seed's own plan
        #[arg(long, value_parser = scenario)]
        scenario: Option<Scenario>,
        /// A bug to plant
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
        /// Print only what is wrong
        #[arg(long)]
        quiet: bool,
    },
    /// Runs each scenario of known-red.txt, which must fail in at least one of 25 seeds
    KnownRed {
        /// Run these scenarios instead, listed or not, and print each seed
        #[arg(long, value_parser = scenario, value_delimiter = ',')]
        only: Vec<Scenario>,
    },
    /// Plants each bug at the edge, and prints in how many seeds it is found
    Mutants {
        /// Only these
        #[arg(long, value_parser = bug, value_delimiter = ',')]
        only: Vec<Bug>,
    },
    /// Searches for a bug that a patch has built into this program, and prints in how many seeds it is found
    Patched {
        /// The patch's name, for the output
        name: String,
    },
}

fn bug(name: &str) -> Result<Bug, String> {
    let found = Bug::ALL.iter().find(|bug| bug.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        format!("no such bug; there are {}", names.join(", "))
    })
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let found = Scenario::ALL.iter().find(|scenario| scenario.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = Scenario::ALL.iter().map(|scenario| scenario.name()).collect();
        format!("no such scenario; there are {}", names.join(", "))
    })
}

/// A bug is to be found within so many seeds.
const MOST_SEEDS: u64 = 2000;

/// After so many failing seeds there is enough to mend.
const ENOUGH: usize = 5;

fn main() -> ExitCode {
    let cli = Cli::parse();
    catch_panics();
    let listed = match known_red::listed() {
        Ok(listed) => listed,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    let mixed = PlanSource::Mixed(known_red::unlisted(&listed));
    let green = match cli.command {
        None => {
            let least = cli.least.unwrap_or(LEAST_FIRED * cli.seeds / 10_000);
            seeds(&mixed, cli.from, cli.seeds, least)
        }
        Some(Command::Replay {
            seed,
            without,
            scenario,
            bug,
            quiet,
        }) => {
            let draw = scenario.map_or(mixed, PlanSource::Only);
            replay(&draw, seed, without.into_iter().collect(), bug, quiet)
        }
        Some(Command::KnownRed { only }) if only.is_empty() => known_reds(&listed, false),
        Some(Command::KnownRed { only }) => known_reds(&only, true),
        Some(Command::Mutants { only }) if only.is_empty() => mutants(&mixed, Bug::ALL),
        Some(Command::Mutants { only }) => mutants(&mixed, &only),
        Some(Command::Patched { name }) => search(&mixed, &name, None).is_some(),
    };
    if green { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn seeds(draw: &PlanSource, from: u64, count: u64, least: u64) -> bool {
    let began = Instant::now();
    let mut said = Instant::now();
    let (mut done, mut coverage, mut failed) = (0_u32, Coverage::default(), Vec::<Run>::new());
    run_all(draw, from, count, threads(), None, |run| {
        done += 1;
        coverage.add(&run.coverage);
        if run.wrong.is_some() {
            failed.push(run);
        }
        if said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            println!("{done} of {count} seeds, {} failed", failed.len());
        }
        failed.len() < ENOUGH
    });
    failed.sort_by_key(|run| run.seed);
    for run in &failed {
        tell_failure(draw, run);
    }
    let took = began.elapsed();
    println!(
        "{done} seeds in {took:.0?} ({:.1} a second), {} failed: {} changes, {} requests, {} snapshots, {} restarts of the process, at most {} KiB in a ledger",
        f64::from(done) / took.as_secs_f64(),
        failed.len(),
        coverage.changes,
        coverage.requests,
        coverage.snapshots,
        coverage.restarts,
        coverage.most_held / 1024,
    );
    for row in Row::MIXED.iter().chain(&Row::SCENARIOS) {
        let fired = coverage.fired.get(row).copied().unwrap_or_default();
        println!("  {:<5} {fired:>8}  {}", format!("{row:?}"), row.meaning());
    }
    for state in Reached::ALL {
        let reached = coverage.reached.get(state).copied().unwrap_or_default();
        println!("        {reached:>8}  {}", state.meaning());
    }
    let lacks = coverage.lacks(least);
    for lack in &lacks {
        println!("this batch does not count: {lack}");
    }
    failed.is_empty() && lacks.is_empty()
}

fn tell_failure(draw: &PlanSource, failure: &Run) {
    let seed = failure.seed;
    let scenario = draw
        .plan(seed)
        .scenario
        .map(|scenario| format!(" ({})", scenario.name()));
    println!(
        "seed {seed}{} fails {}",
        scenario.unwrap_or_default(),
        failure.wrong.as_deref().unwrap_or_default()
    );
    let without = shrink(draw, seed);
    let small = run(draw.plan(seed), &without, None, false);
    println!("  with as few faults as possible: {}", small.wrong.unwrap_or_default());
    for (number, fault) in draw.plan(seed).faults.iter().enumerate() {
        if !without.contains(&number) {
            println!(
                "    {:.1} s, {:.1} s long: {:?} {:?}",
                fault.at.elapsed().as_secs_f64(),
                fault.lasts.as_secs_f64(),
                fault.row,
                fault.what
            );
        }
    }
    let list: Vec<String> = without.iter().map(usize::to_string).collect();
    let list = if list.is_empty() {
        String::new()
    } else {
        format!(" --without {}", list.join(","))
    };
    println!("  replay: make sim ARGS='replay {seed}{list}'");
}

fn replay(draw: &PlanSource, seed: u64, without: BTreeSet<usize>, bug: Option<Bug>, quiet: bool) -> bool {
    let run = run(draw.plan(seed), &without, bug, !quiet);
    for line in &run.story {
        println!("{line}");
    }
    match &run.wrong {
        None => println!("seed {seed}: nothing is wrong"),
        Some(wrong) => println!("seed {seed}: {wrong}"),
    }
    run.wrong.is_none()
}

/// Runs scenarios, each of which must fail in at least one seed.
fn known_reds(scenarios: &[Scenario], verbose: bool) -> bool {
    let mut green = Vec::new();
    for scenario in scenarios {
        let began = Instant::now();
        let (mut red, mut first) = (0, None::<Run>);
        run_all(
            &PlanSource::Only(*scenario),
            0,
            known_red::SEEDS,
            threads(),
            None,
            |run| {
                if verbose {
                    println!("  {:>3} {}", run.seed, run.wrong.as_deref().unwrap_or("green"));
                }
                if run.wrong.is_some() {
                    red += 1;
                    if first.as_ref().is_none_or(|first| run.seed < first.seed) {
                        first = Some(run);
                    }
                }
                true
            },
        );
        let shows = first.map_or("all green".to_owned(), |run| {
            let (seed, wrong, name) = (run.seed, run.wrong.unwrap_or_default(), scenario.name());
            format!("seed {seed}: {wrong}\n  replay: make sim ARGS='replay {seed} --scenario {name}'")
        });
        println!(
            "{:<24} {red:>2} of {} red in {:.1?}; {shows}",
            scenario.name(),
            known_red::SEEDS,
            began.elapsed(),
        );
        if red == 0 && !verbose {
            green.push(scenario.name());
        }
    }
    for name in &green {
        println!("all seeds of {name} are green: take it off tests/sim/known-red.txt");
    }
    green.is_empty()
}

fn mutants(draw: &PlanSource, bugs: &[Bug]) -> bool {
    let mut needed: Vec<u64> = bugs
        .iter()
        .filter_map(|bug| search(draw, bug.name(), Some(*bug)))
        .collect();
    needed.sort_unstable();
    println!(
        "{} of {} bugs found; median {} seeds, worst {}",
        needed.len(),
        bugs.len(),
        needed.get(needed.len() / 2).copied().unwrap_or_default(),
        needed.last().copied().unwrap_or_default(),
    );
    needed.len() == bugs.len()
}

/// Runs seeds until one shows the bug: how many that takes.
fn search(draw: &PlanSource, name: &str, bug: Option<Bug>) -> Option<u64> {
    let (mut tried, mut found) = (0, None::<Run>);
    run_all(draw, 0, MOST_SEEDS, threads(), bug, |run| {
        tried += 1;
        if run.wrong.is_some() {
            found = Some(run);
        }
        found.is_none()
    });
    let Some(run) = found else {
        println!("{name:<36} NOT FOUND in {tried} seeds");
        return None;
    };
    println!(
        "{name:<36} found in {tried:>5} seeds: {}",
        run.wrong.unwrap_or_default()
    );
    Some(tried)
}
