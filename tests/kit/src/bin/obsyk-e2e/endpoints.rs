// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator's endpoints, by the way that `kubectl get --raw` takes: through the API server and the kubelet's network.

use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;

use crate::{Failure, operator, stage};

/// As the chart has them.
const PROBES: u16 = 8081;
const METRICS: u16 = 8080;

/// What `/healthz` or `/readyz` answers, if it is a good answer.
pub async fn probe(client: &Client, pod: &Pod, path: &str) -> Result<String, Failure> {
    get(client, pod, PROBES, path).await
}

/// The metrics.
pub async fn metrics(client: &Client, pod: &Pod) -> Result<String, Failure> {
    get(client, pod, METRICS, "/metrics").await
}

/// The sum of a metric over all lines that have these labels.
pub fn sum(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let is_it =
        |line: &&str| line.split(['{', ' ']).next() == Some(name) && labels.iter().all(|label| line.contains(label));
    let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
    metrics.lines().filter(is_it).filter_map(value).sum()
}

async fn get(client: &Client, pod: &Pod, port: u16, path: &str) -> Result<String, Failure> {
    let name = operator::name(pod);
    let path = format!("/api/v1/namespaces/{}/pods/{name}:{port}/proxy{path}", stage::NAMESPACE);
    let request = Request::get(path).body(Vec::new())?;
    Ok(client.request_text(request).await?)
}
