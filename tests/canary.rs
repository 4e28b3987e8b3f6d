// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A marker hides in every place whose content must not leave the cluster, in objects that are sent, changed, deleted and
//! undecodable. It shows nowhere: not to the platform, not in the log, and not in what the operator says of itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;
mod marker;

use common::{AGENT, SOON, Stage, api, binary};
use kube::api::{Patch, PatchParams};
use marker::places::{one_of_each, pod_status};
use marker::search::{Encoding, Searcher};
use marker::spoiler::{CUT, SPOILT, Spoiler, WORSE};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, Operator, OperatorOptions};
use serde_json::{Value, json};

/// Long enough to be nowhere by chance. In base64 it has characters that base64url has others for, and Go escapes some of it
/// in JSON.
const MARKER: &str = "cAnArY-7Qz>>>???<&x4W";

/// What is looked for to prove that it would be found: in an annotation that may leave, written so.
fn control(encoding: Encoding) -> String {
    format!("c0ntR0l-{encoding:?}->>>???")
}

/// What may be seen of the operator from outside, by where.
async fn seen(stage: &Stage, operator: &Operator) -> Vec<(&'static str, String)> {
    let agent = format!(
        "/apis/obsyk.io/v1/namespaces/{}/obsykagents/{AGENT}",
        operator::NAMESPACE
    );
    let get = async |path: &str| {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        stage.client.request_text(request).await.unwrap()
    };
    vec![
        ("the log", operator.log()),
        ("the resource", get(&agent).await),
        ("Kubernetes Events", get("/api/v1/events").await),
        ("/metrics", operator.get("/metrics").await.unwrap().1),
        ("/debug/actors", operator.get("/debug/actors").await.unwrap().1),
        ("/readyz", operator.get("/readyz").await.unwrap().1),
    ]
}

/// All that the platform got.
fn wire(stage: &Stage) -> String {
    let requests = stage.platform.recorded().into_iter();
    let text = |raw: obsyk_testkit::platform::Raw| format!("{}{}\n", raw.head, String::from_utf8_lossy(&raw.body));
    requests.map(text).collect()
}

fn assert_nowhere(places: &[(&str, String)]) {
    let searcher = Searcher::new(MARKER);
    for (place, text) in places {
        let found = searcher.find(text);
        let lines = text.lines().filter(|line| !searcher.find(line).is_empty());
        let lines: Vec<&str> = lines.take(3).collect();
        assert!(found.is_empty(), "{found:?} is in {place}:\n{}", lines.join("\n"));
    }
}

/// A pod with a label and annotations that may leave.
fn a_control() -> Value {
    let annotation = |encoding: Encoding| {
        let key = format!("example.com/{encoding:?}").replace(['(', ')'], "");
        (key, json!(encoding.write(&control(encoding))))
    };
    let annotations: serde_json::Map<_, _> = Encoding::ALL.map(annotation).into_iter().collect();
    let mut pod = common::a_pod("control");
    pod["metadata"]["labels"] = json!({ "canary": "c0ntR0l-label" });
    pod["metadata"]["annotations"] = annotations.into();
    pod
}

