// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Ingress: its class, rules, TLS hosts and addresses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::{List, items, text};
use super::{Collected, Metadata, ResourceKind};

/// An Ingress.
#[derive(Debug)]
pub struct Ingress;

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
    ingress_class_name: Lenient<String>,
    rules: List<SourceRule>,
    tls: List<SourceTls>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceRule {
    host: Lenient<String>,
    http: Lenient<SourceHttp>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceHttp {
    paths: List<SourcePath>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourcePath {
    path: Lenient<String>,
    path_type: Lenient<String>,
    backend: Lenient<SourceBackend>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceBackend {
    service: Lenient<SourceService>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceService {
    name: Lenient<String>,
    port: Lenient<SourcePort>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourcePort {
    number: Lenient<i64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceTls {
    hosts: List<String>,
    secret_name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    load_balancer: Lenient<SourceLoadBalancer>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceLoadBalancer {
    ingress: List<SourceAddress>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct SourceAddress {
    ip: Lenient<String>,
    hostname: Lenient<String>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.ingressClassName`
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress_class_name: Option<String>,
    /// `spec.rules`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Rule>,
    /// `spec.tls`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tls: Vec<Tls>,
    /// `ip` of each of `status.loadBalancer.ingress`, else its `hostname`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    load_balancer_ips: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Rule {
    /// `host`
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// `http.paths`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<Path>,
}

#[derive(Serialize, JsonSchema)]
struct Path {
    /// `path`
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// `pathType`
    #[serde(skip_serializing_if = "Option::is_none")]
    path_type: Option<String>,
    /// `backend.service.name`
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    /// `backend.service.port.number`; absent for a named port
    #[serde(skip_serializing_if = "Option::is_none")]
    service_port: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Tls {
    /// `hosts`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    /// `secretName`: the name alone
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_name: Option<String>,
}

impl Collected for Ingress {
    const KIND: ResourceKind = ResourceKind::Ingress;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let addresses = source.status.or_default().load_balancer.or_default().ingress;
        Wire {
            ingress_class_name: text(spec.ingress_class_name),
            rules: items(spec.rules).map(rule).collect(),
            tls: items(spec.tls)
                .map(|tls| Tls {
                    hosts: items(tls.hosts).collect(),
                    secret_name: text(tls.secret_name),
                })
                .collect(),
            load_balancer_ips: items(addresses)
                .filter_map(|address| text(address.ip).or_else(|| text(address.hostname)))
                .collect(),
        }
    }
}

fn rule(rule: SourceRule) -> Rule {
    let paths = items(rule.http.or_default().paths).map(|path| {
        let service = path.backend.or_default().service.or_default();
        Path {
            path: text(path.path),
            path_type: text(path.path_type),
            service_name: text(service.name),
            // Go's zero stands for a named port.
            service_port: service.port.or_default().number.get().filter(|number| *number != 0),
        }
    });
    Rule {
        host: text(rule.host),
        paths: paths.collect(),
    }
}
