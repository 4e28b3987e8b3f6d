// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How many objects of each kind are known: `status.resourceCounts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::resource::ResourceKind;

/// Counts by the name of the kind's field, such as `pods` or `networkPolicies`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(transparent)]
pub struct ResourceCounts(BTreeMap<String, i64>);

impl ResourceCounts {
    /// Whether no kind has a count.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(ResourceKind, i64)> for ResourceCounts {
    fn from_iter<I: IntoIterator<Item = (ResourceKind, i64)>>(counts: I) -> Self {
        Self(
            counts
                .into_iter()
                .map(|(kind, count)| (kind.spec().count_field.to_owned(), count))
                .collect(),
        )
    }
}

impl schemars::JsonSchema for ResourceCounts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceCounts".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let properties: Map<String, Value> = ResourceKind::ALL
            .into_iter()
            .map(|kind| {
                let spec = kind.spec();
                let description = format!("How many objects of kind {} the operator knows.", spec.kind);
                let schema = json!({ "type": "integer", "format": "int64", "minimum": 0, "description": description });
                (spec.count_field.to_owned(), schema)
            })
            .collect();
        schemars::json_schema!({ "type": "object", "properties": properties })
    }
}
