// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `check`, the cluster's side: all is well with the rights of the generated manifests, and what is missing has its line and a
//! hint.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::checked::{AGENTS, Checked, assert_fails, holds, line};
use common::{AGENT, Stage, rbac, run, stdout};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, NAMESPACE};
use obsyk_testkit::platform::Endpoint;
use serde_json::json;

#[tokio::test]
async fn all_is_well_with_the_rights_of_the_manifests() {
    let checked = Checked::new().await;
    let (code, text) = checked.check().await;
    assert_eq!(code, 0, "{text}");
    assert!(text.ends_with("\nall is well\n"), "{text}");
    for begins in [
        "ok    certificate authorities: the system's, and 1 of /",
        "ok    API server: version v1.",
        "ok    cluster's identity: uid ",
        "ok    permission on pods: list and watch",
        "ok    permission on networkpolicies: list and watch",
        "ok    permission on obsykagents in namespace obsyk-system: list and watch",
        "ok    permission on obsykagents/status in namespace obsyk-system: patch",
        "ok    permission on events in namespace obsyk-system: create and patch",
        "ok    ObsykAgent resources: 1 in namespace obsyk-system",
        "ok    obsyk-system/demo: spec: cluster \"test\", platform https://localhost:",
        "ok    obsyk-system/demo: Secret obsyk-credentials: client_id, and private_key on P-256",
        "ok    obsyk-system/demo: proxy: none",
        "ok    obsyk-system/demo: DNS: localhost is ",
        "ok    obsyk-system/demo: TLS: version 1.3, the certificate is issued by \"CN=obsyk-platform-ca\" and good until ",
        "ok    obsyk-system/demo: clock: as the platform's",
        "ok    obsyk-system/demo: token: issued, for 3600 s",
    ] {
        line(&text, begins);
    }
    assert_eq!(
        text.matches("permission on ").count(),
        16,
        "a line for each kind:\n{text}"
    );
    assert!(!text.contains(checked.stage.key.piece()), "{text}");
    let requests: Vec<Endpoint> = checked
        .platform
        .look(|view| view.requests().map(|request| request.endpoint).collect());
    assert_eq!(
        requests,
        [Endpoint::Token],
        "of the platform a token is wanted and nothing else"
    );
    checked.platform.assert_no_violations();
    let status = operator::agent_status(&checked.stage.client, AGENT).await.unwrap();
    assert_eq!(status, json!({}), "nothing is changed");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_with_what_to_grant() {
    let checked = Checked::new().await;
    let stage = &checked.stage;
    let mut less = rbac("clusterrole");
    less["rules"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|resource| resource != "nodes");
    less["rules"][1]["verbs"] = json!(["list"]);
    stage.patch(less).await;
    holds(stage, false, "list", ("", "nodes"), None).await;
    let text = checked
        .fails(&[
            (
                "permission on nodes: list and watch is forbidden",
                "grant list and watch on nodes of the core group",
            ),
            (
                "permission on deployments: watch is forbidden",
                "of apps in the whole cluster",
            ),
            ("permission on statefulsets: watch is forbidden", "--kinds"),
            ("permission on daemonsets: watch is forbidden", "manifests/rbac"),
        ])
        .await;
    assert!(
        text.contains("token: issued"),
        "the rest is looked at all the same:\n{text}"
    );
    let (code, text) = checked.check_with(&["--kinds=pods,services"], &[]).await;
    assert_eq!(code, 1, "the CA isn't given here");
    assert!(
        !text.contains("permission on nodes") && text.contains("permission on services"),
        "{text}"
    );

    stage.patch(rbac("clusterrole")).await;
    holds(stage, true, "list", ("", "nodes"), None).await;
    let mut without = rbac("role");
    without["rules"]
        .as_array_mut()
        .unwrap()
        .retain(|rule| rule["resources"][0] == "secrets");
    stage.patch(without).await;
    holds(stage, false, "list", AGENTS, Some(NAMESPACE)).await;
    let text = checked
        .fails(&[
            (
                "permission on obsykagents in namespace obsyk-system",
                "grant list and watch on obsykagents.obsyk.io",
            ),
            (
                "permission on obsykagents/status in namespace obsyk-system",
                "grant patch on obsykagents/status",
            ),
            (
                "ObsykAgent resources: the API server answered 403",
                "grant list and watch",
            ),
        ])
        .await;
    line(&text, "skip  credentials and platforms");
    let (_, hint) = line(
        &text,
        "warn  permission on events in namespace obsyk-system: create and patch is forbidden",
    );
    assert!(
        hint.contains("grant create and patch on events in group events.k8s.io"),
        "{hint}"
    );
}

#[tokio::test]
async fn without_an_api_server_or_a_definition_it_says_so_and_what_was_not_looked_at() {
    let mut stage = Stage::new().await;
    let kubeconfig = format!("--kubeconfig={}", stage.control_plane.kubeconfig_path().display());
    stage
        .delete(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "obsykagents.obsyk.io" },
        }))
        .await;
    let guard = Guard::new("the definition is gone", common::SOON);
    while operator::has_definition(&stage.client).await.unwrap() {
        guard.again("it is there").await.unwrap();
    }
    let output = run(&["check", &kubeconfig], &[]).await;
    let text = stdout(&output);
    let missing = (
        "ObsykAgent resources: the API server answered 404",
        "obsyk-operator crd apply",
    );
    assert_fails((output.status.code().unwrap(), &text), &[missing]);

    stage.control_plane.kill_api_server();
    let output = run(&["check", &kubeconfig], &[]).await;
    let text = stdout(&output);
    let gone = ("API server: the API server can't be reached: ", "kubectl version");
    assert_fails((output.status.code().unwrap(), &text), &[gone]);
    line(
        &text,
        "skip  permissions, resources, credentials and platforms: the API server can't be asked",
    );

    let output = run(&["check", "--kubeconfig=/nowhere/config"], &[]).await;
    let text = stdout(&output);
    let nowhere = ("API server: there is no way to it", "/nowhere/config");
    assert_fails((output.status.code().unwrap(), &text), &[nowhere]);
}
