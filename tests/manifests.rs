// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The generated files in manifests/ and charts/: `make manifests` writes them, and a test fails when they are stale.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use obsyk_domain::agent::{self, ObsykAgent, ObsykAgentSpec, Policy, Settings};
use obsyk_domain::rbac;
use obsyk_domain::resource::ResourceKind;
use serde::Serialize;
use serde_json::json;

const HEAD: &str = "\
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# Generated from domain/ by `make manifests`: change the Rust types, not this file.
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(object: &impl Serialize) -> String {
    format!("{HEAD}{}", serde_yaml_ng::to_string(object).unwrap())
}

/// Every generated file, by its path in the repository.
fn generated() -> BTreeMap<&'static str, String> {
    let mut files = objects();
    for (folder, name) in [
        ("manifests/crd/", "manifests/crd/kustomization.yaml"),
        ("manifests/rbac/", "manifests/rbac/kustomization.yaml"),
    ] {
        let resources: Vec<_> = files.keys().filter_map(|name| name.strip_prefix(folder)).collect();
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": resources,
        });
        files.insert(name, yaml(&kustomization));
    }
    // The chart's own copy of the table: its rights follow from the value `kinds`.
    let table = ResourceKind::ALL.map(|kind| json!({ "group": kind.spec().group, "resource": kind.spec().plural }));
    files.insert("charts/obsyk-operator/files/kinds.yaml", yaml(&table));
    files
}

fn objects() -> BTreeMap<&'static str, String> {
    let secrets = [rbac::CREDENTIALS_SECRET];
    BTreeMap::from([
        ("charts/obsyk-operator/crds/obsykagents.yaml", yaml(&agent::crd())),
        ("manifests/crd/obsykagents.yaml", yaml(&agent::crd())),
        (
            "manifests/rbac/clusterrole.yaml",
            yaml(&rbac::cluster_role(&ResourceKind::ALL, rbac::NAMESPACE)),
        ),
        (
            "manifests/rbac/clusterrolebinding.yaml",
            yaml(&rbac::cluster_role_binding(rbac::NAMESPACE)),
        ),
        ("manifests/rbac/role.yaml", yaml(&rbac::role(rbac::NAMESPACE, &secrets))),
        (
            "manifests/rbac/rolebinding.yaml",
            yaml(&rbac::role_binding(rbac::NAMESPACE)),
        ),
        (
            "manifests/rbac/serviceaccount.yaml",
            yaml(&rbac::service_account(rbac::NAMESPACE)),
        ),
    ])
}

#[test]
fn generated_files_are_in_step() {
    let update = std::env::var_os("UPDATE_MANIFESTS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, text) in generated() {
        let path = root().join(name);
        if fs::read_to_string(&path).is_ok_and(|now| now == text) {
            continue;
        }
        if update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "run make manifests: these files are not what domain/ says: {stale:#?}"
    );
}

#[test]
fn no_file_lies_among_the_generated_ones_that_nothing_generates() {
    let generated = generated();
    for folder in [
        "charts/obsyk-operator/crds",
        "charts/obsyk-operator/files",
        "manifests/crd",
        "manifests/rbac",
    ] {
        for entry in fs::read_dir(root().join(folder)).unwrap_or_else(|_| panic!("run make manifests: no {folder}")) {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(
                generated.contains_key(name.as_str()),
                "{name} is not generated: move or remove it"
            );
        }
    }
}

#[test]
fn sample_is_valid_and_shows_the_defaults() {
    let text = fs::read_to_string(root().join("manifests/samples/obsykagent.yaml")).unwrap();
    let sample: ObsykAgent = serde_yaml_ng::from_str(&text).unwrap();
    Settings::from_spec(&sample.spec, &Policy::default()).unwrap();
    assert_eq!(sample.metadata.namespace.as_deref(), Some(rbac::NAMESPACE));
    assert_eq!(sample.spec.credentials_secret_ref.name, rbac::CREDENTIALS_SECRET);
    let required: ObsykAgentSpec = serde_json::from_value(json!({
        "platformURL": sample.spec.platform_url,
        "clusterName": sample.spec.cluster_name,
        "credentialsSecretRef": { "name": sample.spec.credentials_secret_ref.name },
    }))
    .unwrap();
    assert_eq!(sample.spec, required);
}
