// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The status of an `ObsykAgent`: what the operator answers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ResourceCounts;

/// How far the agent has come, written by the operator only.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ObsykAgentStatus {
    /// The uid of namespace kube-system, by which the platform knows this cluster.
    #[serde(rename = "clusterUID", default, skip_serializing_if = "Option::is_none")]
    pub cluster_uid: Option<String>,

    /// The metadata.generation of the spec that this status speaks of. When it is lower than metadata.generation, the
    /// operator has not yet acted on the last edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// When the platform last accepted a request of any sort, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,

    /// When the platform last accepted a snapshot, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_snapshot_time: Option<Time>,

    /// How many objects of each kind the operator knows. A kind that cannot be read, or is not collected, is left out.
    #[serde(default, skip_serializing_if = "ResourceCounts::is_empty")]
    pub resource_counts: ResourceCounts,

    /// Available: sending to the platform works. Syncing: a snapshot was accepted and changes flow. Degraded: something
    /// is wrong; the reason names it and the message says what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
