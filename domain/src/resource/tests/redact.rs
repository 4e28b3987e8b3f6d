// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Each rule, and what is just outside of it.

use crate::resource::annotations::{Annotations, NotSent, Sent};
use crate::resource::redact::{Rule, may_have_annotations};
use crate::resource::{ResourceKind, Withheld, WithheldTotals};

/// The rule that holds an annotation back while it is decoded; none when it is sent.
fn held_back(key: &str, value: &str) -> Option<Rule> {
    let annotations = serde_json::json!({ key: value }).to_string();
    let (sent, withheld) = serde_json::from_str::<Sent>(&annotations).unwrap().into_parts();
    let rule = withheld.iter().next().map(|(rule, _)| rule);
    assert_eq!(sent.contains_key(key), rule.is_none(), "{key}");
    rule
}

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
        ("proxy.istio.io/overrides", Some(Rule::Prefix)),
        ("sidecar.maistra.io/proxyEnv", Some(Rule::Prefix)),
        ("dapr.io/env", Some(Rule::Prefix)),
        ("workflows.argoproj.io/template", Some(Rule::Prefix)),
        ("k3s.io/node-env", Some(Rule::Prefix)),
        ("rke2.io/node-args", Some(Rule::Prefix)),
        ("ad.datadoghq.com/redis.instances", Some(Rule::Prefix)),
        ("co.elastic.metrics/password", Some(Rule::Prefix)),
        ("banzaicloud.com/last-applied", Some(Rule::Copy)),
        ("kopf.zalando.org/last-handled-configuration", Some(Rule::Copy)),
        ("example.com/last-applied-spec", Some(Rule::Copy)),
        ("proxy.istio.io/config", None),
        ("dapr.io/enabled", None),
        ("k3s.io/hostname", None),
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
        ("eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn", Some(Rule::Jwt)),
        ("eyJhbGciOiJkaXIifQ..aXY.Y3Q", None),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0", None),
        ("eyJhbGciOiJub25lIn0", None),
        ("eyeJ.a.b", None),
        ("1.2.3", None),
        ("www.example.com", None),
        ("H4sIAAAAAAAA/8pIzcnJBwQAAP//hqYQNgUAAAA=", Some(Rule::Gzip)),
        ("\n H4sIAAAA", Some(Rule::Gzip)),
        (r#"{"release":"H4sIAAAAAAAA/8pIzcnJBwQAAP"}"#, Some(Rule::Gzip)),
        ("data:application/gzip;base64,H4sIAAAA", Some(Rule::Gzip)),
        ("UEsDBBQACAAIAAAAAAAAAAAA", Some(Rule::Base64)),
        (r#"{"zip":"UEsDBBQACAAI"}"#, Some(Rule::Base64)),
        ("LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t", Some(Rule::Base64)),
        ("eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiWCJ9", Some(Rule::Base64)),
        ("eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoi", None),
        ("LS0tLS0tLS0t", None),
        (r#"{"spec":{"replicas":1}}"#, Some(Rule::Document)),
        (
            r#" [{"name":"a","env":[{"name":"A","value":"x"}]}]"#,
            Some(Rule::Document),
        ),
        (
            r#"{"containers":[{"name":"a","args":["-p","x"]}]}"#,
            Some(Rule::Document),
        ),
        (
            r#"{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":["token"]}"#,
            Some(Rule::Document),
        ),
        (
            r#"{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":["istio-token"]}"#,
            None,
        ),
        (r#"{"secretName":"tls","tokenEndpoint":"https://a.example"}"#, None),
        (r#"{"command":["sh"]}"#, Some(Rule::Document)),
        (r#"{"user":"u","password":"x"}"#, Some(Rule::Document)),
        (r#"[{"name":"net","ips":["10.0.0.1"]}]"#, None),
        (r#"the "spec" of this"#, None),
        ("x-H4sIAAAA", Some(Rule::Gzip)),
        ("x_UEsDBBQ", Some(Rule::Base64)),
        ("id-eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiWCJ9", Some(Rule::Base64)),
        ("xeyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiWCJ9", None),
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

/// Two that may leave, and one for each rule but one, with two for the first.
const ANNOTATIONS: &str = r#"{
    "kubectl.kubernetes.io/x": {"skipped": 1}, "kapp.k14s.io/original": "x", "a": "1", "b": null, "c": "H4sIAA",
    "d": "\u0041", "e": "-----BEGIN X", "f": "eyJh.eyJh.c", "g": "kind apiVersion"
}"#;

#[test]
fn only_what_may_leave_is_decoded() {
    let sent: Sent = serde_json::from_str(ANNOTATIONS).unwrap();
    let (texts, _) = sent.into_parts();
    assert_eq!(
        texts
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect::<Vec<_>>(),
        [("a", "1"), ("d", "A")]
    );
    let none: NotSent = serde_json::from_str(ANNOTATIONS).unwrap();
    assert!(none.into_parts().0.is_empty());
}

#[test]
fn what_is_held_back_is_counted_by_rule() {
    let (_, withheld) = serde_json::from_str::<Sent>(ANNOTATIONS).unwrap().into_parts();
    let expected = [
        (Rule::Prefix, 2),
        (Rule::Manifest, 1),
        (Rule::Pem, 1),
        (Rule::Jwt, 1),
        (Rule::Gzip, 1),
    ];
    assert_eq!(withheld.iter().collect::<Vec<_>>(), expected);
    let (_, all) = serde_json::from_str::<NotSent>(ANNOTATIONS).unwrap().into_parts();
    assert_eq!(all.iter().collect::<Vec<_>>(), [(Rule::Kind, 9)]);
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1025));
    let (_, long) = serde_json::from_str::<Sent>(&long).unwrap().into_parts();
    assert_eq!(long, [Rule::Long].into_iter().collect());
}

#[test]
fn what_was_counted_adds_up_and_never_overflows() {
    let most: Withheld = std::iter::repeat_n(Rule::Jwt, 70_000).collect();
    let mut totals = WithheldTotals::default();
    totals.add(most);
    totals.add([Rule::Jwt, Rule::Kind].into_iter().collect());
    totals.merge(&totals.clone());
    let counted: Vec<_> = totals.iter().collect();
    assert_eq!(counted, [(Rule::Kind, 2), (Rule::Jwt, 2 * 65_536)]);
    assert_eq!(totals.sum(), 2 + 2 * 65_536);
}

/// Metrics and reports name a rule alike.
#[test]
fn a_rules_label_is_its_name() {
    for (place, rule) in Rule::ALL.into_iter().enumerate() {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.label());
        assert_eq!(rule as usize, place, "a count is found by its rule's place");
    }
}
