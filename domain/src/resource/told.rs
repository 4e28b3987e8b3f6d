// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the API server tells: the lines of a watch, and the pages of a list.
//!
//! Each object is decoded straight from the bytes, encoded, and dropped before the next is looked at. Which type a kind is
//! decoded to is settled here, so that whoever holds the connection handles bytes and sightings only.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};

use super::dispatch::dispatch_kind;
use super::{Collected, Observed, ResourceKind, Sighting, Uid};
use crate::ports::ReadError;

/// What a line of a watch says.
#[derive(Debug)]
pub enum Told {
    /// An object was added or modified, or is in the list.
    Put(Sighting),
    /// An object was deleted.
    Gone {
        /// Its uid.
        uid: Uid,
        /// The version of its deletion.
        version: u64,
    },
    /// All changes up to this version were told.
    Bookmark {
        /// That version.
        version: u64,
        /// Whether with it all objects are told that there were at the start (KEP-3157).
        ends_list: bool,
    },
    /// The watch is over, and why.
    Failed(ReadError),
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its objects.
    pub sightings: Vec<Sighting>,
    /// The version of the list.
    pub version: u64,
    /// The token of the next page; none on the last.
    pub next: Option<String>,
}

/// Reads a line of a watch of this kind.
///
/// # Errors
///
/// [`ReadError::Undecodable`]: it isn't one, or an object's metadata can't be read.
pub fn read_line(kind: ResourceKind, line: &[u8]) -> Result<Told, ReadError> {
    dispatch_kind!(kind, K => match json::<Line<K>>(line)? {
        Line::Added(Seen(sighting, _)) | Line::Modified(Seen(sighting, _)) => Ok(Told::Put(sighting)),
        Line::Deleted(object) => {
            let metadata = object.metadata();
            Ok(Told::Gone { uid: metadata.uid.clone(), version: metadata.version })
        }
        Line::Bookmark(bookmark) => bookmark.read(),
        Line::Error(status) => Ok(Told::Failed(status.error())),
    })
}

/// Reads a page of a list of this kind.
///
/// # Errors
///
/// [`ReadError::Undecodable`]: it isn't one, or an object's metadata can't be read.
pub fn read_page(kind: ResourceKind, body: &[u8]) -> Result<Page, ReadError> {
    dispatch_kind!(kind, K => {
        let page: RawPage<K> = json(body)?;
        Ok(Page {
            sightings: page.items.unwrap_or_default().into_iter().map(|Seen(sighting, _)| sighting).collect(),
            version: number(&page.metadata.resource_version)?,
            next: Some(page.metadata.r#continue).filter(|token| !token.is_empty()),
        })
    })
}

/// Reads the version of a list, and none of its objects.
///
/// # Errors
///
/// [`ReadError::Undecodable`]: it isn't a list.
pub fn read_version(body: &[u8]) -> Result<u64, ReadError> {
    number(&json::<Head>(body)?.metadata.resource_version)
}

/// No error quotes what was read.
fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|_| ReadError::Undecodable)
}

fn number(version: &str) -> Result<u64, ReadError> {
    version.parse().map_err(|_| ReadError::Undecodable)
}

/// An object that is encoded as soon as it is decoded.
struct Seen<K>(Sighting, PhantomData<K>);

impl<'de, K: Collected> Deserialize<'de> for Seen<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(
            Observed::<K>::deserialize(deserializer)?.into_sighting(),
            PhantomData,
        ))
    }
}

/// A line of a watch. The type comes first, so that the object is decoded straight from the line.
#[derive(Deserialize)]
#[serde(
    tag = "type",
    content = "object",
    rename_all = "UPPERCASE",
    bound(deserialize = "K: Collected")
)]
enum Line<K: Collected> {
    Added(Seen<K>),
    Modified(Seen<K>),
    Deleted(Observed<K>),
    Bookmark(Bookmark),
    Error(Status),
}

#[derive(Deserialize)]
struct Bookmark {
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
    fn read(&self) -> Result<Told, ReadError> {
        Ok(Told::Bookmark {
            version: number(&self.metadata.resource_version)?,
            ends_list: self.metadata.annotations.contains_key("k8s.io/initial-events-end"),
        })
    }
}

/// `metav1.Status`: of it, what says what to do.
#[derive(Deserialize)]
struct Status {
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
    fn error(&self) -> ReadError {
        let seconds = self.details.as_ref().map(|details| details.retry_after_seconds);
        let wait = seconds.filter(|seconds| *seconds > 0);
        ReadError::of_status(self.code, wait.map(|seconds| Duration::from_secs(seconds.into())))
    }
}

/// A page. (Its fields aren't flattened: serde would keep a copy of the objects.)
#[derive(Deserialize)]
#[serde(bound(deserialize = "K: Collected"))]
struct RawPage<K: Collected> {
    metadata: ListMetadata,
    #[serde(default)]
    items: Option<Vec<Seen<K>>>,
}

#[derive(Deserialize)]
struct Head {
    metadata: ListMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
}
