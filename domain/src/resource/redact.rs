// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which annotations leave the cluster. All of it is decided here, and nowhere else.
//!
//! Annotations can carry copies of whole objects, values included. Those of ConfigMaps and Secrets are never sent; of
//! the other kinds those are held back that a tool is known to put copies into, and those that look like one.
//!
//! It is decided while they are decoded (`annotations.rs`), so that what is held back isn't even kept until the object is
//! sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ResourceKind;

/// Keys with these prefixes are never sent: tools keep what was last applied there.
pub const PREFIXES: [&str; 5] = [
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kapp.k14s.io/",
    "objectset.rio.cattle.io/",
    "consul.hashicorp.com/original",
];

/// Longer values, in bytes, are documents, not notes.
pub const LONGEST: usize = 1024;

/// What a JSON object begins with in base64: a brace, and a quotation mark, a blank, or a line's end after it.
pub const OBJECTS: [&str; 4] = ["eyJ", "eyA", "ewo", "ew0"];

/// A JWT's claims are at least so long.
pub const SHORTEST_CLAIMS: usize = 2;

/// What gzip begins with in base64: its magic number, and deflate (RFC 1952).
pub const GZIP: &str = "H4sI";

/// A value with all of these is a manifest, in JSON or YAML.
pub const MANIFEST: [&str; 2] = ["apiVersion", "kind"];

/// What a PEM block begins with (RFC 7468).
pub const PEM: &str = "-----BEGIN ";

/// Why an annotation isn't sent.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// Its object is of a kind whose annotations never leave.
    Kind,
    /// Its key has one of [`PREFIXES`].
    Prefix,
    /// Its value is longer than [`LONGEST`].
    Long,
    /// Its value has all of [`MANIFEST`].
    Manifest,
    /// Its value has a PEM block, as [`PEM`] begins it.
    Pem,
    /// Its value has a JWT: three parts in base64url, the first of which begins as a JSON object does ([`OBJECTS`]).
    Jwt,
    /// Its value has gzip in base64, as [`GZIP`] begins it.
    Gzip,
}

impl Rule {
    /// All rules, in the order in which they are looked at.
    pub const ALL: [Self; 7] = [
        Self::Kind,
        Self::Prefix,
        Self::Long,
        Self::Manifest,
        Self::Pem,
        Self::Jwt,
        Self::Gzip,
    ];

    /// The word for metrics and pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Prefix => "prefix",
            Self::Long => "long",
            Self::Manifest => "manifest",
            Self::Pem => "pem",
            Self::Jwt => "jwt",
            Self::Gzip => "gzip",
        }
    }
}

/// Whether any annotation of this kind may leave the cluster.
pub const fn may_have_annotations(kind: ResourceKind) -> bool {
    match kind {
        ResourceKind::ConfigMap | ResourceKind::Secret => false,
        ResourceKind::Namespace
        | ResourceKind::Pod
        | ResourceKind::Service
        | ResourceKind::Node
        | ResourceKind::Deployment
        | ResourceKind::StatefulSet
        | ResourceKind::DaemonSet
        | ResourceKind::Job
        | ResourceKind::CronJob
        | ResourceKind::Ingress
        | ResourceKind::NetworkPolicy => true,
    }
}

pub(super) fn has_prefix(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The first rule that holds it back whatever its key is.
pub(super) fn value_held_back(value: &str) -> Option<Rule> {
    if value.len() > LONGEST {
        Some(Rule::Long)
    } else if MANIFEST.iter().all(|word| value.contains(word)) {
        Some(Rule::Manifest)
    } else if value.contains(PEM) {
        Some(Rule::Pem)
    } else if has_jwt(value) {
        Some(Rule::Jwt)
    } else if has_gzip(value) {
        Some(Rule::Gzip)
    } else {
        None
    }
}

/// At the beginning of a word in base64, anywhere in the value.
fn has_gzip(value: &str) -> bool {
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/')))
        .any(|word| word.starts_with(GZIP))
}

/// Three parts in a row, anywhere in the value.
fn has_jwt(value: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    value.split(|c: char| !(part(c) || c == '.')).any(|word| {
        let claims_and_signature = word.split('.').skip(1).zip(word.split('.').skip(2));
        word.split('.').zip(claims_and_signature).any(|(head, (claims, _))| {
            OBJECTS.iter().any(|object| head.starts_with(object)) && claims.len() >= SHORTEST_CLAIMS
        })
    })
}