/// How many objects the operator has set aside.
async fn undecodable(operator: &Operator) -> u64 {
    fn sum(view: &Value) -> u64 {
        let inner = match view {
            Value::Object(fields) => fields.values().map(sum).sum(),
            Value::Array(items) => items.iter().map(sum).sum(),
            _ => 0,
        };
        inner + view["undecodable"].as_u64().unwrap_or_default()
    }
    let (_, text) = operator.get("/debug/actors").await.unwrap();
    sum(&serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_leave_shows_nowhere() {
    let stage = Stage::new().await;
    stage.platform.record();
    let spoiler = Spoiler::start(stage.client.clone(), MARKER).await;
    let kubeconfig = spoiler.kubeconfig(stage.control_plane.folder());
    let options = OperatorOptions {
        args: ["--log-level=trace", "--log-format=json"].map(str::to_owned).to_vec(),
        ..OperatorOptions::default()
    };
    let operator = Operator::start(stage.control_plane.keeper(), binary(), &kubeconfig, &options).unwrap();

    // In the snapshot, and by events: added, updated, deleted.
    for object in one_of_each("first", MARKER) {
        stage.create(object).await;
    }
    stage.create(a_control()).await;
    stage.streams(&operator, &stage.spec()).await;
    for object in one_of_each("then", MARKER) {
        stage.create(object).await;
    }
    let (pods, name) = api(&stage.client, &one_of_each("then", MARKER)[1]);
    let status = Patch::Merge(json!({ "status": pod_status(MARKER) }));
    pods.patch_status(&name, &PatchParams::default(), &status)
        .await
        .unwrap();
    for object in one_of_each("first", MARKER) {
        let mut metadata = object["metadata"].clone();
        metadata["labels"] = json!({ "changed": "yes" });
        let kind = (&object["apiVersion"], &object["kind"]);
        stage
            .patch(json!({ "apiVersion": kind.0, "kind": kind.1, "metadata": metadata }))
            .await;
    }
    stage.equal().await;
    for object in one_of_each("first", MARKER) {
        if object["kind"] != "Namespace" {
            stage.delete(object).await;
        }
    }
    stage.equal().await;
    assert_nowhere(&seen(&stage, &operator).await);

    // In objects that don't decode.
    let spoilt = one_of_each(SPOILT, MARKER);
    let all = spoilt.len() as u64;
    for object in spoilt {
        stage.create(object).await;
    }
    let guard = Guard::new("an object of each kind is set aside", SOON);
    while undecodable(&operator).await < all {
        guard.again(operator.log()).await.unwrap();
    }
    assert_nowhere(&seen(&stage, &operator).await);

    // In what can't be read at all: the kinds are listed again and again.
    for begins in [WORSE, CUT] {
        let objects = one_of_each(begins, MARKER).into_iter();
        for object in objects.filter(|object| matches!(object["kind"].as_str(), Some("Secret" | "Pod"))) {
            stage.create(object).await;
        }
        let (before, guard) = (spoiler.broken(), Guard::new("the operator tries again", SOON));
        while spoiler.broken() < before + 6 {
            guard.again(operator.log()).await.unwrap();
        }
    }
    let mut places = seen(&stage, &operator).await;
    places.push(("the wire", wire(&stage)));
    assert_nowhere(&places);
    stage.platform.assert_no_violations();

    // The wire is what it is taken for, and the search finds what is there.
    let wire = wire(&stage);
    assert_eq!(Searcher::new("c0ntR0l-label").find(&wire), [Encoding::Raw]);
    for encoding in Encoding::ALL {
        let found = Searcher::new(&control(encoding)).find(&wire);
        let leaves = encoding != Encoding::GzipBase64;
        assert_eq!(found.contains(&encoding), leaves, "{encoding:?}: {found:?}");
    }
    for change in ["ADDED", "UPDATED", "DELETED"] {
        for kind in ["ConfigMap", "Secret", "CronJob", "Pod"] {
            let event = format!("\"type\":\"{change}\",\"kind\":\"{kind}\"");
            assert!(wire.contains(&event), "no {event} on the wire");
        }
    }
    let log = operator.log();
    assert!(log.contains("\"level\":\"DEBUG\""), "{log}");
}

#[test]
fn the_search_finds_each_encoding_and_nothing_else() {
    let searcher = Searcher::new(MARKER);
    for encoding in Encoding::ALL {
        let text = format!("before {{\"a\":\"{}\"}} after", encoding.write(MARKER));
        assert!(
            searcher.find(&text).contains(&encoding),
            "{encoding:?} isn't found in {text}"
        );
        let logged = json!({ "message": json!({ "body": text }).to_string() }).to_string();
        assert!(
            !searcher.find(&logged).is_empty(),
            "{encoding:?} isn't found in {logged}"
        );
        let other = encoding.write("cAnArY-7Qz>>>???<&y4W");
        assert!(searcher.find(&other).is_empty(), "another marker is found in {other}");
    }
    let go = "cAnArY-7Qz\\u003e\\u003e\\u003e???\\u003c\\u0026x4W";
    assert_eq!(searcher.find(go), [Encoding::JsonEscaped]);
    let packed_twice = Encoding::GzipBase64.write(&Encoding::GzipBase64.write(&format!("xx{MARKER}")));
    assert_eq!(searcher.find(&packed_twice), [Encoding::GzipBase64]);
}
