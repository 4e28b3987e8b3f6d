// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The chart as its tools see it: its suites, `helm lint`, yamllint, and what is in its package.

use std::fs;
use std::process::Command;

use crate::render::{chart, python, root, stdout, tool, value_files};

#[test]
fn suites_pass() {
    let told = stdout(tool("helm-unittest").args(["--strict", "."]).current_dir(chart()));
    // A chart without a suite passes, too.
    let suites = fs::read_dir(chart().join("tests")).unwrap().count();
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
