// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The objects, each a function of its number.

use serde_json::{Value, json};

use super::namespace_of;

/// A number that looks random and is the same each time.
fn scatter(n: usize) -> u64 {
    let mut x = (n as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Text of this many characters that doesn't compress to nothing.
fn filler(n: usize, length: usize) -> String {
    (0..)
        .flat_map(|k| format!("{:016x}", scatter(n * 7919 + k)).into_bytes())
        .take(length)
        .map(char::from)
        .collect()
}

fn application(n: usize) -> String {
    format!("app-{:04}", n / 10)
}

/// The name of the n-th pod.
pub(super) fn pod_name(n: usize) -> String {
    let hash = format!("{:010x}", scatter(n));
    format!(
        "{}-{}-{}",
        application(n),
        &hash[..9],
        &format!("{:05x}", scatter(n + 1))[..5]
    )
}

/// A namespace.
#[must_use]
pub fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": name } } })
}

fn labels(n: usize) -> Value {
    json!({
        "app.kubernetes.io/name": application(n),
        "app.kubernetes.io/instance": format!("{}-production", application(n)),
        "app.kubernetes.io/version": "2.14.3",
        "app.kubernetes.io/component": "backend",
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": format!("{:09x}", scatter(n / 10) & 0xF_FFFF_FFFF),
    })
}

fn container(name: &str, n: usize) -> Value {
    let variables: Vec<Value> = (0..18)
        .map(|k| json!({ "name": format!("SETTING_NUMBER_{k}"), "value": format!("value-{k}-{}", application(n)) }))
        .collect();
    let probe = |path: &str| {
        json!({
            "httpGet": { "path": path, "port": "http", "scheme": "HTTP" },
            "initialDelaySeconds": 5, "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        })
    };
    json!({
        "name": name,
        "image": format!("registry.example.com/shop/{}:2.14.3", application(n)),
        "args": ["--listen=:8080", "--log-format=json", "--log-level=info"],
        "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
        "env": variables,
        "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" } },
        "volumeMounts": [
            { "name": "config", "mountPath": "/etc/app", "readOnly": true },
            { "name": "tmp", "mountPath": "/tmp" },
            { "name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true },
        ],
        "livenessProbe": probe("/live"),
        "readinessProbe": probe("/ready"),
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
    })
}

/// A pod of a Deployment.
#[must_use]
pub fn pod(n: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": pod_name(n), "namespace": namespace_of(n), "labels": labels(n),
            "annotations": {
                "prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics",
                "checksum/config": filler(n / 10, 64),
                "kubectl.kubernetes.io/restartedAt": "2026-01-15T10:30:00Z",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": true, "blockOwnerDeletion": true,
                "name": format!("{}-{:09x}", application(n), scatter(n / 10) & 0xF_FFFF_FFFF),
                "uid": format!("{:08x}-0000-4000-8000-{:012x}", scatter(n) & 0xFFFF_FFFF, n),
            }],
        },
        "spec": {
            "nodeName": format!("node-{}", n % 100 + 1),
            "serviceAccountName": "default", "automountServiceAccountToken": false,
            "enableServiceLinks": false, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "terminationGracePeriodSeconds": 30,
            "securityContext": { "runAsUser": 65532, "fsGroup": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "initContainers": [{
                "name": "migrate", "image": "registry.example.com/shop/migrate:2.14.3", "command": ["/migrate", "--wait"],
            }],
            "containers": [container("app", n), container("proxy", n)],
            "volumes": [
                { "name": "config", "configMap": { "name": format!("{}-config", application(n)) } },
                { "name": "tmp", "emptyDir": {} },
                { "name": "token", "projected": { "sources": [
                    { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                ] } },
            ],
            "tolerations": [
                { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
                { "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            ],
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { "app.kubernetes.io/name": application(n) } },
            }],
        },
    })
}

/// The status that a kubelet gives it, as a merge patch.
#[must_use]
pub fn pod_status(n: usize) -> Value {
    let since = "2026-01-15T10:30:00Z";
    let condition =
        |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": since });
    let address = format!("10.{}.{}.{}", 64 + n / 65_536, (n / 256) % 256, n % 256);
    let container = |name: &str| {
        json!({
            "name": name, "ready": true, "started": true, "restartCount": n % 3,
            "image": format!("registry.example.com/shop/{}:2.14.3", application(n)),
            "imageID": format!("registry.example.com/shop/{}@sha256:{}", application(n), filler(n / 10, 64)),
            "containerID": format!("containerd://{}", filler(n, 64)),
            "state": { "running": { "startedAt": since } }, "lastState": {},
        })
    };
    json!({ "status": {
        "phase": "Running", "qosClass": "Burstable", "startTime": since,
        "hostIP": format!("10.0.{}.{}", n % 100, n % 250), "hostIPs": [{ "ip": format!("10.0.{}.{}", n % 100, n % 250) }],
        "podIP": address, "podIPs": [{ "ip": address }],
        "conditions": [
            condition("PodReadyToStartContainers"), condition("Initialized"), condition("Ready"),
            condition("ContainersReady"), condition("PodScheduled"),
        ],
        "initContainerStatuses": [{
            "name": "migrate", "ready": true, "restartCount": 0, "image": "registry.example.com/shop/migrate:2.14.3",
            "imageID": format!("registry.example.com/shop/migrate@sha256:{}", filler(1, 64)),
            "containerID": format!("containerd://{}", filler(n + 1, 64)),
            "state": { "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": since } },
        }],
        "containerStatuses": [container("app"), container("proxy")],
    } })
}

/// A Deployment.
#[must_use]
pub fn deployment(n: usize) -> Value {
    let name = format!("deployment-{n:05}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace_of(n), "labels": labels(n) },
        "spec": {
            "replicas": 10,
            "selector": { "matchLabels": { "app.kubernetes.io/name": name } },
            "template": {
                "metadata": { "labels": { "app.kubernetes.io/name": name } },
                "spec": { "containers": [container("app", n), container("proxy", n)], "volumes": [
                    { "name": "config", "configMap": { "name": "config" } }, { "name": "tmp", "emptyDir": {} },
                    { "name": "token", "emptyDir": {} },
                ] },
            },
        },
    })
}

/// A Service.
#[must_use]
pub fn service(n: usize) -> Value {
    let name = format!("service-{n:05}");
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": namespace_of(n), "labels": labels(n) },
        "spec": {
            // Without an address of its own: a cluster's range is smaller than a bench.
            "clusterIP": "None", "selector": { "app.kubernetes.io/name": name },
            "ports": [{ "name": "http", "port": 80, "targetPort": "http" }, { "name": "metrics", "port": 9090, "targetPort": 9090 }],
        },
    })
}

/// A ConfigMap whose values have this many bytes together.
#[must_use]
pub fn config_map(n: usize, bytes: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("config-{n:05}"), "namespace": namespace_of(n), "labels": labels(n) },
        "data": { "application.yaml": filler(n, bytes / 2), "logging.yaml": filler(n + 1, bytes / 2) },
    })
}

/// A Secret whose values have this many bytes together.
#[must_use]
pub fn secret(prefix: &str, n: usize, bytes: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": format!("{prefix}-{n:05}"), "namespace": namespace_of(n), "labels": labels(n) },
        "stringData": { "username": filler(n, bytes / 2), "password": filler(n + 1, bytes / 2) },
    })
}
