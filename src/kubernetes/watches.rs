// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lists and watches of the collected kinds.
//!
//! A stream here is one request, or one list in pages: it carries out what the watcher's state asked for, and ends. An
//! object that is listed or changed is decoded to what is sent, encoded, and dropped before the next is looked at; of
//! pages one is held at a time, and one kind at a time lists in pages.

use std::rc::Rc;
use std::time::Duration;

use async_stream::stream;
use futures_util::{StreamExt, pin_mut};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::api::WatchEvent;
use kube::client::Body;
use obsyk_domain::dispatch_kind;
use obsyk_domain::ports::{LocalStream, Opening, ReadError, Signal, Watches};
use obsyk_domain::resource::{Collected, Observed, ResourceKind};
use serde::Deserialize;
use tokio::sync::Semaphore;

/// Those who wait for their turn to list in pages say so this often, so that they don't count as stalled.
const STILL_QUEUED: Duration = Duration::from_secs(10);

/// The API server ends a watch after at most this; the next goes on where it ended.
const WATCH_SECONDS: u32 = 290;

/// See the module's page.
pub struct KubeWatches {
    client: Client,
    pages: Rc<Semaphore>,
}

impl KubeWatches {
    /// Watches through this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            pages: Rc::new(Semaphore::new(1)),
        }
    }
}

impl Watches for KubeWatches {
    fn open(&self, kind: ResourceKind, opening: Opening) -> LocalStream<Signal> {
        let client = self.client.clone();
        let pages = Rc::clone(&self.pages);
        dispatch_kind!(kind, K => match opening {
            Opening::Stream => watch::<K>(client, None),
            Opening::Watch { after } => watch::<K>(client, Some(after)),
            Opening::Pages => list::<K>(client, pages),
        })
    }
}

/// `/api/v1/pods` or `/apis/apps/v1/deployments`, in all namespaces.
fn path(kind: ResourceKind) -> String {
    let spec = kind.spec();
    let root = if spec.group.is_empty() {
        "/api".to_owned()
    } else {
        format!("/apis/{}", spec.group)
    };
    format!("{root}/{}/{}", spec.version, spec.plural)
}

/// A watch from a version on; without one, a streamed list and its watch.
fn watch<K: Collected>(client: Client, after: Option<u64>) -> LocalStream<Signal> {
    let base = path(K::KIND);
    let uri = match after {
        Some(version) => {
            format!(
                "{base}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
            )
        }
        // No time-out here: it would cut a list that takes longer.
        None => format!(
            "{base}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0"
        ),
    };
    Box::pin(stream! {
        let request = match Request::get(uri).body(Vec::new()) {
            Ok(request) => request,
            Err(_) => {
                yield Signal::Failed(ReadError::Unsupported);
                return;
            }
        };
        let events = match client.request_events::<Observed<K>>(request).await {
            Ok(events) => events,
            Err(error) => {
                yield Signal::Failed(read_error(&error));
                return;
            }
        };
        pin_mut!(events);
        yield Signal::Opened;
        let mut listing = after.is_none();
        while let Some(event) = events.next().await {
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) if listing => {
                    yield Signal::Listed(object.into_sighting());
                }
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => yield Signal::Put(object.into_sighting()),
                Ok(WatchEvent::Deleted(object)) => {
                    let metadata = object.metadata();
                    yield Signal::Gone { uid: metadata.uid.clone(), version: metadata.version };
                }
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    let Ok(version) = bookmark.metadata.resource_version.parse() else {
                        yield Signal::Failed(ReadError::Undecodable);
                        return;
                    };
                    let ends_list = listing && bookmark.metadata.annotations.contains_key("k8s.io/initial-events-end");
                    if ends_list {
                        listing = false;
                        yield Signal::ListEnd { version };
                    } else if !listing {
                        yield Signal::Bookmark { version };
                    }
                }
                Ok(WatchEvent::Error(status)) => {
                    yield Signal::Failed(status_error(status.code, None));
                    return;
                }
                Err(error) => {
                    yield Signal::Failed(read_error(&error));
                    return;
                }
            }
        }
    })
}

