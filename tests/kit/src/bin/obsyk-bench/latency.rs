// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From when a bare watch beside the operator shows a change until the platform has it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{interval, sleep};

use super::Failure;
use super::figures::{Bound, Figures, percentile};
use super::stage::Stage;
use super::watch;

/// Changes, each of a pod of its own.
const CHANGES: u32 = 300;

/// Between two of them: five a second, half of what the default limit allows.
const APART: Duration = Duration::from_millis(200);

/// The last change has arrived within this.
const TAIL: Duration = Duration::from_secs(2);

/// Measures at the default limit.
pub async fn measure(stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
    let started = stage.start().await?;
    let pods: Api<Pod> = Api::all(stage.client.clone());
    let some = pods.list_metadata(&ListParams::default().limit(CHANGES)).await?;
    let version = some.metadata.resource_version.clone().unwrap_or_default();
    let (to, mut from) = unbounded_channel();
    let watching = tokio::spawn(watch::pods(stage.client.clone(), version, to));
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "bench": "changed" } } }));
    let mut ticks = interval(APART);
    for pod in &some.items {
        ticks.tick().await;
        let namespaced: Api<Pod> = Api::namespaced(stage.client.clone(), &pod.namespace().unwrap_or_default());
        namespaced
            .patch(&pod.name_any(), &PatchParams::default(), &patch)
            .await?;
    }
    sleep(TAIL).await;
    watching.abort();
    let mut shown = Vec::new();
    while let Ok(change) = from.try_recv() {
        shown.push(change);
    }
    let shown = watch::first_times(shown);
    let mut waits: Vec<f64> = stage.platform.look(|view| {
        let arrived = view
            .requests()
            .filter_map(|request| Some((request.event()?.name.clone(), request.arrived)));
        let waits = arrived.filter_map(|(name, at)| shown.get(&name).map(|shown| at.saturating_duration_since(*shown)));
        waits.map(|wait| wait.as_secs_f64() * 1000.0).collect()
    });
    if waits.len() < some.items.len() {
        return Err(format!("{} changes were made and {} arrived", some.items.len(), waits.len()).into());
    }
    waits.sort_by(f64::total_cmp);
    figures.add(
        "change to platform, p50",
        percentile(&waits, 50),
        "ms",
        Some(Bound::AtMost(2.0)),
    );
    figures.add(
        "change to platform, p99",
        percentile(&waits, 99),
        "ms",
        Some(Bound::AtMost(25.0)),
    );
    stage.stop(started).await
}
