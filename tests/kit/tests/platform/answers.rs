// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Answers as ordered.

use std::time::{Duration, Instant};

use obsyk_testkit::platform::{Answer, Endpoint, Outcome, Request, Trap, View};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{
    CLUSTER, SOON, Stage, a_heartbeat, a_snapshot, an_event, an_object, ask_for_token, assertion, claims, send,
    send_raw,
};

async fn statuses(stage: &Stage, endpoint: Endpoint, body: &Value, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(stage.post(endpoint, body).await.status);
    }
    statuses
}

#[tokio::test]
async fn a_status_is_given_as_often_as_ordered_and_changes_nothing() {
    let stage = Stage::told().await;
    stage
        .platform
        .answer(Endpoint::Events, Answer::status(503).retry_after("7").times(2));
    stage.platform.answer(Endpoint::Events, Answer::status(429));
    let first = stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    assert_eq!((first.status, first.header("retry-after")), (503, Some("7")));
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
    assert_eq!(
        statuses(&stage, Endpoint::Events, &an_event("ADDED", "a"), 3).await,
        [503, 429, 200]
    );
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 1);
    let seen: Vec<_> = stage
        .platform
        .look(|view| view.requests_to(Endpoint::Events).map(|r| r.status()).collect());
    assert_eq!(seen, [Some(503), Some(503), Some(429), Some(200)]);
}

#[tokio::test]
async fn a_standing_order_stands_until_it_is_cleared_and_counted_ones_come_first() {
    let stage = Stage::told().await;
    stage
        .platform
        .answer(Endpoint::Heartbeat, Answer::status(500).forever());
    stage.platform.answer(Endpoint::Heartbeat, Answer::status(404));
    assert_eq!(
        statuses(&stage, Endpoint::Heartbeat, &a_heartbeat(), 3).await,
        [404, 500, 500]
    );
    assert_eq!(
        stage.post(Endpoint::Events, &an_event("ADDED", "a")).await.status,
        200,
        "another endpoint"
    );
    stage
        .platform
        .answer(Endpoint::Heartbeat, Answer::status(502).forever());
    assert_eq!(
        statuses(&stage, Endpoint::Heartbeat, &a_heartbeat(), 2).await,
        [502, 502]
    );
    stage.platform.clear_answers();
    assert_eq!(statuses(&stage, Endpoint::Heartbeat, &a_heartbeat(), 1).await, [200]);
    assert_eq!(stage.platform.look(|view| view.heartbeats()), 1);
}

#[tokio::test]
async fn an_order_can_be_for_one_object_for_deletes_or_for_what_is_large() {
    let stage = Stage::told().await;
    let events = async |change, name| stage.post(Endpoint::Events, &an_event(change, name)).await.status;
    stage
        .platform
        .answer(Endpoint::Events, Answer::status(422).about("bad").forever());
    stage
        .platform
        .answer(Endpoint::Events, Answer::status(410).when_deleted().forever());
    assert_eq!(events("ADDED", "good").await, 200);
    assert_eq!(events("ADDED", "bad").await, 422);
    assert_eq!(events("DELETED", "good").await, 410);
    stage.platform.clear_answers();

    stage
        .platform
        .answer(Endpoint::Snapshot, Answer::status(400).about("bad").forever());
    let mut snapshot = a_snapshot();
    assert_eq!(stage.post(Endpoint::Snapshot, &snapshot).await.status, 200);
    snapshot["configmaps"] = json!([an_object("good"), an_object("bad")]);
    assert_eq!(stage.post(Endpoint::Snapshot, &snapshot).await.status, 400);
    stage.platform.clear_answers();

    stage
        .platform
        .answer(Endpoint::Snapshot, Answer::status(413).larger_than(300).forever());
    assert_eq!(stage.post(Endpoint::Snapshot, &snapshot).await.status, 413);
    let small = json!({ "cluster_uid": CLUSTER, "cluster_name": "test", "configmaps": [] });
    assert_eq!(stage.post(Endpoint::Snapshot, &small).await.status, 200);
}

#[tokio::test]
async fn a_request_that_breaks_the_protocol_uses_no_order_up() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Heartbeat, Answer::status(503));
    assert_eq!(stage.post(Endpoint::Heartbeat, &json!({})).await.status, 400);
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 503);
}

