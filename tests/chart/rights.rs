// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the chart grants is what is used: the API server's audit log says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::Api;
use kube::api::ListParams;
use obsyk_testkit::controlplane::ControlPlane;
use obsyk_testkit::operator::{self, NAMESPACE, Operator, OperatorOptions, SECRET};
use serde_json::Value;

use super::helm::{Helm, chart, kubeconfig_of};
use crate::common::events::told;
use crate::common::{AGENT, CLIENT, Stage, a_config_map, a_pod, binary};

const RELEASE: &str = "obsyk-operator";

/// Everything that a service account asks for, without what it says or is told.
const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: [system:serviceaccounts]
";

/// One thing that is granted, or asked for. Without a namespace: in the whole cluster; without a name: any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    namespace: Option<String>,
    group: String,
    resource: String,
    name: Option<String>,
    verb: String,
}

fn expand(namespace: Option<&str>, rules: Vec<PolicyRule>, granted: &mut BTreeSet<Right>) {
    for rule in rules {
        assert!(rule.non_resource_urls.is_none());
        let names: Vec<Option<String>> = match rule.resource_names {
            Some(names) => names.into_iter().map(Some).collect(),
            None => vec![None],
        };
        for group in rule.api_groups.unwrap_or_default() {
            for resource in rule.resources.iter().flatten() {
                for (name, verb) in names
                    .iter()
                    .flat_map(|name| rule.verbs.iter().map(move |verb| (name, verb)))
                {
                    granted.insert(Right {
                        namespace: namespace.map(str::to_owned),
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        verb: verb.clone(),
                    });
                }
            }
        }
    }
}

/// What the release's roles grant.
async fn granted(stage: &Stage) -> BTreeSet<Right> {
    let of_release = ListParams::default().labels(&format!("app.kubernetes.io/instance={RELEASE}"));
    let mut granted = BTreeSet::new();
    let roles: Api<ClusterRole> = Api::all(stage.client.clone());
    for role in roles.list(&of_release).await.unwrap() {
        expand(None, role.rules.unwrap_or_default(), &mut granted);
    }
    let roles: Api<Role> = Api::all(stage.client.clone());
    for role in roles.list(&of_release).await.unwrap() {
        expand(
            role.metadata.namespace.as_deref(),
            role.rules.unwrap_or_default(),
            &mut granted,
        );
    }
    granted
}

/// What an account asked for, as the audit log has it. Nothing of it was denied.
fn used(log: &Path, account: &str) -> BTreeSet<Right> {
    let mut used = BTreeSet::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        // The last line may still be written.
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if event["user"]["username"] != format!("system:serviceaccount:{NAMESPACE}:{account}") {
            continue;
        }
        let decision = &event["annotations"]["authorization.k8s.io/decision"];
        assert_eq!(*decision, "allow", "{line}");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let object = &event["objectRef"];
        let Some(resource) = text(&object["resource"]) else {
            assert_eq!(event["requestURI"], "/version", "{line}");
            continue;
        };
        let verb = text(&event["verb"]).unwrap();
        used.insert(Right {
            namespace: text(&object["namespace"]).filter(|_| resource != "namespaces"),
            group: text(&object["apiGroup"]).unwrap_or_default(),
            resource: match text(&object["subresource"]) {
                Some(part) => format!("{resource}/{part}"),
                None => resource,
            },
            // What is written names a resource or an Event, which a role can't know.
            name: text(&object["name"]).filter(|_| verb != "patch" && verb != "create"),
            verb,
        });
    }
    used
}

