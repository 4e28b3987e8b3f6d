// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform may do to the operator, with real sockets: when it is over, the platform holds what the cluster holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::{AGENT, SOON, Stage, a_config_map, a_pod};
use obsyk_testkit::operator::{self, OperatorOptions};
use obsyk_testkit::platform::{Answer, Change, Endpoint, Outcome, View};
use serde_json::json;

/// A snapshot of which nothing passes any more is given up after 30 s.
const GIVEN_UP: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_platform_that_is_down_at_the_start_is_waited_for() {
    let stage = Stage::new().await;
    stage.platform.down().await.unwrap();
    let operator = stage.operate();
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "PlatformUnavailable")
        .await
        .unwrap();
    assert!(message.contains(stage.platform.url()), "{message}");
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert!(status == 200 && body.contains("PlatformUnavailable"), "{status} {body}");
    let (status, _) = operator.get("/healthz").await.unwrap();
    assert_eq!(status, 200, "liveness never depends on the platform");
    stage.platform.up().await.unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    stage.equal().await;
}

#[tokio::test]
async fn an_answer_of_the_token_endpoint_that_is_no_token_is_named_and_tried_again() {
    let stage = Stage::new().await;
    let html = || Answer::status(200).body("text/html", "<html>MARKER-OF-AN-ANSWER</html>");
    let json = |text: &'static str| Answer::status(200).body("application/json", text);
    let bad = [
        html(),
        Answer::status(200),
        json(r#"{"access_token":"MARKER-OF-AN-ANSWER","token_type":"Bearer","expires_in":0}"#),
        Answer::huge(1 << 30),
        Answer::status(503).body("text/plain", "MARKER-OF-AN-ANSWER"),
    ];
    stage.platform.answer(Endpoint::Token, html().forever());
    let operator = stage.operate_with(&OperatorOptions {
        args: vec!["--log-level=trace".into()],
        environment: vec![],
    });
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "NotAPlatform")
        .await
        .unwrap();
    assert!(message.contains("/oauth/token"), "{message}");
    stage.platform.clear_answers();
    for answer in bad {
        stage.platform.answer(Endpoint::Token, answer);
    }
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    stage.equal().await;
    assert!(
        stage.platform.look(|view| view.streamed()) < 64 << 20,
        "an answer without end is not read to its end"
    );
    let status = operator::agent_status(&stage.client, AGENT).await.unwrap();
    for place in [operator.log(), status.to_string(), message] {
        assert!(
            !place.contains("MARKER-OF-AN-ANSWER"),
            "what the platform answers goes nowhere: {place}"
        );
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_event_arrives() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    // A token younger than ten seconds that is refused counts as refused twice.
    stage.old_token().await;
    stage.platform.revoke_tokens();
    stage.create(a_config_map("after", "a")).await;
    stage.equal().await;
    let (tokens, snapshots) = stage.platform.look(|view| (view.tokens(), view.snapshots().count()));
    assert_eq!((tokens, snapshots), (2, 1), "one new token, and no snapshot");
}

#[tokio::test]
async fn credentials_that_are_refused_pause_everything_and_a_snapshot_follows_when_they_are_taken_again() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    stage.platform.answer(Endpoint::Events, Answer::status(403).forever());
    stage.create(a_config_map("refused", "a")).await;
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "CredentialsRefused")
        .await
        .unwrap();
    assert!(message.contains("403"), "{message}");
    stage.platform.clear_answers();
    stage
        .platform
        .wait(SOON, "a snapshot", |view| view.snapshots().count() == 2)
        .await;
    stage.equal().await;
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    assert!(operator.log().contains("403"));
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_and_arrives_once() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    for answer in [
        Answer::status(503),
        Answer::reset_before_body(),
        Answer::status(502).retry_after("1"),
        Answer::half(),
    ] {
        stage.platform.answer(Endpoint::Events, answer);
    }
    stage.create(a_config_map("stubborn", "a")).await;
    stage.equal().await;
    assert_eq!(stage.platform.look(|view| view.snapshots().count()), 1);
}

#[tokio::test]
async fn an_event_whose_answer_was_lost_is_sent_again_in_the_state_of_that_time() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    stage.platform.answer(
        Endpoint::Events,
        Answer::apply_then(Answer::reset_after_body()).about("lost"),
    );
    stage.create(a_config_map("lost", "a")).await;
    stage.equal().await;
    stage.platform.answer(
        Endpoint::Events,
        Answer::apply_then(Answer::reset_after_body()).about("lost"),
    );
    stage.delete(a_config_map("lost", "a")).await;
    stage.equal().await;
}

