// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Runs the simulation: `make sim`, `make mutants`, and the replay of a seed.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use obsyk_domain::planted::Bug;
use obsyk_sim::batch::{Run, catch_panics, run, run_all, shrink};
use obsyk_sim::coverage::{Coverage, Reached, Row};
use obsyk_sim::plan::Plan;

/// Shows that nothing is lost: obsyk-operator's own decisions, simulated under every fault that it survives.
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
}

#[derive(Subcommand)]
enum Command {
    /// Lives through one seed again, and tells what happens
    Replay {
        /// The seed
        seed: u64,
        /// Faults that are left out, by number
        #[arg(long, value_delimiter = ',')]
        without: Vec<usize>,
        /// A bug that is planted
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
        /// Print only what is wrong
        #[arg(long)]
        quiet: bool,
    },
    /// Plants each bug, and says in how many seeds it is found
    Mutants {
        /// Only these
        #[arg(long, value_parser = bug, value_delimiter = ',')]
        only: Vec<Bug>,
    },
}

fn bug(name: &str) -> Result<Bug, String> {
    let found = Bug::ALL.into_iter().find(|bug| bug.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        format!("no such bug; there are {}", names.join(", "))
    })
}

/// A bug is to be found within so many seeds, at the worst and in the median.
const MOST_SEEDS: (u64, u64) = (2000, 100);

/// After so many failing seeds there is enough to mend.
const ENOUGH: usize = 5;

fn main() -> ExitCode {
    let cli = Cli::parse();
    catch_panics();
    let green = match cli.command {
        None => seeds(cli.from, cli.seeds),
        Some(Command::Replay {
            seed,
            without,
            bug,
            quiet,
        }) => replay(seed, without.into_iter().collect(), bug, quiet),
        Some(Command::Mutants { only }) if only.is_empty() => mutants(&Bug::ALL),
        Some(Command::Mutants { only }) => mutants(&only),
    };
    if green { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How much of the code that decides runs here, by its lines: what the simulation doesn't reach must stay thin.
fn share() -> Option<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut reached, mut not) = (0, 0);
    for folder in ["domain/src", "actors/src"] {
        count(&root.join(folder), &mut reached, &mut not)?;
    }
    let percent = 100 * not / (reached + not).max(1);
    Some(format!(
        "{reached} lines of domain and actors run here; {not} ({percent} %) don't: handlers, addresses, what people read"
    ))
}

/// Files that carry out, report or describe. All others decide, or hold what is decided on.
const NOT_REACHED: [&str; 18] = [
    "handlers.rs",
    "perform.rs",
    "family.rs",
    "report.rs",
    "status.rs",
    "inspect",
    "mail",
    "view.rs",
    "views.rs",
    "durations.rs",
    "ports.rs",
    "rbac.rs",
    "crd.rs",
    "counts.rs",
    "planted.rs",
    "verify.rs",
    "supervision",
    "condition",
];

fn count(folder: &std::path::Path, reached: &mut usize, not: &mut usize) -> Option<()> {
    for entry in std::fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?;
        let thin = NOT_REACHED.contains(&name);
        if name == "tests" || name == "tests.rs" {
            continue;
        }
        if path.is_dir() {
            let (mut inside, mut outside) = (0, 0);
            count(&path, &mut inside, &mut outside)?;
            *not += if thin { inside + outside } else { outside };
            *reached += if thin { 0 } else { inside };
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).ok()?;
            let code = text.split("#[cfg(test)]\nmod tests {").next()?;
            let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
            let lines = code.lines().filter(is_code).count();
            *(if thin { &mut *not } else { &mut *reached }) += lines;
        }
    }
    Some(())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn seeds(from: u64, count: u64) -> bool {
    let began = Instant::now();
    let mut said = Instant::now();
    let (mut done, mut coverage, mut failed) = (0, Coverage::default(), Vec::<Run>::new());
    run_all(from, count, threads(), None, |run| {
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
        tell_failure(run, None);
    }
    let took = began.elapsed();
    println!(
        "{done} seeds in {took:.0?}, {} failed: {} changes, {} requests, {} snapshots, {} restarts of the process, at most {} KiB in a ledger",
        failed.len(),
        coverage.changes,
        coverage.requests,
        coverage.snapshots,
        coverage.restarts,
        coverage.most_held / 1024,
    );
    for row in Row::ALL {
        let fired = coverage.fired.get(&row).copied().unwrap_or_default();
        println!("  {:<5} {fired:>8}  {}", format!("{row:?}"), row.meaning());
    }
    for state in Reached::ALL {
        let reached = coverage.reached.get(&state).copied().unwrap_or_default();
        println!("        {reached:>8}  {}", state.meaning());
    }
    if let Some(share) = share() {
        println!("{share}");
    }
    let lacks = coverage.lacks();
    for lack in &lacks {
        println!("this batch doesn't count: {lack}");
    }
    failed.is_empty() && lacks.is_empty()
}

fn tell_failure(failure: &Run, bug: Option<Bug>) {
    let seed = failure.seed;
    println!("seed {seed} fails {}", failure.wrong.as_deref().unwrap_or_default());
    let without = shrink(seed, bug);
    let small = run(seed, &without, bug, false);
    println!("  with as few faults as possible: {}", small.wrong.unwrap_or_default());
    for (number, fault) in Plan::new(seed).faults.iter().enumerate() {
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

fn replay(seed: u64, without: BTreeSet<usize>, bug: Option<Bug>, quiet: bool) -> bool {
    let run = run(seed, &without, bug, !quiet);
    for line in &run.story {
        println!("{line}");
    }
    match &run.wrong {
        None => println!("seed {seed}: nothing is wrong"),
        Some(wrong) => println!("seed {seed}: {wrong}"),
    }
    run.wrong.is_none()
}

fn mutants(bugs: &[Bug]) -> bool {
    let mut needed = Vec::new();
    let mut unfound = 0;
    for bug in bugs {
        let (mut tried, mut found) = (0, None::<Run>);
        run_all(0, MOST_SEEDS.0, threads(), Some(*bug), |run| {
            tried += 1;
            if run.wrong.is_some() && found.as_ref().is_none_or(|found| run.seed < found.seed) {
                found = Some(run);
            }
            found.is_none()
        });
        match found {
            Some(run) => {
                needed.push(tried);
                println!(
                    "{:<36} found in {tried:>5} seeds: {}",
                    bug.name(),
                    run.wrong.unwrap_or_default()
                );
            }
            None => {
                unfound += 1;
                println!("{:<36} NOT FOUND in {tried} seeds", bug.name());
            }
        }
    }
    needed.sort_unstable();
    let median = needed.get(needed.len() / 2).copied().unwrap_or(u64::MAX);
    println!(
        "{} of {} bugs found; median {median} seeds (at most {}), worst {} (at most {})",
        needed.len(),
        bugs.len(),
        MOST_SEEDS.1,
        needed.last().copied().unwrap_or_default(),
        MOST_SEEDS.0,
    );
    unfound == 0 && median <= MOST_SEEDS.1
}
