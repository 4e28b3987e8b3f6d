// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The chart as its tools see it: its suites, `helm lint`, yamllint, and what is in its package.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::render::{RELEASE, chart, objects, python, root, run, stdout, template, tool, value_files};

#[test]
fn suites_pass() {
    let told = stdout(
        tool("helm-unittest")
            .args(["--strict", "--color=false", "."])
            .current_dir(chart()),
    );
    // A chart without a suite passes, too.
    let files = fs::read_dir(chart().join("tests")).unwrap();
    let is_suite = |file: &fs::DirEntry| file.file_name().to_string_lossy().ends_with("_test.yaml");
    let suites = files.map(Result::unwrap).filter(is_suite).count();
    assert!(
        suites > 0 && told.contains(&format!("Test Suites: {suites} passed, {suites} total")),
        "{told}"
    );
}

#[test]
fn helm_has_nothing_to_say() {
    stdout(tool("helm").args(["lint", "--strict", "."]).current_dir(chart()));
    for values in value_files() {
        let arguments = ["lint", "--strict", ".", "--values", values.to_str().unwrap()];
        stdout(tool("helm").args(arguments).current_dir(chart()));
    }
}

#[test]
fn every_object_has_the_labels_of_the_release_and_of_the_values() {
    let mut kinds = BTreeSet::new();
    let pod_at = ["/metadata", "/spec/template/metadata"];
    for values in ["ci/everything-values.yaml", "ci/others-values.yaml"] {
        let common = [
            "--values",
            values,
            "--set",
            "commonLabels.team=platform",
            "--set",
            "podLabels.tier=agents",
        ];
        // What users add is theirs, and a definition belongs to no release.
        let ours = |object: &Value| !matches!(object["kind"].as_str(), Some("ConfigMap" | "CustomResourceDefinition"));
        for object in objects(&template(&common)).iter().filter(|object| ours(object)) {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let is_pod = [kind == "Pod", object.pointer("/spec/template").is_some()];
            for (place, is_pod) in pod_at.iter().zip(is_pod) {
                let labels = &object.pointer(place).unwrap_or(&Value::Null)["labels"];
                if *place == "/metadata" || is_pod {
                    assert_eq!(labels["team"], "platform", "{kind} {place}");
                    assert_eq!(labels["app.kubernetes.io/instance"], RELEASE, "{kind} {place}");
                    assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "{kind} {place}");
                }
                assert_eq!(is_pod, labels["tier"] == "agents", "{kind} {place}");
            }
            let is_of_the_cluster = kind.starts_with("Cluster");
            assert_eq!(object["metadata"]["namespace"].is_null(), is_of_the_cluster, "{kind}");
            kinds.insert(kind);
        }
    }
    // As many as the chart can make.
    assert_eq!(kinds.len(), 14, "{kinds:?}");
}

/// The schema says it first; whoever turns it off still hears of it.
#[test]
fn kind_that_there_is_not_fails_without_the_schema_too() {
    let arguments = [
        "template",
        ".",
        "--skip-schema-validation",
        "--set",
        "kinds={pods,pots}",
    ];
    let output = run(tool("helm").args(arguments).current_dir(chart()));
    let told = String::from_utf8_lossy(&output.stderr);
    let clear = "kinds: there is no kind \"pots\"; take from: namespaces, pods, services";
    assert!(!output.status.success() && told.contains(clear), "{told}");
}

#[test]
fn yaml_is_written_as_agreed() {
    let arguments = [
        "--strict",
        "-c",
        "tests/chart_lint/yamllint.yaml",
        "charts",
        "manifests",
    ];
    stdout(python("yamllint").args(arguments).current_dir(root()));
}

#[test]
fn package_has_what_users_need_and_nothing_of_its_development() {
    let folder = tempfile::tempdir().unwrap();
    stdout(
        tool("helm")
            .arg("package")
            .arg(chart())
            .arg("--destination")
            .arg(folder.path()),
    );
    let version = env!("CARGO_PKG_VERSION");
    let archive = folder.path().join(format!("obsyk-operator-{version}.tgz"));
    let listed = stdout(Command::new("tar").arg("-tzf").arg(archive));
    let files: Vec<_> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("obsyk-operator/"))
        .collect();
    for needed in [
        "Chart.yaml",
        "README.md",
        "crds/obsykagents.yaml",
        "files/kinds.yaml",
        "templates/NOTES.txt",
        "templates/deployment.yaml",
        "templates/tests/check.yaml",
        "values.schema.json",
        "values.yaml",
    ] {
        assert!(files.contains(&needed), "{needed} is not in the package");
    }
    let ours = |file: &&&str| file.starts_with("ci/") || file.starts_with("tests/") || file.ends_with(".gotmpl");
    assert_eq!(files.iter().find(ours), None, "this is for the development only");
}
