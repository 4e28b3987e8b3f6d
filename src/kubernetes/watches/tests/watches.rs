// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Watches from a version on, and how streams end.

use super::*;

const AFTER_9: Opening = Opening::Watch { after: 9 };

#[tokio::test]
async fn a_watch_tells_changes_and_bookmarks_and_ends_without_an_error() {
    let mut server = Server::start([
        Answer::version(9),
        Answer::chunks([
            event("ADDED", &pod("web", 10)),
            event("MODIFIED", &pod("web", 11)),
            event("DELETED", &pod("web", 12)),
            bookmark(20, false),
        ]),
    ])
    .await;
    assert_eq!(
        server.pods(AFTER_9).await,
        ["opened", "put web@10", "put web@11", "gone uid-web@12", "bookmark 20"]
    );
    assert_eq!(server.request(), "GET /api/v1/pods?limit=1 HTTP/1.1");
    assert_eq!(
        server.request(),
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=9 HTTP/1.1"
    );
}

#[tokio::test]
async fn of_the_object_that_tells_the_version_only_metadata_is_asked_for() {
    let mut server = Server::start([Answer::version(9), Answer::chunks([bookmark(20, false)])]).await;
    server.pods(AFTER_9).await;
    let head = server.asked.recv().await.unwrap();
    assert!(head.contains("as=PartialObjectMetadataList"), "{head}");
}

#[tokio::test]
async fn a_version_that_the_server_hasnt_reached_has_been_reverted() {
    let server = Server::start([Answer::version(8)]).await;
    assert_eq!(server.pods(AFTER_9).await, ["failed Reverted"]);
}

#[tokio::test]
async fn an_expired_version_is_told_by_the_stream_or_by_its_start() {
    let gone = event("ERROR", r#"{"kind":"Status","code":410}"#);
    let server = Server::start([Answer::version(9), Answer::chunks([gone])]).await;
    assert_eq!(server.pods(AFTER_9).await, ["opened", "failed Expired"]);
    let server = Server::start([Answer::version(9), Answer::status(410, "")]).await;
    assert_eq!(server.pods(AFTER_9).await, ["failed Expired"]);
}

#[tokio::test]
async fn a_watch_that_breaks_is_unreachable() {
    let text = event("ADDED", &pod("web", 10));
    let server = Server::start([Answer::version(9), Answer::begun([text]).cut()]).await;
    assert_eq!(
        server.pods(AFTER_9).await,
        ["opened", "put web@10", "failed Unreachable"]
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped_drops_its_connection() {
    let mut server = Server::start([Answer::begun([event("ADDED", &pod("web", 5))])]).await;
    let mut stream = server.open_pods(Opening::Stream);
    assert_eq!(next(&mut stream).await.unwrap(), "opened");
    let mut socket = server.open.recv().await.unwrap();
    drop(stream);
    let read = timeout(GUARD, socket.read(&mut [0; 1]))
        .await
        .expect("a wait without end");
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn each_watch_has_a_connection_of_its_own() {
    let mut server = Server::start([Answer::begun([bookmark(9, true)]), Answer::begun([bookmark(9, true)])]).await;
    let (mut one, mut other) = (server.open_pods(Opening::Stream), server.open_pods(Opening::Stream));
    for stream in [&mut one, &mut other] {
        assert_eq!(next(stream).await.unwrap(), "opened");
        assert_eq!(next(stream).await.unwrap(), "end 9");
    }
    assert!(server.open.recv().await.is_some() && server.open.recv().await.is_some());
}

/// Lets the clock jump when nothing else happens, which a real socket doesn't stop.
async fn jump<T>(wait: impl Future<Output = T>) -> (T, Duration) {
    tokio::time::pause();
    let began = Instant::now();
    let result = timeout(4 * LONGEST_WATCH, wait).await.expect("a wait without end");
    (result, began.elapsed())
}

#[tokio::test]
async fn a_watch_that_nobody_ends_is_ended() {
    let server = Server::start([Answer::version(9), Answer::begun([bookmark(10, false)])]).await;
    let mut stream = server.open_pods(AFTER_9);
    assert_eq!(next(&mut stream).await.unwrap(), "opened");
    assert_eq!(next(&mut stream).await.unwrap(), "bookmark 10");
    let (end, after) = jump(stream.next()).await;
    assert!(end.is_none());
    assert!(
        after <= LONGEST_WATCH && after >= LONGEST_WATCH - Duration::from_secs(5),
        "{after:?}"
    );
}

#[tokio::test]
async fn the_watch_behind_a_streamed_list_is_ended_too_but_not_the_list() {
    let server = Server::start([Answer::begun([event("ADDED", &pod("web", 5)), bookmark(9, true)])]).await;
    let mut stream = server.open_pods(Opening::Stream);
    for line in ["opened", "listed web@5", "end 9"] {
        assert_eq!(next(&mut stream).await.unwrap(), line);
    }
    let (end, after) = jump(stream.next()).await;
    assert!(
        end.is_none() && after >= LONGEST_WATCH - Duration::from_secs(5),
        "{after:?}"
    );

    tokio::time::resume();
    let server = Server::start([Answer::begun([event("ADDED", &pod("web", 5))])]).await;
    let mut stream = server.open_pods(Opening::Stream);
    for line in ["opened", "listed web@5"] {
        assert_eq!(next(&mut stream).await.unwrap(), line);
    }
    let (silence, _) = jump(timeout(2 * LONGEST_WATCH, stream.next())).await;
    assert!(
        silence.is_err(),
        "a list takes as long as it takes: the watcher's state says when it stalls"
    );
}

#[tokio::test]
async fn a_watch_whose_start_isnt_answered_is_unreachable_after_a_minute() {
    let mut server = Server::start([Answer::none()]).await;
    let mut stream = server.open_pods(AFTER_9);
    let wait = stream.next();
    pin_mut!(wait);
    // The request is sent in real time.
    assert!(timeout(Duration::from_millis(200), &mut wait).await.is_err());
    server.open.recv().await.unwrap();
    let (signal, after) = jump(wait).await;
    assert!(matches!(signal, Some(Signal::Failed(ReadError::Unreachable))));
    assert!(after <= LONGEST_START, "{after:?}");
}
