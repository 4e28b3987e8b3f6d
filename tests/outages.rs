// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Peers that go silent, ways that flap, a cluster that goes back in time, a token that is exchanged, an API that isn't there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{AGENT, SOON, Stage, a_config_map, a_pod, binary};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, NAMESPACE, Operator, OperatorOptions};
use obsyk_testkit::platform::Endpoint;
use obsyk_testkit::proxy::{Mode, Proxy};
use serde_json::{Value, json};

/// A connection whose peer is gone is noticed within 30 s; the rest is for the system's timers, and for a busy machine.
const NOTICED: Duration = Duration::from_secs(30 + 10);

/// An operator whose way to the API server leads through a proxy.
async fn behind_a_proxy(stage: &Stage) -> (Proxy, Operator) {
    let proxy = Proxy::before(stage.control_plane.url()).await.unwrap();
    let server = format!("https://{}", proxy.address());
    let kubeconfig = stage
        .control_plane
        .user_kubeconfig_at(&server, "behind-a-proxy", &["system:masters"])
        .unwrap();
    (proxy, operate(stage, &kubeconfig))
}

fn operate(stage: &Stage, kubeconfig: &Path) -> Operator {
    let keeper = stage.control_plane.keeper();
    Operator::start(keeper, binary(), kubeconfig, &OperatorOptions::default()).unwrap()
}

/// The connections to this address that the system counts as open on the side of whoever connected, and has nothing to send on,
/// by their own end: watches. (What is sent has its own 30 s from then on.)
#[cfg(target_os = "linux")]
fn watches(address: SocketAddr) -> HashSet<String> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let to = format!(":{:04X}", address.port());
    let is_one = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let sends = fields.get(4).is_none_or(|queues| !queues.starts_with("00000000:"));
        fields.get(2).is_some_and(|remote| remote.ends_with(&to)) && fields.get(3) == Some(&ESTABLISHED) && !sends
    };
    let own_end = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    table.lines().filter(is_one).filter_map(own_end).collect()
}

