// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the kit promises about its control planes, on real ones.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Client, Config, ResourceExt};
use obsyk_testkit::controlplane::{ControlPlane, Error, Guard};
use serde_json::json;
use tokio::time::timeout;

/// For what a control plane does within moments; generous, as many run at once on small machines.
const SOON: Duration = Duration::from_secs(60);

/// Set for the process that is to be killed.
const HELPER: &str = "OBSYK_TESTKIT_HELPER";

async fn start() -> ControlPlane {
    ControlPlane::builder()
        .start()
        .await
        .unwrap_or_else(|error| panic!("no control plane: {error}"))
}

fn a_config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name }, "data": { "key": "value" } })).unwrap()
}

fn a_deployment(name: &str, replicas: u32) -> Deployment {
    let labels = json!({ "app": name });
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "example.invalid/web:1" }] },
            },
        },
    }))
    .unwrap()
}

async fn create_config_map(client: Client, name: &str) -> ConfigMap {
    let api = Api::<ConfigMap>::namespaced(client, "default");
    let created = api.create(&PostParams::default(), &a_config_map(name)).await;
    created.unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn config_map_names(client: Client) -> Vec<String> {
    let api = Api::<ConfigMap>::namespaced(client, "default");
    let list = api
        .list(&ListParams::default())
        .await
        .expect("config maps can be listed");
    list.iter().map(ResourceExt::name_any).collect()
}

/// Whether a process runs; one that has ended and only waits to be reaped doesn't.
fn runs(pid: u32) -> bool {
    if Path::new("/proc/self/stat").exists() {
        // pid (name) state …, and the name may hold anything.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        return stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'));
    }
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output();
    let state = output.expect("ps runs").stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}

async fn nothing_is_left(pids: &[u32], folder: &Path) {
    assert!(pids.len() >= 4, "etcd, API server and two helpers: {pids:?}");
    let guard = Guard::new("no process and no folder is left", SOON);
    loop {
        let left: Vec<_> = pids.iter().filter(|pid| runs(**pid)).collect();
        if left.is_empty() && !folder.exists() {
            return;
        }
        let seen = format!("{left:?} run, {} exists: {}", folder.display(), folder.exists());
        guard.again(seen).await.unwrap();
    }
}

#[tokio::test]
async fn two_control_planes_run_side_by_side() {
    // Spawned: that a start can be is part of what is promised.
    let other = tokio::spawn(ControlPlane::builder().start());
    let first = start().await;
    let second = other.await.unwrap().unwrap();
    assert_ne!(first.url(), second.url());
    assert_ne!(first.etcd_endpoint(), second.etcd_endpoint());

    create_config_map(first.client(), "of-the-first").await;
    create_config_map(second.client(), "of-the-second").await;
    assert_eq!(config_map_names(first.client()).await, ["of-the-first"]);
    assert_eq!(config_map_names(second.client()).await, ["of-the-second"]);
}

#[tokio::test]
async fn a_killed_process_leaves_no_process_and_no_folder() {
    if env::var_os(HELPER).is_some() {
        return be_killed().await;
    }
    let mut helper = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "a_killed_process_leaves_no_process_and_no_folder",
            "--nocapture",
        ])
        .env(HELPER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = helper.stdout.take().unwrap();
    let line = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stdout).lines();
        lines.find_map(|line| line.unwrap().strip_prefix("running ids ").map(str::to_owned))
    });
    let line = timeout(SOON * 5, line)
        .await
        .expect("the helper starts in time")
        .unwrap();
    // Killed before anything is checked: a failure mustn't leave it.
    helper.kill().unwrap();
    helper.wait().unwrap();
    let (pids, folder) = split(&line.expect("the helper has a control plane"));
    nothing_is_left(&pids, &folder).await;
}

/// The part of the process that is killed: it says what it started, and waits.
async fn be_killed() {
    let control_plane = start().await;
    let ids: Vec<_> = control_plane.process_ids().iter().map(u32::to_string).collect();
    // The test harness has begun a line of its own.
    println!("\nrunning ids {} {}", ids.join(","), control_plane.folder().display());
    std::io::stdout().flush().unwrap();
    // Were it not killed, it would end by itself: its parent may be gone.
    tokio::time::sleep(SOON * 2).await;
}

