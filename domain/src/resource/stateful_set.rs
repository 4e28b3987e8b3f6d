// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! StatefulSet: its replicas, update strategy, service, selector and image.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::{Selector, Strategy, Template, text};
use super::{Collected, Metadata, ResourceKind};

/// A StatefulSet.
#[derive(Debug)]
pub struct StatefulSet;

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
    update_strategy: Lenient<Strategy>,
    service_name: Lenient<String>,
    selector: Lenient<Selector>,
    template: Lenient<Template>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    ready_replicas: Lenient<i64>,
    current_replicas: Lenient<i64>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.replicas`; 1 when unset
    replicas: i64,
    /// `status.readyReplicas`
    ready_replicas: i64,
    /// `status.currentReplicas`
    current_replicas: i64,
    /// `spec.updateStrategy.type`
    #[serde(skip_serializing_if = "Option::is_none")]
    update_strategy: Option<String>,
    /// `spec.serviceName`
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    /// `spec.selector.matchLabels`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selector: BTreeMap<String, String>,
    /// `image` of the first of `spec.template.spec.containers`, without a user and a password before it
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl Collected for StatefulSet {
    const KIND: ResourceKind = ResourceKind::StatefulSet;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        let (image, _) = Template::read(spec.template);
        Wire {
            replicas: spec.replicas.get().unwrap_or(1),
            ready_replicas: status.ready_replicas.or_default(),
            current_replicas: status.current_replicas.or_default(),
            update_strategy: Strategy::name(spec.update_strategy),
            service_name: text(spec.service_name),
            selector: Selector::labels(spec.selector),
            image,
        }
    }
}
