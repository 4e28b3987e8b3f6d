// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What comes later: pods that are deleted, a process that hangs, an upgrade, little memory, a proxy, another Helm.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use obsyk_testkit::forward::ForwardProxy;
use serde_json::{Value, json};

use crate::life::{self, make_config_map, remove_config_map};
use crate::stage::{DEFINITION, Stage};
use crate::{Failure, agent, operator};

/// A pod that is told to end has ended by then. It may drain for 5 s; with nothing to drain it takes 1 s.
const ENDED: Duration = Duration::from_secs(10);

/// The limit of an operator that has little memory, in the chart's way and in bytes.
const LITTLE: (&str, u64) = ("32Mi", 32 << 20);

/// Its limit of CPU: a tenth of one.
const LITTLE_CPU: &str = "100m";

/// What is made under that limit. The rate is 10 a second, so it takes the operator half a minute.
const LOAD: usize = 300;

/// How many of them are made at once.
const AT_ONCE: usize = 20;

/// `kubectl delete pod`: it ends in good order and at once, and the next one goes on.
pub async fn deleted_pod_is_replaced(stage: &Stage) -> Result<(), Failure> {
    let pod = stage.pods.ready(None).await?;
    let (since, started) = (Timestamp::now(), Instant::now());
    let ended = stage.pods.delete(&pod).await?;
    if ended.code != 0 || ended.took > ENDED {
        return Err(format!(
            "the deleted pod ended with {} after {:?}: 0 within {ENDED:?} was wanted",
            ended.code, ended.took
        )
        .into());
    }
    stage.pods.ready(Some(operator::uid(&pod))).await?;
    agent::synced(&stage.client, since).await?;
    stage.say(&format!(
        "the deleted pod ended with 0 after {:.1} s; another one is in step after {:.1} s",
        ended.took.as_secs_f64(),
        started.elapsed().as_secs_f64()
    ));
    stage.say(&stage.receiver.converged(&stage.client).await?);
    Ok(())
}

/// A process that hangs is killed by the liveness probe, and the container starts again. What happened meanwhile nobody has
/// seen: an object that went would be a ghost in the platform for ever, if the next process didn't find that out.
pub async fn stopped_process_is_restarted(stage: &Stage) -> Result<(), Failure> {
    let pod = stage.pods.ready(None).await?;
    let restarts = operator::restarts(&pod);
    let started = Instant::now();
    stage.node.stop(operator::container_id(&pod)?).await?;
    remove_config_map(stage, "a-change").await?;
    make_config_map(stage, "made-meanwhile").await?;
    let pod = stage.pods.restarted(operator::name(&pod), restarts + 1).await?;
    if operator::restarts(&pod) != restarts + 1 {
        return Err(format!("it was restarted {} times", operator::restarts(&pod) - restarts).into());
    }
    stage.say(&format!(
        "the stopped process was killed and started again by the liveness probe, ready after {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    stage.say(&stage.receiver.converged(&stage.client).await?);
    Ok(())
}

/// `helm upgrade --wait`: the hook brings an older definition up to date, and the values take effect.
pub async fn upgrade_brings_definition_and_limit(stage: &Stage) -> Result<(), Failure> {
    let definitions = definitions(stage);
    let current = definitions.get(DEFINITION).await?.data;
    let columns = |definition: &Value| definition["spec"]["versions"][0]["additionalPrinterColumns"].clone();
    let outdated = older(&current);
    if columns(&outdated) == columns(&current) {
        return Err("the definition has no printer columns: it can't be made an older one".into());
    }
    let patch = Patch::Merge(json!({ "spec": { "versions": outdated["spec"]["versions"] } }));
    // As the one that an older chart has installed.
    let as_helm = PatchParams {
        field_manager: Some("helm".to_owned()),
        ..PatchParams::default()
    };
    definitions.patch(DEFINITION, &as_helm, &patch).await?;
    let (since, started) = (Timestamp::now(), Instant::now());
    stage.helm.upgrade(&with_little_memory(stage)).await?;
    let now = definitions.get(DEFINITION).await?.data;
    if columns(&now) != columns(&current) {
        return Err("helm upgrade left the definition as it was: its hook should have brought it up to date".into());
    }
    let pod = stage.pods.ready(None).await?;
    let told = stage.node.tell(operator::container_id(&pod)?).await?;
    told.expect("limit", &LITTLE.1.to_string())?;
    agent::synced(&stage.client, since).await?;
    stage.say(&format!(
        "helm upgrade --wait took {:.1} s; the definition is up to date, and the limits are {} of memory and {} of CPU",
        started.elapsed().as_secs_f64(),
        LITTLE.0,
        LITTLE_CPU
    ));
    Ok(())
}

/// Under that limit it does its work, and is not killed.
pub async fn little_memory_is_enough(stage: &Stage) -> Result<(), Failure> {
    let names: Vec<_> = (0..LOAD).map(|n| format!("load-{n}")).collect();
    for some in names.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|name| make_config_map(stage, name))).await?;
    }
    let seen = stage.receiver.converged(&stage.client).await?;
    for some in names.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|name| remove_config_map(stage, name))).await?;
    }
    stage.receiver.converged(&stage.client).await?;
    let pod = stage.pods.ready(None).await?;
    if operator::restarts(&pod) != 0 {
        return Err(format!("with {} it didn't live: {:?}", LITTLE.0, operator::last_end(&pod)).into());
    }
    let told = stage.node.tell(operator::container_id(&pod)?).await?;
    stage.say(&format!(
        "with {} and {LITTLE_CPU} it lives: {LOAD} objects came and went, {} KiB at most; {seen}",
        LITTLE.0,
        told.kib("VmHWM")?
    ));
    Ok(())
}

