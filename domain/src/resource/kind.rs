// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table of kinds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind that is collected, in the order in which the protocol lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the Kubernetes kind of that name")]
pub enum ResourceKind {
    Namespace,
    Pod,
    Service,
    Node,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Ingress,
    NetworkPolicy,
    ConfigMap,
    Secret,
}

/// What is to be known of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindSpec {
    /// The Kubernetes kind, as events name it.
    pub kind: &'static str,
    /// The resource in paths and RBAC rules.
    pub plural: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version that is read.
    pub version: &'static str,
    /// The list in a snapshot.
    pub list: &'static str,
    /// The field of `status.resourceCounts`.
    pub count_field: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Objects in a page, when it is listed in pages: a page is held two to three times while it is decoded.
    pub page_size: u32,
}

const fn spec(
    kind: &'static str,
    (group, version, plural): (&'static str, &'static str, &'static str),
    (list, count_field): (&'static str, &'static str),
    namespaced: bool,
    page_size: u32,
) -> KindSpec {
    KindSpec {
        kind,
        plural,
        group,
        version,
        list,
        count_field,
        namespaced,
        page_size,
    }
}

impl ResourceKind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Namespace,
        Self::Pod,
        Self::Service,
        Self::Node,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::Ingress,
        Self::NetworkPolicy,
        Self::ConfigMap,
        Self::Secret,
    ];

    /// Its row of the table.
    pub const fn spec(self) -> &'static KindSpec {
        const NET: &str = "networking.k8s.io";
        match self {
            Self::Namespace => {
                const {
                    &spec(
                        "Namespace",
                        ("", "v1", "namespaces"),
                        ("namespaces", "namespaces"),
                        false,
                        250,
                    )
                }
            }
            Self::Pod => const { &spec("Pod", ("", "v1", "pods"), ("pods", "pods"), true, 100) },
            Self::Service => const { &spec("Service", ("", "v1", "services"), ("services", "services"), true, 250) },
            Self::Node => const { &spec("Node", ("", "v1", "nodes"), ("nodes", "nodes"), false, 250) },
            Self::Deployment => {
                const {
                    &spec(
                        "Deployment",
                        ("apps", "v1", "deployments"),
                        ("deployments", "deployments"),
                        true,
                        250,
                    )
                }
            }
            Self::StatefulSet => {
                const {
                    &spec(
                        "StatefulSet",
                        ("apps", "v1", "statefulsets"),
                        ("statefulsets", "statefulSets"),
                        true,
                        250,
                    )
                }
            }
            Self::DaemonSet => {
                const {
                    &spec(
                        "DaemonSet",
                        ("apps", "v1", "daemonsets"),
                        ("daemonsets", "daemonSets"),
                        true,
                        250,
                    )
                }
            }
            Self::Job => const { &spec("Job", ("batch", "v1", "jobs"), ("jobs", "jobs"), true, 250) },
            Self::CronJob => {
                const {
                    &spec(
                        "CronJob",
                        ("batch", "v1", "cronjobs"),
                        ("cronjobs", "cronJobs"),
                        true,
                        250,
                    )
                }
            }
            Self::Ingress => {
                const {
                    &spec(
                        "Ingress",
                        (NET, "v1", "ingresses"),
                        ("ingresses", "ingresses"),
                        true,
                        250,
                    )
                }
            }
            Self::NetworkPolicy => {
                const {
                    &spec(
                        "NetworkPolicy",
                        (NET, "v1", "networkpolicies"),
                        ("network_policies", "networkPolicies"),
                        true,
                        250,
                    )
                }
            }
            Self::ConfigMap => {
                const {
                    &spec(
                        "ConfigMap",
                        ("", "v1", "configmaps"),
                        ("configmaps", "configMaps"),
                        true,
                        20,
                    )
                }
            }
            Self::Secret => const { &spec("Secret", ("", "v1", "secrets"), ("secrets", "secrets"), true, 20) },
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().kind)
    }
}

impl Serialize for ResourceKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.spec().kind)
    }
}

impl<'de> Deserialize<'de> for ResourceKind {
    /// Reads the kind as it is written: `Pod`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;

        impl Visitor<'_> for KindVisitor {
            type Value = ResourceKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind that is collected")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ResourceKind, E> {
                let named = ResourceKind::ALL.into_iter().find(|kind| kind.spec().kind == text);
                named.ok_or_else(|| E::custom("not a kind that is collected"))
            }
        }

        deserializer.deserialize_str(KindVisitor)
    }
}

impl JsonSchema for ResourceKind {
    fn schema_name() -> Cow<'static, str> {
        "ResourceKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A kind that is collected.",
            "type": "string",
            "enum": ResourceKind::ALL.map(|kind| kind.spec().kind),
        })
    }
}

/// There is no such kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} isn't a kind that is collected; take from: {}", names())]
pub struct UnknownKind {
    given: String,
}

fn names() -> String {
    ResourceKind::ALL.map(|kind| kind.spec().plural).join(", ")
}

impl FromStr for ResourceKind {
    type Err = UnknownKind;

    /// Reads a kind (`Pod`) or its plural (`pods`), whatever the case.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|kind| text.eq_ignore_ascii_case(kind.spec().kind) || text.eq_ignore_ascii_case(kind.spec().plural))
            .ok_or_else(|| UnknownKind { given: text.to_owned() })
    }
}
