// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A few objects, followed: a list, a watch from its version on, and when that has ended, for whatever reason, a list again.
//!
//! kube-runtime's `watcher` goes on from the last version that it has seen. An API server that was restored from a backup hasn't
//! reached that version, watches from it without an error, and says nothing until it has, which may be never: edits would
//! go unnoticed. A list costs nothing where there are a handful of objects, and each watch ends within minutes. What is
//! told, and its errors, are `watcher`'s.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use async_stream::stream;
use futures_util::{Stream, StreamExt};
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Error, Event, Result};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

/// The API server ends a watch after this.
const WATCH_SECONDS: u32 = 290;

/// A watch that the server hasn't ended by then has lost it.
const LONGEST_WATCH: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 30);

/// Between the end of a watch and the next list, so that something that ends every watch at once gets no storm of lists.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows the objects that fit the field selector. It never ends; what fails is told and tried again, later and later.
pub(super) fn follow<K>(api: Api<K>, fields: Option<String>) -> impl Stream<Item = Result<Event<K>>>
where
    K: Clone + Debug + DeserializeOwned,
{
    let events = stream! {
        let (mut list, mut watch) = (ListParams::default(), WatchParams::default().timeout(WATCH_SECONDS));
        if let Some(fields) = fields {
            list = list.fields(&fields);
            watch = watch.fields(&fields);
        }
        loop {
            let listed = match api.list(&list).await {
                Ok(listed) => listed,
                Err(error) => {
                    yield Err(Error::InitialListFailed(error));
                    continue;
                }
            };
            yield Ok(Event::Init);
            for object in listed.items {
                yield Ok(Event::InitApply(object));
            }
            yield Ok(Event::InitDone);
            let Some(version) = listed.metadata.resource_version else {
                yield Err(Error::NoResourceVersion);
                continue;
            };
            let deadline = Instant::now() + LONGEST_WATCH;
            let changes = match api.watch(&watch, &version).await {
                Ok(changes) => changes,
                Err(error) => {
                    yield Err(Error::WatchStartFailed(error));
                    continue;
                }
            };
            let mut changes = pin!(changes);
            while let Ok(Some(change)) = timeout_at(deadline, changes.next()).await {
                match change {
                    Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => yield Ok(Event::Apply(object)),
                    Ok(WatchEvent::Deleted(object)) => yield Ok(Event::Delete(object)),
                    Ok(WatchEvent::Bookmark(_)) => {}
                    // A version that is gone is no failure: the list that follows is the answer to it.
                    Ok(WatchEvent::Error(status)) if status.code == 410 => break,
                    Ok(WatchEvent::Error(status)) => {
                        yield Err(Error::WatchError(status));
                        break;
                    }
                    Err(error) => {
                        yield Err(Error::WatchFailed(error));
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
    };
    events.default_backoff()
}
