// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! For comparison only: what a plain kube-runtime reflector over k8s-openapi types needs for the same kinds.
//!
//! It prints `ready` on stdout when all stores are filled, and keeps them until it is killed.

use std::fmt::Debug;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::future::join_all;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

async fn reflect<K>(client: Client)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store::<K>();
    let stream = watcher(Api::<K>::all(client), watcher::Config::default().streaming_lists());
    tokio::spawn(stream.default_backoff().reflect(writer).for_each(|_| async {}));
    store
        .wait_until_ready()
        .await
        .expect("the writer lives as long as its task");
    // Held for as long as the program runs: its memory is what is measured.
    std::mem::forget(store);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_default().await.expect("KUBECONFIG names a cluster");
    let kinds: Vec<Pin<Box<dyn Future<Output = ()>>>> = vec![
        Box::pin(reflect::<Namespace>(client.clone())),
        Box::pin(reflect::<Pod>(client.clone())),
        Box::pin(reflect::<Service>(client.clone())),
        Box::pin(reflect::<Node>(client.clone())),
        Box::pin(reflect::<Deployment>(client.clone())),
        Box::pin(reflect::<StatefulSet>(client.clone())),
        Box::pin(reflect::<DaemonSet>(client.clone())),
        Box::pin(reflect::<Job>(client.clone())),
        Box::pin(reflect::<CronJob>(client.clone())),
        Box::pin(reflect::<Ingress>(client.clone())),
        Box::pin(reflect::<NetworkPolicy>(client.clone())),
        Box::pin(reflect::<ConfigMap>(client.clone())),
        Box::pin(reflect::<Secret>(client)),
    ];
    join_all(kinds).await;
    println!("ready");
    std::future::pending::<()>().await;
}
