// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The resource: what the API server refuses and with which sentence, and the life of its agent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{AGENT, CLIENT, SOON, Stage, a_config_map};
use obsyk_testkit::operator::{self, SECRET};
use obsyk_testkit::platform::{EventTypes, Platform, View};
use serde_json::{Value, json};

/// A spec with one field replaced.
fn with(field: &str, value: Value) -> Value {
    let mut spec = operator::agent_spec("https://platform.example.com");
    match field.split_once('.') {
        Some((outer, inner)) => spec[outer][inner] = value,
        None => spec[field] = value,
    }
    spec
}

#[tokio::test]
async fn the_api_server_refuses_a_bad_resource_with_a_sentence_that_helps() {
    let stage = Stage::new().await;
    let long = "x".repeat(254);
    let refused: [(&str, Value, &str); 17] = [
        (
            "platformURL",
            json!("platform.example.com"),
            "such as https://platform.example.com",
        ),
        (
            "platformURL",
            json!("ftp://platform.example.com"),
            "such as https://platform.example.com",
        ),
        ("platformURL", json!("https://"), "https://platform.example.com"),
        (
            "platformURL",
            json!("https://me:pw@platform.example.com"),
            "must not carry a user or password",
        ),
        (
            "platformURL",
            json!("https://platform.example.com?x=1"),
            "must not have a query",
        ),
        (
            "platformURL",
            json!("https://platform.example.com#x"),
            "must not have a query (?) or a fragment",
        ),
        ("platformURL", json!(""), "spec.platformURL"),
        ("clusterName", json!(""), "spec.clusterName"),
        ("clusterName", json!("  "), "clusterName must not be blank"),
        ("clusterName", json!(long), "253"),
        (
            "credentialsSecretRef.name",
            json!("My Secret"),
            "must be the name of a Secret",
        ),
        (
            "syncInterval",
            json!("soon"),
            "must be a duration such as 30s, 5m or 1h30m",
        ),
        ("syncInterval", json!("9s"), "at least 10s and at most 24h"),
        ("syncInterval", json!("24h1s"), "at least 10s and at most 24h"),
        ("rateLimit.eventsPerSecond", json!(0), "greater than or equal to 1"),
        ("rateLimit.burstSize", json!(1001), "less than or equal to 1000"),
        ("eventTypes", json!("Mixed"), "\"Upper\", \"Lower\""),
    ];
    for (field, value, sentence) in refused {
        let spec = with(field, value.clone());
        let error = operator::create_agent(&stage.client, "bad", &spec)
            .await
            .expect_err(&format!("{field} {value}"));
        assert!(error.to_string().contains(sentence), "{field} {value}: {error}");
    }
    for (field, value) in [
        ("syncInterval", json!("1h30m")),
        ("syncInterval", json!("24h")),
        ("eventTypes", json!("Lower")),
        ("platformURL", json!("https://p.example.com:8443/base/")),
    ] {
        operator::create_agent(&stage.client, "good", &with(field, value))
            .await
            .unwrap();
        operator::delete_agent(&stage.client, "good").await.unwrap();
    }
}

#[tokio::test]
async fn http_to_a_foreign_host_is_degraded_unless_it_is_allowed_and_nothing_is_sent() {
    let stage = Stage::new().await;
    let operator = stage.operate();
    operator::create_agent(
        &stage.client,
        AGENT,
        &operator::agent_spec("http://platform.example.com"),
    )
    .await
    .unwrap();
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "InsecurePlatform")
        .await
        .unwrap();
    assert!(message.contains("https"), "{message}");
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!((status, body.contains("idle")), (200, true), "{body}");
    operator::edit_agent(&stage.client, AGENT, &stage.spec()).await.unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    stage.equal().await;
}

#[tokio::test]
async fn a_platform_outside_the_list_of_allowed_ones_gets_nothing() {
    let stage = Stage::new().await;
    let options = operator::OperatorOptions {
        args: vec!["--allowed-platform=https://platform.example.com".into()],
        environment: vec![],
    };
    let _operator = stage.operate_with(&options);
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "True", "PlatformNotAllowed")
        .await
        .unwrap();
    assert_eq!(stage.platform.look(|view| view.requests().count()), 0);
}

