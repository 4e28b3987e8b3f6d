// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Objects of every kind with a marker in each place whose content must not leave the cluster.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::search::Encoding;

/// An object of each kind. Their names begin with this.
pub fn one_of_each(begins: &str, marker: &str) -> Vec<Value> {
    let named = |what: &str| format!("{begins}-{what}");
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = rest;
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({ "name": named(&kind.to_lowercase()), "annotations": annotations(marker) });
        if !matches!(kind, "Namespace" | "Node") {
            object["metadata"]["namespace"] = json!("default");
        }
        object
    };
    let (labels, selector) = (json!({ "app": begins }), json!({ "matchLabels": { "app": begins } }));
    let always = template(&labels, marker, "Always");
    let job = json!({ "template": template(&labels, marker, "Never") });
    let workload = json!({ "spec": { "selector": selector, "template": always } });
    let mut stateful = workload.clone();
    stateful["spec"]["serviceName"] = json!("db");
    let port = json!({ "spec": { "ports": [{ "port": 80 }] } });
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    let mut all = vec![
        object("v1", "Namespace", json!({})),
        object("v1", "Pod", json!({ "spec": pod_spec(marker, "Always") })),
        object("v1", "Service", port),
        object("v1", "Node", json!({})),
        object("apps/v1", "Deployment", workload.clone()),
        object("apps/v1", "StatefulSet", stateful),
        object("apps/v1", "DaemonSet", workload),
        object("batch/v1", "Job", json!({ "spec": job })),
        object(
            "batch/v1",
            "CronJob",
            json!({ "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": job } } }),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            json!({ "spec": { "defaultBackend": backend } }),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({ "spec": { "podSelector": {} } }),
        ),
        object("v1", "ConfigMap", config_map(marker)),
        object("v1", "Secret", secret(marker)),
    ];
    for object in &mut all {
        if matches!(object["kind"].as_str(), Some("ConfigMap" | "Secret")) {
            // Of these any annotation stays.
            for encoding in Encoding::ALL {
                let key = format!("example.com/{encoding:?}").replace(['(', ')'], "");
                object["metadata"]["annotations"][key] = encoding.write(marker).into();
            }
        }
    }
    all
}

/// Those that leave with no kind.
fn annotations(marker: &str) -> Map<String, Value> {
    let copy = json!({ "apiVersion": "v1", "kind": "Secret", "stringData": { "password": marker } }).to_string();
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let claims = json!({ "sub": marker }).to_string();
    let jwt = format!(
        "{}.{}.{}",
        part(json!({ "alg": "ES256" }).to_string()),
        part(claims),
        part(marker.to_owned())
    );
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
        STANDARD.encode(marker)
    );
    let packed = Encoding::GzipBase64.write(marker);
    let part_of_pod =
        json!({ "spec": { "containers": [{ "env": [{ "name": "PASSWORD", "value": marker }] }] } }).to_string();
    [
        ("kubectl.kubernetes.io/last-applied-configuration", copy.clone()),
        ("kubectl.kubernetes.io/default-container", marker.to_owned()),
        ("kubernetes.io/description", marker.to_owned()),
        ("kapp.k14s.io/original", copy.clone()),
        ("kapp.k14s.io/identity", marker.to_owned()),
        ("objectset.rio.cattle.io/applied", packed.clone()),
        ("objectset.rio.cattle.io/id", marker.to_owned()),
        ("consul.hashicorp.com/original", copy.clone()),
        ("consul.hashicorp.com/original-pod", marker.to_owned()),
        ("banzaicloud.com/last-applied", marker.to_owned()),
        ("kopf.zalando.org/last-handled-configuration", part_of_pod.clone()),
        ("proxy.istio.io/overrides", marker.to_owned()),
        ("dapr.io/env", format!("PASSWORD={marker}")),
        ("ad.datadoghq.com/db.instances", marker.to_owned()),
        ("example.com/part", part_of_pod),
        ("example.com/pem-in-base64", STANDARD.encode(&pem)),
        ("example.com/json-in-base64", STANDARD.encode(&copy)),
        ("example.com/json", copy),
        (
            "example.com/yaml",
            format!("kind: Secret\napiVersion: v1\nstringData:\n  password: '{marker}'\n"),
        ),
        ("example.com/pem", pem),
        ("example.com/jwt", jwt.clone()),
        ("example.com/bearer", format!("Bearer {jwt}")),
        ("example.com/gzip", packed.clone()),
        ("example.com/release", format!("{{\"release\":\"{packed}\"}}")),
        ("example.com/long", format!("{marker}{}", "x".repeat(1024))),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.into()))
    .collect()
}

fn template(labels: &Value, marker: &str, restart: &str) -> Value {
    json!({ "metadata": { "labels": labels, "annotations": annotations(marker) }, "spec": pod_spec(marker, restart) })
}

fn pod_spec(marker: &str, restart: &str) -> Value {
    let headers = json!([{ "name": "Authorization", "value": marker }]);
    let get = json!({ "httpGet": { "path": format!("/?{marker}"), "port": 80, "httpHeaders": headers } });
    let exec = json!({ "exec": { "command": ["sh", "-c", marker] } });
    let main = json!({
        "name": "main", "image": "example.invalid/main:1", "command": ["sh", marker], "args": [marker],
        "env": [
            { "name": "PASSWORD", "value": marker },
            { "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } },
        ],
        "envFrom": [{ "prefix": "P_", "configMapRef": { "name": "settings" } }],
        "livenessProbe": get, "readinessProbe": exec, "startupProbe": get,
        "lifecycle": { "postStart": exec, "preStop": get },
    });
    let mut first = json!({
        "name": "first", "image": "example.invalid/first:1", "command": [marker], "args": [marker],
        "env": [{ "name": "PASSWORD", "value": marker }],
    });
    first["workingDir"] = json!(format!("/{marker}"));
    json!({
        "restartPolicy": restart, "containers": [main], "initContainers": [first],
        "volumes": [
            { "name": "csi", "csi": { "driver": "csi.example.com", "volumeAttributes": { "password": marker } } },
            { "name": "flex", "flexVolume": { "driver": "example.com/flex", "options": { "password": marker } } },
        ],
    })
}

fn config_map(marker: &str) -> Value {
    json!({ "data": { "password": marker, "x": format!("x{marker}") }, "binaryData": { "binary": STANDARD.encode(marker) } })
}

/// The API server writes these in base64: with none, one and two bytes before the marker.
fn secret(marker: &str) -> Value {
    json!({
        "stringData": { "none": marker, "one": format!("-{marker}"), "two": format!("--{marker}") },
        "data": { "data": STANDARD.encode(marker) },
    })
}

/// What a node would say of a pod whose container failed.
pub fn pod_status(marker: &str) -> Value {
    let ended = json!({ "terminated": { "exitCode": 1, "reason": "Error", "message": marker } });
    let waits = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": marker } });
    let status = json!({
        "name": "main", "image": "example.invalid/main:1", "imageID": "", "ready": false, "restartCount": 3,
        "state": waits, "lastState": ended,
    });
    json!({ "phase": "Running", "message": marker, "containerStatuses": [status] })
}
