// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Changes at a rate: each gives an object a label with the change's number.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::Client;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Failure;

/// Requests to the API server side by side: more only queue on its two cores.
const AT_ONCE: usize = 24;

/// The label with the change's number.
pub const LABEL: &str = "bench";

/// Changes that go on until they are stopped.
pub struct Changes {
    workers: JoinSet<()>,
    shared: Arc<Shared>,
    since: Instant,
}

struct Shared {
    next: AtomicUsize,
    stopped: AtomicBool,
    /// By change: when the API server had acknowledged it; none while it hasn't.
    made: Mutex<Vec<Option<Instant>>>,
}

impl Changes {
    /// Changes the objects at these paths of the API one after the other, again and again, `rate` times a second, or as fast as
    /// the API server goes.
    pub fn start(client: &Client, paths: Vec<String>, rate: u32) -> Self {
        let shared = Arc::new(Shared {
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            made: Mutex::default(),
        });
        let (paths, since) = (Arc::new(paths), Instant::now());
        let mut workers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, paths, shared) = (client.clone(), Arc::clone(&paths), Arc::clone(&shared));
            workers.spawn(async move {
                while !shared.stopped.load(Ordering::Relaxed) {
                    let number = shared.next.fetch_add(1, Ordering::Relaxed);
                    sleep_until(since + Duration::from_secs_f64(number as f64 / f64::from(rate))).await;
                    if let Some(path) = paths.get(number % paths.len())
                        && change(&client, path, number).await.is_ok()
                    {
                        shared.made(number);
                    }
                }
            });
        }
        Self { workers, shared, since }
    }

    /// When each change was acknowledged, as far as it was.
    pub fn made(&self) -> Vec<Option<Instant>> {
        self.shared.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many a second were made so far.
    pub fn rate(&self) -> f64 {
        self.made().iter().flatten().count() as f64 / self.since.elapsed().as_secs_f64()
    }

    /// Stops them; when each was acknowledged.
    pub async fn stop(mut self) -> Vec<Option<Instant>> {
        self.shared.stopped.store(true, Ordering::Relaxed);
        while self.workers.join_next().await.is_some() {}
        self.made()
    }
}

impl Shared {
    fn made(&self, number: usize) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() <= number {
            made.resize(number + 1, None);
        }
        if let Some(at) = made.get_mut(number) {
            *at = Some(Instant::now());
        }
    }
}

async fn change(client: &Client, path: &str, number: usize) -> Result<(), Failure> {
    let patch = json!({ "metadata": { "labels": { LABEL: number.to_string() } } });
    let request = Request::patch(path)
        .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
        .body(patch.to_string().into_bytes())?;
    client.request_text(request).await?;
    Ok(())
}

/// Makes so many ConfigMaps in namespace default; their paths.
pub async fn config_maps(client: &Client, prefix: &str, count: usize) -> Result<Vec<String>, Failure> {
    let folder = "/api/v1/namespaces/default/configmaps";
    let names: Vec<_> = (0..count).map(|n| format!("{prefix}-{n:05}")).collect();
    let requests = names.iter().map(|name| {
        let body = json!({ "metadata": { "name": name }, "data": { "key": "value" } });
        Request::post(folder).body(body.to_string().into_bytes())
    });
    stream::iter(requests)
        .map(|request| async { Ok::<_, Failure>(client.request_text(request?).await?) })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(names.iter().map(|name| format!("{folder}/{name}")).collect())
}
