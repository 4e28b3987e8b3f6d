// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the API server says to what the values make.

use std::fs;

use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use obsyk_testkit::controlplane::{ControlPlane, Guard};
use obsyk_testkit::{operator, tools};
use serde_json::{Value, json};

use super::helm::{Helm, chart};
use crate::common::{self, SOON};

/// Applies an object without storing it, and takes no field that the API server doesn't know.
async fn try_out(client: &Client, object: &Value) -> Result<(), kube::Error> {
    let (api, name) = common::api(client, object);
    let params = PatchParams::apply("obsyk-testkit").dry_run().validation_strict();
    api.patch(&name, &params, &Patch::Apply(object)).await.map(|_| ())
}

async fn create(client: &Client, object: &Value) -> Result<(), kube::Error> {
    let (api, _) = common::api(client, object);
    let object = serde_json::from_value(object.clone()).unwrap();
    api.create(&PostParams::default(), &object).await.map(|_| ())
}

/// Installs the definitions of Prometheus Operator, and waits until they are served.
async fn install_monitors(client: &Client) {
    let folder = tokio::task::spawn_blocking(|| tools::path("schemas"))
        .await
        .unwrap()
        .unwrap();
    for kind in ["servicemonitors", "podmonitors"] {
        let text = fs::read_to_string(folder.join(format!("monitoring.coreos.com_{kind}.yaml"))).unwrap();
        let definition: Value = serde_yaml_ng::from_str(&text).unwrap();
        create(client, &definition).await.unwrap();
        let guard = Guard::new(format!("{kind} are served"), SOON);
        let path = format!("/apis/monitoring.coreos.com/v1/{kind}");
        loop {
            let request = http::Request::get(&path).body(Vec::new()).unwrap();
            match client.request::<Value>(request).await {
                Ok(_) => break,
                Err(error) => guard.again(error.to_string()).await.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn every_value_makes_objects_that_the_api_server_takes_to_the_last_field() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);
    operator::install_definition(&client).await.unwrap();
    install_monitors(&client).await;
    for namespace in [operator::NAMESPACE, "elsewhere", "monitoring"] {
        operator::make_namespace(&client, namespace).await.unwrap();
    }
    let sandbox = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "gvisor" }, "handler": "runsc",
    });
    create(&client, &sandbox).await.unwrap();
    let mut tried = 0;
    for entry in fs::read_dir(chart().join("ci")).unwrap() {
        let file = entry.unwrap().path();
        let values = file.to_string_lossy();
        for object in helm.objects("obsyk", operator::NAMESPACE, &["--values", &values]).await {
            tried += 1;
            let tried = try_out(&client, &object).await;
            tried.unwrap_or_else(|error| panic!("with {values}: {error}: {object}"));
        }
    }
    assert!(tried > 30, "only {tried} objects");

    let misspelt = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "dota": {},
        "metadata": { "name": "misspelt", "namespace": operator::NAMESPACE },
    });
    let refused = try_out(&client, &misspelt).await;
    assert!(
        refused.is_err(),
        "a field that nobody knows is taken: this shows nothing"
    );
}

#[tokio::test]
async fn every_pod_is_admitted_where_restricted_is_enforced() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "strict", "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    create(&client, &namespace).await.unwrap();

    let mut admitted = Vec::new();
    for object in helm.objects("obsyk", "strict", &[]).await {
        let spec = match object["kind"].as_str().unwrap() {
            "Pod" => &object["spec"],
            "Deployment" | "Job" => &object["spec"]["template"]["spec"],
            _ => continue,
        };
        let name = object["metadata"]["name"].as_str().unwrap();
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "strict" }, "spec": spec,
        });
        pod["spec"]["restartPolicy"] = json!("Never");
        let created = create(&client, &pod).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
        admitted.push(name.to_owned());

        let loose = &mut pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"];
        assert_eq!(*loose, json!(false));
        *loose = json!(true);
        pod["metadata"]["name"] = json!(format!("{name}-loose"));
        let refused = create(&client, &pod).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("violates PodSecurity")));
    }
    admitted.sort();
    assert_eq!(
        admitted,
        [
            "obsyk-obsyk-operator",
            "obsyk-obsyk-operator-check",
            "obsyk-obsyk-operator-crd-upgrade"
        ]
    );
}
