// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From the start to the first snapshot, and what it costs to stay.

use std::time::Duration;

use obsyk_testkit::platform::{Answer, Endpoint};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Failure;
use super::figures::{Bound, Figures, MIB, median, millis};
use super::lists::Curl;
use super::stage::Stage;

/// Starts, and lists by curl, of which the median counts.
const TRIES: usize = 3;

/// Memory counts until so long after the first snapshot; then as long again at rest.
const MINUTE: Duration = Duration::from_secs(60);

/// What depends on the size of the cluster.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Peak resident memory, in MiB.
    pub memory: Bound,
    /// CPU until the first snapshot, in seconds; none where nothing is to be reached.
    pub cpu: Option<Bound>,
}

/// Measures a usual API server.
pub async fn measure(stage: &Stage, bounds: Bounds, figures: &mut Figures) -> Result<(), Failure> {
    let mut listed = Vec::new();
    for _ in 0..TRIES {
        let curl = Curl::from_kubeconfig(&stage.control_plane.kubeconfig_path())?;
        listed.push(millis(spawn_blocking(move || curl.streamed()).await??));
    }
    let listed = median(listed);
    let (mut snapshots, mut cpus, mut watches) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..TRIES {
        if let Some(started) = last.take() {
            stage.stop(started).await?;
        }
        let started = stage.start().await?;
        snapshots.push(millis(started.snapshot));
        cpus.push(started.cpu.as_secs_f64());
        watches.extend(started.first_watch.map(millis));
        last = Some(started);
    }
    let started = last.ok_or("the operator wasn't started")?;
    figures.add(
        "start to first watch request",
        median(watches),
        "ms",
        Some(Bound::AtMost(100.0)),
    );
    figures.add("the same lists by curl", listed, "ms", None);
    figures.add(
        "start until the first snapshot is accepted",
        median(snapshots),
        "ms",
        Some(Bound::AtMost(1.2 * listed)),
    );
    figures.add("CPU until then", median(cpus), "s", bounds.cpu);

    let process = started.process;
    sleep(MINUTE).await;
    figures.add(
        "peak resident memory",
        process.peak() as f64 / MIB,
        "MiB",
        Some(bounds.memory),
    );
    let before = process.cpu();
    sleep(MINUTE).await;
    let share = 100.0 * (process.cpu() - before).as_secs_f64() / MINUTE.as_secs_f64();
    figures.add("CPU at rest", share, "% of a core", Some(Bound::AtMost(0.1)));

    // A heartbeat that isn't found makes a snapshot due, and with it a new list of every kind.
    let accepted = stage.snapshots();
    stage.platform.answer(Endpoint::Heartbeat, Answer::status(404));
    stage.spec(json!({ "syncInterval": "10s" })).await?;
    stage.wait_for_snapshots(accepted + 1).await;
    sleep(MINUTE / 6).await;
    let steady = process.resident() as f64;
    figures.add("steady resident memory", steady / MIB, "MiB", None);
    let ratio = process.peak() as f64 / steady;
    figures.add(
        "peak ÷ steady, with a new list of every kind",
        ratio,
        "",
        Some(Bound::AtMost(1.3)),
    );
    stage.spec(json!({})).await?;
    stage.stop(started).await
}

/// Measures an API server that lists in pages.
pub async fn measure_pages(stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
    let started = stage.start().await?;
    sleep(MINUTE).await;
    let peak = started.process.peak() as f64 / MIB;
    figures.add(
        "peak resident memory, lists in pages, 1,000 Secrets of 200 KB",
        peak,
        "MiB",
        Some(Bound::AtMost(40.0)),
    );
    figures.add(
        "start until the first snapshot is accepted, lists in pages",
        millis(started.snapshot),
        "ms",
        None,
    );
    stage.stop(started).await
}
