// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Churn: what happens in a cluster that is used, through its API, with real controllers behind it.
//!
//! It holds no picture of the cluster: names come from small pools, and what can't be done (it is there already, it is gone,
//! the API server is down) is left. So it goes on through every fault, and meets whatever a fault has left.

mod objects;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(super) use self::objects::MARKER;

/// Those who change something at the same time.
const WORKERS: u64 = 3;

/// An API server that doesn't answer is left alone after this.
const ANSWER: Duration = Duration::from_secs(5);

/// What a burst makes, and the next deletes.
const BURST: u32 = 30;

/// Namespaces that stay.
const NAMESPACES: [&str; 2] = ["soak-a", "soak-b"];

/// The churn. Dropping it ends it.
pub(super) struct Churn {
    goes_on: watch::Sender<bool>,
    workers: JoinSet<()>,
    changes: Arc<AtomicU64>,
}

impl Churn {
    /// Starts it: about `rate` requests a second, chosen by `seed`.
    pub(super) fn start(client: &Client, seed: u64, rate: u32) -> Self {
        let goes_on = watch::Sender::new(true);
        let changes = Arc::<AtomicU64>::default();
        let mut workers = JoinSet::new();
        for number in 0..WORKERS {
            let worker = Worker {
                client: client.clone(),
                chance: StdRng::seed_from_u64(seed.wrapping_mul(WORKERS).wrapping_add(number)),
                changes: Arc::clone(&changes),
            };
            let pause = Duration::from_secs(WORKERS) / rate.max(1);
            workers.spawn(worker.run(pause, goes_on.subscribe()));
        }
        Self {
            goes_on,
            workers,
            changes,
        }
    }

    /// How many requests have changed something.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Ends it, once what is under way is done.
    pub(super) async fn stop(mut self) -> u64 {
        self.goes_on.send_replace(false);
        while self.workers.join_next().await.is_some() {}
        self.changes()
    }
}

/// Makes the namespaces that stay.
pub(super) async fn prepare(client: &Client) -> Result<(), kube::Error> {
    for namespace in NAMESPACES {
        crate::operator::make_namespace(client, namespace).await?;
    }
    Ok(())
}

/// What is done to an object.
enum Then {
    /// It is made or changed, and one time in so many deleted.
    PutOrDelete(u32),
    /// It is deleted, and made again under the same name.
    Again,
}

struct Worker {
    client: Client,
    chance: StdRng,
    changes: Arc<AtomicU64>,
}

impl Worker {
    async fn run(mut self, pause: Duration, mut goes_on: watch::Receiver<bool>) {
        while *goes_on.borrow() {
            self.change().await;
            let pause = pause.mul_f64(self.chance.random_range(0.2..1.8));
            tokio::select! {
                () = sleep(pause) => {}
                _ = goes_on.changed() => {}
            }
        }
    }

    async fn change(&mut self) {
        let n = self.chance.random_range(0..100_u32);
        let namespace = NAMESPACES[self.chance.random_range(0..NAMESPACES.len())];
        let mut name = |prefix: &str, of: u32| format!("{prefix}-{}", self.chance.random_range(0..of));
        let (object, then) = match n {
            0..20 => (
                objects::config_map(&name("config", 30), self.chance.random()),
                Then::PutOrDelete(4),
            ),
            20..26 => (
                objects::config_map(&name("config", 30), self.chance.random()),
                Then::Again,
            ),
            26..34 => (
                objects::secret(&name("secret", 15), self.chance.random()),
                Then::PutOrDelete(4),
            ),
            34..52 => (
                objects::deployment(&name("web", 4), self.chance.random()),
                Then::PutOrDelete(10),
            ),
            52..56 => (objects::job(&name("job", 6)), Then::PutOrDelete(2)),
            56..59 => (
                objects::cron_job(&name("cron", 3), self.chance.random()),
                Then::PutOrDelete(4),
            ),
            59..64 => (
                objects::ingress(&name("ingress", 6), self.chance.random()),
                Then::PutOrDelete(3),
            ),
            64..69 => (
                objects::network_policy(&name("policy", 6), self.chance.random()),
                Then::PutOrDelete(3),
            ),
            69..74 => (
                objects::service(&name("service", 8), self.chance.random()),
                Then::PutOrDelete(3),
            ),
            74..78 => (
                objects::stateful_set(&name("db", 2), self.chance.random()),
                Then::PutOrDelete(5),
            ),
            78..80 => (
                objects::daemon_set(&name("log", 2), self.chance.random()),
                Then::PutOrDelete(2),
            ),
            80..88 => (objects::pod(&name("pod", 10)), Then::Again),
            88..91 => return self.burst(namespace).await,
            91..95 => return self.come_and_go().await,
            95..98 => (
                objects::odd_config_map(&name("odd", 4), self.chance.random()),
                Then::PutOrDelete(3),
            ),
            _ => (objects::pod(&name("pod", 10)), Then::PutOrDelete(2)),
        };
        match then {
            Then::PutOrDelete(of) => self.put_or_delete(namespace, object, of).await,
            Then::Again => self.again(namespace, object).await,
        }
    }

    /// Makes an object or changes it, and one time in `of` deletes it.
    async fn put_or_delete(&mut self, namespace: &str, object: Value, of: u32) {
        if self.chance.random_range(0..of) == 0 {
            self.delete(namespace, &object).await;
        } else if !self.create(namespace, &object).await {
            self.patch(namespace, &object).await;
        }
    }

    /// Deletes an object and makes it again under the same name.
    async fn again(&mut self, namespace: &str, object: Value) {
        self.delete(namespace, &object).await;
        self.create(namespace, &object).await;
    }

    /// Many at once: made, or all deleted.
    async fn burst(&mut self, namespace: &str) {
        if self.chance.random_range(0..2) == 0 {
            for n in 0..BURST {
                let object = objects::config_map(&format!("burst-{n}"), n);
                self.create(namespace, &object).await;
            }
        } else {
            let path = format!("/api/v1/namespaces/{namespace}/configmaps?labelSelector=burst%3Dyes");
            self.request(Method::DELETE, &path, "application/json", &json!({}))
                .await;
        }
    }

    /// A namespace that comes with something in it, or goes with everything in it.
    async fn come_and_go(&mut self) {
        let name = format!("soak-temporary-{}", self.chance.random_range(0..4));
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        if self.create("", &namespace).await {
            for n in 0..4 {
                self.create(&name, &objects::config_map(&format!("config-{n}"), n))
                    .await;
            }
            self.create(&name, &objects::deployment("web", 1)).await;
        } else {
            self.delete("", &namespace).await;
        }
    }

    async fn create(&self, namespace: &str, object: &Value) -> bool {
        let path = objects::path(namespace, object);
        self.request(Method::POST, &path, "application/json", object).await
    }

    async fn patch(&self, namespace: &str, object: &Value) -> bool {
        let path = objects::path(namespace, object);
        let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
        self.request(Method::PATCH, &path, "application/merge-patch+json", object)
            .await
    }

    async fn delete(&self, namespace: &str, object: &Value) -> bool {
        let path = objects::path(namespace, object);
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let options = json!({ "propagationPolicy": "Background", "gracePeriodSeconds": 0 });
        self.request(Method::DELETE, &format!("{path}/{name}"), "application/json", &options)
            .await
    }

    async fn request(&self, method: Method, path: &str, content: &str, body: &Value) -> bool {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content)
            .body(body.to_string().into_bytes())
            .expect("a path of the API is a URI");
        let done = timeout(ANSWER, self.client.request_text(request)).await;
        let done = matches!(done, Ok(Ok(_)));
        if done {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        done
    }
}
