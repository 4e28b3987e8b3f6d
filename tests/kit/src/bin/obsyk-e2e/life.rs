// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The first hour: install, look around, see a change arrive; and the end, uninstall.

use std::time::Instant;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::stage::{NAMESPACE, Stage};
use crate::{Failure, agent, endpoints, operator};

/// The user of the image, who isn't root.
const USER: &str = "65532";

/// No capability at all, as the kernel writes it.
const NOTHING: &str = "0000000000000000";

/// `helm install --wait`, and the agent that it made is well.
pub async fn install(stage: &Stage) -> Result<(), Failure> {
    let since = Timestamp::now();
    let started = Instant::now();
    stage.helm.install(&stage.values()).await?;
    stage.say(&format!(
        "helm install --wait took {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    agent::synced(&stage.client, since).await?;
    stage.say("the ObsykAgent is Available and Syncing");
    stage.say(&stage.receiver.converged(&stage.client).await?);
    Ok(())
}

/// What the kernel says of the process is what was asked for, and the program is the one that was built.
pub async fn is_restricted(stage: &Stage) -> Result<(), Failure> {
    let pod = stage.pods.ready(None).await?;
    let token = token_lifetime(&pod).ok_or("the pod has no projected token of its service account")?;
    let told = stage.node.tell(operator::container_id(&pod)?).await?;
    told.expect("program", &stage.program)?;
    told.expect("Uid", &[USER; 4].join("\t"))?;
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        told.expect(capabilities, NOTHING)?;
    }
    told.expect("NoNewPrivs", "1")?;
    // 2 is a filter.
    told.expect("Seccomp", "2")?;
    let root = told.get("root")?;
    if !root.split(',').any(|option| option == "ro") {
        return Err(format!("the root of the operator's container can be written: it is mounted {root}").into());
    }
    stage.say(&format!(
        "the kernel says: user {USER}, no capability, no new privileges, a seccomp filter, a read-only root, the program of this \
         build; {} KiB resident; its token lives for {token} s",
        told.kib("VmRSS")?
    ));
    Ok(())
}

/// Probes and metrics answer.
pub async fn endpoints_answer(stage: &Stage) -> Result<(), Failure> {
    let pod = stage.pods.ready(None).await?;
    for path in ["/healthz", "/readyz"] {
        endpoints::probe(&stage.client, &pod, path).await?;
    }
    let metrics = endpoints::metrics(&stage.client, &pod).await?;
    let objects = endpoints::sum(&metrics, "obsyk_objects", &[]);
    if objects == 0 {
        return Err("the operator's metrics know of no object".into());
    }
    stage.say(&format!(
        "/healthz, /readyz and /metrics answer; {objects} objects are known"
    ));
    Ok(())
}

/// Something is made in the cluster, and the platform is told of it.
pub async fn a_change_arrives(stage: &Stage) -> Result<(), Failure> {
    let before = stage.receiver.accepted(&stage.client).await?;
    let started = Instant::now();
    make_config_map(stage, "a-change").await?;
    stage.receiver.told(&stage.client, "a-change", before).await?;
    stage.say(&format!("a change arrived after {} ms", started.elapsed().as_millis()));
    stage.say(&stage.receiver.converged(&stage.client).await?);
    Ok(())
}

/// `helm test`.
pub async fn chart_tests_pass(stage: &Stage) -> Result<(), Failure> {
    let written = stage.helm.test().await?;
    stage.say("helm test passes:");
    for line in written.lines().filter(|line| !line.trim().is_empty()) {
        println!("            {line}");
    }
    Ok(())
}

/// `kubectl exec`: the operator shows what it does.
pub async fn status_is_shown(stage: &Stage) -> Result<(), Failure> {
    let pod = stage.pods.ready(None).await?;
    let exec = [
        "exec",
        "-n",
        NAMESPACE,
        operator::name(&pod),
        "--",
        "/obsyk-operator",
        "status",
    ];
    let shown = stage.kubectl(&exec).await?;
    for words in ["  synced", "sending works", "watching"] {
        if !shown.contains(words) {
            return Err(format!("`status` doesn't say {words:?}:\n{shown}").into());
        }
    }
    stage.say("obsyk-operator status, in the pod:");
    for line in shown.lines() {
        println!("            {line}");
    }
    Ok(())
}

/// `helm uninstall --wait`, and nothing is left.
pub async fn uninstall(stage: &Stage) -> Result<(), Failure> {
    for name in ["a-change", "made-meanwhile"] {
        remove_config_map(stage, name).await?;
    }
    stage.helm.uninstall().await?;
    stage.before.nothing_else(&stage.client).await?;
    stage.say("helm uninstall leaves nothing but the definition of ObsykAgent, as Helm does");
    Ok(())
}

/// Makes a ConfigMap in the stage's namespace.
pub async fn make_config_map(stage: &Stage, name: &str) -> Result<(), Failure> {
    let map: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": name }, "data": { "key": "value" } }))?;
    config_maps(stage).create(&PostParams::default(), &map).await?;
    Ok(())
}

/// Deletes a ConfigMap of the stage's namespace, if it is there.
pub async fn remove_config_map(stage: &Stage, name: &str) -> Result<(), Failure> {
    match config_maps(stage).delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()).map_err(Failure::from),
    }
}

fn config_maps(stage: &Stage) -> Api<ConfigMap> {
    Api::namespaced(stage.client.clone(), NAMESPACE)
}

/// How long the token lives that the operator speaks to the API server with, in seconds.
fn token_lifetime(pod: &Pod) -> Option<i64> {
    let volumes = pod.spec.as_ref()?.volumes.as_ref()?;
    let sources = volumes
        .iter()
        .filter_map(|volume| volume.projected.as_ref()?.sources.as_ref());
    sources
        .flatten()
        .find_map(|source| source.service_account_token.as_ref()?.expiration_seconds)
}
