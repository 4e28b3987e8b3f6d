// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How a platform runs: its thread, its port, TLS, its observer, and waits.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use obsyk_testkit::platform::{Answer, Certificate, Endpoint, KeyPair, Platform};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{
    CLIENT, SOON, Stage, a_heartbeat, a_snapshot, an_event, assertion, claims, send_tls, token, token_request,
};

fn form(key: &KeyPair, url: &str) -> String {
    let assertion = assertion(key, &claims(url));
    format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
}

#[tokio::test]
async fn a_platform_that_is_down_refuses_and_keeps_its_port_and_what_it_holds() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    let address: SocketAddr = stage.platform.url().trim_start_matches("http://").parse().unwrap();
    let mut open = TcpStream::connect(address).await.unwrap();
    // It is accepted before whatever comes after it.
    stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    for _ in 0..3 {
        stage.platform.down().await.unwrap();
        let refused = stage.try_post(Endpoint::Heartbeat, &a_heartbeat()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert_eq!(open.read(&mut [0]).await.unwrap_or(0), 0, "connections are closed");
        stage.platform.up().await.unwrap();
        assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 200);
    }
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 1);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn a_platform_that_is_dropped_is_gone() {
    let stage = Stage::told().await;
    stage.platform.answer(Endpoint::Events, Answer::hang());
    let address: SocketAddr = stage.platform.url().trim_start_matches("http://").parse().unwrap();
    drop(stage);
    TcpStream::connect(address).await.unwrap_err();
    let again = Platform::builder().bind(address).start().await.unwrap();
    assert_eq!(again.url(), format!("http://{address}"));
}

#[tokio::test]
async fn a_blocked_runtime_of_the_test_does_not_stop_it() {
    let stage = Stage::told().await;
    let address = stage.platform.url().trim_start_matches("http://").to_owned();
    let text = stage.request(Endpoint::Heartbeat, &a_heartbeat());
    // Blocking, on the test's only thread.
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut socket, text.as_bytes()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn over_https_it_shows_a_certificate_of_its_own_authority() {
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client(CLIENT, key.public_pem())
        .https()
        .start()
        .await
        .unwrap();
    assert!(platform.url().starts_with("https://localhost:"));
    let text = token_request(&form(&key, platform.url()));
    assert_eq!(
        send_tls(platform.url(), platform.ca_pem(), &text).await.unwrap().status,
        200
    );

    let other = Platform::builder().https().start().await.unwrap();
    send_tls(platform.url(), other.ca_pem(), &text).await.unwrap_err();
    platform.answer(Endpoint::Token, Answer::reset_after_body());
    let text = token_request(&form(&key, platform.url()));
    let error = send_tls(platform.url(), platform.ca_pem(), &text).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
}

#[tokio::test]
async fn its_certificate_can_be_expired_or_for_another_host() {
    for (certificate, reason) in [
        (Certificate::Expired, "expired"),
        (Certificate::WrongHost, "not valid for name"),
    ] {
        let platform = Platform::builder().certificate(certificate).start().await.unwrap();
        let error = send_tls(platform.url(), platform.ca_pem(), &token_request(""))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(reason), "{certificate:?}: {error}");
    }
}

#[tokio::test]
async fn what_happens_is_told_in_a_line_each() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client(CLIENT, key.public_pem())
        .observer(move |happening| heard.lock().unwrap().push(happening.to_string()))
        .start()
        .await
        .unwrap();
    let token = token(&platform, &key).await;
    let stage = Stage { platform, key, token };
    stage.post(Endpoint::Snapshot, &a_snapshot()).await;
    stage.post(Endpoint::Events, &an_event("added", "a")).await;
    stage.post(Endpoint::Events, &an_event("deleted", "a")).await;
    stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    stage.post(Endpoint::Heartbeat, &json!({})).await;
    let lines = lines.lock().unwrap();
    let (times, texts): (Vec<_>, Vec<_>) = lines.iter().map(|line| line.split_at(8)).unzip();
    assert!(
        times
            .iter()
            .all(|time| time.split(':').all(|part| part.parse::<u8>().is_ok())),
        "{times:?}"
    );
    assert_eq!(
        texts,
        [
            "  token for client-1",
            "  snapshot of 13 kinds, 0 objects",
            "  ADDED    ConfigMap     default/a",
            "  DELETED  ConfigMap     default/a",
            "  heartbeat",
            "  PROTOCOL VIOLATION: /api/v1/agent/heartbeat: cluster_uid: missing",
        ]
    );
}

#[tokio::test]
async fn a_wait_that_fails_says_what_was_seen() {
    let stage = Stage::told().await;
    stage.post(Endpoint::Heartbeat, &json!({})).await;
    let wait = stage
        .platform
        .wait(Duration::from_millis(20), "an event comes", |view| {
            view.events().count() > 0
        });
    let panic = AssertUnwindSafe(wait).catch_unwind().await.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    for part in [
        "an event comes: not so after 20ms",
        "13 kinds, 0 objects",
        "heartbeat: cluster_uid: missing",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_lean_platform_counts_and_holds_nothing() {
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client(CLIENT, key.public_pem())
        .lean()
        .start()
        .await
        .unwrap();
    let token = token(&platform, &key).await;
    let stage = Stage { platform, key, token };
    stage.post(Endpoint::Snapshot, &json!({ "anything": 1 })).await;
    stage.post(Endpoint::Events, &an_event("ADDED", "a")).await;
    stage.platform.look(|view| {
        assert_eq!(
            (view.counts().snapshots, view.counts().events, view.objects("ConfigMap")),
            (1, 1, 0)
        );
        assert_eq!(view.events().next().unwrap().name, "a");
        assert_eq!(view.requests_to(Endpoint::Snapshot).next().unwrap().bytes, 14);
    });
    stage.platform.revoke_tokens();
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 401);
    stage.platform.assert_no_violations();
}