fn split(line: &str) -> (Vec<u32>, PathBuf) {
    let (pids, folder) = line.split_once(' ').expect("ids, then the folder");
    let pids = pids.split(',').map(|pid| pid.parse().expect("a process id"));
    (pids.collect(), folder.into())
}

#[tokio::test]
async fn a_panicking_test_leaves_no_process_and_no_folder() {
    let control_plane = start().await;
    let (pids, folder) = (control_plane.process_ids(), control_plane.folder().to_path_buf());
    assert!(pids.iter().all(|pid| runs(*pid)) && folder.exists());
    let task = tokio::spawn(async move {
        let _owned = control_plane;
        panic!("this panic is part of the test");
    });
    assert!(task.await.unwrap_err().is_panic());
    nothing_is_left(&pids, &folder).await;
}

#[tokio::test]
async fn a_stopped_control_plane_is_gone_when_stop_returns() {
    let control_plane = start().await;
    let (pids, folder) = (control_plane.process_ids(), control_plane.folder().to_path_buf());
    control_plane.stop().await;
    assert!(!pids.iter().any(|pid| runs(*pid)), "{pids:?}");
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_pods_of_a_deployment_become_running_on_simulated_nodes() {
    let control_plane = ControlPlane::builder().controllers().nodes(2).start().await.unwrap();
    let client = control_plane.client();
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    let names: Vec<_> = nodes.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["node-1", "node-2"]);
    assert!(
        nodes
            .iter()
            .all(|n| n.labels().contains_key("topology.kubernetes.io/region"))
    );

    let deployments = Api::<Deployment>::namespaced(client.clone(), "default");
    deployments
        .create(&PostParams::default(), &a_deployment("web", 3))
        .await
        .unwrap();
    let pods = Api::<Pod>::namespaced(client, "default");
    let guard = Guard::new("three pods run", SOON);
    loop {
        let list = pods.list(&ListParams::default().labels("app=web")).await.unwrap();
        let phases = list
            .iter()
            .map(|pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()));
        let phases: Vec<_> = phases.flatten().collect();
        if phases == ["Running"; 3] {
            let on_a_node = |pod: &Pod| pod.spec.as_ref().is_some_and(|s| s.node_name.is_some());
            assert!(list.iter().all(on_a_node));
            break;
        }
        guard.again(format!("{phases:?}")).await.unwrap();
    }

    // And they go as they came: by the real controllers and the simulated kubelet.
    deployments.delete("web", &DeleteParams::background()).await.unwrap();
    let guard = Guard::new("the pods are gone", SOON);
    loop {
        let left = pods.list(&ListParams::default()).await.unwrap().items.len();
        if left == 0 {
            break;
        }
        guard.again(format!("{left} are left")).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_api_server_serves_the_same_objects_when_started_again() {
    let mut control_plane = start().await;
    let before = create_config_map(control_plane.client(), "kept").await;
    let (url, pid) = (control_plane.url().to_owned(), control_plane.api_server_pid());

    control_plane.kill_api_server();
    assert_eq!(control_plane.api_server_pid(), None);
    assert!(!runs(pid.unwrap()));
    control_plane.start_api_server().await.unwrap();

    assert_eq!(control_plane.url(), url);
    assert_ne!(control_plane.api_server_pid(), pid);
    let api = Api::<ConfigMap>::namespaced(control_plane.client(), "default");
    assert_eq!(api.get("kept").await.unwrap(), before);
}

#[tokio::test]
async fn a_stopped_api_server_ends_by_itself_and_closes_its_watches() {
    let mut control_plane = start().await;
    let api = Api::<ConfigMap>::namespaced(control_plane.client(), "default");
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    control_plane.stop_api_server().await.unwrap();
    let end = timeout(SOON, async { while watch.next().await.is_some() {} }).await;
    end.expect("the watch ends with the API server");
    assert!(matches!(
        control_plane.stop_api_server().await,
        Err(Error::ApiServerIs(_))
    ));
}

#[tokio::test]
async fn a_compacted_etcd_answers_410_to_a_watch_from_an_old_version() {
    let mut control_plane = start().await;
    let old = create_config_map(control_plane.client(), "old").await;
    let new = create_config_map(control_plane.client(), "new").await;
    let version = |object: &ConfigMap| object.resource_version().unwrap();

    let compacted = control_plane.compact_etcd().await.unwrap();
    assert!(compacted >= version(&new).parse().unwrap());
    // The API server forgets what it still had in its watch cache.
    control_plane.kill_api_server();
    control_plane.start_api_server().await.unwrap();

    let api = Api::<ConfigMap>::namespaced(control_plane.client(), "default");
    let code = match api.watch(&WatchParams::default(), &version(&old)).await {
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{error}"),
        Ok(stream) => match timeout(SOON, stream.boxed().next()).await.expect("an answer in time") {
            Some(Ok(WatchEvent::Error(status))) => status.code,
            event => panic!("not an error: {event:?}"),
        },
    };
    assert_eq!(code, 410);
}

#[tokio::test]
async fn a_paused_api_server_answers_again_when_resumed() {
    let control_plane = start().await;
    let client = control_plane.client();
    control_plane.pause_api_server().unwrap();
    let silent = timeout(Duration::from_millis(500), config_map_names(client.clone())).await;
    control_plane.resume_api_server().unwrap();
    assert!(silent.is_err(), "a paused API server answered");
    let names = timeout(SOON, config_map_names(client)).await;
    assert!(names.expect("an answer in time").is_empty());
}

#[tokio::test]
async fn a_user_may_do_what_rbac_grants_to_its_groups_and_nothing_else() {
    let control_plane = start().await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "reads" },
        "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "reads" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reads" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "second" }],
    });
    let client = control_plane.client();
    let roles = Api::all(client.clone());
    let role: k8s_openapi::api::rbac::v1::ClusterRole = serde_json::from_value(role).unwrap();
    roles.create(&PostParams::default(), &role).await.unwrap();
    let bindings = Api::all(client);
    let binding: k8s_openapi::api::rbac::v1::ClusterRoleBinding = serde_json::from_value(binding).unwrap();
    bindings.create(&PostParams::default(), &binding).await.unwrap();

    let path = control_plane.user_kubeconfig("jane", &["first", "second"]).unwrap();
    let kubeconfig = kube::config::Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default())
        .await
        .unwrap();
    let jane = Client::try_from(config).unwrap();
    let config_maps = Api::<ConfigMap>::namespaced(jane.clone(), "default");
    // The authoriser watches roles, so it knows of new ones a moment later.
    let guard = Guard::new("the role is in force", SOON);
    while let Err(error) = config_maps.list(&ListParams::default()).await {
        guard.again(error.to_string()).await.unwrap();
    }
    let secrets = Api::<Secret>::namespaced(jane, "default")
        .list(&ListParams::default())
        .await;
    assert!(matches!(secrets, Err(kube::Error::Api(status)) if status.code == 403));
    let too_many = control_plane.user_kubeconfig("jane", &["a", "b", "c"]);
    assert!(matches!(too_many, Err(Error::TooManyGroups { .. })));
}

#[tokio::test]
async fn a_start_that_fails_shows_the_log_of_the_program_that_failed() {
    let outcome = ControlPlane::builder().api_server_arg("--no-such-flag").start().await;
    let error = outcome.expect_err("the API server refuses the flag").to_string();
    assert!(
        error.starts_with("kube-apiserver ended") && error.contains("no-such-flag"),
        "{error}"
    );
}

#[tokio::test]
async fn a_feature_gate_of_the_api_server_can_be_switched_off() {
    let control_plane = ControlPlane::builder()
        .feature_gate("WatchList", false)
        .start()
        .await
        .unwrap();
    let client = control_plane.client();
    let api = Api::<ConfigMap>::namespaced(client, "default");
    let streamed = WatchParams::default().initial_events();
    let refused = match api.watch(&streamed, "0").await {
        Err(_) => true,
        Ok(stream) => !matches!(
            timeout(SOON, stream.boxed().next()).await,
            Ok(Some(Ok(WatchEvent::Bookmark(_))))
        ),
    };
    assert!(refused, "a streamed list with WatchList off");
}
