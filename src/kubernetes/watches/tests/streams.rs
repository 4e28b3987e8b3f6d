// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Streamed lists, and the lines of every watch.

use super::*;

#[tokio::test]
async fn a_streamed_list_is_told_object_by_object_and_goes_on_as_a_watch() {
    let mut server = Server::start([Answer::chunks([
        event("ADDED", &pod("web", 5)),
        event("ADDED", &pod("db", 6)),
        bookmark(9, true),
        event("MODIFIED", &pod("web", 10)),
        event("DELETED", &pod("db", 11)),
        bookmark(12, false),
    ])])
    .await;
    assert_eq!(
        server.pods(Opening::Stream).await,
        [
            "opened",
            "listed web@5",
            "listed db@6",
            "end 9",
            "put web@10",
            "gone uid-db@11",
            "bookmark 12"
        ]
    );
    let head = server.asked.recv().await.unwrap();
    assert!(
        head.starts_with(
            "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true\
             &resourceVersionMatch=NotOlderThan&resourceVersion=0 HTTP/1.1\r\n"
        ),
        "{head}"
    );
    assert!(
        !head.contains("accept-encoding"),
        "gzip costs more than it saves: {head}"
    );
}

#[tokio::test]
async fn changes_before_the_lists_end_are_told_in_their_order() {
    let server = Server::start([Answer::chunks([
        event("ADDED", &pod("web", 5)),
        event("MODIFIED", &pod("web", 7)),
        event("DELETED", &pod("web", 8)),
        bookmark(3, false),
        bookmark(9, true),
    ])])
    .await;
    assert_eq!(
        server.pods(Opening::Stream).await,
        ["opened", "listed web@5", "listed web@7", "gone uid-web@8", "end 9"]
    );
}

#[tokio::test]
async fn a_line_may_be_cut_anywhere() {
    // In the middle of a character too.
    let text = [
        event("ADDED", &pod_with("web", 5, r#""phase":"Läuft ✓ 🚀""#)),
        bookmark(9, true),
    ]
    .concat();
    let server = Server::start([Answer::chunks(text.as_bytes().chunks(1))]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "listed web@5", "end 9"]);
}

#[tokio::test]
async fn lines_may_come_together() {
    let text = [event("ADDED", &pod("web", 5)), "\n".into(), bookmark(9, true)].concat();
    let server = Server::start([Answer::json(text)]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "listed web@5", "end 9"]);
}

#[tokio::test]
async fn an_object_of_a_megabyte_is_read() {
    let status = format!(r#""message":"{}""#, "x".repeat(1 << 20));
    let text = [event("ADDED", &pod_with("big", 5, &status)), bookmark(9, true)].concat();
    let server = Server::start([Answer::chunks(text.as_bytes().chunks(10_000))]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "listed big@5", "end 9"]);
}

#[tokio::test]
async fn half_an_object_is_none() {
    let line = event("ADDED", &pod("web", 5));
    for end in [1, line.len() / 2, line.len() - 1] {
        let half = || Answer::chunks([&line[..end]]);
        for answer in [half(), Answer::begun([&line[..end]]).cut()] {
            let server = Server::start([answer]).await;
            assert_eq!(server.pods(Opening::Stream).await, ["opened", "failed Unreachable"]);
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_between_objects_is_unreachable() {
    let server = Server::start([Answer::begun([event("ADDED", &pod("web", 5))]).cut()]).await;
    assert_eq!(
        server.pods(Opening::Stream).await,
        ["opened", "listed web@5", "failed Unreachable"]
    );
}

#[tokio::test]
async fn a_list_that_ends_before_its_end_has_no_end() {
    let server = Server::start([Answer::chunks([event("ADDED", &pod("web", 5))])]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "listed web@5"]);
}

#[tokio::test]
async fn a_garbage_line_ends_the_stream() {
    for garbage in [
        "<html>busy</html>\n",
        "{}\n",
        "{\"type\":\"ADDED\"}\n",
        "{\"type\":\"OTHER\",\"object\":{}}\n",
    ] {
        let server = Server::start([Answer::chunks([garbage.to_owned(), bookmark(9, true)])]).await;
        assert_eq!(
            server.pods(Opening::Stream).await,
            ["opened", "failed Undecodable"],
            "{garbage}"
        );
    }
}

#[tokio::test]
async fn an_object_whose_metadata_cant_be_read_ends_the_stream() {
    let nameless = r#"{"metadata":{"uid":"u","resourceVersion":"5"}}"#;
    let server = Server::start([Answer::chunks([event("ADDED", nameless), bookmark(9, true)])]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "failed Undecodable"]);
}

#[tokio::test]
async fn an_object_that_cant_be_read_otherwise_is_told_as_such() {
    let server = Server::start([Answer::chunks([
        event("ADDED", &pod_with("odd", 5, r#""phase":[1]"#)),
        bookmark(9, true),
    ])])
    .await;
    assert_eq!(
        server.pods(Opening::Stream).await,
        ["opened", "listed odd@5 undecodable", "end 9"]
    );
}

#[tokio::test]
async fn an_error_event_is_read_as_what_it_means() {
    for (status, expected) in [
        (r#"{"kind":"Status","code":410,"reason":"Expired"}"#, "failed Expired"),
        (
            r#"{"kind":"Status","code":500,"message":"a value"}"#,
            "failed Status(500)",
        ),
        (r#"{"kind":"Status","code":429}"#, "failed Busy { wait: None }"),
        (
            r#"{"kind":"Status","code":429,"details":{"retryAfterSeconds":3}}"#,
            "failed Busy { wait: Some(3s) }",
        ),
        (r#"{"kind":"Status","code":403}"#, "failed Forbidden"),
        (r#"{"kind":"Status"}"#, "failed Status(0)"),
    ] {
        let server = Server::start([Answer::chunks([event("ERROR", status), bookmark(9, true)])]).await;
        assert_eq!(server.pods(Opening::Stream).await, ["opened", expected]);
    }
}

#[tokio::test]
async fn a_version_that_is_no_number_ends_the_stream() {
    let odd = r#"{"metadata":{"resourceVersion":"nine","annotations":{"k8s.io/initial-events-end":"true"}}}"#;
    let server = Server::start([Answer::chunks([event("BOOKMARK", odd)])]).await;
    assert_eq!(server.pods(Opening::Stream).await, ["opened", "failed Undecodable"]);
}
