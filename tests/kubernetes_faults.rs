// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the cluster may do to the operator: rights that are missing, objects that don't decode, an API server that goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{AGENT, SERVICE_ACCOUNT, SOON, Stage, a_config_map, a_pod, rbac};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::operator::{self, Operator, OperatorOptions};
use serde_json::{Value, json};

/// Starts the operator with the rights of the generated manifests, and no others.
async fn operate_with_rights(stage: &Stage, cluster_role: &Value) -> Operator {
    stage.create(cluster_role.clone()).await;
    for name in ["clusterrolebinding", "role", "rolebinding"] {
        stage.create(rbac(name)).await;
    }
    let kubeconfig = stage.control_plane.user_kubeconfig(SERVICE_ACCOUNT, &[]).unwrap();
    let options = OperatorOptions::default();
    Operator::start(stage.control_plane.keeper(), common::binary(), &kubeconfig, &options).unwrap()
}

#[tokio::test]
async fn the_generated_rights_are_enough() {
    let stage = Stage::new().await;
    let operator = operate_with_rights(&stage, &rbac("clusterrole")).await;
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    stage.create(a_pod("web")).await;
    stage.equal().await;
    assert!(!operator.log().contains("may not"), "{}", operator.log());
}

#[tokio::test]
async fn a_kind_that_is_forbidden_is_left_out_and_named_and_heals_by_itself() {
    let mut stage = Stage::new().await;
    stage.create(a_config_map("before", "a")).await;
    let whole = rbac("clusterrole");
    let mut without = whole.clone();
    without["rules"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|resource| resource != "configmaps");
    let _operator = operate_with_rights(&stage, &without).await;
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "KindUnreadable")
        .await
        .unwrap();
    assert!(
        message.contains("ConfigMap") && message.contains("list and watch"),
        "{message}"
    );
    // The status may be written before the other kinds are listed.
    stage
        .platform
        .wait(SOON, "a snapshot", |view| view.snapshots().next().is_some())
        .await;
    let absent = stage
        .platform
        .look(|view| view.snapshots().next().map(|snapshot| snapshot.absent.clone()));
    assert_eq!(
        absent.unwrap_or_default(),
        ["configmaps"],
        "left out, which means unknown; an empty list would be a lie"
    );
    // The rest goes on.
    stage.create(a_pod("web")).await;
    stage
        .platform
        .wait(SOON, "the pod", |view| view.object("Pod", "default", "web").is_some())
        .await;

    stage.patch(whole.clone()).await;
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    stage.equal().await;

    // Taken away again: what the platform has of it stays.
    stage.patch(without).await;
    // A watch that is open isn't asked again what it may see: it has to be opened anew.
    stage.control_plane.kill_api_server();
    stage.control_plane.start_api_server().await.unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "True", "KindUnreadable")
        .await
        .unwrap();
    let held = stage
        .platform
        .look(|view| view.object("ConfigMap", "default", "before"));
    assert!(held.is_some(), "an object that can't be read is not reported gone");
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn an_object_that_does_not_decode_is_set_aside_and_the_rest_goes_on() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    // The API server checks types when an object is written, so what is wrong is written past it.
    stage.create(a_config_map("strange", "a")).await;
    stage.equal().await;
    let strange = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "huge", "namespace": "default", "annotations": annotations(2_000) },
        "spec": { "containers": [{ "name": "web", "image": "example.invalid/web:1" }] },
    });
    stage.create(strange).await;
    stage
        .create(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "large", "namespace": "default" },
            "data": { "big": "\u{1}\u{2}\u{7f}é".repeat(100_000) }, "binaryData": { "b": "AAEC" },
        }))
        .await;
    stage.equal().await;
}

fn annotations(count: usize) -> Value {
    (0..count)
        .map(|n| (format!("example.com/note-{n}"), json!("\u{1}\"\\é")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn a_namespace_that_goes_away_takes_everything_in_it_along() {
    let stage = Stage::on(ControlPlane::builder().controllers()).await;
    stage
        .create(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }))
        .await;
    for n in 0..10 {
        let mut object = a_config_map(&format!("settings-{n}"), "a");
        object["metadata"]["namespace"] = json!("shop");
        stage.create(object).await;
    }
    let _operator = stage.synced().await;
    stage
        .delete(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }))
        .await;
    stage
        .platform
        .wait(2 * SOON, "the namespace's end", |view| {
            view.object("Namespace", "", "shop").is_none()
        })
        .await;
    stage.equal().await;
}

#[tokio::test]
async fn an_api_server_that_is_not_there_at_the_start_is_waited_for_and_the_log_says_what_to_do() {
    let mut stage = Stage::new().await;
    stage.control_plane.kill_api_server();
    let operator = stage.operate();
    operator
        .logged(&["the API server can't be reached", "kubeconfig"])
        .await
        .unwrap();
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!(status, 503, "{body}");
    let (status, _) = operator.get("/healthz").await.unwrap();
    assert_eq!(status, 200, "liveness never depends on the API server");
    stage.control_plane.start_api_server().await.unwrap();
    stage.streams(&operator, &stage.spec()).await;
}
