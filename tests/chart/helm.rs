// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Helm on a control plane, and what it makes of the chart.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::tools;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::common::SOON;

/// The chart of this repository.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/obsyk-operator")
}

/// Helm, as the administrator of a control plane and with nothing of this machine's user.
pub struct Helm {
    program: PathBuf,
    folder: PathBuf,
    kubeconfig: PathBuf,
}

impl Helm {
    /// Helm for this control plane.
    pub async fn on(control_plane: &ControlPlane) -> Self {
        let program = tokio::task::spawn_blocking(tools::helm).await.unwrap();
        Self {
            program: program.unwrap_or_else(|error| panic!("no helm: {error}")),
            folder: control_plane.folder().join("helm"),
            kubeconfig: control_plane.kubeconfig_path(),
        }
    }

    /// What it prints; what it complains of, when it fails.
    pub async fn try_run(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.folder.join("cache"))
            .env("HELM_CONFIG_HOME", self.folder.join("config"))
            .env("HELM_DATA_HOME", self.folder.join("data"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(SOON, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("helm {args:?} doesn't end")).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// What it prints.
    pub async fn run(&self, args: &[&str]) -> String {
        let ran = self.try_run(args).await;
        ran.unwrap_or_else(|what| panic!("helm {}: {what}", args.join(" ")))
    }

    /// Installs a chart, without its hooks.
    pub async fn install(&self, release: &str, namespace: &str, chart: &Path, more: &[&str]) -> String {
        let chart = chart.to_string_lossy();
        let args = [
            "install",
            release,
            &chart,
            "--namespace",
            namespace,
            "--create-namespace",
            "--no-hooks",
        ];
        self.run(&[&args, more].concat()).await
    }

    /// All objects that the chart makes with these arguments, those of hooks among them.
    pub async fn objects(&self, release: &str, namespace: &str, more: &[&str]) -> Vec<Value> {
        let chart = chart();
        let args = ["template", release, &chart.to_string_lossy(), "--namespace", namespace];
        let text = self.run(&[&args, more].concat()).await;
        let documents = serde_yaml_ng::Deserializer::from_str(&text);
        let objects = documents.map(|document| Value::deserialize(document).unwrap());
        let in_its_place = |mut object: Value| {
            // Where an object names no namespace, Helm puts it into the release's.
            if !object["kind"].as_str().unwrap().starts_with("Cluster") && object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = json!(namespace);
            }
            object
        };
        objects.filter(|object| !object.is_null()).map(in_its_place).collect()
    }
}

/// A kubeconfig with a token of this service account, as a pod gets one.
pub async fn kubeconfig_of(control_plane: &ControlPlane, namespace: &str, account: &str) -> PathBuf {
    let accounts: Api<ServiceAccount> = Api::namespaced(control_plane.client(), namespace);
    let request: TokenRequest = serde_json::from_value(json!({ "spec": { "audiences": [] } })).unwrap();
    let params = PostParams::default();
    let issued = accounts.create_token_request(account, &params, &request).await.unwrap();
    let file = control_plane
        .folder()
        .join("users")
        .join(format!("{namespace}-{account}.token"));
    std::fs::write(&file, issued.status.unwrap().token).unwrap();
    control_plane.token_kubeconfig_at(control_plane.url(), &file).unwrap()
}

/// Everything in the cluster that belongs to a release, Helm's own memory of it too.
pub async fn belongings(client: &Client, release: &str) -> Vec<String> {
    use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
    const KINDS: [(&str, &str, &str); 13] = [
        ("", "v1", "ServiceAccount"),
        ("", "v1", "Service"),
        ("", "v1", "Secret"),
        ("", "v1", "ConfigMap"),
        ("", "v1", "Pod"),
        ("apps", "v1", "Deployment"),
        ("batch", "v1", "Job"),
        ("networking.k8s.io", "v1", "NetworkPolicy"),
        ("rbac.authorization.k8s.io", "v1", "Role"),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"),
        ("obsyk.io", "v1", "ObsykAgent"),
    ];
    let mut found = Vec::new();
    for (group, version, kind) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        for label in [
            format!("app.kubernetes.io/instance={release}"),
            format!("owner=helm,name={release}"),
        ] {
            let list = all.list(&ListParams::default().labels(&label)).await.unwrap();
            found.extend(list.items.into_iter().map(|object| {
                let name = object.metadata.name.unwrap_or_default();
                format!("{kind} {}/{name}", object.metadata.namespace.unwrap_or_default())
            }));
        }
    }
    found
}
