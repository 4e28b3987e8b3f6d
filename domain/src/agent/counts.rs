// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How many objects of each kind are known: `status.resourceCounts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

impl schemars::JsonSchema for ResourceCounts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceCounts".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}
