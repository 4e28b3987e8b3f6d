// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `kubectl apply -k manifests/default` gives what the chart's defaults give.

use std::collections::BTreeMap;

use serde_json::Value;

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
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
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
    for (key, object) in &chart {
        let (ours, theirs) = (
            serde_json::to_string_pretty(object).unwrap(),
            serde_json::to_string_pretty(&manifests[key]).unwrap(),
        );
        assert_eq!(ours, theirs, "{key:?}");
    }
}
