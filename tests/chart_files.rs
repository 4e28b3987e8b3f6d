// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The chart's own files, held together: what stands in two of them says the same in both. `make manifests` writes what is
//! generated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use obsyk_domain::agent;
use obsyk_domain::rbac;
use obsyk_domain::resource::ResourceKind;
use obsyk_testkit::tools;
use serde_json::{Value, json};

/// What the schema allows and values.yaml doesn't have: the usual condition of a parent chart, and a part of a container's
/// resources that nobody has a default for.
const IN_THE_SCHEMA_ONLY: [&str; 1] = ["enabled"];

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/obsyk-operator")
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn values() -> Value {
    yaml(&chart().join("values.yaml"))
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

/// A schema, or the one that it refers to.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The paths of all values that the schema knows. An object without properties of ours is one value.
fn known(schema: &Value, root: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = resolve(schema, root);
    match schema["properties"].as_object() {
        Some(properties) if schema["type"] == "object" => {
            for (key, property) in properties {
                let dot = if path.is_empty() { "" } else { "." };
                known(property, root, &format!("{path}{dot}{key}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// The paths of all values in values.yaml, as deep as the schema has properties.
fn present(values: &Value, known: &BTreeSet<String>, path: &str, found: &mut BTreeSet<String>) {
    match values.as_object() {
        Some(object) if !known.contains(path) => {
            for (key, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                present(value, known, &format!("{path}{dot}{key}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn known_values() -> BTreeSet<String> {
    let (root, mut found) = (schema(), BTreeSet::new());
    known(&root, &root, "", &mut found);
    found.retain(|path| !IN_THE_SCHEMA_ONLY.contains(&path.as_str()));
    found
}

fn at<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    values.pointer(&format!("/{}", path.replace('.', "/")))
}

/// `make manifests` runs this one too, and then it writes.
#[test]
fn readme_is_in_step_with_the_comments_of_the_values() {
    let output = Command::new(tools::path("helm-docs").unwrap())
        .args(["--chart-search-root=.", "--template-files=README.md.gotmpl"])
        .args(["--sort-values-order=file", "--dry-run"])
        .current_dir(chart())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = format!("{}\n", text.trim());
    let path = chart().join("README.md");
    if std::env::var_os("UPDATE_MANIFESTS").is_some_and(|value| value == "1") {
        fs::write(path, text).unwrap();
    } else {
        let now = fs::read_to_string(path).unwrap_or_default();
        assert!(
            now == text,
            "run make manifests: the chart's README.md is not what values.yaml and README.md.gotmpl say"
        );
    }
}

#[test]
fn every_value_has_a_comment_for_the_readme() {
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    for path in known_values() {
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| {path} |")))
            .or_else(|| readme.lines().find(|line| line.starts_with(&format!("| {path}."))))
            .or_else(|| {
                let parent = path.rsplit_once('.')?.0;
                readme.lines().find(|line| line.starts_with(&format!("| {parent} |")))
            });
        let row = row.unwrap_or_else(|| panic!("{path}: no row in README.md"));
        assert!(
            !row.ends_with("|  |"),
            "{path}: give it a comment that begins with `# --`"
        );
    }
}

#[test]
fn schema_and_values_know_the_same_values() {
    let known = known_values();
    let mut found = BTreeSet::new();
    present(&values(), &known, "", &mut found);
    let missing: Vec<_> = known.difference(&found).collect();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "in values.schema.json and not in values.yaml: {missing:?}"
    );
    assert!(
        unknown.is_empty(),
        "in values.yaml and not in values.schema.json: {unknown:?}"
    );
}

/// So that every check of what the chart renders has seen each value do something.
#[test]
fn each_value_is_set_in_some_values_of_ci_and_unlike_its_default() {
    let defaults = values();
    let sets: Vec<Value> = fs::read_dir(chart().join("ci"))
        .unwrap()
        .map(|entry| yaml(&entry.unwrap().path()))
        .collect();
    let untouched: Vec<_> = known_values()
        .into_iter()
        .filter(|path| {
            let default = at(&defaults, path);
            !sets
                .iter()
                .any(|set| at(set, path).is_some_and(|value| Some(value) != default))
        })
        .collect();
    assert!(untouched.is_empty(), "no file of ci/ sets these: {untouched:?}");
}

#[test]
fn kinds_of_the_schema_are_those_of_the_table() {
    let plurals = ResourceKind::ALL.map(|kind| kind.spec().plural);
    assert_eq!(schema()["properties"]["kinds"]["items"]["enum"], json!(plurals));
}

#[test]
fn agent_values_are_those_of_the_definition() {
    let definition = serde_json::to_value(agent::crd()).unwrap();
    let spec = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let (schema, values) = (schema(), values());
    let properties = &schema["properties"]["agent"]["properties"];
    for (field, its) in spec.as_object().unwrap() {
        assert!(properties[field].is_object(), "agent.{field} is no value");
        if let Some(default) = its.get("default") {
            assert_eq!(&values["agent"][field], default, "the default of agent.{field}");
        }
    }
    for field in ["eventsPerSecond", "burstSize"] {
        let (ours, theirs) = (
            &properties["rateLimit"]["properties"][field],
            &spec["rateLimit"]["properties"][field],
        );
        for bound in ["minimum", "maximum"] {
            assert_eq!(
                ours[bound].as_f64(),
                theirs[bound].as_f64(),
                "{bound} of agent.rateLimit.{field}"
            );
        }
    }
    assert_eq!(properties["eventTypes"]["enum"], spec["eventTypes"]["enum"]);
    let rules = spec["syncInterval"]["x-kubernetes-validations"].to_string();
    let pattern = json!(properties["syncInterval"]["pattern"]).to_string();
    assert!(
        rules.contains(pattern.trim_matches('"')),
        "the pattern of agent.syncInterval"
    );
    assert_eq!(
        values["agent"]["credentialsSecretRef"]["name"],
        rbac::CREDENTIALS_SECRET
    );
}

#[test]
fn versions_are_those_of_the_operator() {
    let version = env!("CARGO_PKG_VERSION");
    let chart = yaml(&chart().join("Chart.yaml"));
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
    let images = chart["annotations"]["artifacthub.io/images"].as_str().unwrap();
    let image = format!("image: ghcr.io/obsyk/obsyk-operator:{version}\n");
    assert!(images.contains(&image), "artifacthub.io/images doesn't have {image}");
}

#[test]
fn example_of_the_catalogue_is_accepted() {
    let chart = yaml(&chart().join("Chart.yaml"));
    let text = chart["annotations"]["artifacthub.io/crdsExamples"].as_str().unwrap();
    let examples: Vec<agent::ObsykAgent> = serde_yaml_ng::from_str(text).unwrap();
    assert_eq!(examples.len(), 1);
    for example in &examples {
        agent::Settings::from_spec(&example.spec, &agent::Policy::default()).unwrap();
    }
}
