// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lists and watches of the collected kinds.
//!
//! A stream here is one request, or one list in pages: it carries out what the watcher's state asked for, and ends. An
//! object that is listed or changed is decoded to what is sent, encoded, and dropped before the next is looked at; of
//! pages one is held at a time, and one kind at a time lists in pages. A stream that is dropped drops its connection.

mod answer;
mod lines;
#[cfg(test)]
mod tests;
mod turns;

use std::rc::Rc;
use std::time::Duration;

use async_stream::stream;
use futures_util::pin_mut;
use kube::Client;
use obsyk_domain::ports::{LocalStream, Opening, ReadError, Signal, Watches};
use obsyk_domain::resource::{Page, ResourceKind, Told, read_line, read_page, read_version};
use tokio::time::{Instant, timeout, timeout_at};

use answer::get;
use lines::Lines;
use turns::Turns;

/// Those who wait for their turn to list in pages say so this often, so that they don't count as stalled.
const STILL_QUEUED: Duration = Duration::from_secs(10);

/// A page that is larger is asked for again with fewer objects: how large they are is not ours to say, and a page is held as
/// a whole.
const LARGEST_PAGE: usize = 16 << 20;

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
        match opening {
            Opening::Stream => stream_list(client, kind),
            Opening::Watch { after } => watch(client, kind, after),
            Opening::Pages => list(client, kind, pages),
        }
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
fn stream_list(client: Client, kind: ResourceKind) -> LocalStream<Signal> {
    // No time-out here: it would cut a list that takes longer.
    let uri = format!(
        "{}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0",
        path(kind)
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
                Some(Ok(line)) => listed(kind, &line),
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
        while let Some(signal) = follow(kind, &mut lines, deadline).await {
            let failed = matches!(signal, Signal::Failed(_));
            yield signal;
            if failed {
                return;
            }
        }
    })
}

/// A watch from a version on.
fn watch(client: Client, kind: ResourceKind, after: u64) -> LocalStream<Signal> {
    let base = path(kind);
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
        while let Some(signal) = follow(kind, &mut lines, deadline).await {
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
    let text = answer::whole(body, LARGEST_PAGE).await?.ok_or(ReadError::Undecodable)?;
    if read_version(&text)? < after {
        return Err(ReadError::Reverted);
    }
    Ok(())
}

/// What a line of a streamed list says.
fn listed(kind: ResourceKind, line: &[u8]) -> Result<Option<Signal>, ReadError> {
    match read_line(kind, line)? {
        Told::Put(sighting) => Ok(Some(Signal::Listed(sighting))),
        Told::Gone { uid, version } => Ok(Some(Signal::Gone { uid, version })),
        Told::Bookmark { version, ends_list } => Ok(ends_list.then_some(Signal::ListEnd { version })),
        Told::Failed(error) => Err(error),
    }
}

/// What a watch says next; nothing when it ended.
async fn follow(kind: ResourceKind, lines: &mut Lines, deadline: Instant) -> Option<Signal> {
    let line = timeout_at(deadline, lines.next()).await.ok()??;
    let told = line.and_then(|line| read_line(kind, &line));
    Some(match told {
        Ok(Told::Put(sighting)) => Signal::Put(sighting),
        Ok(Told::Gone { uid, version }) => Signal::Gone { uid, version },
        Ok(Told::Bookmark { version, .. }) => Signal::Bookmark { version },
        Ok(Told::Failed(error)) | Err(error) => Signal::Failed(error),
    })
}

/// A list in pages: without a version it is a quorum read.
fn list(client: Client, kind: ResourceKind, turns: Rc<Turns>) -> LocalStream<Signal> {
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
        let mut limit = kind.spec().page_size;
        loop {
            let page = match page(&client, kind, limit, next.as_deref()).await {
                Ok(Some(page)) => page,
                Ok(None) => {
                    limit = (limit / 4).max(1);
                    yield Signal::Queued;
                    continue;
                }
                Err(error) => {
                    yield Signal::Failed(error);
                    return;
                }
            };
            if next.is_none() {
                yield Signal::Opened;
            }
            for sighting in page.sightings {
                yield Signal::Listed(sighting);
            }
            next = page.next;
            if next.is_none() {
                yield Signal::ListEnd { version: page.version };
                return;
            }
        }
    })
}

/// A page of at most so many objects; none if it is too large to be held.
async fn page(client: &Client, kind: ResourceKind, limit: u32, next: Option<&str>) -> Result<Option<Page>, ReadError> {
    let mut uri = format!("{}?limit={limit}", path(kind));
    if let Some(token) = next {
        uri.push_str("&continue=");
        uri.extend(form_urlencoded::byte_serialize(token.as_bytes()));
    }
    // One object at a time is what a watch brings, too.
    let most = if limit > 1 { LARGEST_PAGE } else { usize::MAX };
    let text = answer::whole(get(client, &uri, answer::OBJECTS).await?, most).await?;
    text.map(|text| read_page(kind, &text)).transpose()
}
