// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From a spec to settings: everything that can be wrong with a resource is found here, once, and named.

use std::time::Duration;

use super::{DurationError, EventTypes, ObsykAgentSpec, PlatformUrl, PlatformUrlError, parse_duration};

/// The shortest heartbeat. The schema has the same bound.
pub const MIN_SYNC_INTERVAL: Duration = Duration::from_secs(10);

/// The longest heartbeat. The schema has the same bound.
pub const MAX_SYNC_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of both numbers of the rate limit. The schema has the same ones.
const RATE_BOUNDS: std::ops::RangeInclusive<i32> = 1..=1000;

/// The longest cluster name, in characters. The schema has the same bound.
const MAX_CLUSTER_NAME: usize = 253;

/// The longest name that Kubernetes gives a Secret.
const MAX_SECRET_NAME: usize = 253;

/// What a resource asks for, checked: nothing in it needs a further question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the cluster is reported to.
    pub platform: PlatformUrl,
    /// The name under which the platform shows the cluster, 1 to 253 characters.
    pub cluster_name: String,
    /// The Secret with the credentials, in the namespace of the resource.
    pub secret_name: String,
    /// Time between two heartbeats, 10 s to 24 h.
    pub sync_interval: Duration,
    /// Events per second, 1 to 1000.
    pub events_per_second: u32,
    /// Events at once after a quiet time, 1 to 1000.
    pub burst: u32,
    /// How the types of events are spelled.
    pub event_case: EventTypes,
}

/// What the operator allows by its own flags, for every resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether http to a host other than loopback is allowed (`--allow-insecure-platform`).
    pub allow_insecure_platform: bool,
    /// The origins that may be reported to (`--allowed-platform`); empty allows all. Any spelling that
    /// [`PlatformUrl::parse_origin`] reads will do; one that it doesn't read allows nothing.
    pub allowed_platforms: Vec<String>,
}

impl Settings {
    /// Checks a spec against the bounds of the schema and against the operator's policy.
    ///
    /// The order is that of the fields, and the first thing that is wrong is reported.
    pub fn from_spec(spec: &ObsykAgentSpec, policy: &Policy) -> Result<Self, SettingsError> {
        let platform = PlatformUrl::parse(&spec.platform_url).map_err(SettingsError::InvalidPlatformUrl)?;
        policy.check(&platform)?;
        let cluster_name = &spec.cluster_name;
        let is_name = !cluster_name.trim().is_empty() && !cluster_name.contains(char::is_control);
        if !is_name || cluster_name.chars().count() > MAX_CLUSTER_NAME {
            return Err(SettingsError::InvalidClusterName);
        }
        let secret_name = &spec.credentials_secret_ref.name;
        if !is_secret_name(secret_name) {
            return Err(SettingsError::InvalidSecretName);
        }
        let sync_interval = parse_duration(&spec.sync_interval).map_err(SettingsError::InvalidSyncInterval)?;
        if !(MIN_SYNC_INTERVAL..=MAX_SYNC_INTERVAL).contains(&sync_interval) {
            return Err(SettingsError::SyncIntervalOutOfBounds);
        }
        Ok(Self {
            platform,
            cluster_name: spec.cluster_name.clone(),
            secret_name: secret_name.clone(),
            sync_interval,
            events_per_second: rate("eventsPerSecond", spec.rate_limit.events_per_second)?,
            burst: rate("burstSize", spec.rate_limit.burst_size)?,
            event_case: spec.event_types,
        })
    }
}

impl Policy {
    /// Whether the operator may speak to this platform at all.
    pub fn check(&self, platform: &PlatformUrl) -> Result<(), SettingsError> {
        if !platform.is_https() && !platform.is_loopback() && !self.allow_insecure_platform {
            return Err(SettingsError::InsecurePlatform);
        }
        let is_this = |allowed: &String| PlatformUrl::parse_origin(allowed).is_ok_and(|o| o == platform.origin());
        if self.allowed_platforms.is_empty() || self.allowed_platforms.iter().any(is_this) {
            Ok(())
        } else {
            Err(SettingsError::PlatformNotAllowed {
                origin: platform.origin().to_owned(),
            })
        }
    }
}

/// What is wrong with a resource. The text is the message of its condition, written for whoever wrote the resource.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// `spec.platformURL` is not an address of a platform.
    #[error("spec.platformURL: {0}")]
    InvalidPlatformUrl(#[source] PlatformUrlError),
    /// http to a foreign host.
    #[error(
        "spec.platformURL: http sends the credentials in the clear; use https, or start the operator with \
         --allow-insecure-platform"
    )]
    InsecurePlatform,
    /// Not in the operator's list.
    #[error(
        "spec.platformURL: {origin} is not among the platforms that the operator may report to; correct it, or add it with --allowed-platform"
    )]
    PlatformNotAllowed {
        /// The origin that the resource names.
        origin: String,
    },
    /// Blank or too long.
    #[error(
        "spec.clusterName: it must have 1 to {MAX_CLUSTER_NAME} characters, none of them a control character, and not be blank"
    )]
    InvalidClusterName,
    /// A name that no Secret can have.
    #[error("spec.credentialsSecretRef.name: it is not the name of a Secret (lower case letters, digits, '-' and '.')")]
    InvalidSecretName,
    /// Not a duration.
    #[error("spec.syncInterval: {0}; write a duration such as 30s, 5m or 1h30m")]
    InvalidSyncInterval(#[source] DurationError),
    /// A duration outside the bounds.
    #[error("spec.syncInterval: it must be at least 10s and at most 24h")]
    SyncIntervalOutOfBounds,
    /// A number outside 1 to 1000.
    #[error("spec.rateLimit.{field}: it must be from {} to {}", RATE_BOUNDS.start(), RATE_BOUNDS.end())]
    InvalidRateLimit {
        /// The field, as the user spells it.
        field: &'static str,
    },
}

impl SettingsError {
    /// The reason of the Degraded condition, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidPlatformUrl(_) => "InvalidPlatformURL",
            Self::InsecurePlatform => "InsecurePlatform",
            Self::PlatformNotAllowed { .. } => "PlatformNotAllowed",
            Self::InvalidClusterName => "InvalidClusterName",
            Self::InvalidSecretName => "InvalidSecretName",
            Self::InvalidSyncInterval(_) | Self::SyncIntervalOutOfBounds => "InvalidSyncInterval",
            Self::InvalidRateLimit { .. } => "InvalidRateLimit",
        }
    }
}

fn rate(field: &'static str, value: i32) -> Result<u32, SettingsError> {
    if !RATE_BOUNDS.contains(&value) {
        return Err(SettingsError::InvalidRateLimit { field });
    }
    u32::try_from(value).map_err(|_| SettingsError::InvalidRateLimit { field })
}

/// A DNS subdomain, less strictly than RFC 1123: what is wrong beyond this, no Secret will be found under.
fn is_secret_name(name: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= MAX_SECRET_NAME
        && name.starts_with(is_edge)
        && name.ends_with(is_edge)
        && name.chars().all(|c| is_edge(c) || c == '-' || c == '.')
}
