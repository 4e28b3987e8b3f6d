// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The process: how it ends, what its endpoints and its log say, and what it says to a wrong command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::process::{Command, Output};
use std::time::Duration;

use common::{AGENT, SOON, Stage, a_config_map, binary, stderr};
use obsyk_testkit::operator::{self, OperatorOptions};
use obsyk_testkit::platform::{Answer, Endpoint};
use serde_json::{Value, json};

fn run(args: &[&str]) -> Output {
    Command::new(binary())
        .args(args)
        .env_clear()
        .output()
        .expect("the operator is built")
}

#[test]
fn a_wrong_command_line_says_what_to_do_and_exits_with_2() {
    for (args, said) in [
        (["--kinds=pots"], "take from: namespaces, pods"),
        (["--metrics-bind-address=8080"], ":8081 for all addresses"),
        (["--log-level=inof"], "write error, warn, info"),
        (["--allowed-platform=platform"], "https://platform.example.com"),
        (["--no-such-flag"], "--help"),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named_with_what_to_do() {
    let addresses = [
        "--health-probe-bind-address=127.0.0.1:0",
        "--metrics-bind-address=127.0.0.1:0",
        "--debug-bind-address=127.0.0.1:0",
    ];
    let output = run(&[&["--kubeconfig=/nowhere/config"][..], &addresses].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("/nowhere/config") && stderr(&output).contains("kubectl --kubeconfig"),
        "{}",
        stderr(&output)
    );
    let output = run(&addresses);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("set KUBECONFIG"), "{}", stderr(&output));
}

#[test]
fn a_ca_file_or_a_proxy_that_cannot_be_used_ends_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "").unwrap();
    for (file, said) in [
        (folder.path().join("absent.crt"), "check the path"),
        (empty, "-----BEGIN CERTIFICATE-----"),
    ] {
        let output = start(&[("OBSYK_PLATFORM_CA_FILE", file.to_str().unwrap())]);
        let said = [said, file.to_str().unwrap()];
        assert!(
            said.iter().all(|part| stderr(&output).contains(part)),
            "{}",
            stderr(&output)
        );
    }
    let output = start(&[("HTTPS_PROXY", "socks5://me:open-sesame@proxy.example.com")]);
    let told = stderr(&output);
    assert!(told.contains("HTTPS_PROXY isn't the address of a proxy"), "{told}");
    assert!(!told.contains("sesame"), "{told}");
}

