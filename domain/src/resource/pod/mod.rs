// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Pod: where it runs, its containers and its volumes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::{List, items, text};
use super::{Collected, Metadata, ResourceKind};

mod container;
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
    containers: List<container::Source>,
    init_containers: List<container::Source>,
    volumes: List<volume::Source>,
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
    container_statuses: List<container::State>,
    init_container_statuses: List<container::State>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceCondition {
    r#type: Lenient<String>,
    status: Lenient<String>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.nodeName`
    #[serde(skip_serializing_if = "Option::is_none")]
    node_name: Option<String>,
    /// `spec.serviceAccountName`
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<String>,
    /// `status.phase`
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    /// `status.qosClass`
    #[serde(skip_serializing_if = "Option::is_none")]
    qos_class: Option<String>,
    /// `spec.priorityClassName`
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_class_name: Option<String>,
    /// `status.hostIP`
    #[serde(skip_serializing_if = "Option::is_none")]
    host_ip: Option<String>,
    /// `status.podIP`
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_ip: Option<String>,
    /// `status.conditions`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Condition>,
    /// `spec.containers`, and `status.containerStatuses`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<container::Container>,
    /// `spec.initContainers`, and `status.initContainerStatuses`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    init_containers: Vec<container::Container>,
    /// `spec.volumes`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<volume::Volume>,
}

#[derive(Serialize, JsonSchema)]
struct Condition {
    /// `type`
    r#type: String,
    /// `status`
    status: String,
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
            containers: container::all(spec.containers, status.container_statuses),
            init_containers: container::all(spec.init_containers, status.init_container_statuses),
            volumes: items(spec.volumes).map(volume::Volume::from).collect(),
        }
    }
}
