// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Requests that break the protocol, and those that don't.

use obsyk_testkit::platform::{Endpoint, EventTypes};
use serde_json::{Value, json};

use crate::client::{CLUSTER, Stage, a_heartbeat, a_snapshot, agent_headers, an_event, an_object, request, send};

#[tokio::test]
async fn what_keeps_to_the_protocol_is_accepted_and_held() {
    let stage = Stage::told().await;
    for change in ["ADDED", "UPDATED"] {
        assert_eq!(stage.post(Endpoint::Events, &an_event(change, "a")).await.status, 200);
    }
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 200);
    stage.platform.look(|view| {
        assert_eq!(view.object("ConfigMap", "default", "a"), Some(an_object("a")));
        assert_eq!(view.object("ConfigMap", "other", "a"), None);
        assert_eq!(view.objects("ConfigMap"), 1);
        assert_eq!(
            (view.heartbeats(), view.counts().events, view.counts().snapshots),
            (1, 2, 1)
        );
        assert_eq!(view.clusters().collect::<Vec<_>>(), [CLUSTER]);
        assert_eq!(view.head(CLUSTER).unwrap()["cluster_name"], "test");
        assert_eq!(view.snapshots().next().unwrap().counts.len(), 13);
    });
    assert_eq!(
        stage.post(Endpoint::Events, &an_event("DELETED", "a")).await.status,
        200
    );
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn a_snapshot_replaces_the_kinds_that_it_lists_and_no_others() {
    let stage = Stage::told().await;
    for name in ["a", "b"] {
        stage.post(Endpoint::Events, &an_event("ADDED", name)).await;
    }
    let mut snapshot = json!({ "cluster_uid": CLUSTER, "cluster_name": "renamed", "pods": [] });
    stage.post(Endpoint::Snapshot, &snapshot).await;
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 2);
    snapshot["configmaps"] = json!([an_object("b"), an_object("c")]);
    stage.post(Endpoint::Snapshot, &snapshot).await;
    stage.platform.look(|view| {
        assert_eq!(view.objects("ConfigMap"), 2);
        assert_eq!(view.object("ConfigMap", "default", "a"), None);
        assert_eq!(view.snapshots().last().unwrap().absent.len(), 11);
        assert_eq!(view.head(CLUSTER).unwrap()["cluster_name"], "renamed");
    });
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn a_wrong_body_is_refused_and_reported() {
    let stage = Stage::told().await;
    let mut event = an_event("ADDED", "a");
    event["object"]["data"] = json!({ "password": "x" });
    let mut snapshot = a_snapshot();
    snapshot["pods"] = Value::Null;
    let cases = [
        (
            Endpoint::Events,
            event,
            "/api/v1/agent/events: object.data: no such field (ADDED ConfigMap a)",
        ),
        (Endpoint::Snapshot, snapshot, "/api/v1/agent/snapshot: pods: not a list"),
        (
            Endpoint::Heartbeat,
            json!({}),
            "/api/v1/agent/heartbeat: cluster_uid: missing",
        ),
    ];
    for (endpoint, body, violation) in cases {
        let reply = stage.post(endpoint, &body).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (400, r#"{"error":"invalid_request"}"#)
        );
        assert_eq!(stage.violations(), [violation]);
    }
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
}

#[tokio::test]
async fn a_body_that_isnt_json_or_names_a_field_twice_is_reported() {
    let stage = Stage::told().await;
    for (body, problem) in [
        ("", "EOF"),
        (
            "{\"cluster_uid\":\"c\",\"cluster_uid\":\"c\"}",
            "\"cluster_uid\" is named twice",
        ),
        ("{\"cluster_uid\":\"c\"} x", "trailing"),
    ] {
        let text = request("/api/v1/agent/heartbeat", &agent_headers(&stage.token), body);
        assert_eq!(send(stage.platform.url(), &text).await.unwrap().status, 400);
        let violations = stage.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{body}: {violations:?}"
        );
    }
}

#[tokio::test]
async fn the_head_of_a_request_is_checked() {
    let stage = Stage::told().await;
    let good = agent_headers(&stage.token);
    let body = a_heartbeat().to_string();
    let cases = [
        (
            good.replace("application/json", "text/json"),
            400,
            "Content-Type: \"text/json\"",
        ),
        (
            good.replace("application/json", "application/json; charset=utf-8"),
            400,
            "Content-Type",
        ),
        (
            good.replace("obsyk-operator/0.1.0", "obsyk-operator/"),
            400,
            "User-Agent",
        ),
        (
            good.replace("obsyk-operator/0.1.0", "reqwest/1"),
            400,
            "User-Agent: \"reqwest/1\"",
        ),
        (format!("{good}Content-Encoding: gzip\r\n"), 400, "Content-Encoding"),
        (good.replace("Bearer ", "Basic "), 401, "no Authorization"),
    ];
    for (headers, status, problem) in cases {
        let reply = send(
            stage.platform.url(),
            &request("/api/v1/agent/heartbeat", &headers, &body),
        )
        .await
        .unwrap();
        assert_eq!(reply.status, status, "{headers}");
        let violations = stage.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{headers}: {violations:?}"
        );
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_reported() {
    let stage = Stage::told().await;
    let headers = agent_headers(&stage.token);
    for path in [
        "/",
        "/api/v1/agent/event",
        "/api/v1/agent/events/",
        "/api/v1/agent/events?x=1",
        "//api/v1/agent/events",
    ] {
        let reply = send(stage.platform.url(), &request(path, &headers, "{}"))
            .await
            .unwrap();
        assert_eq!(reply.status, 404, "{path}");
        assert!(stage.violations()[0].contains("no such path"));
    }
    let text = request("/api/v1/agent/events", &headers, "{}").replacen("POST", "PUT", 1);
    assert_eq!(send(stage.platform.url(), &text).await.unwrap().status, 405);
    assert_eq!(stage.violations(), ["PUT /api/v1/agent/events: not POST"]);
}

#[tokio::test]
async fn one_spelling_of_event_types_is_taken() {
    let stage = Stage::told().await;
    let post = async |change| stage.post(Endpoint::Events, &an_event(change, "a")).await.status;
    assert_eq!(post("added").await, 200);
    assert_eq!(post("modified").await, 200);
    assert_eq!(post("UPDATED").await, 400);
    assert!(stage.violations()[0].contains("type: \"UPDATED\""));
    stage.platform.event_types(EventTypes::Upper);
    assert_eq!(post("UPDATED").await, 200);
    assert_eq!(post("modified").await, 400);
    stage.platform.event_types(EventTypes::Either);
    assert_eq!(post("modified").await, 200);
    assert_eq!(post("UPDATED").await, 200);
    stage.platform.event_types(EventTypes::Lower);
    assert_eq!(post("DELETED").await, 400);
}
