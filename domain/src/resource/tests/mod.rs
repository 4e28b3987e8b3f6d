// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What each kind becomes: a golden JSON for each, full and minimal; objects that don't decode; what must never leave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod core;
mod facts;
mod faults;
mod kinds;
mod network;
mod page;
mod pod;
mod redact;
mod secrecy;
mod workloads;

use serde_json::{Value, json};

use super::{Body, Collected, Observed, Sighting};

/// The uid of every object here.
const UID: &str = "0b2f4a52-6f0e-4c1b-9a57-3d1a2c9e7f10";

/// Reads an object as a watcher does.
fn observe<K: Collected>(object: &Value) -> Result<Observed<K>, serde_json::Error> {
    serde_json::from_slice(object.to_string().as_bytes())
}

/// What a watcher sees of an object.
fn sighting<K: Collected>(object: &Value) -> Sighting {
    observe::<K>(object).expect("its metadata is good").into_sighting()
}

/// What is sent of an object; `null` when it is undecodable.
fn sent<K: Collected>(object: &Value) -> Value {
    match sighting::<K>(object).body {
        Body::Object(bytes) => serde_json::from_slice(&bytes).expect("what is sent is JSON"),
        Body::Undecodable => Value::Null,
    }
}

/// Metadata as the API server gives it, with all that is held back.
fn metadata(namespace: Option<&str>) -> Value {
    let mut metadata = json!({
        "name": "web", "uid": UID, "resourceVersion": "4711", "generation": 3,
        "creationTimestamp": "2026-01-15T10:30:00Z",
        "labels": {"app": "web"},
        "annotations": {
            "team": "shop",
            "kubectl.kubernetes.io/last-applied-configuration": "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"data\":\"MARKER\"}",
            "example.com/manifest": "apiVersion: v1\nkind: Secret\nstringData: {a: MARKER}"
        },
        "managedFields": [{"manager": "MARKER", "operation": "Apply", "fieldsV1": {"f:data": {".": {}, "f:k": {}}}}]
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}

/// An object with full metadata and these fields beside it.
fn object(namespace: Option<&str>, rest: &Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Whatever", "metadata": metadata(namespace)});
    for (key, value) in rest.as_object().expect("fields") {
        object[key] = value.clone();
    }
    object
}

/// An object of which nothing but the metadata that must be there is there.
fn bare(namespace: Option<&str>) -> Value {
    let mut object = json!({"metadata": {"name": "web", "uid": UID, "resourceVersion": "1"}});
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// Checks what is sent of a full object with these fields, and of one that has nothing but its metadata.
fn assert_sent<K: Collected>(rest: &Value, full: &Value, minimal: &Value) {
    let namespace = K::KIND.spec().namespaced.then_some("shop");
    let with_meta = |mut meta: Value, rest: &Value| {
        if let Some(namespace) = namespace {
            meta["namespace"] = namespace.into();
        }
        for (key, value) in rest.as_object().expect("fields") {
            meta[key] = value.clone();
        }
        meta
    };
    let meta = json!({
        "uid": UID, "name": "web", "labels": {"app": "web"}, "annotations": {"team": "shop"},
        "k8s_created_at": "2026-01-15T10:30:00Z"
    });
    assert_eq!(
        sent::<K>(&object(namespace, rest)),
        with_meta(meta, full),
        "{}: full",
        K::KIND
    );
    let meta = json!({"uid": UID, "name": "web"});
    assert_eq!(
        sent::<K>(&bare(namespace)),
        with_meta(meta, minimal),
        "{}: minimal",
        K::KIND
    );
}
