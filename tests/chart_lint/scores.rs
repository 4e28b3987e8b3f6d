// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What kube-score and checkov find in the chart, each exception with its reason beside it. An exception that is needed no
//! longer fails, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::render::{fed, python, run, template, tool};

/// What may be found, and why it is right as it is.
type Exceptions<const N: usize> = [(&'static str, &'static str); N];

const OF_KUBE_SCORE: Exceptions<5> = [
    (
        "container-ephemeral-storage-request-and-limit",
        "the root is read-only and there is no volume to write to: nothing can be stored that a limit would bound",
    ),
    (
        "container-image-pull-policy",
        "a release's tag is never moved, and a node that has the image must start it when the registry can't be reached",
    ),
    (
        "container-security-context-user-group-id",
        "the image's user is 65532 and runAsNonRoot is set; a fixed user would keep OpenShift from choosing one",
    ),
    (
        "deployment-replicas",
        "one replica: two operators must never speak for one resource",
    ),
    (
        "deployment-strategy",
        "Recreate, for the same reason: a rolling update would have two for a while",
    ),
];

const OF_CHECKOV: Exceptions<6> = [
    (
        "CKV_K8S_8",
        "no liveness probe: the check is a pod that runs once and ends, and is not restarted",
    ),
    ("CKV_K8S_9", "no readiness probe: nothing is served by the check"),
    (
        "CKV_K8S_11",
        "no limit of CPU: it would stretch snapshots by throttling and protect nobody, since a request bounds what others lose",
    ),
    (
        "CKV_K8S_15",
        "image pull policy not Always: as for kube-score's container-image-pull-policy",
    ),
    (
        "CKV_K8S_40",
        "no high user id: as for kube-score's container-security-context-user-group-id",
    ),
    (
        "CKV_K8S_43",
        "no digest by default: image.digest sets it, and a chart can't know the digest of an image that is built after it",
    ),
];

/// What is found, by check, with the objects it was found in.
type Found = BTreeMap<String, BTreeSet<String>>;

fn assert_only<const N: usize>(found: &Found, exceptions: &Exceptions<N>) {
    let known: BTreeMap<_, _> = exceptions.iter().copied().collect();
    for (check, objects) in found {
        assert!(known.contains_key(check.as_str()), "{check} is found in {objects:?}");
    }
    for (check, reason) in known {
        assert!(
            found.contains_key(check),
            "{check} is found no longer, so this is no exception: {reason}"
        );
    }
}

/// With the chart's own `ObsykAgent` and Secret, and with its NetworkPolicy: that one is off by default because it would cut off a
/// platform or an API server at an unusual port.
fn rendered() -> String {
    template(&[
        "--values",
        "ci/agent-values.yaml",
        "--set",
        "networkPolicy.enabled=true",
    ])
}

#[test]
fn kube_score_finds_the_known_exceptions_only() {
    let mut kube_score = tool("kube-score");
    // No limit of CPU: the reason is at checkov's CKV_K8S_11.
    kube_score.args(["score", "--kubernetes-version", "v1.37", "--ignore-container-cpu-limit"]);
    let output = fed(kube_score.args(["--output-format", "json", "-"]), &rendered());
    let told = String::from_utf8_lossy(&output.stdout);
    let objects: Vec<Value> = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert!(
        objects.iter().any(|object| object["type_meta"]["kind"] == "Deployment"),
        "{told}"
    );
    let mut found = Found::new();
    for object in &objects {
        for check in object["checks"].as_array().unwrap() {
            // 10 is the best grade there is.
            if check["skipped"] == false && check["grade"].as_u64().unwrap() < 10 {
                let id = check["check"]["id"].as_str().unwrap().to_owned();
                found.entry(id).or_default().insert(object["object_name"].to_string());
            }
        }
    }
    assert_only(&found, &OF_KUBE_SCORE);
}

#[test]
fn checkov_finds_the_known_exceptions_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rendered.yaml");
    fs::write(&file, rendered()).unwrap();
    let mut checkov = python("checkov.main");
    checkov.args([
        "--framework",
        "kubernetes",
        "--skip-download",
        "--quiet",
        "--compact",
        "--output",
        "json",
        "--file",
    ]);
    let output = run(checkov.arg(file).current_dir(folder.path()));
    let (told, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}\n{err}"));
    let summary = &report["summary"];
    assert!(
        summary["passed"].as_u64().unwrap() > 100 && summary["parsing_errors"] == 0,
        "{summary}"
    );
    let mut found = Found::new();
    for check in report["results"]["failed_checks"].as_array().unwrap() {
        let id = check["check_id"].as_str().unwrap().to_owned();
        found.entry(id).or_default().insert(check["resource"].to_string());
    }
    assert_only(&found, &OF_CHECKOV);
}
