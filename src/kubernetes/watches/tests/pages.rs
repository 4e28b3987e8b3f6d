// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lists in pages.

use super::*;

fn page(version: u64, next: &str, pods: &[String]) -> Answer {
    Answer::json(format!(
        r#"{{"kind":"PodList","metadata":{{"resourceVersion":"{version}","continue":"{next}"}},"items":[{}]}}"#,
        pods.join(",")
    ))
}

#[tokio::test]
async fn pages_are_asked_for_one_after_another() {
    let mut server = Server::start([
        page(9, "a+b/=", &[pod("web", 5), pod("db", 6)]),
        page(9, "second", &[pod("api", 4)]),
        page(9, "", &[]),
    ])
    .await;
    assert_eq!(
        server.pods(Opening::Pages).await,
        ["opened", "listed web@5", "listed db@6", "listed api@4", "end 9"]
    );
    assert_eq!(server.request(), "GET /api/v1/pods?limit=100 HTTP/1.1");
    assert_eq!(
        server.request(),
        "GET /api/v1/pods?limit=100&continue=a%2Bb%2F%3D HTTP/1.1"
    );
    assert_eq!(server.request(), "GET /api/v1/pods?limit=100&continue=second HTTP/1.1");
}

#[tokio::test]
async fn a_kind_with_large_objects_has_small_pages() {
    let mut server = Server::start([page(9, "", &[])]).await;
    let mut stream = server.watches.open(ResourceKind::Secret, Opening::Pages);
    assert_eq!(rest(&mut stream).await, ["opened", "end 9"]);
    assert_eq!(server.request(), "GET /api/v1/secrets?limit=20 HTTP/1.1");
}

#[tokio::test]
async fn a_page_without_items_is_empty() {
    for items in ["", r#","items":null"#] {
        let text = format!(r#"{{"metadata":{{"resourceVersion":"9"}}{items}}}"#);
        let server = Server::start([Answer::json(text)]).await;
        assert_eq!(server.pods(Opening::Pages).await, ["opened", "end 9"]);
    }
}

#[tokio::test]
async fn a_token_that_expired_ends_the_list() {
    let server = Server::start([page(9, "next", &[pod("web", 5)]), Answer::status(410, "")]).await;
    assert_eq!(
        server.pods(Opening::Pages).await,
        ["opened", "listed web@5", "failed Expired"]
    );
}

#[tokio::test]
async fn one_object_that_cant_be_read_doesnt_fail_its_page() {
    let odd = pod_with("odd", 5, r#""phase":{}"#);
    let server = Server::start([page(9, "", &[odd, pod("web", 6)])]).await;
    assert_eq!(
        server.pods(Opening::Pages).await,
        ["opened", "listed odd@5 undecodable", "listed web@6", "end 9"]
    );
}

#[tokio::test]
async fn a_page_that_cant_be_read_ends_the_list() {
    for text in [
        "<html></html>",
        "{}",
        r#"{"metadata":{"resourceVersion":"9"},"items":[{}]}"#,
        r#"{"metadata":{"resourceVersion":""},"items":[]}"#,
    ] {
        let server = Server::start([Answer::json(text)]).await;
        assert_eq!(server.pods(Opening::Pages).await, ["failed Undecodable"], "{text}");
    }
}

#[tokio::test]
async fn a_page_that_is_cut_is_unreachable() {
    let server = Server::start([Answer::begun([r#"{"metadata":{"resourceVersion":"9"},"items":["#]).cut()]).await;
    assert_eq!(server.pods(Opening::Pages).await, ["failed Unreachable"]);
}

#[tokio::test]
async fn a_page_that_is_too_large_to_be_held_is_asked_for_with_fewer_objects() {
    let large = || Answer::json(format!("{{\"pad\":\"{}\"}}", "x".repeat(LARGEST_PAGE)));
    let mut server = Server::start([
        large(),
        large(),
        page(9, "next", &[pod("web", 5)]),
        page(9, "", &[pod("db", 6)]),
    ])
    .await;
    let told = server.pods(Opening::Pages).await;
    assert_eq!(
        told,
        ["queued", "queued", "opened", "listed web@5", "listed db@6", "end 9"]
    );
    for asked in ["limit=100", "limit=25", "limit=6", "limit=6&continue=next"] {
        assert_eq!(server.request(), format!("GET /api/v1/pods?{asked} HTTP/1.1"));
    }
}
