// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! ConfigMap: the names of its keys. Never a value: they are skipped while they are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Keys, Lenient};
use super::{Collected, Metadata, ResourceKind};

/// A ConfigMap.
#[derive(Debug)]
pub struct ConfigMap;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Source {
    data: Lenient<Keys>,
    binary_data: Lenient<Keys>,
    immutable: Lenient<bool>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// The keys of `data`, sorted; never a value
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_keys: Vec<String>,
    /// The keys of `binaryData`, sorted; never a value
    #[serde(skip_serializing_if = "Vec::is_empty")]
    binary_keys: Vec<String>,
    /// `immutable`; false when unset
    immutable: bool,
}

impl Collected for ConfigMap {
    const KIND: ResourceKind = ResourceKind::ConfigMap;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        Wire {
            data_keys: source.data.or_default().0,
            binary_keys: source.binary_data.or_default().0,
            immutable: source.immutable.or_default(),
        }
    }
}