#[tokio::test]
async fn an_object_that_is_refused_is_set_aside_named_and_sent_when_it_changes() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    stage
        .platform
        .answer(Endpoint::Events, Answer::status(422).about("odd"));
    stage.create(a_config_map("odd", "a")).await;
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "ObjectsSetAside")
        .await
        .unwrap();
    assert!(message.contains("1 ConfigMap"), "{message}");
    let about_it = |view: &View<'_>| {
        view.requests()
            .filter(|request| request.event().is_some_and(|event| event.name == "odd"))
            .count()
    };
    assert_eq!(stage.platform.look(about_it), 1, "it isn't tried again");
    stage.patch(a_config_map("odd", "b")).await;
    stage.equal().await;
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_platform_that_asks_to_come_later_is_left_alone_until_then() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    stage
        .platform
        .answer(Endpoint::Events, Answer::status(429).retry_after("3"));
    stage.create(a_config_map("patient", "a")).await;
    stage.equal().await;
    let times = stage.platform.look(|view| {
        view.requests_to(Endpoint::Events)
            .filter(|request| request.event().is_some_and(|event| event.name == "patient"))
            .map(|request| (request.arrived, request.ended))
            .collect::<Vec<_>>()
    });
    let [(_, Some(refused)), (again, _)] = times[..] else {
        panic!("two tries: {times:?}")
    };
    assert!(
        again.duration_since(refused) >= Duration::from_secs(3),
        "{:?}",
        again.duration_since(refused)
    );
}

#[tokio::test]
async fn a_snapshot_that_is_too_large_goes_kind_by_kind() {
    let stage = Stage::new().await;
    let operator = stage.operate();
    stage.platform.answer(Endpoint::Snapshot, Answer::status(413));
    stage.streams(&operator, &stage.spec()).await;
    let lists = stage.platform.look(|view| {
        view.snapshots()
            .map(|snapshot| snapshot.counts.len())
            .collect::<Vec<_>>()
    });
    assert_eq!(lists, [1; 13], "\n{}", operator.log());
}

#[tokio::test]
async fn an_outage_ends_in_one_snapshot_and_then_the_stream() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    stage.create(a_pod("going")).await;
    stage.equal().await;
    stage.platform.down().await.unwrap();
    stage.create(a_config_map("during", "a")).await;
    stage.delete(a_pod("going")).await;
    operator::condition(&stage.client, AGENT, "Degraded", "True", "PlatformUnavailable")
        .await
        .unwrap();
    operator
        .logged(&["the platform is down", "only heartbeats probe"])
        .await
        .unwrap();
    stage.platform.up().await.unwrap();
    stage.platform.wait_until_equal(&stage.client, 2 * SOON).await;
    stage.create(a_config_map("afterwards", "a")).await;
    stage.equal().await;
    assert_eq!(stage.platform.look(|view| view.snapshots().count()), 2);
}

#[tokio::test]
async fn a_delete_goes_before_the_add_of_the_same_name() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    for _ in 0..5 {
        stage.create(a_config_map("phoenix", "a")).await;
        stage.delete(a_config_map("phoenix", "a")).await;
    }
    stage.create(a_config_map("phoenix", "b")).await;
    stage.equal().await;
    let changes = stage.platform.look(|view| {
        view.events()
            .filter(|event| event.name == "phoenix")
            .map(|event| (event.uid.clone(), event.change))
            .collect::<Vec<_>>()
    });
    for pair in changes.windows(2) {
        let ((one, what), (other, _)) = (&pair[0], &pair[1]);
        assert!(
            one == other || *what == Change::Deleted,
            "a uid's delete comes before the next uid's add: {changes:?}"
        );
    }
}

#[tokio::test]
async fn a_deleted_resource_aborts_what_is_in_flight() {
    let stage = Stage::new().await;
    let _operator = stage.operate();
    stage.platform.answer(Endpoint::Snapshot, Answer::hang());
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    let under_way = |view: &View<'_>| {
        let mut snapshots = view.requests_to(Endpoint::Snapshot);
        snapshots.any(|request| request.outcome == Outcome::UnderWay)
    };
    stage.platform.wait(SOON, "a snapshot under way", under_way).await;
    let since = Instant::now();
    operator::delete_agent(&stage.client, AGENT).await.unwrap();
    stage.platform.wait(GIVEN_UP, "its end", |view| !under_way(view)).await;
    assert!(since.elapsed() < GIVEN_UP, "it was given up, not aborted");
}

#[tokio::test]
async fn the_rate_of_the_resource_is_kept_and_nothing_is_lost_by_it() {
    let stage = Stage::new().await;
    let operator = stage.operate();
    let mut spec = stage.spec();
    spec["rateLimit"] = json!({ "eventsPerSecond": 5, "burstSize": 5 });
    operator::create_agent(&stage.client, AGENT, &spec).await.unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    for n in 0..30 {
        stage.create(a_config_map(&format!("many-{n}"), "a")).await;
    }
    stage.equal().await;
    let times: Vec<_> = stage.platform.look(|view| {
        view.requests_to(Endpoint::Events)
            .map(|request| request.arrived)
            .collect()
    });
    for (n, first) in times.iter().enumerate() {
        let within = times[n..]
            .iter()
            .take_while(|at| at.duration_since(*first) < Duration::from_secs(2))
            .count();
        // The burst and what two seconds add; a request that was held up on its way may come next to the one behind it.
        assert!(
            within <= 5 + 2 * 5 + 2,
            "{within} events within 2 s\n{}",
            operator.log()
        );
    }
}
