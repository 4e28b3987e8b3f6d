// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The chart as a part of another one.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::render::{chart, objects, run, stdout, tool};

/// A chart that has ours among its dependencies, in the usual way: with a condition.
fn parent(folder: &Path) {
    let version = env!("CARGO_PKG_VERSION");
    let description = json!({
        "apiVersion": "v2",
        "name": "parent",
        "version": "1.0.0",
        "dependencies": [{ "name": "obsyk-operator", "version": version, "condition": "obsyk-operator.enabled" }],
    });
    fs::create_dir(folder.join("charts")).unwrap();
    fs::write(folder.join("Chart.yaml"), description.to_string()).unwrap();
    let package = |helm: &mut Command| stdout(helm.arg("package").arg(chart()).arg("-d").arg(folder.join("charts")));
    package(&mut tool("helm"));
}

fn template(folder: &Path, values: &Value) -> Command {
    let file = folder.join("given.yaml");
    fs::write(&file, values.to_string()).unwrap();
    let mut helm = tool("helm");
    helm.args(["template", "release", "."])
        .arg("--values")
        .arg(file)
        .current_dir(folder);
    helm
}

#[test]
fn another_chart_has_it_as_a_part_with_values_shared_by_all() {
    let folder = tempfile::tempdir().unwrap();
    parent(folder.path());
    let values = json!({
        "global": { "imageRegistry": "registry.example.com", "storageClass": "fast" },
        "obsyk-operator": {
            "enabled": true,
            "kinds": ["pods"],
            "agent": { "clusterName": "production", "platformURL": "https://platform.example.com" },
        },
    });
    let rendered = objects(&stdout(&mut template(folder.path(), &values)));
    let of_kind = |kind: &str| rendered.iter().find(|object| object["kind"] == kind).unwrap();
    let deployment = of_kind("Deployment");
    let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    assert!(
        image.starts_with("registry.example.com/obsyk/obsyk-operator:"),
        "{image}"
    );
    assert_eq!(deployment["metadata"]["name"], "release-obsyk-operator");
    assert_eq!(of_kind("ClusterRole")["rules"][0]["resources"], json!(["pods"]));
    assert_eq!(of_kind("ObsykAgent")["spec"]["clusterName"], "production");
}

#[test]
fn another_chart_leaves_it_out() {
    let folder = tempfile::tempdir().unwrap();
    parent(folder.path());
    let values = json!({ "obsyk-operator": { "enabled": false } });
    assert_eq!(
        objects(&stdout(&mut template(folder.path(), &values))),
        Vec::<Value>::new()
    );
}

#[test]
fn typing_error_in_another_charts_values_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    parent(folder.path());
    let output = run(&mut template(
        folder.path(),
        &json!({ "obsyk-operator": { "kind": ["pods"] } }),
    ));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("additional properties 'kind' not allowed"), "{told}");
}
