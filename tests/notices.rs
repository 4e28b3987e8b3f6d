// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What happens to an agent is told on its resource as Kubernetes Events, and an operator that may not tell works all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::events::{count, events, reasons, told};
use common::{AGENT, CLIENT, SERVICE_ACCOUNT, SOON, Stage, a_config_map, rbac};
use k8s_openapi::api::core::v1::Event;
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, Operator, OperatorOptions, SECRET};
use obsyk_testkit::platform::KeyPair;
use serde_json::Value;

async fn write_key(stage: &Stage, pem: &str) {
    operator::write_secret(&stage.client, SECRET, &[("client_id", CLIENT), ("private_key", pem)])
        .await
        .unwrap();
}

/// Starts the operator with these rights and an agent, and waits until the platform holds what the cluster holds.
async fn synced_with(stage: &Stage, cluster_role: Value, role: Value, arguments: &[&str]) -> Operator {
    for object in [cluster_role, role, rbac("clusterrolebinding"), rbac("rolebinding")] {
        stage.create(object).await;
    }
    let kubeconfig = stage.control_plane.user_kubeconfig(SERVICE_ACCOUNT, &[]).unwrap();
    let options = OperatorOptions {
        args: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        ..OperatorOptions::default()
    };
    let keeper = stage.control_plane.keeper();
    let operator = Operator::start(keeper, common::binary(), &kubeconfig, &options).unwrap();
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
    operator
}

#[tokio::test]
async fn what_happens_shows_on_the_resource_once_and_what_happens_again_is_counted() {
    let stage = Stage::new().await;
    let mut operator = stage.synced().await;
    let sent = told(&stage, "SnapshotSent", 1).await;
    let message = sent.message.unwrap();
    assert!(message.contains("because the agent starts"), "{message}");
    let connected = told(&stage, "Connected", 1).await;
    assert_eq!(connected.type_.as_deref(), Some("Normal"));
    assert_eq!(connected.reporting_component.as_deref(), Some("obsyk-operator"));
    assert!(
        connected
            .reporting_instance
            .is_some_and(|instance| !instance.is_empty())
    );
    let on = connected.involved_object;
    assert_eq!(on.api_version.as_deref(), Some("obsyk.io/v1"));
    assert!(on.uid.is_some(), "kubectl describe selects by it");

    for times in 1..=2 {
        write_key(&stage, "hello").await;
        let invalid = told(&stage, "CredentialsInvalid", times).await;
        assert_eq!(invalid.type_.as_deref(), Some("Warning"));
        let message = invalid.message.unwrap();
        assert!(message.contains("private_key isn't PEM"), "{message}");
        write_key(&stage, stage.key.pkcs8_pem()).await;
        told(&stage, "CredentialsValid", times).await;
    }
    let key = KeyPair::generate();
    stage.platform.register(CLIENT, key.public_pem());
    write_key(&stage, key.sec1_pem()).await;
    told(&stage, "CredentialsRotated", 1).await;
    let reasons_before = reasons(&stage).await;
    let invalid = |reasons: &[String]| reasons.iter().filter(|reason| *reason == "CredentialsInvalid").count();
    assert_eq!(
        invalid(&reasons_before),
        1,
        "one Event with a count: {reasons_before:?}"
    );

    operator.signal("KILL").unwrap();
    operator.ended(SOON).await.unwrap();
    let _operator = stage.operate();
    let is_second = |view: &obsyk_testkit::platform::View<'_>| view.snapshots().count() == 2;
    stage.platform.wait(SOON, "a second snapshot", is_second).await;
    stage.create(a_config_map("after", "a")).await;
    stage.equal().await;
    // What would be told again is told before the snapshot.
    let sent = |events: &[Event]| {
        let sent = events
            .iter()
            .filter(|event| event.reason.as_deref() == Some("SnapshotSent"));
        sent.map(count).sum::<i32>()
    };
    let guard = Guard::new("the second snapshot is told", SOON);
    let mut all = events(&stage).await;
    while sent(&all) < 2 {
        guard.again(format!("{all:?}")).await.unwrap();
        all = events(&stage).await;
    }
    let again = all.iter().filter(|event| event.reason.as_deref() == Some("Connected"));
    assert_eq!(again.map(count).sum::<i32>(), 1, "the status shows it already");
    for event in &all {
        let text = event.message.as_deref().unwrap_or_default();
        assert!(!text.is_empty() && text.len() <= 1024, "{text}");
    }
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_told_and_so_is_its_return() {
    let stage = Stage::new().await;
    let mut without = rbac("clusterrole");
    without["rules"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|resource| resource != "nodes");
    let _operator = synced_with(&stage, without, rbac("role"), &[]).await;
    let forbidden = told(&stage, "KindForbidden", 1).await;
    let message = forbidden.message.unwrap();
    assert!(
        message.contains("grant list and watch on nodes (group core)"),
        "{message}"
    );
    stage.patch(rbac("clusterrole")).await;
    told(&stage, "KindReadable", 1).await;
    stage.equal().await;
}

#[tokio::test]
async fn an_operator_that_may_not_record_events_works_as_before() {
    let stage = Stage::new().await;
    let mut role = rbac("role");
    role["rules"]
        .as_array_mut()
        .unwrap()
        .retain(|rule| rule["resources"][0] != "events");
    let operator = synced_with(
        &stage,
        rbac("clusterrole"),
        role,
        &["--log-level=info,obsyk_operator=debug"],
    )
    .await;
    stage.create(a_config_map("settings", "a")).await;
    stage.equal().await;
    operator
        .logged(&["a Kubernetes Event can't be recorded", "403"])
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    assert_eq!(reasons(&stage).await, [] as [&str; 0]);
    let log = operator.log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}
