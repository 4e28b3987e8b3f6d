// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `preview`: it shows what the real operator sends to a platform, and sends nothing itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::process::{Output, Stdio};

use common::checked::holds;
use common::{SERVICE_ACCOUNT, SOON, Stage, a_config_map, a_pod, binary, rbac, run, stderr, stdout};
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::platform::{Endpoint, View};
use serde_json::{Value, json};

/// Objects of some kinds, in two namespaces, with something to hold back.
async fn furnish(stage: &Stage) {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    stage.create(namespace).await;
    let labels = json!({ "topology.kubernetes.io/region": "eu-west-1" });
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1", "labels": labels } });
    stage.create(node).await;
    for place in ["default", "shop"] {
        let mut pod = a_pod("web");
        pod["metadata"]["namespace"] = json!(place);
        pod["metadata"]["annotations"] = json!({
            "note": "kept", "token": "eyJh.eyJh.c", "kubectl.kubernetes.io/last-applied-configuration": "{}",
        });
        stage.create(pod).await;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": { "password": "MARKER" },
            "metadata": { "name": "password", "namespace": place, "annotations": { "note": "MARKER" } },
        });
        stage.create(secret).await;
    }
    // More than two pages.
    for n in 0..45 {
        stage.create(a_config_map(&format!("settings-{n:02}"), "a")).await;
    }
}

async fn preview(stage: &Stage, flags: &[&str]) -> Output {
    let kubeconfig = format!("--kubeconfig={}", stage.control_plane.kubeconfig_path().display());
    run(&[&["preview", &kubeconfig], flags].concat(), &[]).await
}

/// What a run that went well printed.
async fn shown(stage: &Stage, flags: &[&str]) -> String {
    let output = preview(stage, flags).await;
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    stdout(&output)
}

/// The body of the snapshot that an operator sends when nothing changes any more. A new API server writes some objects of its
/// own, seconds after it is ready, so the snapshot is that of a second operator.
async fn sent(stage: &Stage) -> String {
    let mut first = stage.synced().await;
    first.signal("TERM").unwrap();
    first.ended(SOON).await.unwrap();
    stage.platform.record();
    let _second = stage.operate();
    let came = |view: &View<'_>| view.snapshots().count() == 2;
    stage.platform.wait(SOON, "a second snapshot", came).await;
    let mut recorded = stage.platform.recorded().into_iter();
    let snapshot = recorded.find(|raw| raw.endpoint == Endpoint::Snapshot);
    String::from_utf8(snapshot.expect("it is recorded").body).unwrap()
}

