// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `crd print` and `crd apply`: what is printed is what lies in the repository, and what is applied is exactly that, whatever
//! was there before, with the right to patch it and no other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Output;

use common::{run, stderr, stdout};
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PatchParams, PostParams};
use obsyk_testkit::controlplane::{ControlPlane, Guard};
use obsyk_testkit::operator;
use serde_json::{Value, json};

const DEFINITION: &str = "obsykagents.obsyk.io";

fn file() -> String {
    let path = format!("{}/manifests/crd/obsykagents.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn wanted() -> Value {
    serde_yaml_ng::from_str(&file()).unwrap()
}

fn definitions(client: &Client) -> Api<DynamicObject> {
    api(client, "apiextensions.k8s.io", "CustomResourceDefinition")
}

fn api(client: &Client, group: &str, kind: &str) -> Api<DynamicObject> {
    Api::all_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind)),
    )
}

async fn create(api: &Api<DynamicObject>, manager: &str, object: Value) {
    let params = PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    };
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&params, &object).await.unwrap();
}

async fn apply(kubeconfig: &Path) -> Output {
    run(&["crd", "apply", "--kubeconfig", kubeconfig.to_str().unwrap()], &[]).await
}

async fn applied(kubeconfig: &Path) -> String {
    let output = apply(kubeconfig).await;
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// The versions that are installed.
async fn versions(client: &Client) -> Value {
    plain(&definitions(client).get(DEFINITION).await.unwrap().data["spec"]["versions"])
}

fn wanted_versions() -> Value {
    plain(&wanted()["spec"]["versions"])
}

/// With whole numbers written as such: 1.0 in the file is 1 to the API server.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => json!(float as i64),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => other.clone(),
    }
}

/// A user that may do this with definitions, and nothing else.
async fn user(control_plane: &ControlPlane, name: &str, rules: Value) -> std::path::PathBuf {
    let client = control_plane.client();
    let metadata = json!({ "name": name });
    let roles = api(&client, "rbac.authorization.k8s.io", "ClusterRole");
    create(&roles, "test", json!({ "metadata": metadata, "rules": rules })).await;
    let bindings = api(&client, "rbac.authorization.k8s.io", "ClusterRoleBinding");
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name });
    create(
        &bindings,
        "test",
        json!({ "metadata": metadata, "roleRef": role, "subjects": [subject] }),
    )
    .await;
    control_plane.user_kubeconfig(name, &[]).unwrap()
}

fn rule(verbs: &[&str], names: &[&str]) -> Value {
    json!({
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "resourceNames": names,
        "verbs": verbs,
    })
}

async fn delete_definition(client: &Client) {
    definitions(client)
        .delete(DEFINITION, &DeleteParams::default())
        .await
        .unwrap();
    let guard = Guard::new("the definition is gone", common::SOON);
    while definitions(client).get_opt(DEFINITION).await.unwrap().is_some() {
        guard.again("it is there").await.unwrap();
    }
}

