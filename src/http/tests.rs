// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// An endpoint that says hello.
async fn endpoint() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { serve("test", listener, router).await });
    address
}

/// All that a connection gives back for this, until it ends.
async fn said(mut stream: TcpStream, text: &[u8]) -> String {
    stream.write_all(text).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_request_is_answered() {
    let stream = TcpStream::connect(endpoint().await).await.unwrap();
    let answer = said(stream, REQUEST).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_head_without_an_end_is_refused_before_it_fills_the_memory() {
    let stream = TcpStream::connect(endpoint().await).await.unwrap();
    let mut head = b"GET / HTTP/1.1\r\nX: ".to_vec();
    head.resize(4 * LARGEST_HEAD, b'a');
    // Sooner than for want of time.
    let answer = timeout(HEAD / 2, said(stream, &head))
        .await
        .expect("it is refused at once");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out_and_the_oldest_ends_for_a_new_one() {
    let address = endpoint().await;
    let mut silent = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let answer = timeout(HEAD / 2, said(stream, REQUEST)).await;
    assert!(answer.expect("its turn comes at once").ends_with("hello"));
    // Nothing more is said to it.
    let ended = timeout(HEAD / 2, silent[0].read(&mut [0])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "the oldest has ended");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_ended() {
    let stream = TcpStream::connect(endpoint().await).await.unwrap();
    let answer = timeout(Duration::from_secs(60), said(stream, b"GET / HT")).await;
    assert!(answer.is_ok(), "it waits for ever");
}
