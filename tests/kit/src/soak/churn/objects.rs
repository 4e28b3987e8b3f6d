// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is made and changed. `what` is chance: it decides how an object looks this time.

use serde_json::{Value, json};

/// What every value has that must not leave the cluster.
pub(in crate::soak) const MARKER: &str = "MARKER-OF-A-VALUE";

/// Where objects of this kind are made.
pub(super) fn path(namespace: &str, object: &Value) -> String {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind").to_lowercase());
    let root = if version.contains('/') { "apis" } else { "api" };
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    match namespace {
        "" => format!("/{root}/{version}/{plural}"),
        namespace => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
    }
}

fn labels(name: &str, what: u32) -> Value {
    json!({ "app": name, "what": format!("{}", what % 1000) })
}

fn template(name: &str, what: u32) -> Value {
    json!({
        "metadata": { "labels": { "app": name } },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "web", "image": format!("example.invalid/{name}:{}", what % 3),
                "env": [{ "name": "PASSWORD", "value": MARKER }],
                "args": [MARKER],
            }],
        },
    })
}

pub(super) fn config_map(name: &str, what: u32) -> Value {
    let burst = if name.starts_with("burst") { "yes" } else { "no" };
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": { "burst": burst, "what": format!("{}", what % 7) } },
        "data": { format!("key-{}", what % 5): format!("{MARKER}-{what}") },
    })
}

/// As large as an API server takes, or with characters and annotations that nobody expects.
pub(super) fn odd_config_map(name: &str, what: u32) -> Value {
    let annotations: serde_json::Map<String, Value> = (0..what % 500)
        .map(|n| (format!("example.com/note-{n}"), json!("\u{1}\"\\é")))
        .collect();
    let filler = "\u{1}\u{7f}é".repeat(usize::try_from(what % 100_000).unwrap_or_default());
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "annotations": annotations },
        "data": { "odd": format!("{MARKER}{filler}") },
    })
}

pub(super) fn secret(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": labels(name, what) },
        "stringData": { format!("key-{}", what % 4): format!("{MARKER}-{what}") },
    })
}

/// Scaled, and one time in three rolled.
pub(super) fn deployment(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": { "replicas": what / 3 % 4, "selector": { "matchLabels": { "app": name } }, "template": template(name, what) },
    })
}

pub(super) fn stateful_set(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": name },
        "spec": {
            "replicas": what / 3 % 3, "serviceName": name, "selector": { "matchLabels": { "app": name } },
            "template": template(name, what),
        },
    })
}

pub(super) fn daemon_set(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": name },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": template(name, what) },
    })
}

fn job_spec(name: &str) -> Value {
    let mut template = template(name, 0);
    template["spec"]["restartPolicy"] = json!("Never");
    json!({ "backoffLimit": 1, "ttlSecondsAfterFinished": 5, "template": template })
}

pub(super) fn job(name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": job_spec(name) })
}

pub(super) fn cron_job(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": name },
        "spec": { "schedule": "* * * * *", "suspend": what.is_multiple_of(4), "jobTemplate": { "spec": job_spec(name) } },
    })
}

pub(super) fn ingress(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": name },
        "spec": { "rules": [{
            "host": format!("{}.example.com", what % 100),
            "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "number": 80 } } } }] },
        }] },
    })
}

pub(super) fn network_policy(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "labels": labels(name, what) },
        "spec": { "podSelector": { "matchLabels": { "app": name } }, "policyTypes": ["Ingress"], "ingress": [] },
    })
}

pub(super) fn service(name: &str, what: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "clusterIP": "None", "selector": { "app": name }, "ports": [{ "name": "http", "port": 1 + what % 1000, "targetPort": "http" }] },
    })
}

pub(super) fn pod(name: &str) -> Value {
    let mut spec = template(name, 0)["spec"].take();
    spec["restartPolicy"] = json!("Always");
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { "app": name } }, "spec": spec })
}
