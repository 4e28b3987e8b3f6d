// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What keeps an agent from starting.

use super::{assert_told, well};
use crate::agent::{ObsykAgentSpec, Policy, Settings};
use crate::condition::{Link, Situation, Standing};
use crate::credentials::CredentialsError;

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
