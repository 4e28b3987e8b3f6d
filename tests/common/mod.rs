// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the suites share: a stage with a real API server, a strict platform and the real operator.

#![allow(dead_code, reason = "each suite uses a part of it")]

pub mod checked;
pub mod events;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use kube::Api;
use kube::Client;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use obsyk_testkit::controlplane::{Builder, ControlPlane};
pub use obsyk_testkit::operator::SOON;
use obsyk_testkit::operator::{self, Operator, OperatorOptions, SECRET};
use obsyk_testkit::platform::{Endpoint, KeyPair, Outcome, Platform, View};
use serde_json::{Value, json};

/// A token that is younger than ten seconds and refused counts as refused for the second time (protocol.md).
const TOKEN_IS_OLD: Duration = Duration::from_secs(11);

/// The client that the platform knows.
pub const CLIENT: &str = "client-1";

/// The name of the agent.
pub const AGENT: &str = "demo";

/// The operator that was built with the tests.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_obsyk-operator"))
}

/// Runs a command that ends by itself, with this environment and no other.
pub async fn run(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(binary());
    command
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    tokio::time::timeout(SOON, command.output())
        .await
        .unwrap_or_else(|_| panic!("{args:?} hasn't ended after {SOON:?}"))
        .expect("the operator is built")
}

/// What a command printed on stdout.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command printed on stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A generated manifest, by its name in `manifests/rbac`.
pub fn rbac(name: &str) -> Value {
    let path = format!("{}/manifests/rbac/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    serde_yaml_ng::from_str(&std::fs::read_to_string(path).expect("it is generated")).expect("it is YAML")
}

/// What the operator is in `manifests/rbac`.
pub const SERVICE_ACCOUNT: &str = "system:serviceaccount:obsyk-system:obsyk-operator";

/// A control plane with the operator's CRD, a platform, and credentials that fit.
pub struct Stage {
    /// The platform.
    pub platform: Platform,
    /// The administrator.
    pub client: Client,
    /// The credentials' key pair.
    pub key: KeyPair,
    /// The control plane; it ends what the stage started.
    pub control_plane: ControlPlane,
}

impl Stage {
    /// A stage on a plain control plane and a plain http platform.
    pub async fn new() -> Self {
        Self::on(ControlPlane::builder()).await
    }

    /// A stage on this control plane.
    pub async fn on(control_plane: Builder) -> Self {
        let control_plane = control_plane
            .start()
            .await
            .unwrap_or_else(|error| panic!("no control plane: {error}"));
        let client = control_plane.client();
        operator::install(&client).await.expect("the CRD is installed");
        let key = KeyPair::generate();
        let platform = Platform::builder()
            .client(CLIENT, key.public_pem())
            .start()
            .await
            .expect("a platform starts");
        operator::write_secret(
            &client,
            SECRET,
            &[("client_id", CLIENT), ("private_key", key.pkcs8_pem())],
        )
        .await
        .expect("the Secret is written");
        Self {
            platform,
            client,
            key,
            control_plane,
        }
    }

    /// Starts the operator.
    pub fn operate(&self) -> Operator {
        self.operate_with(&OperatorOptions::default())
    }

    /// Starts the operator with these options.
    pub fn operate_with(&self, options: &OperatorOptions) -> Operator {
        let kubeconfig = self.control_plane.kubeconfig_path();
        Operator::start(self.control_plane.keeper(), binary(), &kubeconfig, options).expect("the operator starts")
    }

    /// The spec of an agent for this stage's platform.
    pub fn spec(&self) -> Value {
        operator::agent_spec(self.platform.url())
    }

    /// Starts the operator and an agent, and waits until the platform holds what the cluster holds.
    pub async fn synced(&self) -> Operator {
        let operator = self.operate();
        self.streams(&operator, &self.spec()).await;
        operator
    }

    /// Creates an agent for an operator that runs, and waits until the platform holds what the cluster holds.
    pub async fn streams(&self, operator: &Operator, spec: &Value) {
        operator::create_agent(&self.client, AGENT, spec)
            .await
            .expect("the agent is created");
        operator::condition(&self.client, AGENT, "Syncing", "True", "Streaming")
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
        self.equal().await;
    }

    /// Waits until the platform holds what the cluster holds, and the operator never broke the protocol.
    pub async fn equal(&self) {
        self.platform.wait_until_equal(&self.client, SOON).await;
        self.platform.assert_no_violations();
    }

    /// Waits until an event is under way: it has arrived at the platform, and isn't answered yet.
    pub async fn event_under_way(&self) {
        let is_so = |view: &View<'_>| {
            let mut events = view.requests_to(Endpoint::Events);
            events.any(|request| request.outcome == Outcome::UnderWay)
        };
        self.platform.wait(SOON, "an event under way", is_so).await;
    }

    /// Creates an object, given as JSON.
    pub async fn create(&self, object: Value) {
        let (api, _) = api(&self.client, &object);
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        api.create(&PostParams::default(), &object)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Merges this into an object.
    pub async fn patch(&self, object: Value) {
        let (api, name) = api(&self.client, &object);
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&object))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Deletes an object at once, without waiting for anybody.
    pub async fn delete(&self, object: Value) {
        let (api, name) = api(&self.client, &object);
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            ..DeleteParams::default()
        };
        api.delete(&name, &now).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until the token in use is one that counts as old: a younger one that is refused counts as refused twice.
    pub async fn old_token(&self) {
        let issued = self.platform.look(|view| {
            view.requests_to(Endpoint::Token)
                .next_back()
                .and_then(|request| request.ended)
        });
        let old = issued.expect("a token was issued") + TOKEN_IS_OLD;
        tokio::time::sleep_until(old.into()).await;
    }
}

/// The API of an object that is given as JSON, and its name.
pub fn api(client: &Client, object: &Value) -> (Api<DynamicObject>, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, version) = match object["apiVersion"].as_str().unwrap_or_default().split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text(&object["apiVersion"])),
    };
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(&group, &version, &text(&object["kind"])));
    let name = text(&object["metadata"]["name"]);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => (Api::namespaced_with(client.clone(), namespace, &kind), name),
        None => (Api::all_with(client.clone(), &kind), name),
    }
}

/// A ConfigMap in namespace default.
pub fn a_config_map(name: &str, key: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" }, "data": { key: "value" } })
}

/// A Pod in namespace default that nobody runs.
pub fn a_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "labels": { "app": name } },
        "spec": { "containers": [{ "name": "web", "image": "example.invalid/web:1", "env": [{ "name": "MODE", "value": "x" }] }] },
    })
}
