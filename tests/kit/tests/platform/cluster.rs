// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a platform holds against what a real API server holds.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::platform::{Endpoint, project};
use serde_json::{Value, json};

use crate::client::{SOON, Stage, a_snapshot};

/// More than one page.
const MANY: usize = 501;

async fn create_config_maps(client: &Client, count: usize) {
    let api = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let creation = |n: usize| {
        let api = api.clone();
        async move {
            let object = json!({ "metadata": { "name": format!("settings-{n}") }, "data": { "key": "value" } });
            let object = serde_json::from_value(object).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
        }
    };
    stream::iter(0..count).map(creation).buffer_unordered(16).count().await;
}

/// The objects of a kind as the protocol has them.
async fn told<K>(client: &Client, kind: &str) -> Vec<Value>
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let list = Api::<K>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    let objects = list.items.iter().map(|object| serde_json::to_value(object).unwrap());
    objects.map(|object| project(kind, &object).unwrap()).collect()
}

#[tokio::test]
async fn a_real_cluster_is_read_in_pages_and_compared_object_by_object() {
    let control_plane = ControlPlane::builder()
        .start()
        .await
        .unwrap_or_else(|error| panic!("no control plane: {error}"));
    let client = control_plane.client();
    create_config_maps(&client, MANY).await;
    let stage = Stage::new().await;
    let unknown = stage.platform.compare(&client).await.unwrap();
    let uid = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await
        .unwrap()
        .uid();
    assert_eq!(unknown.unknown, uid);

    let mut snapshot = a_snapshot();
    snapshot["cluster_uid"] = json!(uid);
    snapshot["namespaces"] = told::<Namespace>(&client, "Namespace").await.into();
    snapshot["configmaps"] = told::<ConfigMap>(&client, "ConfigMap").await.into();
    assert_eq!(stage.post(Endpoint::Snapshot, &snapshot).await.status, 200);
    stage
        .platform
        .wait_until_kinds_equal(&client, &["Namespace", "ConfigMap", "Pod"], SOON)
        .await;
    let comparison = stage.platform.compare_kinds(&client, &["ConfigMap"]).await.unwrap();
    assert!(comparison.compared >= MANY, "{comparison}");

    let config_maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    config_maps
        .delete("settings-7", &DeleteParams::default())
        .await
        .unwrap();
    let comparison = stage.platform.compare_kinds(&client, &["ConfigMap"]).await.unwrap();
    assert_eq!(comparison.ghosts.len(), 1, "{comparison}");
    assert_eq!(comparison.ghosts[0].to_string(), "ConfigMap default/settings-7");

    let wait = stage
        .platform
        .wait_until_kinds_equal(&client, &["ConfigMap"], Duration::from_millis(100));
    let panic = AssertUnwindSafe(wait).catch_unwind().await.unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("ghost: ConfigMap default/settings-7")
    );
}
