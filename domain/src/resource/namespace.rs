// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Namespace: its phase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::text;
use super::{Collected, Metadata, ResourceKind};

/// A Namespace.
#[derive(Debug)]
pub struct Namespace;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    status: Lenient<Status>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: Lenient<String>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `status.phase`
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
}

impl Collected for Namespace {
    const KIND: ResourceKind = ResourceKind::Namespace;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        Wire {
            phase: text(source.status.or_default().phase),
        }
    }
}
