// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is wrong with an agent that has started.

use std::collections::BTreeMap;

use super::{PLATFORM, assert_told, told, well};
use crate::answer::{Fault, Outcome};
use crate::condition::{Link, Situation, Unreadability};
use crate::credentials::CredentialsError;
use crate::resource::ResourceKind;
use crate::token::TokenError;

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
            "check platformURL",
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
            "give its CA (--platform-ca-file)",
        ),
        (
            Link::Open(lost(Fault::Proxy)),
            "PlatformUnavailable",
            interrupted,
            "HTTPS_PROXY",
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
fn the_proxy_is_named_whether_it_failed_itself_or_something_behind_it() {
    let through = |fault, proxy| {
        let situation = Situation {
            link: Link::Open(lost(fault)),
            proxy,
            ..well()
        };
        told(&situation).1
    };
    for (fault, says) in [
        (
            Fault::Proxy,
            "the proxy can't be reached: proxy.example.com:3128; check",
        ),
        (Fault::ProxyAuth, "(407): proxy.example.com:3128; write them"),
        (
            Fault::ProxyRefused,
            "refused the connection: proxy.example.com:3128; allow",
        ),
        (Fault::Tls, "failed, through the proxy proxy.example.com:3128; check"),
        (Fault::Reset, "broke, through the proxy proxy.example.com:3128; it is"),
    ] {
        let message = through(fault, Some("proxy.example.com:3128"));
        assert!(message.contains(says), "{message}");
        assert!(!through(fault, None).contains("through"));
    }
    let answered = Situation {
        link: Link::Open(Outcome::status(500)),
        proxy: Some("proxy.example.com:3128"),
        ..well()
    };
    assert!(!told(&answered).1.contains("proxy"), "the platform answered");
}

#[test]
fn a_refused_snapshot_names_the_status() {
    for (code, hint) in [
        (400, "this version of the operator"),
        (404, "check platformURL"),
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
            "Ingress (not served by the API server: leave it out with --kinds)",
            "Pod (its list makes no progress: check",
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
