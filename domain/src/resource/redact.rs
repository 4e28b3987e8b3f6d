// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which annotations leave the cluster. All of it is decided here, and nowhere else.
//!
//! Annotations can carry copies of whole objects, values included. Those of ConfigMaps and Secrets are never sent; of
//! the other kinds those are held back that a tool is known to put copies into, and those that look like one.

use std::collections::BTreeMap;

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

/// Why an annotation isn't sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No annotation of this kind is.
    Kind,
    /// Its key has one of [`PREFIXES`].
    Prefix,
    /// Its value is longer than [`LONGEST`].
    Long,
    /// Its value has both `apiVersion` and `kind`, as a manifest in JSON or YAML has.
    Manifest,
    /// Its value has a PEM block.
    Pem,
    /// Its value has a JWT: three parts in base64url, the first of which begins as a JSON object does.
    Jwt,
    /// Its value is gzip in base64.
    Gzip,
}

/// The annotations that may leave the cluster.
pub fn annotations(kind: ResourceKind, all: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    all.iter()
        .filter(|(key, value)| held_back(kind, key, value).is_none())
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// The first rule that holds an annotation back.
pub fn held_back(kind: ResourceKind, key: &str, value: &str) -> Option<Rule> {
    if matches!(kind, ResourceKind::ConfigMap | ResourceKind::Secret) {
        Some(Rule::Kind)
    } else if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        Some(Rule::Prefix)
    } else if value.len() > LONGEST {
        Some(Rule::Long)
    } else if value.contains("apiVersion") && value.contains("kind") {
        Some(Rule::Manifest)
    } else if value.contains("-----BEGIN ") {
        Some(Rule::Pem)
    } else if has_jwt(value) {
        Some(Rule::Jwt)
    } else if value.trim_start().starts_with("H4sI") {
        Some(Rule::Gzip)
    } else {
        None
    }
}

fn has_jwt(value: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    value.split(|c: char| !(part(c) || c == '.')).any(|word| {
        let mut parts = word.split('.');
        parts.next().is_some_and(|head| head.starts_with("eyJ"))
            && parts.next().is_some_and(|claims| claims.len() >= 2)
            && parts.next().is_some()
    })
}