/// What is decoded of a page.
#[derive(Deserialize)]
#[serde(bound(deserialize = "K: Collected"))]
struct Page<K: Collected> {
    metadata: PageMetadata,
    #[serde(default = "Vec::new")]
    items: Vec<Observed<K>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

/// A list in pages: without a version it is a quorum read.
fn list<K: Collected>(client: Client, turn: Rc<Semaphore>) -> LocalStream<Signal> {
    Box::pin(stream! {
        let mut next: Option<String> = None;
        let turn = turn.acquire();
        pin_mut!(turn);
        let _turn = loop {
            match tokio::time::timeout(STILL_QUEUED, &mut turn).await {
                Ok(permit) => break permit,
                Err(_) => yield Signal::Queued,
            }
        };
        loop {
            match page::<K>(&client, next.as_deref()).await {
                Ok(page) => {
                    if next.is_none() {
                        yield Signal::Opened;
                    }
                    for object in page.items {
                        yield Signal::Listed(object.into_sighting());
                    }
                    next = page.metadata.next.filter(|token| !token.is_empty());
                    if next.is_none() {
                        match page.metadata.resource_version.parse() {
                            Ok(version) => yield Signal::ListEnd { version },
                            Err(_) => yield Signal::Failed(ReadError::Undecodable),
                        }
                        return;
                    }
                }
                Err(error) => {
                    yield Signal::Failed(error);
                    return;
                }
            }
        }
    })
}

async fn page<K: Collected>(client: &Client, next: Option<&str>) -> Result<Page<K>, ReadError> {
    let mut uri = format!("{}?limit={}", path(K::KIND), K::KIND.spec().page_size);
    if let Some(token) = next {
        uri.push_str("&continue=");
        uri.extend(form_urlencoded::byte_serialize(token.as_bytes()));
    }
    let request = Request::get(uri)
        .body(Body::empty())
        .map_err(|_| ReadError::Unsupported)?;
    let response = client.send(request).await.map_err(|error| read_error(&error))?;
    let status = response.status();
    if !status.is_success() {
        let wait = response
            .headers()
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        return Err(status_error(status.as_u16(), wait));
    }
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|_| ReadError::Unreachable)?
        .to_bytes();
    serde_json::from_slice(&body).map_err(|_| ReadError::Undecodable)
}

fn status_error(code: u16, wait: Option<Duration>) -> ReadError {
    match StatusCode::from_u16(code) {
        Ok(StatusCode::GONE) => ReadError::Expired,
        Ok(StatusCode::FORBIDDEN) => ReadError::Forbidden,
        Ok(StatusCode::UNAUTHORIZED) => ReadError::Unauthorized,
        Ok(StatusCode::NOT_FOUND) => ReadError::Absent,
        Ok(StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => ReadError::Unsupported,
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => ReadError::Busy { wait },
        _ => ReadError::Status(code),
    }
}

fn read_error(error: &kube::Error) -> ReadError {
    match error {
        kube::Error::Api(status) => {
            let wait = status
                .details
                .as_ref()
                .map(|details| details.retry_after_seconds)
                .filter(|seconds| *seconds > 0);
            status_error(status.code, wait.map(|seconds| Duration::from_secs(seconds.into())))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => ReadError::Undecodable,
        _ => ReadError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(path(ResourceKind::Pod), "/api/v1/pods");
        assert_eq!(path(ResourceKind::Deployment), "/apis/apps/v1/deployments");
        assert_eq!(
            path(ResourceKind::NetworkPolicy),
            "/apis/networking.k8s.io/v1/networkpolicies"
        );
    }

    #[test]
    fn each_status_is_read_as_what_it_means() {
        assert_eq!(status_error(410, None), ReadError::Expired);
        assert_eq!(status_error(403, None), ReadError::Forbidden);
        assert_eq!(status_error(404, None), ReadError::Absent);
        assert_eq!(status_error(422, None), ReadError::Unsupported);
        assert_eq!(status_error(500, None), ReadError::Status(500));
        let wait = Some(Duration::from_secs(3));
        assert_eq!(status_error(429, wait), ReadError::Busy { wait });
    }
}
