// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The credentials' Secret: every way in which it can be wrong is named, heals when it is mended, and stops nobody who has
//! good credentials already.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{AGENT, CLIENT, SOON, Stage};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, SECRET};
use obsyk_testkit::platform::KeyPair;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/domain/src/credentials/samples");

/// The reason that is to be given, the Secret's values, and what the message is to name.
type Bad = (&'static str, Vec<(&'static str, String)>, &'static [&'static str]);

fn sample(name: &str) -> String {
    std::fs::read_to_string(format!("{SAMPLES}/{name}")).expect("the sample is there")
}

/// Waits until Degraded has this reason, and a message that names the Secret and everything of `named`.
async fn degraded(stage: &Stage, reason: &str, named: &[&str]) {
    let guard = Guard::new(format!("Degraded has reason {reason} and names {named:?}"), SOON);
    loop {
        let message = operator::condition(&stage.client, AGENT, "Degraded", "True", reason)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        if named.iter().chain(&[SECRET]).all(|part| message.contains(part)) {
            return;
        }
        guard.again(message).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[tokio::test]
async fn each_bad_secret_is_named_with_its_key_and_heals_when_it_is_mended() {
    let stage = Stage::new().await;
    operator::delete_secret(&stage.client, SECRET).await.unwrap();
    let mut operator = stage.operate();
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    degraded(&stage, "SecretNotFound", &["client_id", "private_key"]).await;
    let good = stage.key.pkcs8_pem().to_owned();
    let bad: [Bad; 11] = [
        ("SecretIncomplete", vec![("client_id", CLIENT.into())], &["private_key"]),
        ("SecretIncomplete", vec![("private_key", good.clone())], &["client_id"]),
        (
            "SecretIncomplete",
            vec![("client_id", CLIENT.into()), ("private_key", String::new())],
            &["private_key", "empty"],
        ),
        (
            "PrivateKeyInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", "hello".into())],
            &["private_key", "PEM"],
        ),
        (
            "PrivateKeyInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", sample("rsa_pkcs1.pem"))],
            &["private_key", "RSA"],
        ),
        (
            "PrivateKeyInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", sample("rsa_pkcs8.pem"))],
            &["private_key", "RSA"],
        ),
        (
            "PrivateKeyInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", sample("p384_sec1.pem"))],
            &["private_key", "P-256"],
        ),
        (
            "PrivateKeyInvalid",
            vec![
                ("client_id", CLIENT.into()),
                ("private_key", sample("encrypted_pkcs8.pem")),
            ],
            &["private_key", "encrypted"],
        ),
        (
            "PrivateKeyInvalid",
            vec![
                ("client_id", CLIENT.into()),
                ("private_key", sample("encrypted_sec1.pem")),
            ],
            &["private_key", "encrypted"],
        ),
        (
            "PrivateKeyInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", sample("public.pem"))],
            &["private_key", "public"],
        ),
        (
            "SecretInvalid",
            vec![("client_id", CLIENT.into()), ("private_key", "x".repeat(900_000))],
            &["private_key", "larger"],
        ),
    ];
    for (reason, values, named) in bad {
        let values: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
        operator::write_secret(&stage.client, SECRET, &values).await.unwrap();
        degraded(&stage, reason, named).await;
    }
    assert!(operator.exit_status().is_none(), "nothing crashes\n{}", operator.log());
    stage.platform.assert_no_violations();
    assert_eq!(
        stage.platform.look(|view| view.requests().count()),
        0,
        "nothing is sent without credentials"
    );

    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(
        body.contains("SecretInvalid"),
        "the body names what is waited for: {body}"
    );

    operator::write_secret(&stage.client, SECRET, &[("client_id", CLIENT), ("private_key", &good)])
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    stage.equal().await;
}

#[tokio::test]
async fn a_key_in_sec1_is_as_good_as_one_in_pkcs8() {
    let stage = Stage::new().await;
    for pem in [
        stage.key.sec1_pem().to_owned(),
        format!("{}\0", stage.key.sec1_pem().replace('\n', "\r\n")),
    ] {
        operator::write_secret(&stage.client, SECRET, &[("client_id", CLIENT), ("private_key", &pem)])
            .await
            .unwrap();
        let operator = stage.synced().await;
        drop(operator);
        operator::delete_agent(&stage.client, AGENT).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_that_breaks_while_it_runs_leaves_the_last_good_credentials_in_use() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    operator::write_secret(
        &stage.client,
        SECRET,
        &[("client_id", CLIENT), ("private_key", "hello")],
    )
    .await
    .unwrap();
    degraded(&stage, "PrivateKeyInvalid", &["private_key", "last good credentials"]).await;
    stage.create(common::a_config_map("meanwhile", "a")).await;
    stage.equal().await;
    operator::condition(&stage.client, AGENT, "Available", "True", "Connected")
        .await
        .unwrap();
    operator::delete_secret(&stage.client, SECRET).await.unwrap();
    degraded(&stage, "SecretNotFound", &["last good credentials"]).await;
    stage.create(common::a_config_map("afterwards", "a")).await;
    stage.equal().await;
}

#[tokio::test]
async fn a_rotated_key_gives_a_new_token_and_no_snapshot() {
    let stage = Stage::new().await;
    let _operator = stage.synced().await;
    let tokens = stage.platform.look(|view| view.tokens());
    let key = KeyPair::generate();
    stage.platform.register(CLIENT, key.public_pem());
    operator::write_secret(
        &stage.client,
        SECRET,
        &[("client_id", CLIENT), ("private_key", key.sec1_pem())],
    )
    .await
    .unwrap();
    stage
        .platform
        .wait(SOON, "a token for the new key", move |view| view.tokens() > tokens)
        .await;
    stage.create(common::a_config_map("after", "a")).await;
    stage.equal().await;
    assert_eq!(stage.platform.look(|view| view.snapshots().count()), 1);
}

#[tokio::test]
async fn a_client_that_the_platform_does_not_know_is_named_and_let_in_once_it_is_registered() {
    let stage = Stage::new().await;
    let operator = stage.operate();
    let values = [("client_id", "client-2"), ("private_key", stage.key.pkcs8_pem())];
    operator::write_secret(&stage.client, SECRET, &values).await.unwrap();
    operator::create_agent(&stage.client, AGENT, &stage.spec())
        .await
        .unwrap();
    degraded(&stage, "CredentialsRefused", &["401", "client_id"]).await;
    let (status, body) = operator.get("/readyz").await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("CredentialsRefused"), "{body}");
    // The Secret is mended: it is tried again at once, whatever the backoff.
    operator::write_secret(
        &stage.client,
        SECRET,
        &[("client_id", CLIENT), ("private_key", stage.key.pkcs8_pem())],
    )
    .await
    .unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    stage.equal().await;
}
