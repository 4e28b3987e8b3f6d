// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! CronJob: its schedule, and how many of its jobs are active.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Count, Lenient};
use super::meta::{owned_time, text};
use super::{Collected, Metadata, ResourceKind};

/// A CronJob.
#[derive(Debug)]
pub struct CronJob;

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
    schedule: Lenient<String>,
    suspend: Lenient<bool>,
    concurrency_policy: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    last_schedule_time: Lenient<String>,
    active: Lenient<Count>,
}

/// What is sent.
#[derive(Serialize, JsonSchema)]
pub struct Wire {
    /// `spec.schedule`
    schedule: String,
    /// `spec.suspend`; false when unset
    suspend: bool,
    /// `spec.concurrencyPolicy`
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency_policy: Option<String>,
    /// `status.lastScheduleTime`
    #[serde(skip_serializing_if = "Option::is_none")]
    last_schedule_time: Option<String>,
    /// How many `status.active` has
    active_jobs: usize,
}

impl Collected for CronJob {
    const KIND: ResourceKind = ResourceKind::CronJob;
    type Source = Source;
    type Wire = Wire;

    fn project(_: &Metadata, source: Source) -> Wire {
        let spec = source.spec.or_default();
        let status = source.status.or_default();
        Wire {
            schedule: spec.schedule.or_default(),
            suspend: spec.suspend.or_default(),
            concurrency_policy: text(spec.concurrency_policy),
            last_schedule_time: owned_time(status.last_schedule_time),
            active_jobs: status.active.or_default().0,
        }
    }
}
