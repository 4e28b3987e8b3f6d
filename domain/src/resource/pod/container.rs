// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A pod's containers. Of environment variables only the names are decoded; commands, arguments and probes aren't
//! looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::image::without_user;
use crate::resource::lenient::{Lenient, Spelled};
use crate::resource::meta::{List, items, text};

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Source {
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
pub(super) struct State {
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

#[derive(Serialize, JsonSchema)]
pub(super) struct Container {
    /// `name`
    name: String,
    /// `image`, without a user and a password before it
    image: String,
    /// `running`, `waiting` or `terminated`: which of them `state` has in the status of the same name; nothing that
    /// they hold
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// `ready` in the status of the same name; false without one
    ready: bool,
    /// `restartCount` in the status of the same name; 0 without one
    restart_count: i64,
    /// `resources`; `{}` when there are none
    resources: Resources,
    /// `ports`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Port>,
    /// `volumeMounts`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volume_mounts: Vec<Mount>,
    /// `env[].name`: the names alone, never a value; `envFrom` isn't read
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env_var_names: Vec<String>,
    /// `securityContext`, when the container has one
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<Security>,
}

#[derive(Serialize, JsonSchema)]
struct Resources {
    /// `requests.cpu`
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_request: Option<String>,
    /// `limits.cpu`
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_limit: Option<String>,
    /// `requests.memory`
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_request: Option<String>,
    /// `limits.memory`
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_limit: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Port {
    /// `containerPort`
    container_port: i64,
    /// `protocol`
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    /// `name`
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Mount {
    /// `name`
    name: String,
    /// `mountPath`
    mount_path: String,
    /// `readOnly`; false when unset
    read_only: bool,
}

#[derive(Serialize, JsonSchema)]
struct Security {
    /// `privileged`
    #[serde(skip_serializing_if = "Option::is_none")]
    privileged: Option<bool>,
    /// Whether `runAsUser` is 0; without it, whether `runAsNonRoot` is false; absent when the container sets neither
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_root: Option<bool>,
    /// `capabilities.add`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<String>,
}

pub(super) fn all(containers: List<Source>, states: List<State>) -> Vec<Container> {
    let states: Vec<State> = items(states).collect();
    items(containers).map(|container| read(container, &states)).collect()
}

fn read(container: Source, states: &[State]) -> Container {
    let name = container.name.or_default();
    let state = states.iter().find(|state| state.name.as_ref() == Some(&name));
    Container {
        state: state.and_then(|state| state.state.as_ref()).and_then(which),
        ready: state.and_then(|state| state.ready.0).unwrap_or_default(),
        restart_count: state.and_then(|state| state.restart_count.0).unwrap_or_default(),
        image: without_user(&container.image.or_default()),
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
