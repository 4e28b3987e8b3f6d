// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn a_spec() -> ObsykAgentSpec {
    serde_json::from_value(json!({
        "platformURL": "https://platform.example.com/",
        "clusterName": "production",
        "credentialsSecretRef": { "name": "obsyk-credentials" },
    }))
    .unwrap()
}

fn settings(change: impl FnOnce(&mut ObsykAgentSpec)) -> Result<Settings, SettingsError> {
    let mut spec = a_spec();
    change(&mut spec);
    Settings::from_spec(&spec, &Policy::default())
}

#[test]
fn smallest_spec_gets_the_defaults() {
    let settings = settings(|_| ()).unwrap();
    assert_eq!(settings.platform.as_str(), "https://platform.example.com");
    assert_eq!(settings.cluster_name, "production");
    assert_eq!(settings.secret_name, "obsyk-credentials");
    assert_eq!(settings.sync_interval, Duration::from_secs(300));
    assert_eq!((settings.events_per_second, settings.burst), (10, 20));
    assert_eq!(settings.event_case, EventTypes::Upper);
}

#[test]
fn urls_keep_their_text_and_have_a_normal_origin() {
    for (text, kept, origin) in [
        (
            "https://platform.example.com",
            "https://platform.example.com",
            "https://platform.example.com",
        ),
        (
            "https://platform.example.com///",
            "https://platform.example.com",
            "https://platform.example.com",
        ),
        (
            "https://Platform.Example.com:443/a/",
            "https://Platform.Example.com:443/a",
            "https://platform.example.com",
        ),
        (
            "HTTPS://p.example:8443/a/b%20c",
            "HTTPS://p.example:8443/a/b%20c",
            "https://p.example:8443",
        ),
        ("https://p.example.", "https://p.example.", "https://p.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x", "http://[::1]:8080"),
        (
            "https://[2001:DB8:0::1]",
            "https://[2001:DB8:0::1]",
            "https://[2001:db8::1]",
        ),
        ("https://my_host.svc", "https://my_host.svc", "https://my_host.svc"),
    ] {
        let url = PlatformUrl::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(url.as_str(), kept);
        assert_eq!(url.origin(), origin, "{text}");
        assert_eq!(url.endpoint("/oauth/token"), format!("{kept}/oauth/token"));
    }
}

#[test]
fn what_is_not_a_platform_address_is_named() {
    use PlatformUrlError as E;
    let long = format!("https://platform.example.com/{}", "a".repeat(2048));
    for (text, error) in [
        ("", E::NotAUrl),
        ("platform.example.com", E::NotAUrl),
        ("/relative", E::NotAUrl),
        ("https:", E::NotAUrl),
        ("ftp://platform.example.com", E::Scheme),
        ("https://", E::NoHost),
        ("https:///path", E::NoHost),
        ("https://:443", E::NoHost),
        ("https://user@platform.example.com", E::UserInfo),
        ("https://user:secret@platform.example.com/x", E::UserInfo),
        ("https://platform.example.com?x=1", E::Query),
        ("https://platform.example.com/a?x=1", E::Query),
        ("https://platform.example.com/#top", E::Fragment),
        ("https://platform.example.com#top", E::Fragment),
        (" https://platform.example.com", E::WhiteSpace),
        ("https://platform.example.com/a b", E::WhiteSpace),
        ("https://platform.example.com\n", E::WhiteSpace),
        ("https://platform.example.com:", E::BadPort),
        ("https://platform.example.com:0", E::BadPort),
        ("https://platform.example.com:65536", E::BadPort),
        ("https://platform.example.com:+443", E::BadPort),
        ("https://::1", E::BadHost),
        ("https://[::1", E::BadHost),
        ("https://[::1]x", E::BadHost),
        ("https://[localhost]", E::BadHost),
        ("https://-a.example", E::BadHost),
        ("https://a..example", E::BadHost),
        ("https://127.1", E::BadHost),
        ("https://0x7f.0x1", E::BadHost),
        ("https://bücher.example", E::BadHost),
        ("https://a\\b", E::BadHost),
        ("https://platform.example.com/a//b", E::BadPath),
        ("https://platform.example.com/../b", E::BadPath),
        ("https://platform.example.com/%2E%2e/b", E::BadPath),
        ("https://platform.example.com/%zz", E::BadPath),
        ("https://platform.example.com/ü", E::BadPath),
        (long.as_str(), E::TooLong),
    ] {
        assert_eq!(PlatformUrl::parse(text), Err(error), "{text}");
    }
}

