// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What must not follow, and what must not happen at the same time.

use obsyk_testkit::platform::{Answer, Endpoint, Platform, View};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{CLUSTER, SOON, Stage, a_heartbeat, a_snapshot, an_event, an_object};

/// A connection that has sent this much of a request, and is not closed.
async fn begin(stage: &Stage, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(stage.platform.url().trim_start_matches("http://"))
        .await
        .unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

/// Starts a request that hangs, and waits until the platform has it.
async fn hang(stage: &Stage, endpoint: Endpoint, body: &Value) -> TcpStream {
    let before = stage.platform.look(|view| view.requests_to(endpoint).count());
    stage.platform.answer(endpoint, Answer::hang());
    let socket = begin(stage, &stage.request(endpoint, body)).await;
    let has_it = |view: &View<'_>| {
        view.requests_to(endpoint)
            .nth(before)
            .is_some_and(|request| request.bytes > 0)
    };
    stage.platform.wait(SOON, "the request is there", has_it).await;
    socket
}

#[tokio::test]
async fn an_event_before_any_snapshot_is_a_violation() {
    let stage = Stage::new().await;
    assert_eq!(stage.post(Endpoint::Events, &an_event("ADDED", "a")).await.status, 400);
    let violations = stage.violations();
    assert_eq!(violations.len(), 1);
    assert!(
        violations[0].contains(&format!("no snapshot of {CLUSTER:?} was accepted")),
        "{violations:?}"
    );
}

#[tokio::test]
async fn on_a_way_that_loses_answers_a_delete_may_come_again_and_nothing_else() {
    let stage = Stage::with(Platform::builder().lossy_way()).await;
    stage.post(Endpoint::Snapshot, &a_snapshot()).await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    for _ in 0..2 {
        assert_eq!(
            stage.post(Endpoint::Events, &an_event("DELETED", "a")).await.status,
            200
        );
    }
    assert_eq!(
        stage.post(Endpoint::Events, &an_event("UPDATED", "a")).await.status,
        400
    );
}

#[tokio::test]
async fn an_event_after_the_accepted_delete_is_a_violation() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("DELETED", "a")).await;
    for change in ["UPDATED", "DELETED"] {
        assert_eq!(stage.post(Endpoint::Events, &an_event(change, "a")).await.status, 400);
        assert!(stage.violations()[0].contains("after the accepted delete"));
    }
}

#[tokio::test]
async fn an_event_after_a_delete_that_was_not_accepted_is_none() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage
        .platform
        .answer(Endpoint::Events, Answer::apply_then(Answer::reset_after_body()));
    stage
        .try_post(Endpoint::Events, &an_event("DELETED", "a"))
        .await
        .unwrap_err();
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
    assert_eq!(
        stage.post(Endpoint::Events, &an_event("DELETED", "a")).await.status,
        200
    );
    assert_eq!(stage.platform.look(|view| view.counts().unknown_deletes), 1);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn an_object_that_a_later_snapshot_has_again_may_change_again() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("DELETED", "a")).await;
    let mut snapshot = a_snapshot();
    snapshot["configmaps"] = json!([an_object("a")]);
    stage.post(Endpoint::Snapshot, &snapshot).await;
    assert_eq!(
        stage.post(Endpoint::Events, &an_event("UPDATED", "a")).await.status,
        200
    );
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn what_a_lost_answer_explains_is_counted_and_no_violation() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("UPDATED", "b")).await;
    stage.post(Endpoint::Events, &an_event("DELETED", "c")).await;
    stage.platform.look(|view| {
        let counts = view.counts();
        assert_eq!(
            (view.redundant(), counts.unknown_updates, counts.unknown_deletes),
            (1, 1, 1)
        );
        assert_eq!(view.objects("ConfigMap"), 2);
    });
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn two_requests_at_once_for_one_object_are_a_violation() {
    let stage = Stage::told().await;
    let _first = hang(&stage, Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("ADDED", "b")).await;
    assert!(stage.platform.look(|view| view.violations().is_empty()));
    stage.post(Endpoint::Events, &an_event("UPDATED", "a")).await;
    let violations = stage.platform.look(|view| view.violations());
    assert_eq!(violations.len(), 1);
    assert!(
        violations[0]
            .to_string()
            .contains("two requests under way for one object"),
        "{violations:?}"
    );
}

#[tokio::test]
async fn a_request_after_one_that_was_given_up_is_no_violation() {
    let stage = Stage::told().await;
    let first = hang(&stage, Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Events, &an_event("UPDATED", "a")).await;
    // The news that the first one was given up comes late.
    assert_eq!(stage.platform.look(|view| view.violations().len()), 1);
    drop(first);
    let is_clean = |view: &View<'_>| view.violations().is_empty();
    stage.platform.wait(SOON, "the suspicion is gone", is_clean).await;
}

#[tokio::test]
async fn an_event_during_a_snapshot_is_a_violation() {
    let stage = Stage::told().await;
    let snapshot = stage.request(Endpoint::Snapshot, &a_snapshot());
    let (first, rest) = snapshot.split_at(snapshot.len() - 10);
    let mut socket = begin(&stage, first).await;
    let begun = |view: &View<'_>| view.requests_to(Endpoint::Snapshot).count() == 2;
    stage.platform.wait(SOON, "the snapshot begins", begun).await;
    stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    assert!(
        stage.platform.look(|view| view.violations().is_empty()),
        "heartbeats keep their time"
    );
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    socket.write_all(rest.as_bytes()).await.unwrap();
    let accepted = |view: &View<'_>| view.counts().snapshots == 2;
    stage.platform.wait(SOON, "the snapshot is accepted", accepted).await;
    let is_recorded = |view: &View<'_>| {
        view.violations()
            .iter()
            .any(|v| v.what == "an event arrives while a snapshot is under way")
    };
    stage
        .platform
        .wait(SOON, "the violation is recorded", is_recorded)
        .await;
}

#[tokio::test]
async fn a_snapshot_during_an_event_is_a_violation() {
    let stage = Stage::told().await;
    let _event = hang(&stage, Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.post(Endpoint::Snapshot, &a_snapshot()).await;
    let violations = stage.platform.look(|view| view.violations());
    assert_eq!(violations[0].what, "a snapshot begins while an event is under way");
}

#[tokio::test]
async fn sixty_four_events_may_be_under_way_and_no_more() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Events, Answer::hang().forever());
    let mut requests = JoinSet::new();
    let under_way = |count: usize| move |view: &View<'_>| view.requests_to(Endpoint::Events).count() == count;
    for n in 0..65 {
        let text = stage.request(Endpoint::Events, &an_event("ADDED", &format!("object-{n}")));
        requests.spawn(begin_at(stage.platform.url().to_owned(), text));
        stage.platform.wait(SOON, "it is under way", under_way(n + 1)).await;
        let violations = stage.platform.look(|view| view.violations().len());
        assert_eq!(violations, usize::from(n == 64), "{} under way", n + 1);
    }
}

async fn begin_at(url: String, text: String) {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    std::future::pending::<()>().await;
}
