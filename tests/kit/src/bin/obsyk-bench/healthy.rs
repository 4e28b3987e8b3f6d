// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Eight changes a second at the default limit of ten: each is sent, unmerged, and soon.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use super::Failure;
use super::changes::Changes;
use super::figures::{Bound, Figures, percentile};
use super::stage::Stage;
use super::watch;

/// Changes a second.
const RATE: u32 = 8;

/// For so long.
const LASTS: Duration = Duration::from_secs(120);

/// Pods that are changed in turn, each every few seconds: what waited would be merged.
const HOT: usize = 40;

/// The last change has arrived within this.
const TAIL: Duration = Duration::from_secs(3);

/// Measures at the default limit.
pub async fn measure(stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
    let started = stage.start().await?;
    for n in 0..HOT {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": format!("hot-{n}"), "namespace": "default" },
            "spec": { "containers": [{ "name": "web", "image": "example.invalid/web:1" }], "automountServiceAccountToken": false },
        }))?;
        Api::<Pod>::namespaced(stage.client.clone(), "default")
            .create(&Default::default(), &pod)
            .await?;
    }
    sleep(Duration::from_secs(10)).await;
    let pods: Api<Pod> = Api::all(stage.client.clone());
    let version = pods.list_metadata(&ListParams::default().limit(1)).await?;
    let version = version.metadata.resource_version.unwrap_or_default();
    let seen = stage
        .platform
        .look(|view| view.requests().next_back().map(|request| request.number));
    let (to, mut from) = unbounded_channel();
    let watching = tokio::spawn(watch::pods(stage.client.clone(), version, to));
    let paths = (0..HOT)
        .map(|n| format!("/api/v1/namespaces/default/pods/hot-{n}"))
        .collect();
    let changes = Changes::start(&stage.client, paths, RATE);
    sleep(LASTS).await;
    let made = changes.stop().await.iter().flatten().count();
    sleep(TAIL).await;
    watching.abort();
    let mut shown: HashMap<String, Vec<Instant>> = HashMap::new();
    while let Ok(change) = from.try_recv() {
        shown.entry(change.name).or_default().push(change.at);
    }
    let mut arrived: HashMap<String, Vec<Instant>> = HashMap::new();
    stage.platform.look(|view| {
        let new = view.requests().filter(|request| Some(request.number) > seen);
        for (name, at) in new.filter_map(|request| Some((request.event()?.name.clone(), request.arrived))) {
            arrived.entry(name).or_default().push(at);
        }
    });
    let sent: usize = arrived
        .iter()
        .filter(|(name, _)| name.starts_with("hot-"))
        .map(|(_, at)| at.len())
        .sum();
    let mut lags: Vec<f64> = shown
        .iter()
        .filter_map(|(name, shown)| Some((shown, arrived.get(name)?)))
        .flat_map(|(shown, arrived)| shown.iter().zip(arrived))
        .map(|(shown, arrived)| arrived.saturating_duration_since(*shown).as_secs_f64() * 1000.0)
        .collect();
    lags.sort_by(f64::total_cmp);
    let share = 100.0 * sent as f64 / made as f64;
    figures.add(
        format!("{RATE} changes/s of {HOT} pods, {made} in all: sent unmerged"),
        share,
        "%",
        Some(Bound::AtLeast(100.0)),
    );
    figures.add("the same: lag, p50", percentile(&lags, 50), "ms", None);
    figures.add(
        "the same: lag, p99",
        percentile(&lags, 99),
        "ms",
        Some(Bound::AtMost(1000.0)),
    );
    stage.stop(started).await
}
