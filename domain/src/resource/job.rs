// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Job: how much is wanted and done, when, and for which CronJob.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::Lenient;
use super::meta::owned_time;
use super::{Collected, Metadata, OwnerReference, ResourceKind};

/// A Job.
#[derive(Debug)]
pub struct Job;

/// What is decoded.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    spec: Lenient<Spec>,
    status: Lenient<Status>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Spec {
    completions: Lenient<i64>,
    parallelism: Lenient<i64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    succeeded: Lenient<i64>,
    failed: Lenient<i64>,
    active: Lenient<i64>,
    start_time: Lenient<String>,
    completion_time: Lenient<String>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.completions`; 1 when unset
    completions: i64,
    /// `spec.parallelism`; 1 when unset
    parallelism: i64,
    /// `status.succeeded`
    succeeded: i64,
    /// `status.failed`
    failed: i64,
    /// `status.active`
    active: i64,
    /// `status.startTime`
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    /// `status.completionTime`
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_time: Option<String>,
    /// `name` of the first CronJob in `metadata.ownerReferences`
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_ref: Option<String>,
}

impl Collected for Job {
    const KIND: ResourceKind = ResourceKind::Job;
    type Source = Source;
    type Wire = Wire;

    fn project(metadata: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        let owns = |owner: &&OwnerReference| owner.kind == "CronJob" && !owner.name.is_empty();
        let owner = metadata.owners.iter().find(owns);
        Wire {
            completions: spec.completions.get().unwrap_or(1),
            parallelism: spec.parallelism.get().unwrap_or(1),
            succeeded: status.succeeded.or_default(),
            failed: status.failed.or_default(),
            active: status.active.or_default(),
            start_time: owned_time(status.start_time),
            completion_time: owned_time(status.completion_time),
            owner_ref: owner.map(|owner| owner.name.clone()),
        }
    }
}
