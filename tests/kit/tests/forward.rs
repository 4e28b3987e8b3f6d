// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The forward proxy, with plain sockets on both sides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::forward::ForwardProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

async fn target() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// What comes until the other side ends, or until it has `bytes`.
async fn read(socket: &mut TcpStream, bytes: usize) -> String {
    let mut read = Vec::new();
    let mut limited = socket.take(bytes as u64);
    timeout(LONG, limited.read_to_end(&mut read))
        .await
        .expect("in time")
        .unwrap();
    String::from_utf8(read).unwrap()
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let byte = read(socket, 1).await;
        assert!(!byte.is_empty(), "it ended after {head:?}");
        head.push_str(&byte);
    }
    head
}

/// Asks the proxy, and waits for the head of its answer.
async fn ask(proxy: &ForwardProxy, request: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let head = read_head(&mut socket).await;
    (socket, head)
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_to_its_end() {
    let proxy = ForwardProxy::builder().start().await.unwrap();
    let (listener, address) = target().await;
    let (mut client, head) = ask(
        &proxy,
        &format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"question").await.unwrap();
    assert_eq!(read(&mut server, 8).await, "question");
    server.write_all(b"the answer").await.unwrap();
    drop(server);
    assert_eq!(read(&mut client, 100).await, "the answer");
    let asked = proxy.asked();
    assert_eq!((asked.len(), asked[0].status), (1, 200));
    assert_eq!(
        (asked[0].method.as_str(), asked[0].target.as_str()),
        ("CONNECT", address.as_str())
    );
    assert_eq!(proxy.idle_ends(), 0);
}

#[tokio::test]
async fn a_tunnel_on_which_nothing_passes_is_ended() {
    let proxy = ForwardProxy::builder()
        .idle(Duration::from_millis(100))
        .start()
        .await
        .unwrap();
    let (listener, address) = target().await;
    let (mut client, _) = ask(
        &proxy,
        &format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
    .await;
    let (mut server, _) = listener.accept().await.unwrap();
    assert_eq!(read(&mut client, 1).await, "");
    assert_eq!(read(&mut server, 1).await, "");
    let guard = Guard::new("it is counted", LONG);
    while proxy.idle_ends() == 0 {
        guard.again(format!("{:?}", proxy.asked())).await.unwrap();
    }
}

#[tokio::test]
async fn only_the_user_is_served() {
    let proxy = ForwardProxy::builder().user("me", "pass").start().await.unwrap();
    let (listener, address) = target().await;
    let connect = |line: &str| format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{line}\r\n");
    for line in ["", "Proxy-Authorization: Basic bWU6d3Jvbmc=\r\n"] {
        let (_, head) = ask(&proxy, &connect(line)).await;
        assert!(
            head.starts_with("HTTP/1.1 407") && head.to_lowercase().contains("proxy-authenticate"),
            "{head}"
        );
    }
    let (_, head) = ask(&proxy, &connect("Proxy-Authorization: Basic bWU6cGFzcw==\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    listener.accept().await.unwrap();
    assert_eq!(
        proxy.url_for("me", "pass"),
        format!("http://me:pass@{}", proxy.address())
    );
    let statuses: Vec<u16> = proxy.asked().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [407, 407, 200]);
}

#[tokio::test]
async fn a_request_with_a_whole_url_is_handed_on_without_what_is_for_the_proxy() {
    let proxy = ForwardProxy::builder().user("me", "pass").start().await.unwrap();
    let (listener, address) = target().await;
    let serve = tokio::spawn(async move {
        let (mut server, _) = listener.accept().await.unwrap();
        let head = read_head(&mut server).await;
        let answer = "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 3\r\n\r\nhot";
        server.write_all(answer.as_bytes()).await.unwrap();
        head
    });
    let request = format!(
        "GET http://{address}/path?x=1 HTTP/1.1\r\nHost: {address}\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\nX-Other: y\r\n\r\n"
    );
    let (mut client, head) = ask(&proxy, &request).await;
    assert!(head.starts_with("HTTP/1.1 418"), "{head}");
    assert_eq!(read(&mut client, 3).await, "hot");
    let head = serve.await.unwrap().to_lowercase();
    assert!(head.starts_with("get /path?x=1 http/1.1\r\n"), "{head}");
    assert!(head.contains("x-other: y") && !head.contains("proxy-"), "{head}");
    assert_eq!(proxy.asked()[0].status, 418);
}

#[tokio::test]
async fn what_it_refuses_and_what_it_cannot_reach_is_said() {
    let refuses = ForwardProxy::builder().refuses().start().await.unwrap();
    let (_listener, address) = target().await;
    let (_, head) = ask(
        &refuses,
        &format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let proxy = ForwardProxy::builder().start().await.unwrap();
    for request in [
        "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let (_, head) = ask(&proxy, request).await;
        assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    }
}
