// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The life of releases.

use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::operator;
use serde_json::json;

use super::helm::{Helm, belongings, chart};

const NAMESPACE: &str = operator::NAMESPACE;

#[tokio::test]
async fn release_is_installed_upgraded_rolled_back_removed_and_installed_again_and_leaves_nothing_but_the_definition() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);

    let notes = helm.install("first", NAMESPACE, &chart(), &[]).await;
    assert!(notes.contains("kubectl apply -f -"), "{notes}");
    let spec = operator::agent_spec("https://platform.example.com");
    operator::apply_agent(&client, NAMESPACE, "main", &spec).await.unwrap();
    let installed = belongings(&client, "first").await;
    assert!(
        installed.contains(&format!("Deployment {NAMESPACE}/first-obsyk-operator")),
        "{installed:?}"
    );

    let chart = chart();
    let chart = chart.to_string_lossy();
    let upgrade = ["upgrade", "first", &chart, "--namespace", NAMESPACE, "--no-hooks"];
    helm.run(
        &[
            &upgrade,
            ["--set", "kinds={pods}", "--set", "networkPolicy.enabled=true"].as_slice(),
        ]
        .concat(),
    )
    .await;
    let upgraded = belongings(&client, "first").await;
    assert!(
        upgraded.contains(&format!("NetworkPolicy {NAMESPACE}/first-obsyk-operator")),
        "{upgraded:?}"
    );

    helm.run(&["rollback", "first", "1", "--namespace", NAMESPACE, "--no-hooks"])
        .await;
    let rolled_back = belongings(&client, "first").await;
    let without_memory = |of: Vec<String>| {
        let memory = |object: &String| !object.contains("sh.helm.release");
        of.into_iter().filter(memory).collect::<Vec<_>>()
    };
    assert_eq!(without_memory(rolled_back), without_memory(installed.clone()));

    helm.run(&["uninstall", "first", "--namespace", NAMESPACE, "--no-hooks"])
        .await;
    assert_eq!(belongings(&client, "first").await, Vec::<String>::new());
    let status = operator::agent_status(&client, "main").await.unwrap();
    assert_eq!(status, json!({}), "the definition and what users made of it stay");

    helm.install("first", NAMESPACE, self::chart().as_path(), &[]).await;
    assert_eq!(
        without_memory(belongings(&client, "first").await),
        without_memory(installed)
    );
}

#[tokio::test]
async fn two_releases_in_two_namespaces_are_not_in_each_others_way() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);
    // The same name in both, which is what people do.
    helm.install("obsyk", "one", &chart(), &[]).await;
    helm.install("obsyk", "two", &chart(), &[]).await;
    let both = belongings(&client, "obsyk").await;

    helm.run(&["uninstall", "obsyk", "--namespace", "one", "--no-hooks"])
        .await;
    let left = belongings(&client, "obsyk").await;
    assert_eq!(left.len() * 2, both.len(), "{both:?}, then {left:?}");
    assert!(
        left.iter().any(|object| object.starts_with("ClusterRoleBinding")),
        "{left:?}"
    );
    assert!(left.iter().all(|object| !object.contains(" one/")), "{left:?}");
}

#[tokio::test]
async fn both_ways_in_make_an_agent_at_the_first_try() {
    let control_plane = ControlPlane::builder().start().await.unwrap();
    let (client, helm) = (control_plane.client(), Helm::on(&control_plane).await);
    let values = [
        "--set",
        "agent.clusterName=production",
        "--set",
        "agent.platformURL=https://platform.example.com",
    ];
    helm.install("obsyk", NAMESPACE, &chart(), &values).await;
    let made = belongings(&client, "obsyk").await;
    assert!(made.contains(&format!("ObsykAgent {NAMESPACE}/main")), "{made:?}");
    // The other way: by hand, beside it.
    let spec = operator::agent_spec("https://other.example.com");
    operator::apply_agent(&client, NAMESPACE, "by-hand", &spec)
        .await
        .unwrap();
}
