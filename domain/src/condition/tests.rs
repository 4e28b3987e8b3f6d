// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use super::*;
use crate::agent::{ObsykAgentSpec, Policy, Settings};

const PLATFORM: &str = "https://platform.example.com";
const NOTHING: &BTreeMap<ResourceKind, u64> = &BTreeMap::new();
const READABLE: &BTreeMap<ResourceKind, Unreadability> = &BTreeMap::new();

/// An agent with which all is well.
fn well() -> Situation<'static> {
    Situation {
        settings_error: None,
        standing: &Standing::Speaks,
        secret: "obsyk-credentials",
        has_credentials: true,
        credentials_error: None,
        secret_seen: true,
        cluster_known: Some(true),
        platform: PLATFORM,
        link: Link::Up,
        accepted: true,
        refused: None,
        unreadable: READABLE,
        too_large: KindSet::EMPTY,
        set_aside: NOTHING,
        undecodable: NOTHING,
        failing: false,
    }
}

fn now() -> Timestamp {
    "2026-01-15T10:30:00Z".parse().unwrap()
}

/// Status and reason of Available, Syncing and Degraded, and the message of Degraded.
fn told(situation: &Situation<'_>) -> ([(String, String); 3], String) {
    let conditions = situation.conditions(&[], Some(7), now());
    let kinds: Vec<&str> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(kinds, ["Available", "Syncing", "Degraded"]);
    for condition in &conditions {
        assert!(!condition.message.is_empty(), "{} has no message", condition.type_);
        let reason = &condition.reason;
        let camel =
            reason.starts_with(|c: char| c.is_ascii_uppercase()) && reason.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(camel, "{reason} isn't CamelCase");
        assert_eq!(condition.observed_generation, Some(7));
    }
    let message = conditions[2].message.clone();
    let words = conditions
        .into_iter()
        .map(|condition| (condition.status, condition.reason))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    (words, message)
}

/// Checks statuses and reasons, and what the message of Degraded must have in it.
fn assert_told(situation: &Situation<'_>, expected: [(&str, &str); 3], says: &[&str]) {
    let (words, message) = told(situation);
    let words = words
        .each_ref()
        .map(|(status, reason)| (status.as_str(), reason.as_str()));
    assert_eq!(words, expected, "{message}");
    for part in says {
        assert!(message.contains(part), "{part:?} isn't in {message:?}");
    }
}

#[test]
fn all_is_well_when_the_platform_accepts_and_a_snapshot_was_accepted() {
    assert_told(
        &well(),
        [("True", "Connected"), ("True", "Streaming"), ("False", "AsExpected")],
        &["nothing is wrong"],
    );
}

#[test]
fn an_agent_that_starts_is_not_degraded() {
    let starting = [("False", "Starting"), ("False", "NotStarted"), ("False", "AsExpected")];
    let reading = Situation {
        has_credentials: false,
        secret_seen: false,
        ..well()
    };
    assert_told(&reading, starting, &["Secret obsyk-credentials is being read"]);
    let asking = Situation {
        cluster_known: None,
        ..well()
    };
    assert_told(&asking, starting, &["the cluster's uid is being read"]);
    assert_eq!((reading.waits_for(), asking.waits_for()), (None, None));
    let connecting = Situation {
        link: Link::Fresh,
        accepted: false,
        ..well()
    };
    assert_told(
        &connecting,
        [
            ("False", "Connecting"),
            ("False", "SnapshotPending"),
            ("False", "AsExpected"),
        ],
        &[],
    );
}

