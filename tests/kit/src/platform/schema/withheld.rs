// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which annotations must not leave the cluster (protocol.md, *What may leave the cluster*, and
//! docs/what-leaves-the-cluster.md), read from the pages and from nothing else.

/// Tools keep copies of whole objects, parts of them or passwords under these.
const PREFIXES: [&str; 14] = [
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kapp.k14s.io/",
    "objectset.rio.cattle.io/",
    "consul.hashicorp.com/original",
    "proxy.istio.io/overrides",
    "sidecar.maistra.io/proxyEnv",
    "dapr.io/env",
    "workflows.argoproj.io/",
    "k3s.io/node-",
    "rke2.io/node-",
    "ad.datadoghq.com/",
    "co.elastic.metrics/",
    "co.elastic.logs/",
];

/// Fields of a pod's template, and of what holds passwords, as JSON names them.
const FIELDS: &str = r#""spec" "env" "envFrom" "command" "args" "password "secret" "token""#;

/// In bytes.
const LONGEST_VALUE: usize = 1024;

/// Why an annotation must stay in the cluster, if it must.
pub(in crate::platform) fn must_stay(key: &str, value: &str) -> Option<&'static str> {
    if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return Some("its key");
    }
    if key.contains("last-applied") || key.contains("last-handled") {
        return Some("a copy, by its key");
    }
    if value.len() > LONGEST_VALUE {
        return Some("longer than 1 KiB");
    }
    if ["apiVersion", "kind"].iter().all(|word| value.contains(word)) {
        return Some("looks like a manifest");
    }
    if value.contains("-----BEGIN ") {
        return Some("a PEM block");
    }
    if has_word(value, &["H4sI"]) {
        return Some("gzip in base64");
    }
    if has_word(value, &["UEsD", "LS0tLS1CRUdJTi"]) || has_long_object(value) {
        return Some("a document in base64");
    }
    if value.trim_start().starts_with(['{', '[']) && FIELDS.split(' ').any(|field| value.contains(field)) {
        return Some("a part of a manifest, or a password");
    }
    looks_like_jwt(value).then_some("a JWT")
}

/// Somewhere in the value a word in base64 begins like this.
fn has_word(value: &str, begins: &[&str]) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let mut words = value.split(|c| !is_part(c));
    words.any(|word| begins.iter().any(|begin| word.starts_with(begin)))
}

/// Somewhere in the value are 40 characters or more in base64 that begin an object in JSON.
fn has_long_object(value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    value.match_indices("eyJ").any(|(at, _)| {
        let is_begin = !value[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        is_begin && value[at..].chars().take_while(|c| is_part(*c)).count() >= 40
    })
}

/// Somewhere in the value are three parts in base64url with dots between them, and the first is the beginning of an object
/// in JSON.
fn looks_like_jwt(value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    value.match_indices("eyJ").any(|(at, _)| {
        if value[..at].ends_with(is_part) {
            return false;
        }
        let mut rest = &value[at..];
        for _ in 0..2 {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            match rest[end..].strip_prefix('.') {
                Some(next) if end > 1 => rest = next,
                _ => return false,
            }
        }
        true
    })
}