#[test]
fn no_message_quotes_a_password() {
    let error = settings(|s| s.platform_url = "https://user:hunter2@platform.example.com".into()).unwrap_err();
    assert_eq!(error.reason(), "InvalidPlatformURL");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn http_is_for_loopback_or_by_permission() {
    for (url, loopback) in [
        ("http://localhost:8080", true),
        ("http://LOCALHOST", true),
        ("http://127.8.9.1", true),
        ("http://[::1]", true),
        ("http://platform.example.com", false),
        ("http://localhost.example.com", false),
        ("http://10.0.0.1", false),
        ("http://[::2]", false),
    ] {
        let platform = PlatformUrl::parse(url).unwrap();
        assert_eq!(platform.is_loopback(), loopback, "{url}");
        let strict = Policy::default().check(&platform);
        assert_eq!(
            strict,
            if loopback {
                Ok(())
            } else {
                Err(SettingsError::InsecurePlatform)
            },
            "{url}"
        );
        let lax = Policy {
            allow_insecure_platform: true,
            ..Policy::default()
        };
        assert_eq!(lax.check(&platform), Ok(()), "{url}");
    }
}

#[test]
fn only_allowed_origins_are_spoken_to() {
    let policy = Policy {
        allowed_platforms: vec!["https://Platform.example.com:443/".into(), "nonsense".into()],
        ..Policy::default()
    };
    let check = |url: &str| policy.check(&PlatformUrl::parse(url).unwrap());
    assert_eq!(check("https://platform.example.com/tenant"), Ok(()));
    for url in [
        "https://platform.example.com:8443",
        "https://platform.example.com.evil.example",
        "http://localhost",
    ] {
        let error = check(url).unwrap_err();
        assert_eq!(error.reason(), "PlatformNotAllowed", "{url}");
        assert!(error.to_string().contains("--allowed-platform"));
    }
    assert_eq!(
        PlatformUrl::parse_origin("https://a.example/x"),
        Err(PlatformUrlError::PathInOrigin)
    );
}

#[test]
fn durations_read_as_in_go() {
    for (text, nanos) in [
        ("0", 0),
        ("5m", 300_000_000_000),
        ("+5m", 300_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("90s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("500ms", 500_000_000),
        ("1s1s", 2_000_000_000),
        ("1us1µs1μs", 3_000),
        ("0.3333333333333333333h", 1_199_999_999_999),
        ("9223372036854775807ns", i64::MAX as u64),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
    for (text, error) in [
        ("", DurationError::Empty),
        ("-5m", DurationError::Negative),
        ("+", DurationError::NoNumber),
        ("5", DurationError::NoUnit),
        ("5 m", DurationError::NoUnit),
        ("5d", DurationError::NoUnit),
        ("5M", DurationError::NoUnit),
        ("m", DurationError::NoNumber),
        (".s", DurationError::NoNumber),
        ("1.2.3s", DurationError::NoUnit),
        ("1h ", DurationError::NoUnit),
        ("9223372036854775808ns", DurationError::TooLong),
        ("9999999999999999999999999999999999999999999h", DurationError::TooLong),
    ] {
        assert_eq!(parse_duration(text), Err(error), "{text}");
    }
}

#[test]
fn each_wrong_field_has_its_reason() {
    type Change = fn(&mut ObsykAgentSpec);
    let cases: [(&str, Change); 14] = [
        ("InvalidPlatformURL", |s| s.platform_url = "nowhere".into()),
        ("InsecurePlatform", |s| {
            s.platform_url = "http://platform.example.com".into()
        }),
        ("InvalidClusterName", |s| s.cluster_name = " ".into()),
        ("InvalidClusterName", |s| s.cluster_name = "x".repeat(254)),
        ("InvalidClusterName", |s| s.cluster_name = "a\nb".into()),
        ("InvalidClusterName", |s| s.cluster_name = "a\u{9b}b".into()),
        ("InvalidSecretName", |s| {
            s.credentials_secret_ref.name = "Not A Secret".into()
        }),
        ("InvalidSyncInterval", |s| s.sync_interval = "soon".into()),
        ("InvalidSyncInterval", |s| s.sync_interval = "9.999s".into()),
        ("InvalidSyncInterval", |s| s.sync_interval = "24h1ns".into()),
        ("InvalidRateLimit", |s| s.rate_limit.events_per_second = 0),
        ("InvalidRateLimit", |s| s.rate_limit.events_per_second = 1001),
        ("InvalidRateLimit", |s| s.rate_limit.burst_size = -1),
        ("InvalidRateLimit", |s| s.rate_limit.burst_size = i32::MAX),
    ];
    for (reason, change) in cases {
        let error = settings(change).unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().starts_with("spec."), "{error}");
    }
    assert!(settings(|s| s.cluster_name = "ü".repeat(253)).is_ok());
    assert!(settings(|s| s.sync_interval = "10s".into()).is_ok());
    assert!(settings(|s| s.sync_interval = "24h".into()).is_ok());
}

fn schema() -> Value {
    let crd = crd();
    serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone()
}

#[test]
fn every_field_is_described_and_every_string_is_bounded() {
    fn visit(path: &str, schema: &Value, in_spec: bool) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(
                property["description"].as_str().is_some_and(|d| d.len() > 10),
                "{path} has no description"
            );
            if in_spec && property["type"] == "string" && property.get("enum").is_none() {
                assert!(property["maxLength"].is_u64(), "{path} has no maxLength");
            }
            visit(&path, property, in_spec);
        }
    }
    let schema = schema();
    visit("spec", &schema["properties"]["spec"], true);
    visit("status", &schema["properties"]["status"], false);
}

#[test]
fn schema_has_the_names_bounds_and_defaults_of_the_api() {
    let schema = schema();
    let spec = &schema["properties"]["spec"];
    assert_eq!(
        spec["required"],
        json!(["clusterName", "credentialsSecretRef", "platformURL"])
    );
    let properties = &spec["properties"];
    assert_eq!(properties["syncInterval"]["default"], "5m");
    assert_eq!(properties["eventTypes"]["enum"], json!(["Upper", "Lower"]));
    assert_eq!(properties["eventTypes"]["default"], "Upper");
    assert_eq!(
        properties["rateLimit"]["default"],
        json!({ "eventsPerSecond": 10, "burstSize": 20 })
    );
    for (name, default) in [("eventsPerSecond", 10), ("burstSize", 20)] {
        let property = &properties["rateLimit"]["properties"][name];
        assert_eq!(property["default"], default);
        assert_eq!(
            (property["minimum"].as_f64(), property["maximum"].as_f64()),
            (Some(1.0), Some(1000.0))
        );
    }
    assert_eq!(
        schema["properties"]["status"]["properties"]["conditions"]["x-kubernetes-list-map-keys"],
        json!(["type"])
    );
}

#[test]
fn the_definition_has_the_names_and_columns_of_the_api() {
    let crd = serde_json::to_value(crd()).unwrap();
    assert_eq!(crd["metadata"]["name"], "obsykagents.obsyk.io");
    let spec = &crd["spec"];
    assert_eq!(
        (&spec["group"], &spec["scope"]),
        (&json!("obsyk.io"), &json!("Namespaced"))
    );
    assert_eq!(spec["names"]["shortNames"], json!(["oa"]));
    let version = &spec["versions"][0];
    assert_eq!(version["name"], "v1");
    assert_eq!((&version["served"], &version["storage"]), (&json!(true), &json!(true)));
    assert_eq!(version["subresources"]["status"], json!({}));
    let columns: Vec<[&str; 2]> = version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| ["name", "jsonPath"].map(|field| column[field].as_str().unwrap()))
        .collect();
    let expected = [
        ["Cluster", ".spec.clusterName"],
        ["Platform", ".spec.platformURL"],
        ["Available", ".status.conditions[?(@.type==\"Available\")].status"],
        ["Synced", ".status.conditions[?(@.type==\"Syncing\")].status"],
        ["Last sync", ".status.lastSyncTime"],
        ["Age", ".metadata.creationTimestamp"],
    ];
    assert_eq!(columns, expected);
}