/// Waits until nothing has come through for longer than a status is held back. What the proxy has sent and nobody may confirm
/// any more it would send again and again, which a peer that is gone doesn't.
#[cfg(target_os = "linux")]
async fn quiet(proxy: &Proxy) {
    const LONGER: Duration = Duration::from_secs(11);
    let guard = Guard::new("nothing comes through", Duration::from_secs(120));
    let (mut last, mut since) = (proxy.counts(), Instant::now());
    while since.elapsed() < LONGER {
        guard.again("something does").await.unwrap();
        let now = proxy.counts();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_watch_whose_peer_is_gone_without_a_word_is_noticed_within_half_a_minute() {
    let stage = Stage::new().await;
    let (proxy, operator) = behind_a_proxy(&stage).await;
    stage.streams(&operator, &stage.spec()).await;
    quiet(&proxy).await;
    proxy.set(Mode::BlackHole).await.unwrap();
    let since = Instant::now();
    let before = watches(proxy.address());
    assert!(before.len() >= 13, "each kind has a watch");
    stage.create(a_config_map("unseen", "a")).await;
    let guard = Guard::new("no connection of before counts as open", NOTICED);
    loop {
        // One that was made since is not what this is about.
        let open = watches(proxy.address()).intersection(&before).count();
        if open == 0 {
            break;
        }
        guard
            .again(format!("{open} do"))
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
    }
    println!("noticed after {:?}", since.elapsed());
    proxy.set(Mode::Pass).await.unwrap();
    stage.equal().await;
    let snapshots = stage.platform.look(|view| view.snapshots().count());
    assert_eq!(snapshots, 1, "the watches go on where they were\n{}", operator.log());
}

#[tokio::test]
async fn a_platform_that_comes_and_goes_every_two_seconds_is_sent_no_storm_and_in_the_end_everything() {
    let stage = Stage::new().await;
    let proxy = Proxy::before(stage.platform.url()).await.unwrap();
    let url = format!("http://{}", proxy.address());
    stage.platform.audience(&url);
    let operator = stage.operate();
    stage.streams(&operator, &operator::agent_spec(&url)).await;
    let every = Duration::from_secs(2);
    proxy.set(Mode::Flap { every }).await.unwrap();
    for n in 0..60 {
        stage.create(a_config_map(&format!("meanwhile-{n}"), "a")).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    proxy.set(Mode::Pass).await.unwrap();
    stage.platform.wait_until_equal(&stage.client, 3 * SOON).await;
    stage.platform.assert_no_violations();
    let (tokens, snapshots) = stage.platform.look(|view| {
        (
            view.requests_to(Endpoint::Token).count(),
            view.requests_to(Endpoint::Snapshot).count(),
        )
    });
    assert_eq!(tokens, 1, "a connection that breaks says nothing about the token");
    assert!(snapshots <= 4, "{snapshots} snapshots\n{}", operator.log());
}

#[tokio::test]
async fn a_cluster_that_is_restored_from_a_backup_is_told_as_it_was_then() {
    let mut stage = Stage::new().await;
    stage.create(a_config_map("deleted-since", "a")).await;
    stage.create(a_config_map("changed-since", "before")).await;
    let operator = stage.synced().await;
    let backup = stage.control_plane.back_up_etcd().unwrap();
    // More than what happens between the restore and the operator's next question.
    for n in 0..150 {
        stage.create(a_config_map(&format!("made-since-{n}"), "a")).await;
    }
    stage.delete(a_config_map("deleted-since", "a")).await;
    stage.patch(a_config_map("changed-since", "after")).await;
    stage.equal().await;
    stage.control_plane.restore_etcd(&backup).await.unwrap();
    stage.control_plane.start_api_server().await.unwrap();
    stage.platform.wait_until_equal(&stage.client, 2 * SOON).await;
    stage.create(a_pod("afterwards")).await;
    stage.equal().await;
    let held = stage
        .platform
        .look(|view| view.object("ConfigMap", "default", "deleted-since"));
    assert!(held.is_some(), "it is there again\n{}", operator.log());
}

#[tokio::test]
async fn after_a_restore_from_a_backup_edits_of_resource_and_secret_are_still_noticed() {
    let mut stage = Stage::new().await;
    let operator = stage.synced().await;
    let backup = stage.control_plane.back_up_etcd().unwrap();
    operator::edit_agent(&stage.client, AGENT, &json!({ "clusterName": "after-the-backup" }))
        .await
        .unwrap();
    for n in 0..300 {
        stage.create(a_config_map(&format!("made-since-{n}"), "a")).await;
    }
    stage.equal().await;
    stage.control_plane.restore_etcd(&backup).await.unwrap();
    stage.control_plane.start_api_server().await.unwrap();
    stage.platform.wait_until_equal(&stage.client, 2 * SOON).await;
    let named = |name: &'static str| {
        move |view: &obsyk_testkit::platform::View<'_>| {
            view.snapshots()
                .next_back()
                .is_some_and(|snapshot| snapshot.head["cluster_name"] == name)
        }
    };
    stage
        .platform
        .wait(2 * SOON, "a snapshot under the name of the backup", named("test"))
        .await;
    operator::edit_agent(&stage.client, AGENT, &json!({ "clusterName": "edited-again" }))
        .await
        .unwrap();
    stage
        .platform
        .wait(SOON, "a snapshot under the new name", named("edited-again"))
        .await;
    operator::delete_secret(&stage.client, operator::SECRET).await.unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "True", "SecretNotFound")
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
}

/// A token of a service account that has all rights, bound to a Secret of this name: it ends with it.
async fn token(stage: &Stage, bound: &str) -> String {
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let secret: Secret = serde_json::from_value(json!({ "metadata": { "name": bound } })).unwrap();
    let made = secrets.create(&PostParams::default(), &secret).await.unwrap();
    let wanted = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
        "expirationSeconds": 3600,
        "boundObjectRef": { "kind": "Secret", "apiVersion": "v1", "name": bound, "uid": made.metadata.uid },
    } });
    let request = http::Request::post(format!(
        "/api/v1/namespaces/{NAMESPACE}/serviceaccounts/obsyk-operator/token"
    ))
    .header("content-type", "application/json")
    .body(wanted.to_string().into_bytes())
    .unwrap();
    let answer: Value = stage.client.request(request).await.unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// Makes a service account with all rights: the file with its token, the one that is bound to Secret `first`.
