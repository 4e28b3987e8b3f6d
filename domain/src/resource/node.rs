// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Node: whether it is ready, its roles, what runs on it, and its capacity.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Lenient, Spelled};
use super::meta::{List, items, text};
use super::{Collected, Metadata, NodeFacts, ResourceKind};

/// A Node.
#[derive(Debug)]
pub struct Node;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    spec: Lenient<Spec>,
    status: Lenient<Status>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(rename = "providerID")]
    provider_id: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: List<Condition>,
    node_info: Lenient<NodeInfo>,
    capacity: Lenient<Capacity>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: Lenient<String>,
    status: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    kubelet_version: Lenient<String>,
    container_runtime_version: Lenient<String>,
    os_image: Lenient<String>,
    architecture: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Capacity {
    cpu: Lenient<Spelled>,
    memory: Lenient<Spelled>,
    pods: Lenient<Spelled>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `Ready` when `status.conditions` has Ready as True, else `NotReady`
    status: &'static str,
    /// The ends of labels that begin with `node-role.kubernetes.io/`; `master` counts as `control-plane`
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    roles: BTreeSet<String>,
    /// `status.nodeInfo.kubeletVersion`
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet_version: Option<String>,
    /// `status.nodeInfo.containerRuntimeVersion`
    #[serde(skip_serializing_if = "Option::is_none")]
    container_runtime: Option<String>,
    /// `status.nodeInfo.osImage`
    #[serde(skip_serializing_if = "Option::is_none")]
    os_image: Option<String>,
    /// `status.nodeInfo.architecture`
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<String>,
    /// `status.capacity.cpu`; `0` when unset
    cpu_capacity: String,
    /// `status.capacity.memory`; `0` when unset
    memory_capacity: String,
    /// `status.capacity.pods`; `0` when unset
    pod_capacity: String,
}

/// The label whose suffix is a role.
const ROLE: &str = "node-role.kubernetes.io/";

impl Collected for Node {
    const KIND: ResourceKind = ResourceKind::Node;
    type Source = Source;
    type Wire = Wire;

    fn project(metadata: &Metadata, source: Source) -> Wire {
        let status = source.status.or_default();
        let ready = items(status.conditions).any(|condition| {
            condition.r#type.as_ref().is_some_and(|kind| kind == "Ready")
                && condition.status.as_ref().is_some_and(|status| status == "True")
        });
        let info = status.node_info.or_default();
        let capacity = status.capacity.or_default();
        let quantity = |value: Lenient<Spelled>| {
            let spelled = value.get().map(|spelled| spelled.0);
            spelled
                .filter(|spelled| !spelled.is_empty())
                .unwrap_or_else(|| "0".to_owned())
        };
        Wire {
            status: if ready { "Ready" } else { "NotReady" },
            roles: metadata
                .labels
                .keys()
                .filter_map(|key| key.strip_prefix(ROLE))
                .filter_map(role)
                .collect(),
            kubelet_version: text(info.kubelet_version),
            container_runtime: text(info.container_runtime_version),
            os_image: text(info.os_image),
            architecture: text(info.architecture),
            cpu_capacity: quantity(capacity.cpu),
            memory_capacity: quantity(capacity.memory),
            pod_capacity: quantity(capacity.pods),
        }
    }

    fn facts(metadata: &Metadata, source: &Source) -> Option<NodeFacts> {
        let provider_id = source.spec.as_ref().and_then(|spec| spec.provider_id.as_ref());
        Some(NodeFacts::read(metadata, provider_id.map(String::as_str)))
    }
}

/// The old name of the control plane's role counts as the new one.
fn role(suffix: &str) -> Option<String> {
    match suffix {
        "" => None,
        "master" => Some("control-plane".to_owned()),
        other => Some(other.to_owned()),
    }
}
