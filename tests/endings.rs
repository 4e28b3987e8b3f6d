// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! SIGTERM at each step of a send, and what the next start makes of it; and places with little in them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use common::{AGENT, SOON, Stage, a_config_map};
use obsyk_testkit::operator::{self, Operator, OperatorOptions};
use obsyk_testkit::platform::{Answer, Endpoint, KeyPair, Outcome, Platform, View};
use serde_json::json;

/// It drains for 5 s; the rest is for a machine that does much else.
const ENDED: Duration = Duration::from_secs(30);

/// Longer than it drains.
const HELD_UP: Duration = Duration::from_secs(60);

async fn under_way(stage: &Stage, endpoint: Endpoint) {
    let is_so = |view: &View<'_>| {
        let mut requests = view.requests_to(endpoint);
        requests.any(|request| request.outcome == Outcome::UnderWay)
    };
    stage.platform.wait(SOON, "a request under way", is_so).await;
}

/// Ends it while this is under way; what was held up is forgotten.
async fn terminate_during(stage: &Stage, operator: &mut Operator, endpoint: Endpoint) {
    under_way(stage, endpoint).await;
    operator.signal("TERM").unwrap();
    let since = Instant::now();
    let status = operator.ended(ENDED).await.unwrap();
    assert_eq!(
        status.code(),
        Some(0),
        "{endpoint}, after {:?}\n{}",
        since.elapsed(),
        operator.log()
    );
    stage.platform.clear_answers();
}

#[tokio::test]
async fn an_operator_that_is_ended_at_any_step_of_a_send_leaves_nothing_that_its_next_start_does_not_mend() {
    let stage = Stage::new().await;
    stage.create(a_config_map("going", "a")).await;
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    for endpoint in [Endpoint::Token, Endpoint::Snapshot] {
        stage.platform.answer(endpoint, Answer::delay(HELD_UP));
        let mut operator = stage.operate();
        terminate_during(&stage, &mut operator, endpoint).await;
    }
    let mut operator = stage.operate();
    stage.equal().await;

    stage.platform.answer(Endpoint::Events, Answer::delay(HELD_UP));
    stage.create(a_config_map("on-its-way", "a")).await;
    terminate_during(&stage, &mut operator, Endpoint::Events).await;
    stage.delete(a_config_map("on-its-way", "a")).await;
    let mut operator = stage.operate();
    stage.equal().await;

    // What the platform has done and nobody heard of.
    stage
        .platform
        .answer(Endpoint::Events, Answer::apply_then(Answer::hang()).when_deleted());
    stage.delete(a_config_map("going", "a")).await;
    terminate_during(&stage, &mut operator, Endpoint::Events).await;
    stage.create(a_config_map("going", "b")).await;
    let mut operator = stage.operate();
    stage.equal().await;

    stage.platform.answer(Endpoint::Heartbeat, Answer::delay(HELD_UP));
    terminate_during(&stage, &mut operator, Endpoint::Heartbeat).await;
    let _operator = stage.operate();
    stage.equal().await;
}

#[tokio::test]
async fn without_a_folder_for_temporary_files_or_a_home_it_runs_and_writes_no_file() {
    let stage = Stage::new().await;
    let nowhere = "/nowhere".to_owned();
    let operator = stage.operate_with(&OperatorOptions {
        args: vec![],
        environment: vec![("TMPDIR".into(), nowhere.clone()), ("HOME".into(), nowhere)],
    });
    stage.streams(&operator, &stage.spec()).await;
    // What it has open to be written to: its log and sockets, and nothing else that has a name.
    let open = std::fs::read_dir(format!("/proc/{}/fd", operator.pid())).unwrap();
    let files: Vec<_> = open
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|path| path.is_absolute() && !path.starts_with("/dev") && !path.ends_with("operator.log"))
        .collect();
    assert!(files.is_empty(), "{files:?}");
}

#[tokio::test]
async fn over_ipv6_alone_it_runs() {
    let stage = Stage::new().await;
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client("six", key.public_pem())
        .bind("[::1]:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    operator::write_secret(
        &stage.client,
        operator::SECRET,
        &[("client_id", "six"), ("private_key", key.pkcs8_pem())],
    )
    .await
    .unwrap();
    let operator = stage.operate();
    let spec = operator::agent_spec(platform.url());
    operator::create_agent(&stage.client, AGENT, &spec).await.unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
    stage
        .create(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "six", "namespace": "default" } }),
        )
        .await;
    platform.wait_until_equal(&stage.client, SOON).await;
    platform.assert_no_violations();
}