async fn account_with_all_rights(stage: &Stage) -> PathBuf {
    stage
        .create(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "obsyk-operator", "namespace": NAMESPACE } }))
        .await;
    stage
        .create(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "all" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": "obsyk-operator", "namespace": NAMESPACE }],
        }))
        .await;
    let file = stage.control_plane.folder().join("users").join("token");
    std::fs::write(&file, token(stage, "first").await).unwrap();
    file
}

#[tokio::test]
async fn a_token_that_is_exchanged_in_its_file_is_taken_without_a_restart() {
    let stage = Stage::new().await;
    let proxy = Proxy::before(stage.control_plane.url()).await.unwrap();
    let file = account_with_all_rights(&stage).await;
    let server = format!("https://{}", proxy.address());
    let kubeconfig = stage.control_plane.token_kubeconfig_at(&server, &file).unwrap();
    let operator = operate(&stage, &kubeconfig);
    stage.streams(&operator, &stage.spec()).await;

    std::fs::write(&file, token(&stage, "second").await).unwrap();
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), NAMESPACE);
    secrets.delete("first", &DeleteParams::default()).await.unwrap();
    // Who is asked for a token once isn't asked again while the connection lasts.
    proxy.cut().await.unwrap();
    stage.create(a_config_map("under-the-second-token", "a")).await;
    // The file is read again once a minute.
    stage.platform.wait_until_equal(&stage.client, 3 * SOON).await;
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn an_authority_of_the_api_server_that_is_exchanged_in_its_file_is_trusted_without_a_restart() {
    let mut stage = Stage::new().await;
    let token_file = account_with_all_rights(&stage).await;
    let server = stage.control_plane.url();
    let kubeconfig = stage.control_plane.token_kubeconfig_at(server, &token_file).unwrap();
    let operator = operate(&stage, &kubeconfig);
    stage.streams(&operator, &stage.spec()).await;

    stage.control_plane.exchange_authority().await.unwrap();
    stage.client = stage.control_plane.client();
    stage.create(a_config_map("under-the-second-authority", "a")).await;
    // The file is read again once a minute.
    stage.platform.wait_until_equal(&stage.client, 3 * SOON).await;
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn a_kind_whose_api_is_absent_is_named_and_told_once_it_is_there_and_not_reported_gone_when_it_goes() {
    const WITHOUT: &str = "--runtime-config=batch/v1=false";
    let mut stage = Stage::new().await;
    stage.control_plane.kill_api_server();
    stage.control_plane.start_api_server_with(&[WITHOUT]).await.unwrap();
    let operator = stage.operate();
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    // The kinds are named as their watchers find out, one after the other.
    let guard = Guard::new("both kinds are named", SOON);
    loop {
        let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "KindUnreadable")
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
        if message.contains(" Job (") && message.contains(" CronJob (") {
            break;
        }
        guard.again(message).await.unwrap();
    }
    stage.create(a_pod("meanwhile")).await;
    let there = |view: &obsyk_testkit::platform::View<'_>| view.object("Pod", "default", "meanwhile").is_some();
    stage.platform.wait(SOON, "the pod", there).await;
    let absent = stage
        .platform
        .look(|view| view.snapshots().next_back().map(|snapshot| snapshot.absent.clone()));
    let mut absent = absent.unwrap_or_default();
    absent.sort_unstable();
    assert_eq!(absent, ["cronjobs", "jobs"]);

    stage.control_plane.kill_api_server();
    stage.control_plane.start_api_server().await.unwrap();
    stage
        .create(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "once", "namespace": "default" },
            "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "j", "image": "example.invalid/j:1" }] } } },
        }))
        .await;
    stage.platform.wait_until_equal(&stage.client, 3 * SOON).await;
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();

    stage.control_plane.kill_api_server();
    stage.control_plane.start_api_server_with(&[WITHOUT]).await.unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "True", "KindUnreadable")
        .await
        .unwrap();
    let held = stage.platform.look(|view| view.object("Job", "default", "once"));
    assert!(held.is_some(), "what can't be read is not reported gone");
    stage.platform.assert_no_violations();
}
