// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Deployment: its replicas, strategy, selector and image.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::{Selector, Strategy, Template};
use super::{Collected, Metadata, ResourceKind};

/// A Deployment.
#[derive(Debug)]
pub struct Deployment;

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
    replicas: Lenient<i64>,
    strategy: Lenient<Strategy>,
    selector: Lenient<Selector>,
    template: Lenient<Template>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    ready_replicas: Lenient<i64>,
    available_replicas: Lenient<i64>,
    updated_replicas: Lenient<i64>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.replicas`; 1 when unset
    replicas: i64,
    /// `status.readyReplicas`
    ready_replicas: i64,
    /// `status.availableReplicas`
    available_replicas: i64,
    /// `status.updatedReplicas`
    updated_replicas: i64,
    /// `spec.strategy.type`
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<String>,
    /// `spec.selector.matchLabels`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selector: BTreeMap<String, String>,
    /// `image` of the first of `spec.template.spec.containers`, without a user and a password before it
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl Collected for Deployment {
    const KIND: ResourceKind = ResourceKind::Deployment;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        let (image, _) = Template::read(spec.template);
        Wire {
            replicas: spec.replicas.get().unwrap_or(1),
            ready_replicas: status.ready_replicas.or_default(),
            available_replicas: status.available_replicas.or_default(),
            updated_replicas: status.updated_replicas.or_default(),
            strategy: Strategy::name(spec.strategy),
            selector: Selector::labels(spec.selector),
            image,
        }
    }
}
