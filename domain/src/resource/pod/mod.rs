// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Pod: where it runs, its containers and its volumes.
//!
//! Of environment variables only the names are decoded; commands, arguments and probes aren't looked at.

use serde::{Deserialize, Serialize};

use super::lenient::{Lenient, Spelled};
use super::meta::{List, items, text};
use super::{Collected, Metadata, ResourceKind};

mod volume;

/// A Pod.
#[derive(Debug)]
pub struct Pod;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    spec: Lenient<Spec>,
    status: Lenient<Status>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Lenient<String>,
    service_account_name: Lenient<String>,
    priority_class_name: Lenient<String>,
    containers: List<SourceContainer>,
    init_containers: List<SourceContainer>,
    volumes: List<volume::Source>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceContainer {
    name: Lenient<String>,
    image: Lenient<String>,
    resources: Lenient<SourceResources>,
    ports: List<SourcePort>,
    volume_mounts: List<SourceMount>,
    env: List<SourceEnv>,
    security_context: Lenient<SourceSecurity>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceResources {
    requests: Lenient<SourceAmounts>,
    limits: Lenient<SourceAmounts>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceAmounts {
    cpu: Lenient<Spelled>,
    memory: Lenient<Spelled>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourcePort {
    container_port: Lenient<i64>,
    protocol: Lenient<String>,
    name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceMount {
    name: Lenient<String>,
    mount_path: Lenient<String>,
    read_only: Lenient<bool>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceEnv {
    name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceSecurity {
    privileged: Lenient<bool>,
    run_as_user: Lenient<i64>,
    run_as_non_root: Lenient<bool>,
    capabilities: Lenient<SourceCapabilities>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceCapabilities {
    add: List<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Lenient<String>,
    qos_class: Lenient<String>,
    #[serde(rename = "hostIP")]
    host_ip: Lenient<String>,
    #[serde(rename = "podIP")]
    pod_ip: Lenient<String>,
    conditions: List<SourceCondition>,
    container_statuses: List<SourceState>,
    init_container_statuses: List<SourceState>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceCondition {
    r#type: Lenient<String>,
    status: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceState {
    name: Lenient<String>,
    state: Lenient<States>,
    ready: Lenient<bool>,
    restart_count: Lenient<i64>,
}

/// Which of the three is there; what they hold isn't looked at.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct States {
    running: Lenient<Present>,
    waiting: Lenient<Present>,
    terminated: Lenient<Present>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Present {}

/// What is sent.
#[derive(Serialize)]
pub struct Wire {
    #[serde(skip_serializing_if = "Option::is_none")]
    node_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qos_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_class_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_ip: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    init_containers: Vec<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<volume::Volume>,
}

#[derive(Serialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Serialize)]
struct Container {
    name: String,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    ready: bool,
    restart_count: i64,
    resources: Resources,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Port>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volume_mounts: Vec<Mount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env_var_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<Security>,
}

#[derive(Serialize)]
struct Resources {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_limit: Option<String>,
}

#[derive(Serialize)]
struct Port {
    container_port: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize)]
struct Mount {
    name: String,
    mount_path: String,
    read_only: bool,
}

#[derive(Serialize)]
struct Security {
    #[serde(skip_serializing_if = "Option::is_none")]
    privileged: Option<bool>,
    /// The user decides, and where none is set, runAsNonRoot; absent when the container sets neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_root: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<String>,
}

impl Collected for Pod {
    const KIND: ResourceKind = ResourceKind::Pod;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        let conditions = items(status.conditions).map(|condition| Condition {
            r#type: condition.r#type.or_default(),
            status: condition.status.or_default(),
        });
        Wire {
            node_name: text(spec.node_name),
            service_account: text(spec.service_account_name),
            phase: text(status.phase),
            qos_class: text(status.qos_class),
            priority_class_name: text(spec.priority_class_name),
            host_ip: text(status.host_ip),
            pod_ip: text(status.pod_ip),
            conditions: conditions.collect(),
            containers: containers(spec.containers, status.container_statuses),
            init_containers: containers(spec.init_containers, status.init_container_statuses),
            volumes: items(spec.volumes).map(volume::Volume::from).collect(),
        }
    }
}

fn containers(containers: List<SourceContainer>, states: List<SourceState>) -> Vec<Container> {
    let states: Vec<SourceState> = items(states).collect();
    items(containers).map(|container| read(container, &states)).collect()
}

fn read(container: SourceContainer, states: &[SourceState]) -> Container {
    let name = container.name.or_default();
    let state = states.iter().find(|state| state.name.as_ref() == Some(&name));
    Container {
        state: state.and_then(|state| state.state.as_ref()).and_then(which),
        ready: state.and_then(|state| state.ready.0).unwrap_or_default(),
        restart_count: state.and_then(|state| state.restart_count.0).unwrap_or_default(),
        image: container.image.or_default(),
        resources: resources(container.resources.or_default()),
        ports: items(container.ports)
            .map(|port| Port {
                container_port: port.container_port.or_default(),
                protocol: text(port.protocol),
                name: text(port.name),
            })
            .collect(),
        volume_mounts: items(container.volume_mounts)
            .map(|mount| Mount {
                name: mount.name.or_default(),
                mount_path: mount.mount_path.or_default(),
                read_only: mount.read_only.or_default(),
            })
            .collect(),
        env_var_names: items(container.env).filter_map(|env| text(env.name)).collect(),
        security_context: container.security_context.get().map(security),
        name,
    }
}

fn which(states: &States) -> Option<&'static str> {
    if states.running.0.is_some() {
        Some("running")
    } else if states.waiting.0.is_some() {
        Some("waiting")
    } else if states.terminated.0.is_some() {
        Some("terminated")
    } else {
        None
    }
}

fn resources(source: SourceResources) -> Resources {
    let requests = source.requests.or_default();
    let limits = source.limits.or_default();
    let amount = |value: Lenient<Spelled>| {
        value
            .get()
            .map(|spelled| spelled.0)
            .filter(|spelled| !spelled.is_empty())
    };
    Resources {
        cpu_request: amount(requests.cpu),
        cpu_limit: amount(limits.cpu),
        memory_request: amount(requests.memory),
        memory_limit: amount(limits.memory),
    }
}

fn security(source: SourceSecurity) -> Security {
    let run_as_root = match (source.run_as_user.get(), source.run_as_non_root.get()) {
        (Some(user), _) => Some(user == 0),
        (None, Some(non_root)) => Some(!non_root),
        (None, None) => None,
    };
    Security {
        privileged: source.privileged.get(),
        run_as_root,
        capabilities: items(source.capabilities.or_default().add).collect(),
    }
}
