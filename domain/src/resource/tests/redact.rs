// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Each rule, and what is just outside of it.

use crate::resource::ResourceKind;
use crate::resource::redact::{Annotations, NotSent, Rule, Sent, held_back, may_have_annotations};

#[test]
fn keys_of_tools_that_keep_copies_are_held_back() {
    for (key, expected) in [
        ("kubectl.kubernetes.io/last-applied-configuration", Some(Rule::Prefix)),
        ("kubectl.kubernetes.io/restartedAt", Some(Rule::Prefix)),
        ("kubernetes.io/description", Some(Rule::Prefix)),
        ("kapp.k14s.io/original", Some(Rule::Prefix)),
        ("kapp.k14s.io/identity", Some(Rule::Prefix)),
        ("objectset.rio.cattle.io/applied", Some(Rule::Prefix)),
        ("consul.hashicorp.com/original", Some(Rule::Prefix)),
        ("consul.hashicorp.com/original-pod", Some(Rule::Prefix)),
        ("consul.hashicorp.com/connect-inject", None),
        ("kubectl.kubernetes.io", None),
        ("deployment.kubernetes.io/revision", None),
        ("node.alpha.kubernetes.io/ttl", None),
        ("example.com/kubernetes.io/", None),
        ("kubernetes.io", None),
        ("team", None),
    ] {
        assert_eq!(held_back(key, "v"), expected, "{key}");
    }
}

#[test]
fn a_value_of_1_kib_may_leave_and_one_more_byte_may_not() {
    assert_eq!(held_back("a", &"x".repeat(1024)), None);
    assert_eq!(held_back("a", &"x".repeat(1025)), Some(Rule::Long));
    assert_eq!(held_back("a", &"\u{e9}".repeat(512)), None);
    assert_eq!(held_back("a", &"\u{e9}".repeat(513)), Some(Rule::Long));
}

#[test]
fn values_that_look_like_copies_are_held_back() {
    for (value, expected) in [
        (r#"{"apiVersion":"v1","kind":"Secret"}"#, Some(Rule::Manifest)),
        ("kind: Secret\napiVersion: v1\n", Some(Rule::Manifest)),
        (
            r#"[{"op":"add","value":"{\"apiVersion\":\"v1\",\"kind\":\"X\"}"}]"#,
            Some(Rule::Manifest),
        ),
        (r#"{"apiVersion":"v1"}"#, None),
        ("kind: Secret", None),
        ("-----BEGIN CERTIFICATE-----\nMII", Some(Rule::Pem)),
        ("prefix -----BEGIN EC PRIVATE KEY-----", Some(Rule::Pem)),
        ("-----BEGINNING-----", None),
        ("BEGIN CERTIFICATE", None),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", Some(Rule::Jwt)),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", Some(Rule::Jwt)),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", Some(Rule::Jwt)),
        (r#"{"token":"eyJhbGci.eyJzdWIi.c-_n"}"#, Some(Rule::Jwt)),
        ("token.eyJhbGci.eyJzdWIi.c2ln", Some(Rule::Jwt)),
        ("eyAiYWxnIjoiSFMyNTYifQ.eyJzdWIiOiJhIn0.c2ln", Some(Rule::Jwt)),
        ("ewogImFsZyI6IkhTMjU2In0.eyJzdWIiOiJhIn0.c2ln", Some(Rule::Jwt)),
        ("ew0KImFsZyI6IkhTMjU2In0.eyJzdWIiOiJhIn0.c2ln", Some(Rule::Jwt)),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0", None),
        ("eyJhbGciOiJub25lIn0", None),
        ("eyeJ.a.b", None),
        ("1.2.3", None),
        ("www.example.com", None),
        ("H4sIAAAAAAAA/8pIzcnJBwQAAP//hqYQNgUAAAA=", Some(Rule::Gzip)),
        ("\n H4sIAAAA", Some(Rule::Gzip)),
        (r#"{"release":"H4sIAAAAAAAA/8pIzcnJBwQAAP"}"#, Some(Rule::Gzip)),
        ("data:application/gzip;base64,H4sIAAAA", Some(Rule::Gzip)),
        ("xH4sIAAAA", None),
        ("h4siAAAA", None),
        ("H4s", None),
        ("", None),
        ("shop", None),
    ] {
        assert_eq!(held_back("example.com/note", value), expected, "{value}");
    }
}

#[test]
fn annotations_of_config_maps_and_secrets_never_leave() {
    let none: Vec<ResourceKind> = ResourceKind::ALL
        .into_iter()
        .filter(|kind| !may_have_annotations(*kind))
        .collect();
    assert_eq!(none, [ResourceKind::ConfigMap, ResourceKind::Secret]);
}

#[test]
fn only_what_may_leave_is_decoded() {
    let json = r#"{"kubectl.kubernetes.io/x":{"skipped":1},"a":"1","b":null,"c":"H4sIAA","d":"\u0041"}"#;
    let sent: Sent = serde_json::from_str(json).unwrap();
    let sent = sent.sent();
    assert_eq!(
        sent.iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect::<Vec<_>>(),
        [("a", "1"), ("d", "A")]
    );
    assert!(serde_json::from_str::<NotSent>(json).unwrap().sent().is_empty());
}
