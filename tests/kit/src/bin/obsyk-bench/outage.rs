// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A platform that is away for minutes while the cluster changes: what it costs in memory, and what comes when it is back.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, ResourceExt};
use obsyk_testkit::platform::View;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Failure;
use super::changes::Changes;
use super::figures::{Bound, Figures, MIB};
use super::stage::{Stage, Started};

/// Changes a second.
const RATE: u32 = 100;

/// Before the outage everything settles, and what a start took is given back.
const SETTLED: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// The first probe that succeeds comes at most a minute after the platform is back.
const BACK: Duration = Duration::from_secs(150);

/// What is looked at after it: one snapshot, and then events, of changes that are within the default limit.
const AFTER: Duration = Duration::from_secs(45);
const RATE_AFTER: u32 = 5;

/// Measures an outage of so many minutes.
pub async fn measure(stage: &Stage, minutes: u64, figures: &mut Figures) -> Result<(), Failure> {
    let started = stage.start().await?;
    let paths = pods(stage).await?;
    sleep(SETTLED).await;
    let before = started.process.resident();
    stage.platform.down().await?;
    let changes = Changes::start(&stage.client, paths.clone(), RATE);
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    // The most until the bound is reached, which is when the ledger is emptied, and the most after it.
    let (mut to_bound, mut after_bound, mut was_full) = (before, 0, false);
    while Instant::now() < until {
        sleep(LOOK).await;
        was_full = was_full || is_full(&started).await;
        let most = if was_full { &mut after_bound } else { &mut to_bound };
        *most = (*most).max(started.process.resident());
    }
    let rate = changes.rate();
    changes.stop().await;
    let snapshots = stage.snapshots();
    stage.platform.up().await?;
    let back = Instant::now();
    let is_so = |view: &View<'_>| view.snapshots().count() > snapshots;
    stage.platform.wait(BACK, "a snapshot after the outage", is_so).await;
    let waited = back.elapsed();
    let events = stage.platform.look(|view| view.counts().events);
    let changes = Changes::start(&stage.client, paths, RATE_AFTER);
    sleep(AFTER).await;
    let made = changes.stop().await.iter().flatten().count();
    sleep(LOOK).await;
    let (snapshots_after, events_after) = stage
        .platform
        .look(|view| (view.snapshots().count() - snapshots, view.counts().events - events));
    let mib = |bytes: u64| bytes as f64 / MIB;
    let name = format!("outage of {minutes} min, {rate:.0} changes/s:");
    figures.add(format!("{name} resident memory before"), mib(before), "MiB", None);
    let growth = mib(to_bound.saturating_sub(before));
    figures.add(
        format!("{name} growth up to the ledger's bound"),
        growth,
        "MiB",
        Some(Bound::AtMost(4.0)),
    );
    let reached = f64::from(u8::from(was_full));
    figures.add(format!("{name} ledger's bound reached"), reached, "", None);
    if was_full {
        let more = 100.0 * (after_bound as f64 / to_bound as f64 - 1.0);
        figures.add(format!("{name} growth after that"), more, "%", Some(Bound::AtMost(5.0)));
    }
    figures.add(format!("{name} back until a snapshot"), waited.as_secs_f64(), "s", None);
    figures.add(
        format!("{name} snapshots then"),
        snapshots_after as f64,
        "",
        Some(Bound::AtMost(1.0)),
    );
    figures.add(
        format!("{name} of {made} changes afterwards, sent as events"),
        100.0 * events_after as f64 / made as f64,
        "%",
        Some(Bound::AtLeast(100.0)),
    );
    stage.stop(started).await
}

/// Whether the ledger's bound was reached: it was emptied, and a snapshot is due for it.
async fn is_full(started: &Started) -> bool {
    let Ok((_, body)) = started.operator.get("/debug/actors").await else {
        return false;
    };
    let tree: Value = serde_json::from_str(&body).unwrap_or_default();
    tree["agents"][0]["sender"]["ledger"]["overflows"].as_u64() > Some(0)
}

/// The paths of all pods.
async fn pods(stage: &Stage) -> Result<Vec<String>, Failure> {
    let pods: Api<Pod> = Api::all(stage.client.clone());
    let pods = pods.list_metadata(&ListParams::default()).await?;
    let path = |pod: &PartialObjectMeta<Pod>| {
        format!(
            "/api/v1/namespaces/{}/pods/{}",
            pod.namespace().unwrap_or_default(),
            pod.name_any()
        )
    };
    Ok(pods.items.iter().map(path).collect())
}
