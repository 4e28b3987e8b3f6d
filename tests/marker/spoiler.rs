// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Stands between the operator and the API server, and spoils objects by their names, with the marker in what is wrong: an
//! API server checks what is written to it, and gives no object that doesn't decode.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The fields of an object are of other types: it is set aside.
pub const SPOILT: &str = "spoilt";

/// So is its metadata: it can't even be named.
pub const WORSE: &str = "worse";

/// The text ends in its middle.
pub const CUT: &str = "cut";

/// No request here is larger.
const MOST: usize = 16 * 1024 * 1024;

#[derive(Clone)]
pub struct Spoiler {
    address: SocketAddr,
    client: Client,
    marker: String,
    /// Answers that couldn't be read as a whole.
    broken: Arc<AtomicUsize>,
}

impl Spoiler {
    pub async fn start(client: Client, marker: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let spoiler = Self {
            address: listener.local_addr().unwrap(),
            client,
            marker: marker.to_owned(),
            broken: Arc::default(),
        };
        let desk = spoiler.clone();
        let router = Router::new().fallback(move |request| {
            let desk = desk.clone();
            async move { desk.hand_on(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        spoiler
    }

    /// Writes a kubeconfig whose API server this is.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("spoiler.kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{ "name": "u", "user": {} }],
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{}", self.address) } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// How many answers couldn't be read so far.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    async fn hand_on(self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let follows = head.uri.query().is_some_and(|query| query.contains("watch=true"));
        let body = to_bytes(body, MOST).await.unwrap_or_default();
        let mut onward = http::Request::new(kube::client::Body::from(body.to_vec()));
        *onward.method_mut() = head.method;
        *onward.uri_mut() = head.uri;
        copy(&head.headers, onward.headers_mut());
        let Ok(answer) = self.client.send(onward).await else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        let (head, body) = answer.into_parts();
        let body = if follows {
            Body::from_stream(self.lines(body))
        } else {
            match body.collect().await {
                Ok(whole) => Body::from(self.list(whole.to_bytes())),
                Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        copy(&head.headers, response.headers_mut());
        response
    }

    /// A watch, line by line.
    fn lines(self, body: kube::client::Body) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
        async_stream::stream! {
            let mut pieces = body.into_data_stream();
            let mut held = Vec::new();
            while let Some(Ok(piece)) = pieces.next().await {
                held.extend_from_slice(&piece);
                while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = held.drain(..=end).collect();
                    yield Ok(self.line(line));
                }
            }
        }
    }

    fn line(&self, line: Vec<u8>) -> Bytes {
        let mut told: Value = serde_json::from_slice(&line).unwrap();
        let Some(how) = how(&told["object"]) else {
            return line.into();
        };
        self.spoil(&mut told["object"]);
        // The operator reads the type first, as the API server writes it.
        let mut text = format!("{{\"type\":{},\"object\":{}}}", told["type"], told["object"]);
        if how == CUT {
            text.truncate(text.len() * 2 / 3);
        }
        (text + "\n").into()
    }

    fn list(&self, whole: Bytes) -> Bytes {
        let Ok(mut list) = serde_json::from_slice::<Value>(&whole) else {
            return whole;
        };
        let Some(items) = list["items"].as_array_mut() else {
            return whole;
        };
        let ways: Vec<&str> = items.iter().filter_map(how).collect();
        items.iter_mut().for_each(|object| self.spoil(object));
        let mut text = list.to_string();
        if ways.contains(&CUT) {
            text.truncate(text.len() * 2 / 3);
        }
        text.into()
    }

    fn spoil(&self, object: &mut Value) {
        let marker = &self.marker;
        match how(object) {
            Some(WORSE) => {
                object["metadata"]["labels"] = json!({ marker: [marker] });
                self.broken.fetch_add(1, Ordering::Relaxed);
            }
            Some(CUT) => {
                object["status"] = json!(vec![marker; 1000]);
                self.broken.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {
                for field in ["spec", "status", "data", "type"] {
                    object[field] = json!([marker, { marker: marker }]);
                }
            }
            None => {}
        }
    }
}

/// How an object is to be spoilt, by its name.
fn how(object: &Value) -> Option<&'static str> {
    let name = object["metadata"]["name"].as_str()?;
    [SPOILT, WORSE, CUT].into_iter().find(|way| name.starts_with(way))
}

fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [ACCEPT, CONTENT_TYPE] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}
