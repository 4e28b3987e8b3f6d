// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! NetworkPolicy: whom it selects, and how many rules it has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Count, Lenient};
use super::meta::{List, Selector, items};
use super::{Collected, Metadata, ResourceKind};

/// A NetworkPolicy.
#[derive(Debug)]
pub struct NetworkPolicy;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    spec: Lenient<Spec>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    pod_selector: Lenient<Selector>,
    policy_types: List<String>,
    ingress: Lenient<Count>,
    egress: Lenient<Count>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.podSelector.matchLabels`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pod_selector: BTreeMap<String, String>,
    /// `spec.policyTypes`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy_types: Vec<String>,
    /// How many `spec.ingress` has
    ingress_rules: usize,
    /// How many `spec.egress` has
    egress_rules: usize,
}

impl Collected for NetworkPolicy {
    const KIND: ResourceKind = ResourceKind::NetworkPolicy;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        Wire {
            pod_selector: Selector::labels(spec.pod_selector),
            policy_types: items(spec.policy_types).collect(),
            ingress_rules: spec.ingress.or_default().0,
            egress_rules: spec.egress.or_default().0,
        }
    }
}
