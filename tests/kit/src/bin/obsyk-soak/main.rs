// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `make soak`: faults on all sides of the operator, for as long as it is told, and at every quiet point the proof that nothing
//! was lost.
//!
//! A line for each fault and each quiet point, at the end a table. It exits with 1 when anything is not as it must be, and
//! says how to do the same again; the operator's log is kept then. Ctrl-C ends it in good order.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;
use obsyk_testkit::interrupts::Interrupts;
use obsyk_testkit::soak::{Failure, Options, Soak, rounds};

/// Faults a minute, at least: a round of four and its quiet point take less than a minute.
const FAULTS_A_MINUTE: u64 = 5;

/// Peak memory of a release build with nothing to list, in MiB.
const BASE_MEMORY: u64 = 20;

/// Breaks everything around obsyk-operator, again and again, and checks that nothing is lost
#[derive(Parser)]
struct Args {
    /// For so many minutes
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// And at least so many faults. Default: five a minute
    #[arg(long)]
    faults: Option<u64>,
    /// From which all choices follow. Default: chance
    #[arg(long)]
    seed: Option<u64>,
    /// Only this round of the seed
    #[arg(long)]
    round: Option<usize>,
    /// Only faults whose row in the table contains this
    #[arg(long)]
    only: Option<String>,
    /// Requests a second that change something in the cluster
    #[arg(long, default_value_t = 10)]
    rate: u32,
    /// The operator's program. Default: the one beside this program
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// Peak memory of this build of it with nothing to list, in MiB
    #[arg(long, default_value_t = BASE_MEMORY)]
    base_memory: u64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    match soak(&args, seed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut again = format!("make soak SEED={seed}");
            if let Some(only) = &args.only {
                again.push_str(&format!(" ARGS='--only \"{only}\"'"));
            }
            eprintln!("\nseed {seed}: {failure}\n\nagain: {again} (ROUND=… for one round of it alone)");
            ExitCode::FAILURE
        }
    }
}

async fn soak(args: &Args, seed: u64) -> Result<(), Failure> {
    let mut interrupts = Interrupts::catch()?;
    let operator = match &args.operator {
        // It is started in another folder.
        Some(path) => std::path::absolute(path)?,
        None => std::env::current_exe()?.with_file_name("obsyk-operator"),
    };
    let options = Options {
        operator,
        nodes: 2,
        rate: args.rate,
        base_memory: args.base_memory << 20,
    };
    say(&format!(
        "seed {seed}; starting a cluster, a platform and the operator…"
    ));
    let mut soak = tokio::select! {
        soak = Soak::start(options, say) => soak?,
        () = interrupts.next() => {
            say("ended");
            return Ok(());
        }
    };
    let ended = tokio::select! {
        ended = go_on(&mut soak, args, seed) => ended,
        () = interrupts.next() => {
            say("ending…");
            Ok(())
        }
    };
    if ended.is_err() {
        keep_log(&soak.logs());
    }
    let (report, within) = soak.end().await;
    println!("\n{report}");
    ended.and(within)
}

async fn go_on(soak: &mut Soak, args: &Args, seed: u64) -> Result<(), Failure> {
    let until = Instant::now() + Duration::from_secs(60 * args.minutes);
    let faults = args.faults.unwrap_or(FAULTS_A_MINUTE * args.minutes);
    let rounds = rounds(seed, args.only.as_deref());
    let rounds = rounds.filter(|round| args.round.is_none_or(|only| only == round.number));
    for round in rounds {
        soak.round(&round)
            .await
            .map_err(|failure| format!("round {}: {failure}", round.number))?;
        let enough = Instant::now() >= until && soak.report().faults() as u64 >= faults;
        if enough || args.round.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// What helps to find out why outlives the cluster.
fn keep_log(logs: &Path) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/soak"));
    let kept = std::fs::create_dir_all(folder).and_then(|()| {
        std::fs::copy(logs.join("operator.log"), folder.join("operator.log"))?;
        std::path::absolute(folder)
    });
    match kept {
        Ok(folder) => say(&format!("the operator's log is in {}", folder.display())),
        Err(error) => say(&format!("the operator's log can't be kept: {error}")),
    }
}

fn say(line: &str) {
    println!("{}  {line}", Timestamp::now().strftime("%H:%M:%S"));
}
