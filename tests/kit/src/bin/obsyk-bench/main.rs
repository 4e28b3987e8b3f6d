// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `make bench`: what the release build needs, on a filled control plane, against a platform beside it.
//!
//! It prints a table, row by row as they are measured, and writes it to target/bench/bench.json. All of it runs on one
//! machine: the API server, the platform and this program take their share of its cores, so times are upper bounds.

mod changes;
mod figures;
mod healthy;
mod latency;
mod lists;
mod outage;
mod reflector;
mod stage;
mod start;
mod storm;
mod throughput;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::load::Amounts;
use obsyk_testkit::platform::Platform;

use self::figures::{Bound, Figures, MIB};
use self::stage::Stage;
use self::start::Bounds;

/// What went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Up to this many pods the bounds are fixed.
const FIXED_UP_TO: usize = 10_000;

/// Measures the release build of obsyk-operator
#[derive(Parser)]
struct Args {
    /// Pods in the cluster. There is a tenth of that of each other kind that is filled in
    #[arg(long, default_value_t = FIXED_UP_TO)]
    pods: usize,
    /// The operator's program. Default: the one beside this program
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// What is measured, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Start, Part::Latency, Part::Throughput, Part::Reflector, Part::Pages])]
    parts: Vec<Part>,
    /// How long the outage of part outage is
    #[arg(long, default_value_t = 10)]
    outage_minutes: u64,
}

/// A part of the table.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// From the start to the first snapshot, memory, and at rest
    Start,
    /// From a change to the platform
    Latency,
    /// Events a second
    Throughput,
    /// A plain reflector beside it
    Reflector,
    /// An API server without streaming lists, and large Secrets
    Pages,
    /// Every change by itself below the limit. Two minutes; not by default
    Healthy,
    /// A platform that is away for ten minutes under change; not by default
    Outage,
    /// A thousand changes a second. Five minutes; not by default
    Storm,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("the bench can't go on: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every bound holds.
async fn bench(args: Args) -> Result<bool, Failure> {
    let beside = |name: &str| std::env::current_exe().map(|path| path.with_file_name(name));
    let operator = match args.operator {
        // It is started in another folder.
        Some(path) => std::path::absolute(path)?,
        None => beside("obsyk-operator")?,
    };
    let wants = |part: Part| args.parts.contains(&part);
    let mut figures = Figures::default();
    Figures::head();
    let size = std::fs::metadata(&operator)?.len();
    figures.add(
        "release binary, stripped",
        size as f64 / MIB,
        "MiB",
        Some(Bound::AtMost(12.0)),
    );

    let amounts = Amounts::of_pods(args.pods);
    if [
        Part::Start,
        Part::Latency,
        Part::Throughput,
        Part::Reflector,
        Part::Healthy,
        Part::Outage,
    ]
    .into_iter()
    .any(wants)
    {
        let stage = Stage::new(ControlPlane::builder(), amounts, operator.clone()).await?;
        if wants(Part::Start) {
            start::measure(&stage, bounds(&amounts), &mut figures).await?;
        }
        if wants(Part::Latency) {
            latency::measure(&stage, &mut figures).await?;
        }
        if wants(Part::Throughput) {
            throughput::measure(&stage, &mut figures).await?;
        }
        if wants(Part::Reflector) {
            reflector::measure(&stage, &beside("obsyk-reflector-baseline")?, &mut figures).await?;
        }
        if wants(Part::Healthy) {
            healthy::measure(&stage, &mut figures).await?;
        }
        if wants(Part::Outage) {
            outage::measure(&stage, args.outage_minutes, &mut figures).await?;
        }
        stage.end().await;
    }
    if wants(Part::Storm) {
        let holding = Platform::builder();
        let few = Amounts::of_pods(0);
        let stage = Stage::with(ControlPlane::builder(), few, operator.clone(), holding).await?;
        storm::measure(&stage, &mut figures).await?;
        stage.end().await;
    }
    if wants(Part::Pages) {
        let amounts = Amounts {
            large_secrets: 1000,
            ..amounts
        };
        let control_plane = ControlPlane::builder().feature_gate("WatchList", false);
        let stage = Stage::new(control_plane, amounts, operator).await?;
        start::measure_pages(&stage, &mut figures).await?;
        stage.end().await;
    }
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench/bench.json"));
    figures.write(path)?;
    println!("\nwritten to {}", std::path::absolute(path)?.display());
    Ok(figures.all_reached())
}

/// Fixed bounds for a usual cluster; for a larger one, 20 MiB and 300 bytes an object.
fn bounds(amounts: &Amounts) -> Bounds {
    if amounts.pods <= FIXED_UP_TO {
        Bounds {
            memory: Bound::AtMost(24.0),
            cpu: Some(Bound::AtMost(0.5)),
        }
    } else {
        Bounds {
            memory: Bound::AtMost(20.0 + 300.0 * amounts.total() as f64 / MIB),
            cpu: None,
        }
    }
}
