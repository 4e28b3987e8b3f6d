// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Service: its type, address, ports and selector.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Lenient, Spelled};
use super::meta::{List, Texts, items, text, texts};
use super::{Collected, Metadata, ResourceKind};

/// A Service.
#[derive(Debug)]
pub struct Service;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    spec: Lenient<Spec>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Spec {
    r#type: Lenient<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Lenient<String>,
    ports: List<SourcePort>,
    selector: Texts,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourcePort {
    name: Lenient<String>,
    protocol: Lenient<String>,
    port: Lenient<i64>,
    target_port: Lenient<Spelled>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.type`
    #[serde(skip_serializing_if = "Option::is_none")]
    service_type: Option<String>,
    /// `spec.clusterIP`
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_ip: Option<String>,
    /// `spec.ports`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Port>,
    /// `spec.selector`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selector: BTreeMap<String, String>,
}

#[derive(Serialize, JsonSchema)]
struct Port {
    /// `name`
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `protocol`; `TCP` when unset
    protocol: String,
    /// `port`
    port: i64,
    /// `targetPort`, a number or a name, as text
    #[serde(rename = "targetPort", skip_serializing_if = "Option::is_none")]
    target_port: Option<String>,
}

impl Collected for Service {
    const KIND: ResourceKind = ResourceKind::Service;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let ports = items(spec.ports).map(|port| Port {
            name: text(port.name),
            // The API server's own default.
            protocol: text(port.protocol).unwrap_or_else(|| "TCP".to_owned()),
            port: port.port.or_default(),
            target_port: port
                .target_port
                .get()
                .map(|spelled| spelled.0)
                .filter(|spelled| !spelled.is_empty()),
        });
        Wire {
            service_type: text(spec.r#type),
            cluster_ip: text(spec.cluster_ip),
            ports: ports.collect(),
            selector: texts(spec.selector),
        }
    }
}
