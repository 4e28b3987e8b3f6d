// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `make e2e`: what users get, as users get it, on a cluster whose nodes run pods: the image, the chart, the pod, and its life
//! until nothing of it is left.
//!
//! A line for each thing that was seen, with the time that it took. It exits with 1 at the first that isn't as it must be,
//! and shows what the cluster says of it then; what it made is removed in either case. README.md says how it is set.

mod agent;
mod endpoints;
mod helm;
mod inventory;
mod later;
mod life;
mod node;
mod operator;
mod receiver;
mod settings;
mod shell;
mod stage;
#[cfg(test)]
mod tests;
mod trouble;

use std::process::ExitCode;

use clap::Parser;
use obsyk_testkit::interrupts::Interrupts;

use self::settings::Settings;
use self::stage::Stage;

/// What went wrong, in words for whoever typed `make e2e`.
type Failure = Box<dyn std::error::Error>;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match end_to_end(Settings::parse()).await {
        Ok(()) => {
            println!("\neverything was seen, and nothing is left");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("\ne2e: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn end_to_end(settings: Settings) -> Result<(), Failure> {
    let mut interrupts = Interrupts::catch()?;
    let mut stage = Stage::set(settings).await?;
    let seen = tokio::select! {
        seen = play(&mut stage) => seen,
        () = interrupts.next() => Err("interrupted".into()),
    };
    if seen.is_err() {
        trouble::show(&stage).await;
    }
    let cleared = stage.clear().await;
    seen.and(cleared)
}

/// The whole of it, in the order in which a user would meet it.
async fn play(stage: &mut Stage) -> Result<(), Failure> {
    life::install(stage).await?;
    life::is_restricted(stage).await?;
    life::endpoints_answer(stage).await?;
    life::a_change_arrives(stage).await?;
    life::chart_tests_pass(stage).await?;
    life::status_is_shown(stage).await?;
    later::deleted_pod_is_replaced(stage).await?;
    later::stopped_process_is_restarted(stage).await?;
    later::upgrade_brings_definition_and_limit(stage).await?;
    later::little_memory_is_enough(stage).await?;
    let _proxy = later::goes_by_a_proxy(stage).await?;
    life::uninstall(stage).await?;
    later::with_helm_4(stage).await
}