#[test]
fn every_rule_of_the_schema_says_what_it_wants_of_which_field() {
    fn visit(field: &str, schema: &Value, rules: &mut usize) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            *rules += 1;
            let message = rule["message"].as_str().expect("each rule has a message");
            assert!(message.contains(field) && message.contains("must"), "{message}");
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            visit(name, property, rules);
        }
    }
    let mut rules = 0;
    visit("", &schema()["properties"]["spec"], &mut rules);
    assert_eq!(rules, 9);
}

#[test]
fn the_status_has_the_fields_of_the_api_and_leaves_out_what_it_doesnt_know() {
    let schema = schema();
    let status = &schema["properties"]["status"]["properties"];
    let fields: Vec<&str> = status.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "clusterUID",
        "conditions",
        "lastSnapshotTime",
        "lastSyncTime",
        "observedGeneration",
        "resourceCounts",
    ];
    assert_eq!(fields, expected);
    assert_eq!(serde_json::to_value(ObsykAgentStatus::default()).unwrap(), json!({}));
    let counts: ResourceCounts = [(crate::resource::ResourceKind::NetworkPolicy, 3)]
        .into_iter()
        .collect();
    let status = ObsykAgentStatus {
        cluster_uid: Some("c1".into()),
        observed_generation: Some(2),
        resource_counts: counts,
        ..ObsykAgentStatus::default()
    };
    let expected = json!({"clusterUID": "c1", "observedGeneration": 2, "resourceCounts": {"networkPolicies": 3}});
    assert_eq!(serde_json::to_value(status).unwrap(), expected);
    let named: Vec<String> = schema["properties"]["status"]["properties"]["resourceCounts"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let mut kinds = crate::resource::ResourceKind::ALL.map(|kind| kind.spec().count_field.to_owned());
    kinds.sort();
    assert_eq!(named, kinds);
}
