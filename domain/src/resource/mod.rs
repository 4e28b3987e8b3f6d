// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is collected.
//!
//! [`ResourceKind`] is the one table from which watches, wire names, RBAC and counts come. Each kind has a file: what is
//! decoded of it, and what is sent. [`redact`] alone decides which annotations leave the cluster.

mod annotations;
mod config_map;
mod cron_job;
mod daemon_set;
mod deployment;
mod dispatch;
mod facts;
mod identity;
mod image;
mod ingress;
mod job;
mod kind;
mod kind_set;
pub mod lenient;
mod meta;
mod namespace;
mod network_policy;
mod node;
mod observed;
mod pod;
pub mod redact;
mod secret;
mod service;
mod stateful_set;
#[cfg(test)]
mod tests;
mod told;
mod withheld;

pub use config_map::ConfigMap;
pub use cron_job::CronJob;
pub use daemon_set::DaemonSet;
pub use deployment::Deployment;
pub use facts::{ClusterFacts, NodeFacts};
pub(crate) use identity::UUID_LEN;
pub use identity::{Metadata, OwnerReference, Uid};
pub use ingress::Ingress;
pub use job::Job;
pub use kind::{KindSpec, ResourceKind, UnknownKind};
pub use kind_set::KindSet;
pub use namespace::Namespace;
pub use network_policy::NetworkPolicy;
pub use node::Node;
pub use observed::{Body, Collected, Observed, Sighting};
pub use pod::Pod;
pub use secret::Secret;
pub use service::Service;
pub use stateful_set::StatefulSet;
pub use told::{Page, Told, read_line, read_page, read_version};
pub use withheld::{Withheld, WithheldTotals};