#[tokio::test]
async fn any_body_can_be_given() {
    let stage = Stage::told().await;
    stage.platform.answer(
        Endpoint::Token,
        Answer::status(200).body("text/html", "<html>busy</html>"),
    );
    stage.platform.answer(
        Endpoint::Token,
        Answer::status(200).body("application/json", r#"{"expires_in":0}"#),
    );
    stage.platform.answer(Endpoint::Token, Answer::status(200));
    let ask = async || {
        let reply = ask_for_token(&stage.platform, &assertion(&stage.key, &claims(stage.platform.url()))).await;
        (reply.status, reply.body)
    };
    assert_eq!(ask().await, (200, "<html>busy</html>".to_owned()));
    assert_eq!(ask().await, (200, r#"{"expires_in":0}"#.to_owned()));
    assert_eq!(ask().await, (200, String::new()));
    assert_eq!(stage.platform.look(|view| view.tokens()), 1, "none of these is a token");
}

#[tokio::test]
async fn a_delay_delays_the_answer_and_not_what_was_asked_for() {
    let stage = Stage::told().await;
    let delay = Duration::from_millis(300);
    stage.platform.answer(Endpoint::Events, Answer::delay(delay));
    let since = Instant::now();
    let event = an_event("ADDED", "a");
    let is_held = |view: &View<'_>| {
        let under_way = |request: &Request| request.outcome == Outcome::UnderWay;
        view.objects("ConfigMap") == 1 && view.requests_to(Endpoint::Events).all(under_way)
    };
    let (reply, ()) = tokio::join!(
        stage.post(Endpoint::Events, &event),
        stage.platform.wait(SOON, "it is held and not answered", is_held)
    );
    assert!(since.elapsed() >= delay);
    assert_eq!(reply.status, 200);
    stage.platform.look(|view| {
        let request = view.requests_to(Endpoint::Events).next().unwrap();
        assert!(request.ended.unwrap() - request.arrived >= delay);
    });
}

#[tokio::test]
async fn a_hanging_request_is_never_answered_and_ends_with_its_connection() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Events, Answer::hang());
    let event = an_event("ADDED", "a");
    timeout(Duration::from_millis(80), stage.post(Endpoint::Events, &event))
        .await
        .unwrap_err();
    let abandoned = |view: &View<'_>| {
        view.requests_to(Endpoint::Events)
            .all(|request| request.outcome == Outcome::Abandoned)
    };
    stage.platform.wait(SOON, "it is abandoned", abandoned).await;
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
}

#[tokio::test]
async fn a_reset_is_a_reset_before_and_after_the_body() {
    let stage = Stage::told().await;
    for (answer, has_body) in [(Answer::reset_before_body(), false), (Answer::reset_after_body(), true)] {
        stage.platform.answer(Endpoint::Events, answer);
        let error = stage
            .try_post(Endpoint::Events, &an_event("ADDED", "a"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        stage.platform.look(|view| {
            let request = view.requests_to(Endpoint::Events).last().unwrap();
            assert_eq!(request.outcome, Outcome::BrokenOff);
            assert_eq!(request.bytes > 0, has_body);
            assert_eq!(view.objects("ConfigMap"), 0);
        });
    }
    assert_eq!(stage.post(Endpoint::Events, &an_event("ADDED", "a")).await.status, 200);
}

#[tokio::test]
async fn half_an_answer_is_half_an_answer() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Token, Answer::half());
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
        assertion(&stage.key, &claims(stage.platform.url()))
    );
    let text = crate::client::token_request(&form);
    let answer = send_raw(stage.platform.url(), &text).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    assert_eq!(promised.unwrap().parse::<usize>().unwrap() / 2, body.len());
    assert!(body.starts_with(r#"{"access_token":"#), "{body}");
    assert_eq!(stage.platform.look(|view| view.tokens()), 1);
    stage.platform.answer(Endpoint::Events, Answer::half());
    stage
        .try_post(Endpoint::Events, &an_event("ADDED", "a"))
        .await
        .unwrap_err();
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
}

#[tokio::test]
async fn what_was_asked_for_can_happen_whatever_is_answered() {
    let stage = Stage::told().await;
    for (n, answer) in [Answer::status(500), Answer::reset_after_body(), Answer::half()]
        .into_iter()
        .enumerate()
    {
        stage.platform.answer(Endpoint::Events, Answer::apply_then(answer));
        let _ = stage
            .try_post(Endpoint::Events, &an_event("ADDED", &n.to_string()))
            .await;
        assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), n + 1);
    }
    stage
        .platform
        .answer(Endpoint::Events, Answer::apply_then(Answer::hang()));
    let event = an_event("ADDED", "late");
    timeout(Duration::from_millis(80), stage.post(Endpoint::Events, &event))
        .await
        .unwrap_err();
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 4);
    assert_eq!(
        stage.platform.look(|view| view.events().count()),
        0,
        "none of them was accepted with a 2xx"
    );
}

#[tokio::test]
async fn a_redirect_names_the_trap_and_the_trap_counts() {
    let stage = Stage::told().await;
    let trap = Trap::start().await.unwrap();
    stage.platform.answer(Endpoint::Events, Answer::redirect(trap.url()));
    let reply = stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    assert_eq!((reply.status, reply.header("location")), (307, Some(trap.url())));
    assert_eq!(trap.hits(), 0);
    assert_eq!(send(trap.url(), "GET / HTTP/1.1\r\n\r\n").await.unwrap().status, 200);
    assert_eq!(trap.hits(), 1);
}

#[tokio::test]
async fn an_endless_answer_is_counted_as_far_as_it_was_taken() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Heartbeat, Answer::huge(300_000));
    let reply = stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    // Chunked, so the lengths of the chunks are in it as well.
    assert_eq!(reply.body.matches(' ').count(), 300_000);
    assert_eq!(stage.platform.look(|view| view.streamed()), 300_000);
}

#[tokio::test]
async fn an_answer_can_trickle() {
    let stage = Stage::told().await;
    stage
        .platform
        .answer(Endpoint::Heartbeat, Answer::trickle("abcd", Duration::from_millis(30)));
    let since = Instant::now();
    let reply = stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    assert!(since.elapsed() >= Duration::from_millis(90));
    assert_eq!(reply.body.matches(char::is_alphabetic).collect::<String>(), "abcd");
}
