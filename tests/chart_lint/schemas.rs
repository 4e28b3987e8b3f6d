// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is rendered, by kubeconform against the schemas of the oldest and the newest Kubernetes, strictly: a field that
//! the API server doesn't know is an error.
//!
//! The schemas are made here from what Kubernetes publishes of itself, since nothing can be fetched in a test; those of
//! our own and of Prometheus Operator's resources from their definitions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use obsyk_testkit::tools;
use serde_json::{Value, json};

use crate::render::{chart, fed, objects, root, stdout, template, template_with, tool, value_files};

/// A quantity may be written as a number.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// What definitions there are beside Kubernetes' own objects.
fn definitions() -> Vec<Value> {
    let collected = tools::path("schemas").unwrap();
    let files = [
        chart().join("crds/obsykagents.yaml"),
        collected.join("monitoring.coreos.com_servicemonitors.yaml"),
        collected.join("monitoring.coreos.com_podmonitors.yaml"),
    ];
    let texts = files.map(|file| fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
    texts.iter().flat_map(|text| objects(text)).collect()
}

/// Makes a schema say what the API server says: no field that isn't named; numbers where they are allowed.
fn tighten(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let is_either = object.get("format").is_some_and(|format| format == "int-or-string")
        || object
            .get("x-kubernetes-int-or-string")
            .is_some_and(|either| either == true);
    if is_either {
        object.remove("format");
        object.insert("type".to_owned(), json!(["integer", "string"]));
    }
    let is_open = object
        .get("x-kubernetes-preserve-unknown-fields")
        .is_some_and(|open| open == true);
    if object.contains_key("properties") && !object.contains_key("additionalProperties") && !is_open {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tighten);
    }
    for one in ["items", "additionalProperties", "not"] {
        object.get_mut(one).map(tighten);
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        for schema in object
            .get_mut(several)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            tighten(schema);
        }
    }
}

/// The names of all definitions that a schema refers to, by way of others, too.
fn reached(schema: &Value, definitions: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                let name = name.trim_start_matches("#/definitions/");
                if found.insert(name.to_owned()) {
                    reached(&definitions[name], definitions, found);
                }
            }
            object.values().for_each(|value| reached(value, definitions, found));
        }
        Value::Array(values) => values.iter().for_each(|value| reached(value, definitions, found)),
        _ => {}
    }
}

/// The name under which kubeconform looks for the schema of a kind.
fn file_name(group: &str, version: &str, kind: &str) -> String {
    let group = group.split('.').next().unwrap_or_default();
    let dash = if group.is_empty() { "" } else { "-" };
    format!("{kind}-{group}{dash}{version}.json").to_lowercase()
}

/// Writes a schema for each of Kubernetes' own kinds that the chart may render, and for each definition.
fn write_schemas(kubernetes: &Value, definitions: &[Value], folder: &Path) {
    let mut all = kubernetes["definitions"].clone();
    all[QUANTITY]["type"] = json!(["string", "number"]);
    all.as_object_mut().unwrap().values_mut().for_each(tighten);
    for (name, schema) in all.as_object().unwrap() {
        for kind in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = |field: &str| kind[field].as_str().unwrap_or_default();
            let groups = [
                "",
                "apps",
                "batch",
                "networking.k8s.io",
                "rbac.authorization.k8s.io",
                "apiextensions.k8s.io",
            ];
            if !groups.contains(&text("group")) || text("version") != "v1" {
                continue;
            }
            let mut names = BTreeSet::from([name.clone()]);
            reached(schema, &all, &mut names);
            let reached: serde_json::Map<_, _> = names
                .into_iter()
                .map(|name| (name.clone(), all[&name].clone()))
                .collect();
            let whole = json!({ "$ref": format!("#/definitions/{name}"), "definitions": reached });
            let file = file_name(text("group"), text("version"), text("kind"));
            fs::write(folder.join(file), whole.to_string()).unwrap();
        }
    }
    for definition in definitions {
        let spec = &definition["spec"];
        for version in spec["versions"].as_array().unwrap() {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            for (field, its) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
                schema["properties"][field] = json!({ "type": its });
            }
            tighten(&mut schema);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let file = file_name(
                &text(&spec["group"]),
                &text(&version["name"]),
                &text(&spec["names"]["kind"]),
            );
            fs::write(folder.join(file), schema.to_string()).unwrap();
        }
    }
}

/// Which Kubernetes is asked: the files of the collection.
#[derive(Clone, Copy)]
enum Kubernetes {
    Oldest,
    Newest,
}

fn schemas(of: Kubernetes) -> tempfile::TempDir {
    let file = match of {
        Kubernetes::Oldest => "oldest.json",
        Kubernetes::Newest => "newest.json",
    };
    let path = tools::path("schemas").unwrap().join(file);
    let kubernetes: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_schemas(&kubernetes, &definitions(), folder.path());
    folder
}

fn conform(schemas: &Path, text: &str) -> Output {
    let location = format!(
        "{}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json",
        schemas.display()
    );
    let arguments = ["-strict", "-summary", "-verbose", "-schema-location", &location, "-"];
    fed(tool("kubeconform").args(arguments), text)
}

fn assert_all_conform(of: Kubernetes) {
    let schemas = schemas(of);
    let mut rendered = vec![("the defaults".to_owned(), template(&[]))];
    for values in value_files() {
        rendered.push((values.display().to_string(), template_with(&values)));
    }
    let manifests = stdout(
        tool("kustomize")
            .args(["build", "manifests/default"])
            .current_dir(root()),
    );
    rendered.push(("manifests/default".to_owned(), manifests));
    let sample = root().join("manifests/samples/obsykagent.yaml");
    rendered.push(("manifests/samples".to_owned(), fs::read_to_string(sample).unwrap()));
    for (what, text) in rendered {
        let output = conform(schemas.path(), &text);
        let told = String::from_utf8_lossy(&output.stdout);
        let valid = format!("Valid: {}, Invalid: 0, Errors: 0, Skipped: 0", objects(&text).len());
        assert!(
            output.status.success() && told.contains(&valid),
            "{what}, {valid}: {told}"
        );
    }
}

#[test]
fn all_that_is_rendered_is_valid_for_the_oldest_kubernetes() {
    assert_all_conform(Kubernetes::Oldest);
}

#[test]
fn all_that_is_rendered_is_valid_for_the_newest_kubernetes() {
    assert_all_conform(Kubernetes::Newest);
}

#[test]
fn field_that_kubernetes_does_not_know_is_found() {
    let schemas = schemas(Kubernetes::Newest);
    for (right, wrong) in [
        ("terminationGracePeriodSeconds: 15", "terminationGracePeriod: 15"),
        (
            "automountServiceAccountToken: false",
            "automountServiceAccountToken: no-boolean",
        ),
        ("honorLabels: true", "honourLabels: true"),
        ("syncInterval: \"1h30m\"", "syncIntervall: \"1h30m\""),
    ] {
        let text = template_with(&chart().join("ci/everything-values.yaml"));
        assert!(text.contains(right), "{right} is not rendered");
        let output = conform(schemas.path(), &text.replace(right, wrong));
        assert!(!output.status.success(), "{wrong} is not found");
    }
}
