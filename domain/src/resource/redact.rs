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

/// Keys with these prefixes are never sent: tools keep what was last applied there, parts of containers, or passwords.
pub const PREFIXES: [&str; 14] = [
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kapp.k14s.io/",
    "objectset.rio.cattle.io/",
    "consul.hashicorp.com/original",
    // A container as it was before the sidecar came.
    "proxy.istio.io/overrides",
    // Environment variables of a sidecar.
    "sidecar.maistra.io/proxyEnv",
    "dapr.io/env",
    // Templates with commands and variables, and what steps gave back.
    "workflows.argoproj.io/",
    // Variables and arguments of the node's own process.
    "k3s.io/node-",
    "rke2.io/node-",
    // How agents log in to what they look at.
    "ad.datadoghq.com/",
    "co.elastic.metrics/",
    "co.elastic.logs/",
];

/// Nor are keys with one of these words: so operators and their libraries name copies of objects.
pub const COPIES: [&str; 2] = ["last-applied", "last-handled"];

/// Longer values, in bytes, are documents, not notes.
pub const LONGEST: usize = 1024;

/// What a JSON object begins with in base64: a brace, and a quotation mark, a blank, or a line's end after it.
pub const OBJECTS: [&str; 4] = ["eyJ", "eyA", "ewo", "ew0"];

/// A JWT's claims are at least so long.
pub const SHORTEST_CLAIMS: usize = 2;

/// A JWE has so many parts, and the second of them may be empty (RFC 7516).
pub const JWE_PARTS: usize = 5;

/// What a zip archive and a PEM block begin with in base64.
pub const PACKED: [&str; 2] = ["UEsD", "LS0tLS1CRUdJTi"];

/// A JSON object in base64 is a document when it is so long; shorter ones are parts of something else.
pub const SHORTEST_OBJECT: usize = 40;

/// A JSON value with one of these is a part of a manifest, or holds a password.
pub const WORDS: [&str; 8] = [
    "\"spec\"",
    "\"env\"",
    "\"envFrom\"",
    "\"command\"",
    "\"args\"",
    "\"password",
    "\"secret\"",
    "\"token\"",
];

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
    /// Its key has one of [`COPIES`].
    Copy,
    /// Its value is longer than [`LONGEST`].
    Long,
    /// Its value has all of [`MANIFEST`].
    Manifest,
    /// Its value has a PEM block, as [`PEM`] begins it.
    Pem,
    /// Its value has a JWT: three parts in base64url, the first of which begins as a JSON object does ([`OBJECTS`]), or five.
    Jwt,
    /// Its value has gzip in base64, as [`GZIP`] begins it.
    Gzip,
    /// Its value has something else in base64: what begins as [`PACKED`] do, or a JSON object.
    Base64,
    /// Its value is JSON with one of [`WORDS`].
    Document,
}

impl Rule {
    /// All rules, in the order in which they are looked at.
    pub const ALL: [Self; 10] = [
        Self::Kind,
        Self::Prefix,
        Self::Copy,
        Self::Long,
        Self::Manifest,
        Self::Pem,
        Self::Jwt,
        Self::Gzip,
        Self::Base64,
        Self::Document,
    ];

    /// The word for metrics and pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Prefix => "prefix",
            Self::Copy => "copy",
            Self::Long => "long",
            Self::Manifest => "manifest",
            Self::Pem => "pem",
            Self::Jwt => "jwt",
            Self::Gzip => "gzip",
            Self::Base64 => "base64",
            Self::Document => "document",
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

/// The rule that holds it back whatever its value is.
pub(super) fn key_held_back(key: &str) -> Option<Rule> {
    if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        Some(Rule::Prefix)
    } else if COPIES.iter().any(|word| key.contains(word)) {
        Some(Rule::Copy)
    } else {
        None
    }
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
    } else if begins_a_word(value, &[GZIP]) {
        Some(Rule::Gzip)
    } else if begins_a_word(value, &PACKED) || has_object(value) {
        Some(Rule::Base64)
    } else if is_document(value) {
        Some(Rule::Document)
    } else {
        None
    }
}

/// Whether a word in base64 begins with one of these, anywhere in the value.
fn begins_a_word(value: &str, begins: &[&str]) -> bool {
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/')))
        .any(|word| begins.iter().any(|begin| word.starts_with(begin)))
}

/// A JSON object in base64 of either alphabet, anywhere in the value.
fn has_object(value: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    OBJECTS.iter().any(|object| {
        value.match_indices(object).any(|(at, _)| {
            let (before, rest) = value.split_at(at);
            let begins = !before.ends_with(|c: char| c.is_ascii_alphanumeric());
            begins && rest.find(|c| !is_base64(c)).unwrap_or(rest.len()) >= SHORTEST_OBJECT
        })
    })
}

fn is_document(value: &str) -> bool {
    value.trim_start().starts_with(['{', '[']) && WORDS.iter().any(|word| value.contains(word))
}

/// Three parts in a row, or five, anywhere in the value.
fn has_jwt(value: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let words = value.split(|c: char| !(part(c) || c == '.'));
    words.filter(|word| word.matches('.').count() >= 2).any(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let is_head = |head: &str| OBJECTS.iter().any(|object| head.starts_with(object));
        let is_signed =
            |parts: &[&str]| matches!(parts, [head, claims, _] if is_head(head) && claims.len() >= SHORTEST_CLAIMS);
        let is_encrypted = |parts: &[&str]| parts.first().is_some_and(|head| is_head(head));
        parts.windows(3).any(is_signed) || parts.windows(JWE_PARTS).any(is_encrypted)
    })
}