/// The lists of a snapshot, by their names.
fn lists(snapshot: &Value) -> Vec<&str> {
    let fields = snapshot.as_object().unwrap().iter();
    let lists = fields.filter(|(_, value)| value.is_array());
    lists.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn the_json_is_byte_for_byte_what_an_operator_sends_that_lists_in_pages() {
    let stage = Stage::on(ControlPlane::builder().feature_gate("WatchList", false)).await;
    furnish(&stage).await;
    let sent = sent(&stage).await;
    let shown = shown(&stage, &["-o", "json", "--cluster-name", "test"]).await;
    assert!(
        sent.contains("\"region\":\"eu-west-1\"") && sent.contains("settings-44"),
        "{sent}"
    );
    assert!(shown == sent, "shown:\n{shown}\nsent:\n{sent}");
}

/// A streamed list has no promised order, so the lists are sorted here.
#[tokio::test]
async fn the_json_is_what_an_operator_sends_by_default_and_filters_leave_out_the_rest() {
    let stage = Stage::new().await;
    furnish(&stage).await;
    let sent = sent(&stage).await;
    let requests = || stage.platform.look(|view| view.requests().count());
    let before = requests();
    let whole = shown(&stage, &["-o", "json", "--cluster-name", "test"]).await;
    assert_eq!(requests(), before, "nothing goes to a platform");
    let sorted = |text: &str| {
        let mut snapshot: Value = serde_json::from_str(text).unwrap();
        for list in snapshot.as_object_mut().unwrap().values_mut() {
            if let Some(objects) = list.as_array_mut() {
                objects.sort_by_key(|object| object["uid"].to_string());
            }
        }
        snapshot
    };
    let (sent, whole) = (sorted(&sent), sorted(&whole));
    assert_eq!(whole, sent);

    let some = shown(&stage, &["-o", "json", "--kind=secrets,pods", "-n", "shop"]).await;
    let some = sorted(&some);
    assert_eq!(lists(&some), ["pods", "secrets"]);
    for list in ["pods", "secrets"] {
        let all = sent[list].as_array().unwrap().iter();
        let of_shop: Vec<_> = all.filter(|object| object["namespace"] == "shop").collect();
        assert_eq!(some[list], json!(of_shop));
        assert_eq!(of_shop.len(), 1);
    }
    let in_shop = sorted(&shown(&stage, &["-o", "json", "-n", "shop"]).await);
    assert_eq!(in_shop["namespaces"][0]["name"], "shop");
    assert!(!lists(&in_shop).contains(&"nodes"), "{in_shop}");
    assert_eq!(in_shop["cluster_name"], "<spec.clusterName>");
    let nothing = preview(&stage, &["--kind=nodes", "-n", "shop"]).await;
    assert_eq!((nothing.status.code(), stdout(&nothing)), (Some(1), String::new()));
    assert!(stderr(&nothing).contains("leave out --namespace"), "{nothing:?}");
}

#[tokio::test]
async fn the_summary_counts_what_is_sent_and_what_is_held_back_and_shows_no_value() {
    let stage = Stage::new().await;
    furnish(&stage).await;
    let text = shown(&stage, &[]).await;
    assert!(!text.contains('\u{1b}') && !text.contains("MARKER"), "{text}");
    let words = |begins: &str| {
        let line = text.lines().find(|line| line.starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("no line begins with {begins:?} in\n{text}"));
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(words("region"), ["region", "eu-west-1"]);
    let pods = words("Pod ");
    assert_eq!((pods[1], &pods[3..]), ("2", &["0", "prefix", "2,", "jwt", "2"][..]));
    let secrets = words("Secret ");
    assert_eq!(secrets[3..], ["0", "kind", "2"]);
    let json = shown(&stage, &["-o", "json"]).await;
    let bytes: usize = words("total")[2].replace(',', "").parse().unwrap();
    assert_eq!(bytes, json.len());

    // Whoever reads may go away.
    let mut unheard = tokio::process::Command::new(binary())
        .args(["preview", "-o", "json"])
        .env("KUBECONFIG", stage.control_plane.kubeconfig_path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    drop(unheard.stdout.take());
    let ended = tokio::time::timeout(SOON, unheard.wait_with_output()).await;
    let ended = ended.expect("it ends").unwrap();
    assert_eq!((ended.status.code(), stderr(&ended)), (Some(0), String::new()));
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_named_with_what_to_grant_and_has_no_list() {
    let stage = Stage::new().await;
    let mut without = rbac("clusterrole");
    without["rules"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|resource| resource != "secrets");
    stage.create(without).await;
    stage.create(rbac("clusterrolebinding")).await;
    holds(&stage, true, "list", ("", "pods"), None).await;
    let kubeconfig = stage.control_plane.user_kubeconfig(SERVICE_ACCOUNT, &[]).unwrap();
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let output = run(&["preview", &kubeconfig], &[]).await;
    let text = stdout(&output);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(1), String::new()),
        "{text}"
    );
    let mut lines = text.lines().skip_while(|line| !line.starts_with("Secret "));
    let (line, hint) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    assert!(line.ends_with("can't be read: forbidden (403)"), "{text}");
    assert!(
        hint.starts_with("  hint: grant list on secrets of the core group"),
        "{text}"
    );
    assert_eq!(text.matches("can't be read").count(), 1, "{text}");

    let output = run(&["preview", &kubeconfig, "-o", "json"], &[]).await;
    let snapshot: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        !lists(&snapshot).contains(&"secrets"),
        "unknown isn't empty: {snapshot}"
    );
    assert_eq!(lists(&snapshot).len(), 12);
    let said = stderr(&output);
    assert!(
        said.starts_with("error: Secret can't be read: forbidden (403)\nhint: grant list"),
        "{said}"
    );
}
