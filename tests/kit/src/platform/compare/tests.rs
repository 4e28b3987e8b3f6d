// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

use serde_json::json;

use super::samples::{SAMPLES, sample};
use super::*;
use crate::platform::request::{Change, Event};
use crate::platform::schema;

fn event(change: Change, kind: &str, object: &Value) -> Event {
    let text = |name: &str| object[name].as_str().map(str::to_owned);
    Event {
        cluster_uid: "c".to_owned(),
        change,
        kind: kind.to_owned(),
        uid: text("uid").unwrap(),
        namespace: text("namespace"),
        name: text("name").unwrap(),
    }
}

/// A cluster with the sample of each kind, and a platform that holds it.
fn in_step() -> (Picture, Cluster) {
    let mut picture = Picture {
        uid: "c".to_owned(),
        kinds: BTreeMap::new(),
    };
    let mut snapshot = json!({});
    for kind in &KINDS {
        let (kubernetes, platform) = sample(kind.kind);
        let uid = platform["uid"].as_str().unwrap().to_owned();
        let objects = [(uid, project(kind.kind, &kubernetes).unwrap())];
        picture.kinds.insert(kind.kind, objects.into());
        snapshot[kind.list] = json!([platform]);
    }
    let mut cluster = Cluster::default();
    cluster.replace(Default::default(), &snapshot);
    (picture, cluster)
}

#[test]
fn each_kind_is_told_as_the_protocol_has_it() {
    for (kind, _) in SAMPLES {
        let (kubernetes, platform) = sample(kind);
        let differences = differences(&project(kind, &kubernetes).unwrap(), &platform);
        assert!(differences.is_empty(), "{kind}: {differences:#?}");
    }
}

#[test]
fn what_is_told_of_each_kind_passes_the_checks() {
    for kind in &KINDS {
        let (_, platform) = sample(kind.kind);
        let snapshot = json!({ "cluster_uid": "c", "cluster_name": "n", kind.list: [platform] });
        assert_eq!(schema::snapshot(&snapshot), Vec::<String>::new(), "{}", kind.kind);
    }
}

#[test]
fn every_kind_of_the_protocol_is_listed_and_told() {
    for kind in &KINDS {
        assert!(PATHS.iter().any(|(of, _)| *of == kind.kind), "{}", kind.kind);
        assert!(
            project(kind.kind, &json!({ "metadata": {} })).is_some(),
            "{}",
            kind.kind
        );
    }
    assert!(project("Event", &json!({})).is_none());
}

#[test]
fn what_kubernetes_leaves_out_is_left_out_or_has_its_default() {
    let bare = json!({ "metadata": { "uid": "u", "name": "n", "namespace": "d" } });
    let told = |kind| project(kind, &bare).unwrap();
    let meta = json!({ "uid": "u", "name": "n", "namespace": "d" });
    assert_eq!(told("Pod"), meta);
    assert_eq!(told("Ingress"), meta);
    assert_eq!(told("Deployment")["replicas"], 1);
    assert_eq!(told("Job")["completions"], 1);
    assert_eq!(told("Job")["parallelism"], 1);
    assert_eq!(told("Node")["status"], "NotReady");
    assert_eq!(told("Node")["cpu_capacity"], "0");
    assert_eq!(told("ConfigMap")["immutable"], false);
}

#[test]
fn a_platform_in_step_is_equal() {
    let (picture, cluster) = in_step();
    let comparison = picture.compare(Some(&cluster));
    assert!(comparison.is_equal(), "{comparison}");
    assert_eq!(comparison.to_string(), "13 objects, all the same");
}

#[test]
fn a_cluster_that_no_snapshot_told_of_is_not_equal() {
    let (picture, _) = in_step();
    let comparison = picture.compare(None);
    assert!(!comparison.is_equal());
    assert_eq!(comparison.to_string(), "no snapshot of cluster c was accepted");
}

#[test]
fn an_object_that_only_the_cluster_has_is_missing() {
    let (picture, mut cluster) = in_step();
    let (_, pod) = sample("Pod");
    cluster.change(&event(Change::Deleted, "Pod", &pod), None);
    let comparison = picture.compare(Some(&cluster));
    assert!(!comparison.is_equal());
    assert_eq!(
        comparison.to_string(),
        "13 objects compared\n  missing: Pod shop/web-7d4b9\n"
    );
}

#[test]
fn an_object_that_only_the_platform_has_is_a_ghost() {
    let (mut picture, cluster) = in_step();
    picture.kinds.get_mut("Node").unwrap().clear();
    let comparison = picture.compare(Some(&cluster));
    assert!(!comparison.is_equal());
    assert_eq!(comparison.to_string(), "12 objects compared\n  ghost: Node node-1\n");
}

#[test]
fn an_object_that_differs_is_stale_and_its_fields_are_named() {
    let (picture, mut cluster) = in_step();
    let (_, mut pod) = sample("Pod");
    pod["containers"][1]["restart_count"] = json!(3);
    pod["labels"]["old"] = json!("x");
    pod.as_object_mut().unwrap().remove("phase");
    cluster.change(&event(Change::Updated, "Pod", &pod), Some(&pod));
    let comparison = picture.compare(Some(&cluster));
    assert!(!comparison.is_equal());
    let (named, fields) = &comparison.stale[0];
    assert_eq!(named.to_string(), "Pod shop/web-7d4b9");
    assert_eq!(
        fields,
        &[
            "containers[1].restart_count is 4 in the cluster, 3 in the platform",
            "labels.old is absent in the cluster, \"x\" in the platform",
            "phase is \"Running\" in the cluster, absent in the platform",
        ]
    );
}

#[test]
fn a_kind_that_no_snapshot_listed_is_unknown_even_when_the_cluster_has_none() {
    let (mut picture, _) = in_step();
    picture.kinds.get_mut("Secret").unwrap().clear();
    let mut cluster = Cluster::default();
    cluster.replace(Default::default(), &json!({ "pods": [sample("Pod").1] }));
    let comparison = picture.compare(Some(&cluster));
    assert!(comparison.absent.contains(&"Secret"));
    assert!(!comparison.absent.contains(&"Pod"));
    assert!(!comparison.is_equal());
}

#[test]
fn a_list_that_a_snapshot_leaves_out_stays_as_it_was() {
    let (picture, mut cluster) = in_step();
    cluster.replace(Default::default(), &json!({ "pods": [sample("Pod").1] }));
    assert!(picture.compare(Some(&cluster)).is_equal());
    cluster.replace(Default::default(), &json!({ "secrets": [] }));
    assert_eq!(picture.compare(Some(&cluster)).missing.len(), 1);
}
