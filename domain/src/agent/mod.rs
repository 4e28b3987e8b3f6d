// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The resource `ObsykAgent`: what a user writes, what the operator makes of it, and what it answers.
//!
//! - [`ObsykAgentSpec`] and [`ObsykAgentStatus`] are the API. The custom resource definition in `manifests/` and
//!   `charts/` is generated from them, so a description here is what `kubectl explain oa.spec` prints.
//! - [`Settings`] is a spec that was checked: plain values that need no further question. Whatever acts on a resource
//!   takes `Settings`, never a spec.
//! - [`Policy`] is what the operator itself allows, by its flags, beyond what the API server can know.
//!
//! The API server refuses what can never be right, by the bounds and CEL rules of the schema. [`Settings::from_spec`]
//! checks all of it again, since a resource may have been stored under an older schema, and adds the policy.

mod counts;
mod crd;
mod duration;
mod platform_url;
mod settings;
mod spec;
mod status;

#[cfg(test)]
mod tests;

pub use counts::ResourceCounts;
pub use crd::crd;
pub use duration::{DurationError, parse_duration};
pub use platform_url::{PlatformUrl, PlatformUrlError};
pub use settings::{MAX_SYNC_INTERVAL, MIN_SYNC_INTERVAL, Policy, Settings, SettingsError};
pub use spec::{CredentialsSecretRef, EventTypes, ObsykAgent, ObsykAgentSpec, RateLimit};
pub use status::ObsykAgentStatus;