#[test]
fn each_wrong_secret_names_the_secret_the_key_and_what_to_do() {
    use CredentialsError as E;
    for (error, reason, says) in [
        (
            E::NoSecret,
            "SecretNotFound",
            "create it with the keys client_id and private_key",
        ),
        (E::Forbidden, "SecretForbidden", "grant list and watch"),
        (E::Unreachable, "SecretUnreadable", "API server"),
        (
            E::Missing("private_key"),
            "SecretIncomplete",
            "no key private_key; add it",
        ),
        (E::Empty("client_id"), "SecretIncomplete", "its key client_id is empty"),
        (E::TooLarge("private_key"), "SecretInvalid", "private_key"),
        (E::ClientId, "SecretInvalid", "client_id"),
        (E::NotPem, "PrivateKeyInvalid", "private_key isn't PEM"),
        (E::NotAPrivateKey, "PrivateKeyInvalid", "private_key"),
        (E::Encrypted, "PrivateKeyInvalid", "without a passphrase"),
        (E::Rsa, "PrivateKeyInvalid", "P-256"),
        (E::WrongCurve, "PrivateKeyInvalid", "P-256"),
        (E::Malformed, "PrivateKeyInvalid", "private_key"),
    ] {
        let without = Situation {
            has_credentials: false,
            credentials_error: Some(error),
            link: Link::Fresh,
            accepted: false,
            ..well()
        };
        assert_told(
            &without,
            [("False", reason), ("False", "NotStarted"), ("True", reason)],
            &["Secret obsyk-credentials", says],
        );
        assert_eq!(without.waits_for().unwrap().0, reason);
        let with_older = Situation {
            credentials_error: Some(error),
            ..well()
        };
        assert_told(
            &with_older,
            [("True", "Connected"), ("True", "Streaming"), ("True", reason)],
            &[
                "Secret obsyk-credentials",
                says,
                "The last good credentials stay in use",
            ],
        );
        assert_eq!(with_older.waits_for(), None, "it goes on with those");
    }
    let unseen = Situation {
        has_credentials: false,
        ..well()
    };
    assert_eq!(unseen.waits_for().unwrap().0, "SecretNotFound");
}

#[test]
fn a_wrong_resource_says_which_field() {
    let spec: ObsykAgentSpec = serde_json::from_value(serde_json::json!({
        "platformURL": "http://platform.example.com", "clusterName": "c", "credentialsSecretRef": {"name": "s"}
    }))
    .unwrap();
    let error = Settings::from_spec(&spec, &Policy::default()).unwrap_err();
    let situation = Situation {
        settings_error: Some(&error),
        failing: true,
        ..well()
    };
    assert!(situation.is_idle());
    assert_told(
        &situation,
        [
            ("False", "InsecurePlatform"),
            ("False", "NotStarted"),
            ("True", "InsecurePlatform"),
        ],
        &["spec.platformURL", "--allow-insecure-platform"],
    );
}

#[test]
fn a_second_resource_for_one_platform_names_the_first() {
    let situation = Situation {
        standing: &Standing::Duplicate {
            of: "obsyk-system/first".to_owned(),
        },
        ..well()
    };
    assert!(situation.is_idle() && !well().is_idle());
    assert_told(
        &situation,
        [
            ("False", "DuplicatePlatform"),
            ("False", "NotStarted"),
            ("True", "DuplicatePlatform"),
        ],
        &["ObsykAgent obsyk-system/first", "delete one of the two"],
    );
}

#[test]
fn an_unknown_cluster_says_what_to_grant() {
    let situation = Situation {
        cluster_known: Some(false),
        ..well()
    };
    assert_told(
        &situation,
        [
            ("False", "ClusterUnknown"),
            ("False", "NotStarted"),
            ("True", "ClusterUnknown"),
        ],
        &["kube-system", "grant list on namespaces"],
    );
}

#[test]
fn an_agent_that_fails_again_and_again_sends_to_the_log() {
    let situation = Situation {
        failing: true,
        ..well()
    };
    assert_told(
        &situation,
        [("False", "Restarting"), ("False", "NotStarted"), ("True", "Restarting")],
        &["the operator's log"],
    );
}

fn lost(fault: Fault) -> Outcome {
    Outcome::Lost {
        fault,
        ambiguous: false,
    }
}

