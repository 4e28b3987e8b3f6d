// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lists and watches of the collected kinds.
//!
//! A stream here is one request, or one list in pages: it carries out what the watcher's state asked for, and ends. An
//! object that is listed or changed is decoded to what is sent, encoded, and dropped before the next is looked at; of
//! pages one is held at a time, and one kind at a time lists in pages. A stream that is dropped drops its connection.

mod answer;
mod event;
mod lines;
#[cfg(test)]
mod tests;
mod turns;

use std::rc::Rc;
use std::time::Duration;

use async_stream::stream;
use futures_util::pin_mut;
use kube::Client;
use obsyk_domain::dispatch_kind;
use obsyk_domain::ports::{LocalStream, Opening, ReadError, Signal, Watches};
use obsyk_domain::resource::{Collected, Observed, ResourceKind};
use tokio::time::{Instant, timeout, timeout_at};

use answer::get;
use event::{Event, Head, Page};
use lines::Lines;
use turns::Turns;

/// Those who wait for their turn to list in pages say so this often, so that they don't count as stalled.
const STILL_QUEUED: Duration = Duration::from_secs(10);

/// The API server ends a watch after at most this; the next goes on where it ended.
const WATCH_SECONDS: u32 = 290;

/// A watch that the server hasn't ended by then has lost it: something between answers in its place, and is silent.
const LONGEST_WATCH: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 30);

/// The API server answers a watch at once, or (priority and fairness) when it got a seat, which takes up to a minute.
const LONGEST_START: Duration = Duration::from_secs(60);

/// See the module's page.
pub struct KubeWatches {
    client: Client,
    pages: Rc<Turns>,
}

impl KubeWatches {
    /// Watches through this client. In a tokio runtime.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            pages: Rc::new(Turns::new()),
        }
    }
}

impl Watches for KubeWatches {
    fn open(&self, kind: ResourceKind, opening: Opening) -> LocalStream<Signal> {
        let client = self.client.clone();
        let pages = Rc::clone(&self.pages);
        dispatch_kind!(kind, K => match opening {
            Opening::Stream => stream_list::<K>(client),
            Opening::Watch { after } => watch::<K>(client, after),
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

/// A list, object by object, and its watch.
fn stream_list<K: Collected>(client: Client) -> LocalStream<Signal> {
    // No time-out here: it would cut a list that takes longer.
    let uri = format!(
        "{}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0",
        path(K::KIND)
    );
    Box::pin(stream! {
        let mut lines = match get(&client, &uri, answer::OBJECTS).await {
            Ok(body) => Lines::new(body),
            Err(error) => {
                yield Signal::Failed(error);
                return;
            }
        };
        yield Signal::Opened;
        let ended = loop {
            let signal = match lines.next().await {
                Some(Ok(line)) => listed::<K>(&line),
                Some(Err(error)) => Err(error),
                // The list's end didn't come: the actor's state knows what that means.
                None => return,
            };
            match signal {
                Ok(None) => {}
                Ok(Some(signal @ Signal::ListEnd { .. })) => break signal,
                Ok(Some(signal)) => yield signal,
                Err(error) => {
                    yield Signal::Failed(error);
                    return;
                }
            }
        };
        yield ended;
        let deadline = Instant::now() + LONGEST_WATCH;
        while let Some(signal) = follow::<K>(&mut lines, deadline).await {
            let failed = matches!(signal, Signal::Failed(_));
            yield signal;
            if failed {
                return;
            }
        }
    })
}

/// A watch from a version on.
fn watch<K: Collected>(client: Client, after: u64) -> LocalStream<Signal> {
    let base = path(K::KIND);
    let uri =
        format!("{base}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={after}");
    Box::pin(stream! {
        let deadline = Instant::now() + LONGEST_WATCH;
        let started = timeout(LONGEST_START, async {
            has_reached(&client, &base, after).await?;
            get(&client, &uri, answer::OBJECTS).await
        });
        let mut lines = match started.await.unwrap_or(Err(ReadError::Unreachable)) {
            Ok(body) => Lines::new(body),
            Err(error) => {
                yield Signal::Failed(error);
                return;
            }
        };
        yield Signal::Opened;
        while let Some(signal) = follow::<K>(&mut lines, deadline).await {
            let failed = matches!(signal, Signal::Failed(_));
            yield signal;
            if failed {
                return;
            }
        }
    })
}

/// An API server watches from a version that it hasn't reached without an error, and says nothing until it has. After a
/// restore from a backup that may be never. So its version is asked for first: one object's metadata, a quorum read.
async fn has_reached(client: &Client, base: &str, after: u64) -> Result<(), ReadError> {
    let body = get(client, &format!("{base}?limit=1"), answer::METADATA).await?;
    let head: Head = answer::whole(body).await?;
    if head.metadata.version()? < after {
        return Err(ReadError::Expired);
    }
    Ok(())
}

/// What a line of a streamed list says.
fn listed<K: Collected>(line: &[u8]) -> Result<Option<Signal>, ReadError> {
    Ok(match Event::<K>::read(line)? {
        Event::Added(object) | Event::Modified(object) => Some(Signal::Listed(object.into_sighting())),
        Event::Deleted(object) => Some(gone(&object)),
        Event::Bookmark(bookmark) if bookmark.ends_list() => Some(Signal::ListEnd {
            version: bookmark.version()?,
        }),
        Event::Bookmark(_) => None,
        Event::Error(status) => return Err(status.error()),
    })
}

/// What a watch says next; nothing when it ended.
async fn follow<K: Collected>(lines: &mut Lines, deadline: Instant) -> Option<Signal> {
    let line = timeout_at(deadline, lines.next()).await.ok()??;
    let signal = line.and_then(|line| {
        Ok(match Event::<K>::read(&line)? {
            Event::Added(object) | Event::Modified(object) => Signal::Put(object.into_sighting()),
            Event::Deleted(object) => gone(&object),
            Event::Bookmark(bookmark) => Signal::Bookmark {
                version: bookmark.version()?,
            },
            Event::Error(status) => Signal::Failed(status.error()),
        })
    });
    Some(signal.unwrap_or_else(Signal::Failed))
}

fn gone<K: Collected>(object: &Observed<K>) -> Signal {
    let metadata = object.metadata();
    Signal::Gone {
        uid: metadata.uid.clone(),
        version: metadata.version,
    }
}

/// A list in pages: without a version it is a quorum read.
fn list<K: Collected>(client: Client, turns: Rc<Turns>) -> LocalStream<Signal> {
    Box::pin(stream! {
        let turn = turns.take();
        pin_mut!(turn);
        let _turn = loop {
            match timeout(STILL_QUEUED, &mut turn).await {
                Ok(turn) => break turn,
                Err(_) => yield Signal::Queued,
            }
        };
        let mut next: Option<String> = None;
        loop {
            let Page { metadata, items } = match page::<K>(&client, next.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    yield Signal::Failed(error);
                    return;
                }
            };
            if next.is_none() {
                yield Signal::Opened;
            }
            for object in items.unwrap_or_default() {
                yield Signal::Listed(object.into_sighting());
            }
            match metadata.next() {
                Some(token) => next = Some(token.to_owned()),
                None => {
                    yield metadata.version().map_or_else(Signal::Failed, |version| Signal::ListEnd { version });
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
    answer::whole(get(client, &uri, answer::OBJECTS).await?).await
}
