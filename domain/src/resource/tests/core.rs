// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Namespace, Node, ConfigMap, Secret.

use serde_json::{Value, json};

use super::{UID, assert_sent, bare, object, sent, sighting};
use crate::resource::{ConfigMap, Namespace, Node, NodeFacts, Secret};

#[test]
fn a_namespace_is_its_phase() {
    assert_sent::<Namespace>(
        &json!({"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
        &json!({"phase": "Active"}),
        &json!({}),
    );
}

#[test]
fn a_node_is_its_state_roles_and_capacity() {
    let capacity = json!({"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "1Gi"});
    assert_sent::<Node>(
        &json!({
            "spec": {"podCIDR": "10.0.0.0/24", "providerID": "aws:///eu-west-1a/i-1"},
            "status": {
                "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
                "capacity": capacity,
                "nodeInfo": {
                    "kubeletVersion": "v1.37.2", "containerRuntimeVersion": "containerd://2.1.0",
                    "osImage": "Ubuntu 24.04", "architecture": "arm64", "bootID": "x"
                }
            }
        }),
        &json!({
            "status": "Ready", "kubelet_version": "v1.37.2", "container_runtime": "containerd://2.1.0",
            "os_image": "Ubuntu 24.04", "architecture": "arm64",
            "cpu_capacity": "4", "memory_capacity": "16Gi", "pod_capacity": "110"
        }),
        &json!({"status": "NotReady", "cpu_capacity": "0", "memory_capacity": "0", "pod_capacity": "0"}),
    );
}

#[test]
fn a_nodes_roles_are_sorted_and_master_is_the_control_plane() {
    let mut node = bare(None);
    node["metadata"]["labels"] = json!({
        "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/master": "",
        "node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/etcd": "true",
        "node-role.kubernetes.io/": "", "role": "x"
    });
    assert_eq!(sent::<Node>(&node)["roles"], json!(["control-plane", "etcd", "worker"]));
}

#[test]
fn a_node_is_ready_only_when_its_ready_condition_is_true() {
    for (kind, status, expected) in [
        ("Ready", "True", "Ready"),
        ("Ready", "False", "NotReady"),
        ("Ready", "Unknown", "NotReady"),
        ("DiskPressure", "True", "NotReady"),
    ] {
        let node = object(
            None,
            &json!({"status": {"conditions": [{"type": kind, "status": status}]}}),
        );
        assert_eq!(sent::<Node>(&node)["status"], expected, "{kind} {status}");
    }
}

#[test]
fn a_node_tells_the_clusters_platform_and_region() {
    let mut node = object(None, &json!({"spec": {"providerID": "kind://docker/kind/worker"}}));
    node["metadata"]["labels"] = json!({"topology.kubernetes.io/region": "eu-west-1"});
    let expected = NodeFacts {
        platform: Some("kind"),
        region: Some("eu-west-1".into()),
    };
    assert_eq!(sighting::<Node>(&node).facts, Some(expected));
    assert_eq!(sighting::<Namespace>(&bare(None)).facts, None);
}

/// Annotations of these kinds are never sent, whatever they are.
fn without_annotations(mut fields: Value) -> Value {
    for (key, value) in [
        ("uid", json!(UID)),
        ("name", json!("web")),
        ("namespace", json!("shop")),
        ("labels", json!({"app": "web"})),
        ("k8s_created_at", json!("2026-01-15T10:30:00Z")),
    ] {
        fields[key] = value;
    }
    fields
}

#[test]
fn a_config_map_is_its_sorted_keys() {
    let map = object(
        Some("shop"),
        &json!({"data": {"z": "1", "a": "2"}, "binaryData": {"q": "AAAA", "b": "AAAA"}, "immutable": true}),
    );
    let expected = json!({"data_keys": ["a", "z"], "binary_keys": ["b", "q"], "immutable": true});
    assert_eq!(sent::<ConfigMap>(&map), without_annotations(expected));
    let minimal = json!({"uid": UID, "name": "web", "namespace": "shop", "immutable": false});
    assert_eq!(sent::<ConfigMap>(&bare(Some("shop"))), minimal);
}

#[test]
fn a_secret_is_its_type_and_sorted_keys() {
    let secret = object(
        Some("shop"),
        &json!({"type": "kubernetes.io/tls", "data": {"tls.key": "TUFSS0VS", "tls.crt": "TUFSS0VS"}, "immutable": false}),
    );
    let expected = json!({"type": "kubernetes.io/tls", "data_keys": ["tls.crt", "tls.key"], "immutable": false});
    assert_eq!(sent::<Secret>(&secret), without_annotations(expected));
    let minimal = json!({"uid": UID, "name": "web", "namespace": "shop", "immutable": false});
    assert_eq!(sent::<Secret>(&bare(Some("shop"))), minimal);
}

#[test]
fn a_creation_time_is_sent_in_utc_and_seconds() {
    for (source, expected) in [
        ("2026-01-15T10:30:00Z", json!("2026-01-15T10:30:00Z")),
        ("2026-01-15T10:30:00.999999Z", json!("2026-01-15T10:30:00Z")),
        ("2026-01-15T12:30:00+02:00", json!("2026-01-15T10:30:00Z")),
        ("2026-13-15T10:30:00Z", Value::Null),
        ("2026-01-15t10:30:00Z", json!("2026-01-15T10:30:00Z")),
        ("yesterday", Value::Null),
    ] {
        let mut namespace = bare(None);
        namespace["metadata"]["creationTimestamp"] = source.into();
        assert_eq!(sent::<Namespace>(&namespace)["k8s_created_at"], expected, "{source}");
    }
}

#[test]
fn a_field_that_must_be_there_is_there_even_when_empty() {
    assert_eq!(sent::<Secret>(&bare(None))["namespace"], "");
    assert_eq!(sent::<Namespace>(&bare(Some("stray"))).get("namespace"), None);
}
