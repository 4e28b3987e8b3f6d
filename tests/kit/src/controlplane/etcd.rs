// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a test does to etcd behind the API server's back, over etcd's JSON gateway.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Error;

/// For one request to a program on this machine that has nothing else to do.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether etcd says that it is healthy; else what it says.
pub(super) async fn health(endpoint: &str) -> Result<(), Error> {
    let answer = request(endpoint, "/health", Method::GET, &Value::Null).await?;
    if answer["health"] == "true" {
        return Ok(());
    }
    let answer = answer.to_string();
    Err(Error::Etcd {
        request: "/health",
        answer,
    })
}

/// Compacts away all history before the present revision, and returns that revision.
pub(super) async fn compact(endpoint: &str) -> Result<i64, Error> {
    // Any read shows the revision in its header, whether the key is there or not.
    let read = json!({ "key": STANDARD.encode("/"), "keys_only": true });
    let answer = request(endpoint, "/v3/kv/range", Method::POST, &read).await?;
    // The gateway writes 64-bit numbers as strings.
    let revision = answer["header"]["revision"].as_str().and_then(|r| r.parse().ok());
    let Some(revision) = revision else {
        let answer = answer.to_string();
        return Err(Error::Etcd {
            request: "/v3/kv/range",
            answer,
        });
    };
    let compaction = json!({ "revision": i64::to_string(&revision), "physical": true });
    request(endpoint, "/v3/kv/compaction", Method::POST, &compaction).await?;
    Ok(revision)
}

async fn request(endpoint: &str, path: &'static str, method: Method, body: &Value) -> Result<Value, Error> {
    let failed = |answer: String| Error::Etcd { request: path, answer };
    let request = Request::builder()
        .method(method)
        .uri(format!("{endpoint}{path}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|error| failed(error.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let exchange = async {
        let response = client
            .request(request)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
        if !status.is_success() {
            return Err(failed(format!("{status}: {}", String::from_utf8_lossy(&body))));
        }
        serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))
    };
    timeout(ANSWER, exchange)
        .await
        .unwrap_or_else(|_| Err(failed(format!("no answer within {ANSWER:?}"))))
}