/// Installs the chart with these arguments, lets the operator do its whole job as the chart's account and as the chart's
/// pod would run it, and says what was granted and what was used.
async fn whole_job(streaming_lists: bool, values: &[&str]) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let audit = tempfile::tempdir().unwrap();
    let (policy, log) = (audit.path().join("policy.yaml"), audit.path().join("audit.log"));
    fs::write(&policy, POLICY).unwrap();
    let control_plane = ControlPlane::builder()
        .feature_gate("WatchList", streaming_lists)
        .api_server_arg(format!("--audit-policy-file={}", policy.display()))
        .api_server_arg(format!("--audit-log-path={}", log.display()))
        .api_server_arg("--audit-log-mode=blocking-strict");
    let stage = Stage::on(control_plane).await;
    let helm = Helm::on(&stage.control_plane).await;
    helm.install(RELEASE, NAMESPACE, &chart(), values).await;

    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let deployment = deployments.get(RELEASE).await.unwrap();
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let account = pod.service_account_name.unwrap();
    let container = &pod.containers[0];
    assert_eq!(container.args.as_deref(), Some(["run".to_owned()].as_slice()));
    let plain = |(name, value): (&String, Option<&String>)| Some((name.clone(), value?.clone()));
    let environment = container
        .env
        .iter()
        .flatten()
        .map(|env| (&env.name, env.value.as_ref()));
    let options = OperatorOptions {
        args: vec![format!("--watch-namespace={NAMESPACE}")],
        environment: environment.filter_map(plain).collect(),
    };
    let kubeconfig = kubeconfig_of(&stage.control_plane, NAMESPACE, &account).await;
    let operator = Operator::start(stage.control_plane.keeper(), binary(), &kubeconfig, &options).unwrap();

    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    let log_of = || operator.log();
    for (condition, status, reason) in [("Degraded", "False", "AsExpected"), ("Syncing", "True", "Streaming")] {
        let seen = operator::condition(&stage.client, AGENT, condition, status, reason).await;
        seen.unwrap_or_else(|error| panic!("{error}\n{}", log_of()));
    }
    if values.is_empty() {
        stage.equal().await;
        stage.create(a_pod("web")).await;
        stage.create(a_config_map("settings", "mode")).await;
        stage.equal().await;
    }
    // What happens twice is told by creating an Event and patching its count.
    for times in 1..=2 {
        for (key, reason) in [
            ("hello", "CredentialsInvalid"),
            (stage.key.pkcs8_pem(), "CredentialsValid"),
        ] {
            let values = [("client_id", CLIENT), ("private_key", key)];
            operator::write_secret(&stage.client, SECRET, &values).await.unwrap();
            told(&stage, reason, times).await;
        }
    }
    (granted(&stage).await, used(&log, &account))
}

fn covers(granted: &Right, used: &Right) -> bool {
    granted.name.is_none()
        && Right {
            name: None,
            ..used.clone()
        } == *granted
        || granted == used
}

/// Nothing is used that isn't granted to the letter, and nothing is granted that isn't used.
async fn grants_what_is_used(values: &[&str]) -> BTreeSet<Right> {
    let (granted, streamed) = whole_job(true, values).await;
    let (_, in_pages) = whole_job(false, values).await;
    let used: BTreeSet<Right> = streamed.union(&in_pages).cloned().collect();
    let not_granted: Vec<&Right> = used
        .iter()
        .filter(|used| !granted.iter().any(|granted| covers(granted, used)))
        .collect();
    let not_used: Vec<&Right> = granted
        .iter()
        .filter(|granted| !used.iter().any(|used| covers(granted, used)))
        .collect();
    assert!(
        not_granted.is_empty(),
        "used, and granted by nothing of ours: {not_granted:#?}"
    );
    assert!(not_used.is_empty(), "granted for nothing: {not_used:#?}");
    granted
}

#[tokio::test]
async fn operator_does_its_whole_job_as_the_charts_account_and_uses_all_that_it_is_granted_and_no_more() {
    grants_what_is_used(&[]).await;
}

#[tokio::test]
async fn rights_follow_from_the_kinds_that_are_collected() {
    let granted = grants_what_is_used(&["--set", "kinds={pods,deployments}"]).await;
    let resources: BTreeSet<&str> = granted.iter().map(|right| right.resource.as_str()).collect();
    assert_eq!(
        resources.into_iter().collect::<Vec<_>>(),
        [
            "deployments",
            "events",
            "namespaces",
            "obsykagents",
            "obsykagents/status",
            "pods",
            "secrets"
        ]
    );
}
