// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is decoded of a watch's lines and of a list's pages.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::ports::ReadError;
use obsyk_domain::resource::{Collected, Observed};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::read_error;

/// A line of a watch. The type comes first, so that the object is decoded straight from the line.
#[derive(Deserialize)]
#[serde(
    tag = "type",
    content = "object",
    rename_all = "UPPERCASE",
    bound(deserialize = "K: Collected")
)]
pub(super) enum Event<K: Collected> {
    Added(Observed<K>),
    Modified(Observed<K>),
    Deleted(Observed<K>),
    Bookmark(Bookmark),
    Error(Status),
}

impl<K: Collected> Event<K> {
    pub(super) fn read(line: &[u8]) -> Result<Self, ReadError> {
        serde_json::from_slice(line).map_err(|_| ReadError::Undecodable)
    }
}

/// How far the watch is.
#[derive(Deserialize)]
pub(super) struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
    #[serde(default)]
    annotations: BTreeMap<String, IgnoredAny>,
}

impl Bookmark {
    /// Whether the objects that there were at the start were all told (KEP-3157).
    pub(super) fn ends_list(&self) -> bool {
        self.metadata.annotations.contains_key("k8s.io/initial-events-end")
    }

    pub(super) fn version(&self) -> Result<u64, ReadError> {
        number(&self.metadata.resource_version)
    }
}

/// `metav1.Status`: of it, what says what to do.
#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    details: Option<StatusDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusDetails {
    #[serde(default)]
    retry_after_seconds: u32,
}

impl Status {
    pub(super) fn error(&self) -> ReadError {
        let seconds = self.details.as_ref().map(|details| details.retry_after_seconds);
        let wait = seconds.filter(|seconds| *seconds > 0);
        read_error(self.code, wait.map(|seconds| Duration::from_secs(seconds.into())))
    }
}

/// A page of a list. (Its fields aren't flattened: serde would keep a copy of the objects.)
#[derive(Deserialize)]
#[serde(bound(deserialize = "K: Collected"))]
pub(super) struct Page<K: Collected> {
    pub(super) metadata: ListMetadata,
    pub(super) items: Option<Vec<Observed<K>>>,
}

/// A page of which only what it says of itself is read.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) metadata: ListMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
}

impl ListMetadata {
    pub(super) fn version(&self) -> Result<u64, ReadError> {
        number(&self.resource_version)
    }

    /// The token of the next page; none on the last.
    pub(super) fn next(&self) -> Option<&str> {
        Some(self.r#continue.as_str()).filter(|token| !token.is_empty())
    }
}

fn number(version: &str) -> Result<u64, ReadError> {
    version.parse().map_err(|_| ReadError::Undecodable)
}
