// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The hook that keeps the definition of ObsykAgent current.

use std::fs;
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::PostParams;
use kube::{Api, Client};
use obsyk_testkit::operator::NAMESPACE;
use serde_json::{Value, json};

use super::helm::{Helm, chart, kubeconfig_of};
use crate::common::{self, Stage};

const DEFINITION: &str = "obsykagents.obsyk.io";

/// The field that the older definition lacks.
const NEW_FIELD: &str = "eventTypes";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let there = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &there),
            false => drop(fs::copy(entry.path(), there).unwrap()),
        }
    }
}

/// The chart as an older release may have been: its definition lacks a field.
fn older_chart(folder: &Path) {
    copy(&chart(), folder);
    let file = folder.join("crds/obsykagents.yaml");
    let mut definition: Value = serde_yaml_ng::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let removed = fields_of(&mut definition).as_object_mut().unwrap().remove(NEW_FIELD);
    assert!(removed.is_some(), "the definition has {NEW_FIELD}");
    fs::write(&file, serde_yaml_ng::to_string(&definition).unwrap()).unwrap();
}

fn fields_of(definition: &mut Value) -> &mut Value {
    &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
}

async fn knows_the_field(client: &Client) -> bool {
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{DEFINITION}");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let mut definition: Value = client.request(request).await.unwrap();
    fields_of(&mut definition).get(NEW_FIELD).is_some()
}

/// Whether an account may do this.
async fn may(client: &Client, account: &str, verb: &str, group: &str, resource: &str, name: &str) -> bool {
    let review: SubjectAccessReview = serde_json::from_value(json!({ "spec": {
        "user": format!("system:serviceaccount:{NAMESPACE}:{account}"),
        "resourceAttributes": { "verb": verb, "group": group, "resource": resource, "name": name },
    }}))
    .unwrap();
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let reviewed = reviews.create(&PostParams::default(), &review).await.unwrap();
    reviewed.status.unwrap().allowed
}

#[tokio::test]
async fn hook_brings_an_older_definition_up_to_date_with_the_right_to_patch_it_and_nothing_else() {
    let control_plane = obsyk_testkit::controlplane::ControlPlane::builder()
        .start()
        .await
        .unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);
    let old = control_plane.folder().join("older-chart");
    older_chart(&old);
    helm.install("obsyk", NAMESPACE, &old, &[]).await;
    assert!(!knows_the_field(&client).await);
    let new = chart();
    let new = new.to_string_lossy();
    helm.run(&["upgrade", "obsyk", &new, "--namespace", NAMESPACE, "--no-hooks"])
        .await;
    assert!(
        !knows_the_field(&client).await,
        "Helm by itself never touches a definition"
    );

    let objects = helm
        .objects("obsyk", NAMESPACE, &["--show-only", "templates/crd-upgrade.yaml"])
        .await;
    let job = objects.iter().find(|object| object["kind"] == "Job").unwrap();
    for object in objects.iter().filter(|object| object["kind"] != "Job") {
        let (api, _) = common::api(&client, object);
        let object = serde_json::from_value(object.clone()).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    let pod = &job["spec"]["template"]["spec"];
    let account = pod["serviceAccountName"].as_str().unwrap();
    let args = pod["containers"][0]["args"].as_array().unwrap();
    let kubeconfig = kubeconfig_of(&control_plane, NAMESPACE, account).await;
    let run = || {
        let mut command = Command::new(common::binary());
        command.args(args.iter().map(|arg| arg.as_str().unwrap()));
        command.arg("--kubeconfig").arg(&kubeconfig);
        let output = command.output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{said}");
        said
    };
    let said = run();
    assert!(knows_the_field(&client).await, "{said}");
    let again = run();
    assert!(again.contains("unchanged"), "{again}");

    let definitions = ("apiextensions.k8s.io", "customresourcedefinitions");
    assert!(may(&client, account, "patch", definitions.0, definitions.1, DEFINITION).await);
    for (verb, name) in [
        ("patch", "others.example.com"),
        ("delete", DEFINITION),
        ("create", ""),
        ("list", ""),
    ] {
        let can = may(&client, account, verb, definitions.0, definitions.1, name).await;
        assert!(!can, "{verb} {name}");
    }
    assert!(!may(&client, account, "list", "", "secrets", "").await);
}

#[tokio::test]
async fn without_the_hook_the_chart_has_no_account_that_may_touch_definitions() {
    let stage = Stage::new().await;
    let helm = Helm::on(&stage.control_plane).await;
    let with = helm.objects("obsyk", NAMESPACE, &[]).await;
    let without = helm.objects("obsyk", NAMESPACE, &["--set", "crds.upgrade=false"]).await;
    let touches = |objects: &[Value]| {
        let text = |object: &Value| object.to_string();
        objects
            .iter()
            .any(|object| text(object).contains("apiextensions.k8s.io"))
    };
    assert!(touches(&with));
    assert!(!touches(&without));
}