#[test]
fn trouble_on_the_way_names_platform_answer_and_what_to_check() {
    let denied = TokenError::Answer(Outcome::status(401));
    let interrupted = ("False", "Interrupted");
    let streaming = ("True", "Streaming");
    for (link, reason, syncing, says) in [
        (
            Link::NoToken(TokenError::Unsigned),
            "CredentialsRefused",
            interrupted,
            "make a new key pair",
        ),
        (
            Link::NoToken(TokenError::NotAToken),
            "NotAPlatform",
            interrupted,
            "is platformURL right?",
        ),
        (
            Link::NoToken(denied),
            "CredentialsRefused",
            interrupted,
            "status 401: check client_id and private_key in Secret obsyk-credentials",
        ),
        (
            Link::NoToken(TokenError::Answer(Outcome::status(503))),
            "PlatformUnavailable",
            interrupted,
            "the token endpoint: status 503",
        ),
        (
            Link::NoToken(TokenError::Answer(Outcome::status(302))),
            "PlatformUnavailable",
            interrupted,
            "redirects aren't followed",
        ),
        (
            Link::Denied(Outcome::status(403)),
            "CredentialsRefused",
            interrupted,
            "status 403",
        ),
        (
            Link::Trying(Outcome::status(500)),
            "PlatformUnavailable",
            streaming,
            "status 500; it is tried again",
        ),
        (
            Link::Trying(Outcome::status(429)),
            "PlatformUnavailable",
            streaming,
            "status 429; it asks to come later",
        ),
        (
            Link::Open(Outcome::status(502)),
            "PlatformUnavailable",
            interrupted,
            "status 502",
        ),
        (
            Link::Open(lost(Fault::Dns)),
            "PlatformUnavailable",
            interrupted,
            "the cluster's DNS",
        ),
        (
            Link::Open(lost(Fault::Connect)),
            "PlatformUnavailable",
            interrupted,
            "firewall, NetworkPolicy, proxy",
        ),
        (
            Link::Open(lost(Fault::Tls)),
            "PlatformUnavailable",
            interrupted,
            "CA bundle",
        ),
        (
            Link::Open(lost(Fault::Proxy)),
            "PlatformUnavailable",
            interrupted,
            "proxy settings",
        ),
        (
            Link::Open(lost(Fault::Reset)),
            "PlatformUnavailable",
            interrupted,
            "the connection broke; it is tried again",
        ),
        (
            Link::Open(lost(Fault::Timeout)),
            "PlatformUnavailable",
            interrupted,
            "no answer in time",
        ),
        (
            Link::Open(lost(Fault::Garbled)),
            "PlatformUnavailable",
            interrupted,
            "the answer can't be read",
        ),
    ] {
        let situation = Situation { link, ..well() };
        assert_told(&situation, [("False", reason), syncing, ("True", reason)], &[says]);
        // A key that can't sign is no fault of the platform.
        let names_platform = told(&situation).1.contains(PLATFORM);
        assert_eq!(names_platform, link != Link::NoToken(TokenError::Unsigned));
        assert_eq!(situation.waits_for().unwrap().0, reason);
    }
}

#[test]
fn a_refused_snapshot_names_the_status() {
    for (code, hint) in [
        (400, "this version of the operator"),
        (404, "is platformURL right?"),
        (308, "redirects aren't followed"),
    ] {
        let situation = Situation {
            refused: Some(Outcome::status(code)),
            ..well()
        };
        assert_told(
            &situation,
            [
                ("True", "Connected"),
                ("True", "Streaming"),
                ("True", "SnapshotRefused"),
            ],
            &[PLATFORM, &format!("status {code}"), "sent again later", hint],
        );
    }
    let first = Situation {
        refused: Some(Outcome::status(400)),
        accepted: false,
        ..well()
    };
    assert_told(
        &first,
        [
            ("True", "Connected"),
            ("False", "SnapshotPending"),
            ("True", "SnapshotRefused"),
        ],
        &[],
    );
}

