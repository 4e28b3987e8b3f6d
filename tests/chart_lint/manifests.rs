// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `kubectl apply -k manifests/default` gives what the chart's defaults give.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::render::{NAMESPACE, objects, root, stdout, template, tool};

/// The labels by which Helm knows its own: nothing else differs.
const OF_HELM: [&str; 4] = [
    "helm.sh/chart",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
];

/// Where labels and selectors stand.
const LABELS: [&str; 4] = [
    "/metadata/labels",
    "/spec/selector",
    "/spec/selector/matchLabels",
    "/spec/template/metadata/labels",
];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

type Objects = BTreeMap<(String, String, String), Value>;

fn by_name(objects: Vec<Value>) -> Objects {
    let mut found = Objects::new();
    for mut object in objects {
        for place in LABELS {
            if let Some(labels) = object.pointer_mut(place).and_then(Value::as_object_mut) {
                labels.retain(|label, _| !OF_HELM.contains(&label.as_str()));
                assert!(!labels.is_empty(), "{place}: no label but Helm's");
            }
        }
        let metadata = &object["metadata"];
        let key = (
            text(&object["kind"]),
            text(&metadata["namespace"]),
            text(&metadata["name"]),
        );
        assert!(found.insert(key.clone(), object).is_none(), "{key:?} is there twice");
    }
    found
}

#[test]
fn manifests_are_what_the_charts_defaults_give() {
    let chart = by_name(objects(&template(&["--no-hooks"])));
    let mut manifests = by_name(objects(&stdout(
        tool("kustomize")
            .args(["build", "manifests/default"])
            .current_dir(root()),
    )));
    // Helm makes the namespace when it is told to.
    let namespace = manifests.remove(&("Namespace".to_owned(), String::new(), NAMESPACE.to_owned()));
    let namespace = namespace.expect("manifests/default makes the namespace");
    assert_eq!(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&chart), names(&manifests));
    let mut found = Vec::new();
    for ((kind, _, name), object) in &chart {
        let theirs = &manifests[&(kind.clone(), text(&object["metadata"]["namespace"]), name.clone())];
        differences(object, theirs, &format!("{kind} {name}: "), &mut found);
    }
    assert!(found.is_empty(), "chart and manifests differ:\n{}", found.join("\n"));
}

/// Where two objects differ, and what stands there. 1 and 1.0 are one number: kustomize writes one, Helm what was there.
fn differences(chart: &Value, manifests: &Value, place: &str, found: &mut Vec<String>) {
    match (chart, manifests) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for key in ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key))) {
                differences(&chart[key], &manifests[key], &format!("{place}/{key}"), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                differences(ours, theirs, &format!("{place}/{n}"), found);
            }
        }
        (Value::Number(ours), Value::Number(theirs)) if ours.as_f64() == theirs.as_f64() => {}
        _ if chart == manifests => {}
        _ => found.push(format!("{place}: {chart} in the chart, {manifests} in the manifests")),
    }
}

#[test]
fn difference_is_found_wherever_it_is() {
    let deployment = json!({ "a": [{ "b": 1, "c": "x" }], "d": { "e": true } });
    for (path, value) in [
        ("/a/0/b", json!(2)),
        ("/a", json!([])),
        ("/d/e", json!(null)),
        ("/d", json!({})),
    ] {
        let mut other = deployment.clone();
        *other.pointer_mut(path).unwrap() = value;
        let mut found = Vec::new();
        differences(&deployment, &other, "", &mut found);
        differences(&other, &deployment, "", &mut found);
        assert_eq!(found.len(), 2, "{path}: {found:?}");
    }
}
