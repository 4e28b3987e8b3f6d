// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What every object has on the wire, and the small shapes that several kinds share.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::image::without_user;
use super::lenient::{Lenient, TextMap};
use super::{Metadata, ResourceKind, Uid};

/// A list whose elements are each decoded leniently.
pub(super) type List<T> = Lenient<Vec<Lenient<T>>>;

/// A map of texts.
pub(super) type Texts = Lenient<TextMap>;

/// The elements that could be decoded.
pub(super) fn items<T>(list: List<T>) -> impl Iterator<Item = T> {
    list.or_default().into_iter().filter_map(Lenient::get)
}

/// The entries that could be decoded.
pub(super) fn texts(map: Texts) -> BTreeMap<String, String> {
    map.or_default().0
}

/// A text that says something.
pub(super) fn text(value: Lenient<String>) -> Option<String> {
    value.get().filter(|text| !text.is_empty())
}

/// The fields that every object has.
#[derive(Serialize, JsonSchema)]
pub(super) struct WireMeta<'a> {
    /// `metadata.uid`
    #[schemars(with = "String")]
    uid: &'a Uid,
    /// `metadata.name`
    name: &'a str,
    /// `metadata.namespace`; always there on kinds that live in namespaces
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    /// `metadata.labels`, all of them
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    /// `metadata.annotations`, without what the rules below hold back
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    /// `metadata.creationTimestamp`, in UTC
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s_created_at: Option<Cow<'a, str>>,
}

impl<'a> WireMeta<'a> {
    pub(super) fn new(kind: ResourceKind, metadata: &'a Metadata) -> Self {
        Self {
            uid: &metadata.uid,
            name: &metadata.name,
            // Namespaced kinds always have the field.
            namespace: kind
                .spec()
                .namespaced
                .then(|| metadata.namespace.as_deref().unwrap_or_default()),
            labels: &metadata.labels,
            annotations: &metadata.annotations,
            k8s_created_at: metadata.created.as_deref().and_then(time),
        }
    }
}

/// RFC 3339 in UTC with seconds, `2026-01-15T10:30:00Z`, whatever precision and offset the source has.
pub(super) fn time(source: &str) -> Option<Cow<'_, str>> {
    let at: Timestamp = source.parse().ok()?;
    // As the API server writes it: formatting it anew costs several times what reading it does.
    if source.len() == "2026-01-15T10:30:00Z".len() && source.ends_with('Z') && source.as_bytes().get(10) == Some(&b'T')
    {
        return Some(source.into());
    }
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
}

/// The same, of a field that may be absent.
pub(super) fn owned_time(source: Lenient<String>) -> Option<String> {
    source.get().as_deref().and_then(time).map(Cow::into_owned)
}

/// `spec.selector` where it is a label selector; of it only matchLabels is sent.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    match_labels: Texts,
}

impl Selector {
    pub(super) fn labels(selector: Lenient<Self>) -> BTreeMap<String, String> {
        texts(selector.or_default().match_labels)
    }
}

/// `spec.strategy` or `spec.updateStrategy`: its type is sent.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Strategy {
    r#type: Lenient<String>,
}

impl Strategy {
    pub(super) fn name(strategy: Lenient<Self>) -> Option<String> {
        text(strategy.or_default().r#type)
    }
}

/// `spec.template` of a workload: the first container's image and the node selector are sent.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    spec: Lenient<TemplateSpec>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TemplateSpec {
    containers: List<TemplateContainer>,
    node_selector: Texts,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct TemplateContainer {
    image: Lenient<String>,
}

impl Template {
    /// The image of the first container, and the node selector.
    pub(super) fn read(template: Lenient<Self>) -> (Option<String>, BTreeMap<String, String>) {
        let spec = template.or_default().spec.or_default();
        let image = items(spec.containers)
            .next()
            .and_then(|container| text(container.image))
            .map(|image| without_user(&image));
        (image, texts(spec.node_selector))
    }
}
