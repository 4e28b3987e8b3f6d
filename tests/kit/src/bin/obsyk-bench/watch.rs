// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A bare watch beside the operator: when the API server shows a change to anybody.

use std::collections::HashMap;
use std::time::Instant;

use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use super::Failure;

/// A change as a watch shows it.
#[derive(Debug)]
pub struct Shown {
    /// The object's name.
    pub name: String,
    /// When its line was whole.
    pub at: Instant,
}

#[derive(Deserialize)]
struct Line {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

/// Watches pods from this version on, and tells of each line, until nobody listens.
pub async fn pods(client: Client, version: String, to: UnboundedSender<Shown>) -> Result<(), Failure> {
    let uri = format!("/api/v1/pods?watch=true&resourceVersion={version}");
    let response = client.send(Request::get(uri).body(Body::empty())?).await?;
    let mut body = response.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let at = Instant::now();
            let line: Vec<u8> = rest.drain(..=end).collect();
            let name = serde_json::from_slice::<Line>(&line)?.object.metadata.name;
            if to.send(Shown { name, at }).is_err() {
                return Ok(());
            }
        }
    }
    Err("the bare watch ended".into())
}

/// The first time that each name was shown.
pub fn first_times(shown: Vec<Shown>) -> HashMap<String, Instant> {
    let mut first = HashMap::new();
    for Shown { name, at } in shown {
        first.entry(name).or_insert(at);
    }
    first
}
