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
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The API server ends a watch after this.
const WATCH_SECONDS: u32 = 290;

/// A watch that the server hasn't ended by then has lost it.
const LONGEST_WATCH: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 30);

/// A list of these few objects is read by then, and a watch has begun; otherwise the connection lives, but nobody speaks at its
/// other end.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

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
            let listed = match answered(api.list(&list)).await {
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
            let changes = match answered(api.watch(&watch, &version)).await {
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

/// What comes of a request, if anything does.
async fn answered<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    match timeout(LONGEST_ANSWER, request).await {
        Ok(answer) => answer,
        Err(_) => Err(kube::Error::Service("no answer in time".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use kube::client::Body;
    use tower::{BoxError, service_fn};

    use super::*;

    /// An API server that answers lists, or not even these, and is silent then.
    fn silent(answers_lists: bool) -> (Api<ConfigMap>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let service = service_fn(move |request: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let is_list = !request.uri().query().unwrap_or_default().contains("watch=true");
            async move {
                if !(answers_lists && is_list) {
                    pending::<()>().await;
                }
                let list =
                    r#"{"apiVersion":"v1","kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[]}"#;
                Ok::<_, BoxError>(Response::new(Body::from(list.as_bytes().to_vec())))
            }
        });
        (Api::all(Client::new(service, "default")), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_does_not_answer_is_given_up_and_asked_again() {
        for (answers_lists, requests) in [(false, 2), (true, 4)] {
            let (api, asked) = silent(answers_lists);
            let mut events = pin!(follow(api, None));
            let twice = async {
                let mut failures = 0;
                while failures < 2 {
                    failures += usize::from(events.next().await.is_some_and(|event| event.is_err()));
                }
            };
            let in_time = timeout(Duration::from_secs(600), twice).await;
            assert!(in_time.is_ok(), "it waits for ever");
            assert_eq!(asked.load(Ordering::Relaxed), requests);
        }
    }
}
