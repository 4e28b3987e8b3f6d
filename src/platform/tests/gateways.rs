// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Gateways before the platform that want more of a request than the platform does.

use obsyk_domain::snapshot_body::SnapshotBody;
use obsyk_domain::token::AccessToken;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

/// Nothing here takes longer, however slow the machine is.
const GUARD: Duration = Duration::from_secs(120);

/// Answers one request: 202 when its head has a Content-Length, else 411.
async fn wants_a_length(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let head = loop {
        request.resize(request.len() + 1, 0);
        let last = request.len() - 1;
        stream.read_exact(&mut request[last..]).await.unwrap();
        if request.ends_with(b"\r\n\r\n") {
            break String::from_utf8_lossy(&request).to_ascii_lowercase();
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let answer = match length {
        Some(length) => {
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
        }
        None => "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
}

/// Red today: `tests/sim/known-red.txt` names this test.
#[tokio::test]
#[should_panic(expected = "411")]
async fn snapshot_passes_a_gateway_that_wants_its_length() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = tokio::spawn(wants_a_length(listener));
    let target = Target {
        platform: PlatformUrl::parse(&url).unwrap(),
        token: AccessToken::new("token".to_owned().into()),
    };
    let body = SnapshotBody::new(r#"{"cluster_uid":"1""#.into(), Vec::new());
    let platform = HttpPlatform::new(None).unwrap();
    let outcome = timeout(GUARD, platform.send(target, Payload::Snapshot(body)))
        .await
        .unwrap();
    timeout(GUARD, gateway).await.unwrap().unwrap();
    assert_eq!(outcome, Outcome::status(202), "the gateway answers {outcome}");
}
