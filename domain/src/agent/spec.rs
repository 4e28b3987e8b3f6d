// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The spec of an `ObsykAgent`: what a user writes.
//!
//! Each description names the unit, the default and the effect. The bounds and rules are the API server's to enforce;
//! a rule that needs the operator's flags (http to another host) is not here but in `settings.rs`. Every string has a
//! maximum length, because the API server refuses a CEL rule whose cost it cannot bound.

#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats each struct inside a function, with its `pub`"
)]
#![expect(
    clippy::duplicated_attributes,
    reason = "x_kube takes a field's rules as one list of the same word"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an agent reports, to which platform, and how often.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "obsyk.io",
    version = "v1",
    kind = "ObsykAgent",
    plural = "obsykagents",
    singular = "obsykagent",
    shortname = "oa",
    namespaced,
    status = "crate::agent::ObsykAgentStatus",
    derive = "PartialEq",
    doc = "Streams what runs in this cluster to one Obsyk platform: a snapshot, then every change, then heartbeats.",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = ".spec.clusterName",
        description = "The name under which the platform shows this cluster"
    ),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".spec.platformURL",
        description = "Where the cluster is reported to"
    ),
    printcolumn(
        name = "Available",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Available")].status"#,
        description = "True while sending to the platform works"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Syncing")].status"#,
        description = "True once a snapshot was accepted and changes flow"
    ),
    printcolumn(
        name = "Last sync",
        type_ = "date",
        json_path = ".status.lastSyncTime",
        description = "How long ago the platform last accepted a request"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct ObsykAgentSpec {
    /// Address of the platform, such as `https://platform.example.com`; a path may follow. Required. It must be https
    /// and carry no user, query or fragment. Plain http is accepted for loopback, and for other hosts only when the
    /// operator runs with `--allow-insecure-platform`. The assertion's audience is this text without a trailing slash.
    /// A change ends what is in flight and sends a new snapshot.
    #[serde(rename = "platformURL")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new("isURL(self) && url(self).getScheme() in ['https', 'http']")
            .message("platformURL must be a whole https (or http) URL, such as https://platform.example.com"),
        validation = Rule::new("!isURL(self) || url(self).getHostname() != ''")
            .message("platformURL must name a host, such as https://platform.example.com"),
        validation = Rule::new(r"!self.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@')")
            .message("platformURL must not carry a user or password: they go into the Secret of credentialsSecretRef"),
        validation = Rule::new("!self.contains('?') && !self.contains('#')")
            .message("platformURL must not have a query (?) or a fragment (#)"),
        validation = Rule::new(r"!self.matches('\\s')")
            .message("platformURL must not contain white space"),
    )]
    pub platform_url: String,

    /// Name under which the platform shows this cluster, 1 to 253 characters. Required. A change sends a new snapshot.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new(r"self.matches('\\S') && !self.matches('\\p{Cc}')").message("clusterName must not be blank or have control characters"),
    )]
    pub cluster_name: String,

    /// The Secret with the credentials for the platform, in the namespace of this resource. Required. A change of the
    /// Secret takes effect within seconds, without a restart.
    pub credentials_secret_ref: CredentialsSecretRef,

    /// Time between two heartbeats, as a Kubernetes duration such as `30s`, `5m` or `1h30m`; from 10s to 24h. Default
    /// 5m. Changes are sent at once and don't wait for it. An edit starts the interval anew.
    #[serde(default = "default_sync_interval")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        validation = Rule::new(is_duration()).message("syncInterval must be a duration such as 30s, 5m or 1h30m"),
        validation = Rule::new(format!(
            "!{} || (duration(self) >= duration('10s') && duration(self) <= duration('24h'))", is_duration()
        ))
        .message("syncInterval must be at least 10s and at most 24h"),
    )]
    pub sync_interval: String,

    /// Upper bound for the events that are sent to the platform. Snapshots, heartbeats and token requests don't count.
    /// Default 10 each second and 20 at once. An edit takes effect at once; the new allowance starts empty.
    #[serde(default)]
    pub rate_limit: RateLimit,

    /// Spelling of the change types in events: `Upper` sends ADDED, UPDATED, DELETED; `Lower` sends added, modified,
    /// deleted, which some platforms expect. Default Upper. An edit takes effect from the next event.
    #[serde(default)]
    pub event_types: EventTypes,
}

/// Names the Secret with the credentials for the platform.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsSecretRef {
    /// Name of the Secret, in the namespace of this resource. Required. Its keys are `client_id` and `private_key`, a
    /// P-256 key in PEM (SEC1 or PKCS#8).
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
            .message("credentialsSecretRef.name must be the name of a Secret: lower case letters, digits, '-' and '.'"),
    )]
    pub name: String,
}

/// Upper bound for events: a bucket that refills steadily.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Events per second, 1 to 1000, over any longer time. Default 10. What exceeds it waits, and only the latest state
    /// of an object is kept meanwhile, so nothing is lost.
    #[serde(default = "default_events_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub events_per_second: i32,

    /// Events that may be sent at once after a quiet time, 1 to 1000. Default 20.
    #[serde(default = "default_burst_size")]
    #[schemars(range(min = 1, max = 1000))]
    pub burst_size: i32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            events_per_second: default_events_per_second(),
            burst_size: default_burst_size(),
        }
    }
}

/// How the change types of events are spelled.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventTypes {
    /// ADDED, UPDATED, DELETED.
    #[default]
    Upper,
    /// added, modified, deleted.
    Lower,
}

/// The rule for a duration's form. It keeps `duration()` from failing: eight parts of 99999h are below Go's 2^63 ns.
fn is_duration() -> &'static str {
    "self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s)|[0-9]{1,8}([.][0-9]{1,9})?ms){1,8}$')"
}

fn default_sync_interval() -> String {
    "5m".to_owned()
}

fn default_events_per_second() -> i32 {
    10
}

fn default_burst_size() -> i32 {
    20
}
