// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Secret: its type and the names of its keys. Never a value: they are skipped while they are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Keys, Lenient};
use super::meta::text;
use super::{Collected, Metadata, ResourceKind};

/// A Secret.
#[derive(Debug)]
pub struct Secret;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    r#type: Lenient<String>,
    data: Lenient<Keys>,
    immutable: Lenient<bool>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `type`
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    /// The keys of `data`, sorted; never a value
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_keys: Vec<String>,
    /// `immutable`; false when unset
    immutable: bool,
}

impl Collected for Secret {
    const KIND: ResourceKind = ResourceKind::Secret;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        Wire {
            r#type: text(source.r#type),
            data_keys: source.data.or_default().0,
            immutable: source.immutable.or_default(),
        }
    }
}