/// Where nothing gets out but by a proxy: it is asked for the platform, and for nothing else. It lasts as long as it is held.
pub async fn goes_by_a_proxy(stage: &Stage) -> Result<Option<ForwardProxy>, Failure> {
    let Some(proxy) = stage.receiver.proxy().await? else {
        return Ok(None);
    };
    let mut values = stage.values();
    values["proxy"] = json!({ "httpsProxy": proxy.url() });
    let since = Timestamp::now();
    stage.helm.upgrade(&values).await?;
    agent::synced(&stage.client, since).await?;
    let seen = stage.receiver.converged(&stage.client).await?;
    stage.helm.test().await?;
    let tunnels = proxy.asked();
    let platform = stage.receiver.url().trim_start_matches("https://");
    if tunnels.is_empty() {
        return Err("the proxy of the chart's values was asked for nothing".into());
    }
    if let Some(other) = tunnels.iter().find(|asked| asked.target != platform) {
        return Err(format!("the proxy was asked for something else than the platform: {other:?}").into());
    }
    stage.say(&format!(
        "by a proxy it works, too: {} tunnels, all to the platform; {seen}",
        tunnels.len()
    ));
    Ok(Some(proxy))
}

/// The other way in, with the other Helm: no values, then `kubectl apply` of an `ObsykAgent`.
pub async fn with_helm_4(stage: &mut Stage) -> Result<(), Failure> {
    std::mem::swap(&mut stage.helm, &mut stage.helm4);
    let since = Timestamp::now();
    stage.helm.install(&stage.trust()).await?;
    let agent = json!({
        "apiVersion": "obsyk.io/v1", "kind": "ObsykAgent", "metadata": { "name": agent::NAME }, "spec": stage.spec(),
    });
    let applied = PatchParams::apply("kubectl");
    let agents = agent::api(&stage.client);
    agents.patch(agent::NAME, &applied, &Patch::Apply(&agent)).await?;
    agent::synced(&stage.client, since).await?;
    stage.say(&stage.receiver.converged(&stage.client).await?);
    stage.helm.upgrade(&stage.trust()).await?;
    stage.helm.test().await?;
    agents.delete(agent::NAME, &Default::default()).await?;
    stage.say(&format!(
        "{} installs, upgrades and tests it, too",
        stage.helm.version().await?
    ));
    life::uninstall(stage).await
}

fn with_little_memory(stage: &Stage) -> Value {
    let mut values = stage.values();
    values["resources"] = json!({ "limits": { "memory": LITTLE.0, "cpu": LITTLE_CPU } });
    values
}

/// A definition without its last column, as an older chart would have it.
fn older(definition: &Value) -> Value {
    let mut older = definition.clone();
    if let Some(columns) = older["spec"]["versions"][0]["additionalPrinterColumns"].as_array_mut() {
        columns.pop();
    }
    older
}

fn definitions(stage: &Stage) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
    ));
    Api::all_with(stage.client.clone(), &kind)
}
