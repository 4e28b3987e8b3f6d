// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `make demo`, as its user meets it: what it says, what it shows, and that nothing of it is left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::operator::{self, SECRET};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A control plane with controllers and nodes, on a machine that has much else to do; it may have to be built first.
const LONG: Duration = Duration::from_secs(1200);

struct Demo {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Demo {
    fn start(kubeconfig: Option<&Path>) -> Self {
        let operator = PathBuf::from(env!("CARGO_BIN_EXE_obsyk-operator"));
        let demo = operator.with_file_name("obsyk-demo");
        assert!(demo.is_file(), "obsyk-demo isn't built: run the tests by `make test`");
        let mut command = Command::new(demo);
        command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .env_remove("KUBECONFIG");
        if let Some(kubeconfig) = kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads on until a line has all of these.
    async fn says(&mut self, parts: &[&str]) -> String {
        let mut seen = Vec::new();
        let found = timeout(LONG, async {
            loop {
                let line = self
                    .lines
                    .next_line()
                    .await
                    .unwrap()
                    .unwrap_or_else(|| panic!("it ended; it said {seen:#?}"));
                if parts.iter().all(|part| line.contains(part)) {
                    return line;
                }
                seen.push(line);
            }
        });
        found.await.unwrap_or_else(|_| panic!("it doesn't say {parts:?}"))
    }

    /// What Ctrl-C does.
    async fn interrupt(&mut self) -> Option<i32> {
        let id = self.process.id().expect("it runs").to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -s INT \"$1\"", "kill", &id])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        timeout(Duration::from_secs(60), self.process.wait())
            .await
            .expect("it ends")
            .unwrap()
            .code()
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

async fn create_deployment(client: Client) {
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web", "image": "nginx" }] } },
        },
    }))
    .unwrap();
    Api::<Deployment>::namespaced(client, "default")
        .create(&PostParams::default(), &deployment)
        .await
        .unwrap();
}

#[tokio::test]
async fn it_shows_each_change_as_a_line_and_ctrl_c_leaves_nothing_behind() {
    let mut demo = Demo::start(None);
    demo.says(&["cluster", "2 simulated nodes"]).await;
    let export = demo.says(&["export KUBECONFIG="]).await;
    let kubeconfig = PathBuf::from(export.split('=').nth(1).unwrap());
    demo.says(&["Ctrl-C ends everything"]).await;
    demo.says(&["snapshot of 13 kinds"]).await;
    create_deployment(client(&kubeconfig).await).await;
    demo.says(&["ADDED", "Deployment", "default/web"]).await;
    demo.says(&["ADDED", "Pod", "default/web-"]).await;
    demo.says(&["UPDATED", "Pod", "default/web-"]).await;
    assert_eq!(demo.interrupt().await, Some(0));
    demo.says(&["nothing of it runs any more"]).await;
    assert!(
        !kubeconfig.exists(),
        "its folder is gone, and with it everything that ran in it"
    );
}

#[tokio::test]
async fn on_a_cluster_that_is_there_it_touches_nothing_of_others_and_removes_what_it_made() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let client = control_plane.client();
    // Somebody's own agent, of an operator that runs elsewhere.
    operator::install(&client).await.unwrap();
    let secret = [("client_id", "theirs"), ("private_key", "theirs")];
    operator::write_secret(&client, SECRET, &secret).await.unwrap();
    let spec = operator::agent_spec("https://platform.example.com");
    operator::create_agent(&client, "theirs", &spec).await.unwrap();

    let mut demo = Demo::start(Some(&control_plane.kubeconfig_path()));
    demo.says(&["cluster", "yours", control_plane.url()]).await;
    demo.says(&["kubectl -n obsyk-demo get oa"]).await;
    demo.says(&["snapshot of 13 kinds"]).await;
    assert_eq!(demo.interrupt().await, Some(0));
    demo.says(&["namespace obsyk-demo is removed"]).await;

    let status = operator::agent_status(&client, "theirs").await.unwrap();
    assert_eq!(status, json!({}), "the demo's operator doesn't serve it");
    let secrets: Api<Secret> = Api::all(client);
    let left = secrets.list_metadata(&ListParams::default()).await.unwrap();
    let left: Vec<_> = left
        .items
        .iter()
        .filter_map(|secret| secret.metadata.namespace.as_deref())
        .collect();
    assert_eq!(
        left,
        [operator::NAMESPACE],
        "the demo's credentials are gone, and theirs are not"
    );
}