#[tokio::test]
async fn an_edit_changes_what_was_edited_and_nothing_else() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    let snapshots = || stage.platform.look(|view| view.snapshots().count());

    stage.platform.event_types(EventTypes::Lower);
    operator::edit_agent(
        &stage.client,
        AGENT,
        &json!({ "rateLimit": { "eventsPerSecond": 100 } }),
    )
    .await
    .unwrap();
    operator::edit_agent(&stage.client, AGENT, &json!({ "eventTypes": "Lower" }))
        .await
        .unwrap();
    operator::edit_agent(&stage.client, AGENT, &json!({ "syncInterval": "20s" }))
        .await
        .unwrap();
    let generation = 4;
    observed(&stage, generation).await;
    stage.create(a_config_map("lower", "a")).await;
    let told = |view: &View<'_>| view.events().any(|event| event.name == "lower");
    stage.platform.wait(SOON, "an event spelled in lower case", told).await;
    assert_eq!(
        (snapshots(), stage.platform.look(|view| view.tokens())),
        (1, 1),
        "neither a snapshot nor a token\n{}",
        operator.log()
    );

    operator::edit_agent(&stage.client, AGENT, &json!({ "clusterName": "renamed" }))
        .await
        .unwrap();
    stage
        .platform
        .wait(SOON, "a snapshot under the new name", |view| {
            view.snapshots()
                .any(|snapshot| snapshot.head["cluster_name"] == "renamed")
        })
        .await;
    stage.equal().await;
}

#[tokio::test]
async fn a_new_platform_gets_a_snapshot_and_the_old_one_nothing_more() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    let other = Platform::builder()
        .client(CLIENT, stage.key.public_pem())
        .start()
        .await
        .unwrap();
    operator::edit_agent(&stage.client, AGENT, &json!({ "platformURL": other.url() }))
        .await
        .unwrap();
    other
        .wait(SOON, "a snapshot", |view| view.snapshots().count() == 1)
        .await;
    let before = stage.platform.look(|view| view.requests().count());
    stage.create(a_config_map("after", "a")).await;
    other.wait_until_equal(&stage.client, SOON).await;
    other.assert_no_violations();
    assert_eq!(stage.platform.look(|view| view.requests().count()), before);
}

#[tokio::test]
async fn a_deleted_resource_falls_silent_and_created_again_starts_anew() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    operator::delete_agent(&stage.client, AGENT).await.unwrap();
    operator.logged(&["agent stopped"]).await.unwrap();
    let before = stage.platform.look(|view| view.requests().count());
    stage.create(a_config_map("unseen", "a")).await;
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    stage
        .platform
        .wait(SOON, "a second snapshot", |view| view.snapshots().count() == 2)
        .await;
    stage.equal().await;
    let events = stage.platform.look(|view| {
        view.requests()
            .skip(before)
            .filter(|request| request.event().is_some())
            .count()
    });
    assert_eq!(events, 0, "the snapshot carries what happened meanwhile");
}

#[tokio::test]
async fn of_two_resources_for_one_platform_the_older_speaks_and_the_other_takes_over() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    operator::create_agent(&stage.client, "second", &stage.spec())
        .await
        .unwrap();
    let message = operator::condition(&stage.client, "second", "Degraded", "True", "DuplicatePlatform")
        .await
        .unwrap();
    assert!(message.contains(AGENT), "it names the one that speaks: {message}");
    assert_eq!(stage.platform.look(|view| view.snapshots().count()), 1);
    operator::delete_agent(&stage.client, AGENT).await.unwrap();
    operator::condition(&stage.client, "second", "Syncing", "True", "Streaming")
        .await
        .unwrap();
    stage.equal().await;
}

#[tokio::test]
async fn two_resources_for_two_platforms_live_side_by_side() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    let other = Platform::builder()
        .client("client-2", stage.key.public_pem())
        .start()
        .await
        .unwrap();
    operator::write_secret(
        &stage.client,
        "second",
        &[("client_id", "client-2"), ("private_key", stage.key.sec1_pem())],
    )
    .await
    .unwrap();
    let mut spec = operator::agent_spec(other.url());
    spec["credentialsSecretRef"]["name"] = json!("second");
    operator::create_agent(&stage.client, "second", &spec).await.unwrap();
    operator::condition(&stage.client, "second", "Syncing", "True", "Streaming")
        .await
        .unwrap();
    stage.create(a_config_map("both", "a")).await;
    stage.equal().await;
    other.wait_until_equal(&stage.client, SOON).await;
    other.assert_no_violations();
    // One whose Secret goes bad stops no other.
    operator::delete_secret(&stage.client, SECRET).await.unwrap();
    stage.create(a_config_map("still", "a")).await;
    other.wait_until_equal(&stage.client, SOON).await;
}

/// Waits until the status is of this generation.
async fn observed(stage: &Stage, generation: i64) {
    let guard = obsyk_testkit::controlplane::Guard::new("the edit is observed", SOON);
    loop {
        let status = operator::agent_status(&stage.client, AGENT).await.unwrap();
        if status["observedGeneration"] == generation {
            return;
        }
        guard.again(status.to_string()).await.unwrap();
    }
}