/// As an older chart may have had it: another rule, a property that is gone, and no rate limit.
fn older() -> Value {
    let mut older = wanted();
    let schema = &mut older["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let spec = &mut schema["properties"]["spec"];
    spec["properties"]["retired"] = json!({ "type": "string", "maxLength": 8 });
    spec["properties"].as_object_mut().unwrap().remove("rateLimit").unwrap();
    spec["properties"]["clusterName"]["x-kubernetes-validations"] =
        json!([{ "rule": "self != 'forbidden'", "message": "an old rule" }]);
    older
}

#[tokio::test]
async fn what_is_printed_is_the_file_in_the_repository() {
    let output = run(&["crd", "print"], &[]).await;
    assert!(output.status.success());
    assert_eq!(stdout(&output), file());
    assert_eq!(stderr(&output), "");
}

#[tokio::test]
async fn it_is_created_then_left_alone_and_brought_back_after_a_change() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, admin) = (control_plane.client(), control_plane.kubeconfig_path());
    let said = applied(&admin).await;
    assert_eq!(
        said,
        format!(
            "customresourcedefinition {DEFINITION} created (versions: v1; obsyk-operator {})\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    // The API server serves what is established within a moment.
    let guard = Guard::new("ObsykAgents are served", common::SOON);
    while !operator::has_definition(&client).await.unwrap() {
        guard.again("they aren't").await.unwrap();
    }
    operator::make_namespace(&client, operator::NAMESPACE).await.unwrap();
    operator::create_agent(&client, "first", &operator::agent_spec("https://platform.example.com"))
        .await
        .unwrap();
    let created = versions(&client).await;
    assert_eq!(
        created,
        wanted_versions(),
        "what is installed is what lies in the repository"
    );
    let before = definitions(&client).get(DEFINITION).await.unwrap().metadata;
    assert!(applied(&admin).await.contains(" unchanged ("));
    let after = definitions(&client).get(DEFINITION).await.unwrap().metadata;
    assert_eq!(after.resource_version, before.resource_version);

    let edit = json!({ "metadata": { "labels": { "team": "platform" } }, "spec": { "names": { "shortNames": [] } } });
    definitions(&client)
        .patch(DEFINITION, &PatchParams::default(), &kube::api::Patch::Merge(&edit))
        .await
        .unwrap();
    assert!(applied(&admin).await.contains(" configured ("));
    let now = definitions(&client).get(DEFINITION).await.unwrap();
    assert_eq!(now.data["spec"]["names"]["shortNames"], json!(["oa"]));
    assert_eq!(
        now.metadata.labels.unwrap()["team"],
        "platform",
        "what isn't ours stays"
    );
    assert!(operator::agent_status(&client, "first").await.is_ok(), "resources stay");
}

#[tokio::test]
async fn an_older_one_of_another_manager_becomes_exactly_ours_with_the_right_to_patch_it_alone() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let client = control_plane.client();
    let rules = json!([rule(&["patch"], &[DEFINITION])]);
    let hook = user(&control_plane, "hook", rules).await;

    let output = apply(&hook).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.starts_with("error: ") && said.contains("isn't there") && said.contains("crd print"),
        "{said}"
    );

    create(&definitions(&client), "helm", older()).await;
    assert!(applied(&hook).await.contains(" configured ("));
    assert_eq!(versions(&client).await, wanted_versions());
    assert!(applied(&hook).await.contains(" unchanged ("));

    // The same when kubectl applied it before.
    delete_definition(&client).await;
    let apply_older = PatchParams::apply("kubectl").force();
    definitions(&client)
        .patch(DEFINITION, &apply_older, &kube::api::Patch::Apply(&older()))
        .await
        .unwrap();
    assert!(applied(&hook).await.contains(" configured ("));
    assert_eq!(versions(&client).await, wanted_versions());
}

#[tokio::test]
async fn what_it_may_not_do_is_said_with_what_to_do() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let client = control_plane.client();
    create(&definitions(&client), "helm", wanted()).await;
    for (name, rules) in [
        ("nobody", json!([])),
        ("reader", json!([rule(&["get", "list", "watch"], &[])])),
        ("elsewhere", json!([rule(&["patch"], &["others.example.com"])])),
    ] {
        let kubeconfig = user(&control_plane, name, rules).await;
        let output = apply(&kubeconfig).await;
        assert_eq!(output.status.code(), Some(1), "{name}");
        let said = stderr(&output);
        assert!(
            said.contains("grant it the verb patch") && said.contains("403"),
            "{name}: {said}"
        );
    }
    let creator = json!([rule(&["patch", "create"], &[DEFINITION])]);
    let creator = user(&control_plane, "creator", creator).await;
    delete_definition(&client).await;
    assert!(applied(&creator).await.contains(" created ("));
}

#[tokio::test]
async fn an_api_server_that_is_not_there_is_said_in_one_line() {
    let mut control_plane = ControlPlane::builder().start().await.unwrap();
    control_plane.kill_api_server();
    let output = apply(&control_plane.kubeconfig_path()).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("can't be reached") && said.contains("kubectl version"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let output = run(&["crd", "apply", "--kubeconfig", "/nowhere/config"], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nowhere/config"), "{}", stderr(&output));
}
