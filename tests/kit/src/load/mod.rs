// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Load: a cluster's worth of objects in realistic form, written into a real API server.
//!
//! A pod here has two containers, probes, environment, volumes, status and managed fields, about 11 KB as the API server
//! hands it out: the size of a pod of a usual web application. Nothing runs: pods are bound to a node that needn't exist.

mod objects;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::stream;
use http::{Method, Request};
use kube::Client;
use serde_json::Value;

pub use objects::{config_map, deployment, namespace, pod, pod_status, secret, service};

/// Requests in flight while a cluster is filled: the API server has two cores here, and more only queue.
const AT_ONCE: usize = 24;

/// How many objects to write.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// Pods.
    pub pods: usize,
    /// Deployments.
    pub deployments: usize,
    /// Services.
    pub services: usize,
    /// ConfigMaps of 2 KB.
    pub config_maps: usize,
    /// Secrets of a few hundred bytes.
    pub secrets: usize,
    /// Secrets of 200 KB besides.
    pub large_secrets: usize,
}

impl Amounts {
    /// `pods` pods, and a tenth of that of each other kind.
    #[must_use]
    pub fn of_pods(pods: usize) -> Self {
        let tenth = pods / 10;
        Self {
            pods,
            deployments: tenth,
            services: tenth,
            config_maps: tenth,
            secrets: tenth,
            large_secrets: 0,
        }
    }

    /// All objects together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.pods + self.deployments + self.services + self.config_maps + self.secrets + self.large_secrets
    }
}

/// The API server refused an object.
#[derive(Debug, thiserror::Error)]
#[error("can't write {path}")]
pub struct LoadError {
    path: String,
    #[source]
    source: Box<kube::Error>,
}

/// The namespaces that the objects are spread over.
pub const NAMESPACES: usize = 20;

/// The namespace of the n-th object.
#[must_use]
pub fn namespace_of(n: usize) -> String {
    format!("team-{:02}", n % NAMESPACES)
}

struct Write {
    method: Method,
    path: String,
    body: Value,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Writes the objects. `progress` is told, now and then, how many are done.
///
/// # Errors
///
/// The API server refuses one, or can't be reached.
pub async fn fill(client: &Client, amounts: Amounts, progress: impl Fn(usize, usize)) -> Result<(), LoadError> {
    let namespaces = (0..NAMESPACES).map(|n| vec![create("/api/v1/namespaces", namespace(&namespace_of(n)))]);
    write_all(client, namespaces, |_| {}).await?;
    let total = amounts.total();
    let core = |n: usize, plural: &str| format!("/api/v1/namespaces/{}/{plural}", namespace_of(n));
    let pods = (0..amounts.pods).map(|n| {
        let path = core(n, "pods");
        let status = format!("{path}/{}/status", objects::pod_name(n));
        vec![
            create(&path, pod(n)),
            Write {
                method: Method::PATCH,
                path: status,
                body: pod_status(n),
            },
        ]
    });
    let deployments = (0..amounts.deployments).map(|n| {
        vec![create(
            &format!("/apis/apps/v1/namespaces/{}/deployments", namespace_of(n)),
            deployment(n),
        )]
    });
    let services = (0..amounts.services).map(|n| vec![create(&core(n, "services"), service(n))]);
    let config_maps = (0..amounts.config_maps).map(|n| vec![create(&core(n, "configmaps"), config_map(n, 2048))]);
    let secrets = (0..amounts.secrets).map(|n| vec![create(&core(n, "secrets"), secret("app", n, 256))]);
    let large = (0..amounts.large_secrets).map(|n| vec![create(&core(n, "secrets"), secret("large", n, 200 * 1024))]);
    let all = pods
        .chain(deployments)
        .chain(services)
        .chain(config_maps)
        .chain(secrets)
        .chain(large);
    write_all(client, all, |done| progress(done, total)).await
}

fn create(path: &str, body: Value) -> Write {
    Write {
        method: Method::POST,
        path: path.to_owned(),
        body,
    }
}

/// Each element is a sequence of requests for one object; the objects are written side by side.
async fn write_all(
    client: &Client,
    objects: impl Iterator<Item = Vec<Write>>,
    progress: impl Fn(usize),
) -> Result<(), LoadError> {
    let done = Arc::new(AtomicUsize::new(0));
    let mut writes = stream::iter(objects.map(|requests| {
        let client = client.clone();
        let done = Arc::clone(&done);
        async move {
            for request in requests {
                send(&client, request).await?;
            }
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some(written) = writes.next().await {
        written?;
        let done = done.load(Ordering::Relaxed);
        if done.is_multiple_of(1000) {
            progress(done);
        }
    }
    Ok(())
}

async fn send(client: &Client, write: Write) -> Result<(), LoadError> {
    let content = if write.method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let manager = if write.method == Method::PATCH {
        "kubelet"
    } else {
        "kube-controller-manager"
    };
    let request = Request::builder()
        .method(write.method)
        .uri(format!("{}?fieldManager={manager}", write.path))
        .header(http::header::CONTENT_TYPE, content)
        .body(write.body.to_string().into_bytes())
        .expect("a path of the API is a URI");
    match client.request_text(request).await {
        Ok(_) => Ok(()),
        // A fill that was interrupted goes on where it stopped.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(source) => Err(LoadError {
            path: write.path,
            source: Box::new(source),
        }),
    }
}
