// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A request, and what the API server's answer means. No error carries a text of the answer.

use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use obsyk_domain::ports::ReadError;

/// Whole objects.
pub(super) const OBJECTS: &str = "application/json";

/// Of each object the metadata only.
pub(super) const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

/// Asks once, and hands out the body of a good answer.
pub(super) async fn get(client: &Client, uri: &str, accept: &'static str) -> Result<Body, ReadError> {
    let request = Request::get(uri)
        .header(ACCEPT, accept)
        .body(Body::empty())
        .map_err(|_| ReadError::Unsupported)?;
    let response = client.send(request).await.map_err(|_| ReadError::Unreachable)?;
    let status = response.status();
    if status.is_success() {
        Ok(response.into_body())
    } else {
        Err(ReadError::of_status(status.as_u16(), retry_after(response.headers())))
    }
}

/// Reads a body to its end, if that comes within so many bytes. It is held once: what comes is appended, not collected and joined.
pub(super) async fn whole(mut body: Body, most: usize) -> Result<Option<Vec<u8>>, ReadError> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ReadError::Unreachable)?;
        if let Some(data) = frame.data_ref() {
            if text.len() + data.len() > most {
                return Ok(None);
            }
            text.extend_from_slice(data);
        }
    }
    Ok(Some(text))
}

/// The API server gives seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