/// Starts the operator where it can't get far: it has to end by itself, with 1.
fn start(environment: &[(&str, &str)]) -> Output {
    let ports = ["health-probe", "metrics", "debug"].map(|name| format!("--{name}-bind-address=127.0.0.1:0"));
    let output = Command::new(binary())
        .args(ports)
        .arg("--kubeconfig=/nowhere/config")
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the operator is built");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    output
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = run(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(
        help.status.success() && text.contains("--watch-all-namespaces") && text.contains("OBSYK_LOG_LEVEL"),
        "{text}"
    );
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        format!("obsyk-operator {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn sigterm_sends_what_waits_and_exits_with_0() {
    let stage = Stage::new().await;
    let mut operator = stage.synced().await;
    stage
        .platform
        .answer(Endpoint::Events, Answer::delay(Duration::from_secs(2)).forever());
    stage.create(a_config_map("last", "a")).await;
    stage.event_under_way().await;
    operator.signal("TERM").unwrap();
    let status = operator.ended(SOON).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", operator.log());
    let arrived = stage
        .platform
        .look(|view| view.object("ConfigMap", "default", "last").is_some());
    assert!(arrived, "what was in flight is waited for\n{}", operator.log());
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn sigterm_does_not_wait_longer_than_five_seconds_and_a_second_signal_not_at_all() {
    let stage = Stage::new().await;
    let mut operator = stage.synced().await;
    stage.platform.answer(Endpoint::Events, Answer::hang().forever());
    stage.create(a_config_map("hanging", "a")).await;
    stage.event_under_way().await;
    operator.signal("TERM").unwrap();
    let status = operator.ended(Duration::from_secs(20)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", operator.log());

    let mut operator = stage.operate();
    stage
        .platform
        .wait(SOON, "an accepted snapshot", |view| view.snapshots().count() == 2)
        .await;
    stage.create(a_config_map("hanging-too", "a")).await;
    stage.event_under_way().await;
    operator.signal("TERM").unwrap();
    operator.logged(&["a second signal ends at once"]).await.unwrap();
    operator.signal("TERM").unwrap();
    operator.ended(SOON).await.unwrap();
    assert!(operator.log().contains("by a second signal"), "{}", operator.log());
}

#[tokio::test]
async fn endpoints_show_the_probes_the_metrics_and_the_actors() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    assert_eq!(operator.get("/healthz").await.unwrap(), (200, "ok\n".to_owned()));
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!((status, body.as_str()), (200, "obsyk-system/demo: synced\n"));
    stage.create(a_config_map("one-more", "a")).await;
    stage.equal().await;
    let (status, metrics) = operator.get("/metrics").await.unwrap();
    assert_eq!(status, 200);
    for line in [
        format!("obsyk_build_info{{version=\"{}\",", env!("CARGO_PKG_VERSION")),
        "obsyk_objects{namespace=\"obsyk-system\",agent=\"demo\",kind=\"Namespace\"} ".to_owned(),
        "obsyk_ledger_dirty{namespace=\"obsyk-system\",agent=\"demo\"} 0".to_owned(),
        "obsyk_requests_total{namespace=\"obsyk-system\",agent=\"demo\",endpoint=\"snapshot\",code=\"2xx\"} 1"
            .to_owned(),
        "obsyk_snapshots_total{namespace=\"obsyk-system\",agent=\"demo\",cause=\"start\"} 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "no {line} in\n{metrics}");
    }
    let (status, actors) = operator.get("/debug/actors").await.unwrap();
    assert_eq!(status, 200);
    let tree: Value = serde_json::from_str(&actors).unwrap();
    assert_eq!(
        tree["agents"][0]["watchers"].as_array().map(Vec::len),
        Some(13),
        "{tree:#}"
    );
    assert_eq!(tree["agents"][0]["sender"]["token"]["phase"], "held");
    let thumbprint = tree["agents"][0]["credentials"]["thumbprint"].as_str().unwrap();
    // SHA-256 in base64url, without padding.
    assert_eq!(thumbprint.len(), 43, "{thumbprint}");
    let page = operator.get_as("/debug/actors", "text/html").await.unwrap();
    assert!(page.1.starts_with("<!doctype html>"), "{}", page.1);
}

#[tokio::test]
async fn status_shows_the_tree_of_the_running_operator() {
    let stage = Stage::new().await;
    let operator = stage.synced().await;
    let address = operator.debug_address().await.unwrap().to_string();
    let status = async |args: &[&str]| {
        let args = [&["status", "--address", &address], args].concat();
        let output = common::run(&args, &[]).await;
        assert!(output.status.success(), "{}", stderr(&output));
        common::stdout(&output)
    };
    let text = status(&[]).await;
    for words in [
        "obsyk-system/demo  synced",
        "Available    True",
        "sending works",
        "ConfigMap      watching",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours into a pipe:\n{text}");
    let tree: Value = serde_json::from_str(&status(&["-o", "json"]).await).unwrap();
    assert_eq!(tree["agents"][0]["sender"]["actor"]["life"], "running", "{tree:#}");
    drop(operator);
    let output = common::run(&["status", "--address", &address], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("kubectl exec"), "{}", stderr(&output));
}

#[tokio::test]
async fn nothing_secret_is_logged_at_any_level() {
    let stage = Stage::new().await;
    stage.create(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "password", "namespace": "default" }, "stringData": { "password": "MARKER-OF-A-VALUE" } })).await;
    let options = OperatorOptions {
        args: vec!["--log-level=trace".into(), "--log-format=text".into()],
        environment: vec![(
            "RUST_LOG".into(),
            "trace,kube_client::client=trace,hyper::proto=trace".into(),
        )],
    };
    let operator = stage.operate_with(&options);
    stage.streams(&operator, &stage.spec()).await;
    let log = operator.log();
    for secret in [
        "MARKER-OF-A-VALUE",
        "TUFSS0VSLU9GLUEtVkFMVUU",
        "Bearer ",
        "eyJ",
        stage.key.piece(),
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(log.contains("DEBUG"), "the level was taken: {log}");
}

#[tokio::test]
async fn resources_of_other_namespaces_count_only_when_all_are_watched() {
    let stage = Stage::new().await;
    operator::make_namespace(&stage.client, "elsewhere").await.unwrap();
    let values = json!({ "client_id": common::CLIENT, "private_key": stage.key.pkcs8_pem() });
    let meta = |name: &str| json!({ "name": name, "namespace": "elsewhere" });
    stage
        .create(
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta(operator::SECRET), "stringData": values }),
        )
        .await;
    let agent =
        json!({ "apiVersion": "obsyk.io/v1", "kind": "ObsykAgent", "metadata": meta("far"), "spec": stage.spec() });
    stage.create(agent).await;

    let operator = stage.operate();
    operator.logged(&["no ObsykAgent resource yet"]).await.unwrap();
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!((status, body.as_str()), (200, "no ObsykAgent resource\n"));
    drop(operator);

    let args = vec!["--watch-all-namespaces".to_owned()];
    let operator = stage.operate_with(&OperatorOptions {
        args,
        environment: vec![],
    });
    operator.logged(&["snapshot accepted", "elsewhere/far"]).await.unwrap();
    stage.equal().await;
}

#[tokio::test]
async fn kinds_that_are_not_asked_for_are_neither_read_nor_told() {
    let stage = Stage::new().await;
    let args = vec!["--kinds=pods,nodes".to_owned()];
    let _operator = stage.operate_with(&OperatorOptions {
        args,
        environment: vec![],
    });
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    stage.create(common::a_pod("web")).await;
    stage.create(a_config_map("unseen", "a")).await;
    stage
        .platform
        .wait_until_kinds_equal(&stage.client, &["Pod", "Node"], SOON)
        .await;
    let lists = stage
        .platform
        .look(|view| view.snapshots().next().map(|snapshot| snapshot.counts.clone()));
    assert_eq!(lists.unwrap().into_keys().collect::<Vec<_>>(), ["nodes", "pods"]);
    assert_eq!(stage.platform.look(|view| view.objects("ConfigMap")), 0);
    stage.platform.assert_no_violations();
}
