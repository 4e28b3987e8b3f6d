// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! DaemonSet: its pods by state, update strategy, selectors and image.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::{Selector, Strategy, Template};
use super::{Collected, Metadata, ResourceKind};

/// A DaemonSet.
#[derive(Debug)]
pub struct DaemonSet;

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
    update_strategy: Lenient<Strategy>,
    selector: Lenient<Selector>,
    template: Lenient<Template>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    desired_number_scheduled: Lenient<i64>,
    current_number_scheduled: Lenient<i64>,
    number_ready: Lenient<i64>,
    number_available: Lenient<i64>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `status.desiredNumberScheduled`
    desired_number_scheduled: i64,
    /// `status.currentNumberScheduled`
    current_number_scheduled: i64,
    /// `status.numberReady`
    number_ready: i64,
    /// `status.numberAvailable`
    number_available: i64,
    /// `spec.updateStrategy.type`
    #[serde(skip_serializing_if = "Option::is_none")]
    update_strategy: Option<String>,
    /// `spec.selector.matchLabels`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selector: BTreeMap<String, String>,
    /// `spec.template.spec.nodeSelector`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    node_selector: BTreeMap<String, String>,
    /// `image` of the first of `spec.template.spec.containers`, without a user and a password before it
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl Collected for DaemonSet {
    const KIND: ResourceKind = ResourceKind::DaemonSet;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        let (image, node_selector) = Template::read(spec.template);
        Wire {
            desired_number_scheduled: status.desired_number_scheduled.or_default(),
            current_number_scheduled: status.current_number_scheduled.or_default(),
            number_ready: status.number_ready.or_default(),
            number_available: status.number_available.or_default(),
            update_strategy: Strategy::name(spec.update_strategy),
            selector: Selector::labels(spec.selector),
            node_selector,
            image,
        }
    }
}
