// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which annotations must not leave the cluster (protocol.md, *What may leave the cluster*), read from the page and from
//! nothing else.

/// Tools keep copies of whole objects under these.
const PREFIXES: [&str; 5] = [
    "kubectl.kubernetes.io/",
    "kubernetes.io/",
    "kapp.k14s.io/",
    "objectset.rio.cattle.io/",
    "consul.hashicorp.com/original",
];

/// In bytes.
const LONGEST_VALUE: usize = 1024;

/// Why an annotation must stay in the cluster, if it must.
pub(in crate::platform) fn must_stay(key: &str, value: &str) -> Option<&'static str> {
    if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return Some("its key");
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
    if has_gzip(value) {
        return Some("gzip in base64");
    }
    looks_like_jwt(value).then_some("a JWT")
}

/// Somewhere in the value a word in base64 begins as gzip does.
fn has_gzip(value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    value.split(|c| !is_part(c)).any(|word| word.starts_with("H4sI"))
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