#[test]
fn kinds_that_cant_be_read_are_named_each_with_its_cause() {
    let unreadable = BTreeMap::from([
        (ResourceKind::Secret, Unreadability::Forbidden),
        (ResourceKind::Ingress, Unreadability::Absent),
        (ResourceKind::Pod, Unreadability::Stalled),
    ]);
    let situation = Situation {
        unreadable: &unreadable,
        ..well()
    };
    assert_told(
        &situation,
        [("True", "Connected"), ("True", "Streaming"), ("True", "KindUnreadable")],
        &[
            "Secret (forbidden: grant list and watch)",
            "Ingress (not served by the API server)",
            "Pod (its list makes no progress",
        ],
    );
}

#[test]
fn kinds_that_are_too_large_are_named() {
    let situation = Situation {
        too_large: [ResourceKind::Pod, ResourceKind::Secret].into_iter().collect(),
        ..well()
    };
    assert_told(
        &situation,
        [
            ("True", "Connected"),
            ("True", "Streaming"),
            ("True", "SnapshotTooLarge"),
        ],
        &[PLATFORM, "413", "Pod, Secret", "raise its limit"],
    );
}

#[test]
fn objects_that_are_set_aside_are_counted_by_kind() {
    let counts = BTreeMap::from([
        (ResourceKind::Pod, 2),
        (ResourceKind::Node, 0),
        (ResourceKind::Secret, 1),
    ]);
    let ok = [
        ("True", "Connected"),
        ("True", "Streaming"),
        ("True", "ObjectsSetAside"),
    ];
    let refused = Situation {
        set_aside: &counts,
        ..well()
    };
    assert_told(&refused, ok, &["2 Pod, 1 Secret", PLATFORM, "the operator's log"]);
    let undecodable = Situation {
        undecodable: &counts,
        ..well()
    };
    assert_told(&undecodable, ok, &["can't be decoded", "2 Pod, 1 Secret"]);
    let none = BTreeMap::from([(ResourceKind::Pod, 0)]);
    let nothing = Situation {
        set_aside: &none,
        undecodable: &none,
        ..well()
    };
    assert_eq!(told(&nothing).0[2].0, "False");
}

#[test]
fn all_that_is_wrong_is_told_and_the_worst_first() {
    let unreadable = BTreeMap::from([(ResourceKind::Secret, Unreadability::Forbidden)]);
    let counts = BTreeMap::from([(ResourceKind::Pod, 2)]);
    let situation = Situation {
        link: Link::Open(lost(Fault::Connect)),
        credentials_error: Some(CredentialsError::Rsa),
        refused: Some(Outcome::status(400)),
        unreadable: &unreadable,
        set_aside: &counts,
        ..well()
    };
    assert_told(
        &situation,
        [
            ("False", "PlatformUnavailable"),
            ("False", "Interrupted"),
            ("True", "PlatformUnavailable"),
        ],
        &["no connection", "RSA", "status 400", "Secret (forbidden", "2 Pod"],
    );
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let later: Timestamp = "2026-01-15T11:00:00Z".parse().unwrap();
    let before = well().conditions(&[], Some(1), now());
    let unreadable = BTreeMap::from([(ResourceKind::Secret, Unreadability::Forbidden)]);
    let changed = Situation {
        unreadable: &unreadable,
        ..well()
    };
    let after = changed.conditions(&before, Some(2), later);
    let times: Vec<Timestamp> = after.iter().map(|condition| condition.last_transition_time.0).collect();
    assert_eq!(times, [now(), now(), later]);
    let again = changed.conditions(&after, Some(2), "2026-01-15T12:00:00Z".parse().unwrap());
    assert_eq!(again, after, "another reason or message alone is no transition");
}
