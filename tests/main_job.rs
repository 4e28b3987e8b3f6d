// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The main job, with the real operator, a real API server and a strict platform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::Duration;

use common::{AGENT, SOON, Stage, a_config_map, a_pod};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::operator;
use serde_json::{Value, json};

fn labels(name: &str) -> Value {
    json!({ "app": name })
}

fn template(name: &str) -> Value {
    json!({ "metadata": { "labels": labels(name) }, "spec": { "containers": [{ "name": "web", "image": "example.invalid/web:1" }] } })
}

/// An object of each kind that isn't there from the start.
fn one_of_each() -> Vec<Value> {
    let meta = |name: &str| json!({ "name": name, "namespace": "default", "annotations": { "note": "kept", "kubectl.kubernetes.io/last-applied-configuration": "{}" } });
    let selector = json!({ "matchLabels": labels("web") });
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop", "labels": { "team": "a" } } }),
        a_pod("alone"),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta("web"), "spec": { "selector": labels("web"), "ports": [{ "name": "web", "port": 80, "targetPort": "http" }, { "name": "m", "port": 90, "targetPort": 9090 }] } }),
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1", "labels": { "node-role.kubernetes.io/master": "", "topology.kubernetes.io/region": "eu-west-1" } } }),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("web"), "spec": { "selector": selector, "template": template("web") } }),
        json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("db"), "spec": { "serviceName": "db", "selector": selector, "template": template("web") } }),
        json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("log"), "spec": { "selector": selector, "template": template("web") } }),
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": meta("once"), "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "j", "image": "example.invalid/j:1" }] } } } }),
        json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta("nightly"), "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "j", "image": "example.invalid/j:1" }] } } } } } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta("web"), "spec": { "rules": [{ "host": "example.com", "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "number": 80 } } } }, { "path": "/n", "pathType": "Exact", "backend": { "service": { "name": "web", "port": { "name": "http" } } } }] } }], "tls": [{ "hosts": ["example.com"], "secretName": "tls" }] } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("deny"), "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [] } }),
        a_config_map("settings", "b.yaml"),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta("password"), "stringData": { "password": "MARKER-OF-A-VALUE" } }),
    ]
}

#[tokio::test]
async fn objects_of_every_kind_are_mirrored_from_the_snapshot_and_as_they_change() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    for object in one_of_each() {
        stage.create(object).await;
    }
    stage.equal().await;
    for mut object in one_of_each() {
        object["metadata"]["labels"]["changed"] = json!("yes");
        stage
            .patch(
                json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": object["metadata"] }),
            )
            .await;
    }
    stage.equal().await;
    for object in one_of_each() {
        if object["kind"] != "Namespace" {
            stage.delete(object).await;
        }
    }
    stage.equal().await;
    assert!(!operator.log().contains("MARKER-OF-A-VALUE"));
    let status = operator::agent_status(&stage.client, AGENT).await.unwrap();
    assert!(status["clusterUID"].is_string(), "{status}");
    assert!(status["resourceCounts"]["namespaces"].as_i64() >= Some(4), "{status}");
    assert!(status["lastSnapshotTime"].is_string(), "{status}");
}

#[tokio::test]
async fn an_api_server_without_streaming_lists_is_listed_in_pages() {
    let stage = Stage::on(ControlPlane::builder().feature_gate("WatchList", false)).await;
    for n in 0..45 {
        // More than two pages of ConfigMaps.
        stage.create(a_config_map(&format!("settings-{n:02}"), "a")).await;
    }
    let _operator = stage.synced().await;
    stage.create(a_pod("late")).await;
    stage.delete(a_config_map("settings-07", "a")).await;
    stage.equal().await;
}

#[tokio::test]
async fn what_went_away_while_the_operator_was_down_leaves_no_ghost() {
    let stage = Stage::new().await;
    stage.create(a_config_map("going", "a")).await;
    stage.create(a_pod("only-pod")).await;
    let mut operator = stage.synced().await;
    operator.signal("KILL").unwrap();
    operator.ended(SOON).await.unwrap();
    stage.delete(a_config_map("going", "a")).await;
    stage.delete(a_pod("only-pod")).await;
    stage.create(a_config_map("new", "a")).await;
    let _operator = stage.operate();
    stage.equal().await;
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_comes_back_loses_nothing() {
    let mut stage = Stage::new().await;
    stage.create(a_config_map("before", "a")).await;
    let operator = stage.synced().await;
    stage.control_plane.kill_api_server();
    stage
        .control_plane
        .start_api_server()
        .await
        .expect("the API server starts again");
    stage.create(a_config_map("after", "a")).await;
    stage.delete(a_config_map("before", "a")).await;
    stage.equal().await;
    let snapshots = operator.log().matches("snapshot accepted").count();
    assert_eq!(
        snapshots,
        1,
        "the watches resume; no snapshot is needed\n{}",
        operator.log()
    );
}

#[tokio::test]
async fn a_compacted_etcd_costs_a_new_list_and_the_deletes_of_what_went_missing() {
    let mut stage = Stage::on(ControlPlane::builder().api_server_arg("--watch-cache=false")).await;
    stage.create(a_config_map("going", "a")).await;
    let _operator = stage.synced().await;
    stage.control_plane.kill_api_server();
    stage
        .control_plane
        .start_api_server()
        .await
        .expect("the API server starts again");
    stage.delete(a_config_map("going", "a")).await;
    for n in 0..20 {
        stage.create(a_config_map(&format!("new-{n}"), "a")).await;
    }
    stage.control_plane.compact_etcd().await.expect("etcd compacts");
    stage.equal().await;
}

#[tokio::test]
async fn heartbeats_come_at_the_interval_of_the_resource() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    let beats = |count: usize| move |view: &obsyk_testkit::platform::View<'_>| view.heartbeats() >= count;
    stage
        .platform
        .wait(Duration::from_secs(40), "two heartbeats", beats(2))
        .await;
    stage.platform.assert_no_violations();
}
