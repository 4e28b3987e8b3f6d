// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The adapter against an API server made of canned answers, on a real socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod pages;
mod streams;
mod turns;
mod watches;

use futures_util::StreamExt;
use kube::Config;
use obsyk_domain::resource::Body as Seen;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::kubernetes::client::build;
use crate::kubernetes::way::Way;

/// No wait of a test takes longer.
const GUARD: Duration = Duration::from_secs(20);

/// What a request is answered.
struct Answer {
    bytes: Vec<u8>,
    stays_open: bool,
}

impl Answer {
    /// A good answer, in which each piece is a chunk of its own.
    fn chunks<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let mut answer = Self::begun(pieces);
        answer.bytes.extend_from_slice(b"0\r\n\r\n");
        answer.stays_open = false;
        answer
    }

    /// The same without an end: the connection stays open, and silent.
    fn begun<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let mut bytes = b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in pieces {
            let piece = piece.as_ref();
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        Self {
            bytes,
            stays_open: true,
        }
    }

    /// The connection closes before the end.
    fn cut(self) -> Self {
        Self {
            stays_open: false,
            ..self
        }
    }

    fn json(text: impl AsRef<str>) -> Self {
        Self::chunks([text.as_ref()])
    }

    /// What the API server says when it is asked for its version: the list of one object's metadata.
    fn version(version: u64) -> Self {
        Self::json(format!(
            r#"{{"kind":"PartialObjectMetadataList","metadata":{{"resourceVersion":"{version}","continue":"x"}},"items":[{{}}]}}"#
        ))
    }

    fn status(code: u16, header: &str) -> Self {
        let body = r#"{"kind":"Status","message":"a value that nobody may see"}"#;
        Self {
            bytes: format!(
                "HTTP/1.1 {code} No\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
            stays_open: false,
        }
    }

    /// No answer at all.
    fn none() -> Self {
        Self {
            bytes: Vec::new(),
            stays_open: true,
        }
    }
}

struct Server {
    watches: KubeWatches,
    /// The head of each request.
    asked: mpsc::UnboundedReceiver<String>,
    /// The connection of each request that stays open.
    open: mpsc::UnboundedReceiver<TcpStream>,
}

impl Server {
    /// Answers so many requests, in order, and no more.
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asking, asked) = mpsc::unbounded_channel();
        let (opening, open) = mpsc::unbounded_channel();
        let answers: Vec<Answer> = answers.into_iter().collect();
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let head = read_head(&mut socket).await;
                socket.write_all(&answer.bytes).await.unwrap();
                let _test_is_over = asking.send(head);
                if answer.stays_open {
                    let _test_is_over = opening.send(socket);
                } else {
                    socket.shutdown().await.unwrap();
                }
            }
        });
        Self {
            watches: KubeWatches::new(client(&format!("http://{address}"))),
            asked,
            open,
        }
    }

    fn open_pods(&self, opening: Opening) -> LocalStream<Signal> {
        self.watches.open(ResourceKind::Pod, opening)
    }

    /// All that a stream of pods says.
    async fn pods(&self, opening: Opening) -> Vec<String> {
        rest(&mut self.open_pods(opening)).await
    }

    /// The request's first line.
    fn request(&mut self) -> String {
        let head = self.asked.try_recv().expect("a request");
        head.lines().next().unwrap().to_owned()
    }
}

fn client(uri: &str) -> Client {
    let _there_is_one = rustls::crypto::aws_lc_rs::default_provider().install_default();
    build(&Config::new(uri.parse().unwrap()), Way::new(None).unwrap()).unwrap()
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The next signal, as a line.
async fn next(stream: &mut LocalStream<Signal>) -> Option<String> {
    let signal = timeout(GUARD, stream.next()).await.expect("a wait without end");
    signal.map(|signal| match signal {
        Signal::Opened => "opened".into(),
        Signal::Queued => "queued".into(),
        Signal::Listed(it) => format!("listed {}@{}{}", it.name, it.version, mark(&it.body)),
        Signal::Put(it) => format!("put {}@{}{}", it.name, it.version, mark(&it.body)),
        Signal::ListEnd { version } => format!("end {version}"),
        Signal::Gone { uid, version } => format!("gone {uid}@{version}"),
        Signal::Bookmark { version } => format!("bookmark {version}"),
        Signal::Failed(error) => format!("failed {error:?}"),
    })
}

fn mark(body: &Seen) -> &'static str {
    match body {
        Seen::Object(_) => "",
        Seen::Undecodable => " undecodable",
    }
}

/// All signals to the stream's end.
async fn rest(stream: &mut LocalStream<Signal>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = next(stream).await {
        lines.push(line);
    }
    lines
}

fn pod(name: &str, version: u64) -> String {
    pod_with(name, version, r#""phase":"Running""#)
}

fn pod_with(name: &str, version: u64, status: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"shop","uid":"uid-{name}","resourceVersion":"{version}"}},"status":{{{status}}}}}"#
    )
}

fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

fn bookmark(version: u64, ends_list: bool) -> String {
    let annotations = if ends_list {
        r#","annotations":{"k8s.io/initial-events-end":"true"}"#
    } else {
        ""
    };
    event(
        "BOOKMARK",
        &format!(r#"{{"kind":"Pod","metadata":{{"resourceVersion":"{version}"{annotations}}}}}"#),
    )
}

#[test]
fn paths_are_those_of_the_api() {
    assert_eq!(path(ResourceKind::Pod), "/api/v1/pods");
    assert_eq!(path(ResourceKind::Deployment), "/apis/apps/v1/deployments");
    assert_eq!(
        path(ResourceKind::NetworkPolicy),
        "/apis/networking.k8s.io/v1/networkpolicies"
    );
}

#[tokio::test]
async fn each_status_is_read_as_what_it_means() {
    for (code, expected) in [
        (400, "failed Unsupported"),
        (401, "failed Unauthorized"),
        (403, "failed Forbidden"),
        (404, "failed Absent"),
        (410, "failed Expired"),
        (422, "failed Unsupported"),
        (429, "failed Busy { wait: Some(7s) }"),
        (500, "failed Status(500)"),
        (503, "failed Busy { wait: Some(7s) }"),
        (504, "failed Status(504)"),
    ] {
        for opening in [Opening::Stream, Opening::Pages, Opening::Watch { after: 9 }] {
            let mut server = Server::start([Answer::status(code, "retry-after: 7\r\n"), Answer::none()]).await;
            assert_eq!(server.pods(opening).await, [expected], "{opening:?}");
            server.request();
            assert!(server.asked.try_recv().is_err(), "{code} is tried again");
        }
    }
}

#[tokio::test]
async fn a_server_that_isnt_there_is_unreachable() {
    let watches = KubeWatches::new(client("http://127.0.0.1:1"));
    for opening in [Opening::Stream, Opening::Pages, Opening::Watch { after: 9 }] {
        let mut stream = watches.open(ResourceKind::Pod, opening);
        assert_eq!(rest(&mut stream).await, ["failed Unreachable"]);
    }
}
