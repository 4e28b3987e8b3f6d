// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The way to the platform: certificates and redirects. (Proxies: `proxies.rs`.)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{AGENT, CLIENT, SOON, Stage, a_config_map};
use obsyk_testkit::operator::{self, OperatorOptions};
use obsyk_testkit::platform::{Answer, Certificate, Endpoint, Platform, Trap};

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let stage = Stage::new().await;
    let trap = Trap::start().await.unwrap();
    let _operator = stage.synced().await;
    for endpoint in [
        Endpoint::Events,
        Endpoint::Heartbeat,
        Endpoint::Snapshot,
        Endpoint::Token,
    ] {
        stage.platform.answer(endpoint, Answer::redirect(trap.url()));
    }
    stage.create(a_config_map("redirected", "a")).await;
    stage
        .platform
        .wait(SOON, "a redirected snapshot", |view| {
            view.requests_to(Endpoint::Snapshot)
                .any(|request| request.status() == Some(307))
        })
        .await;
    operator::condition(&stage.client, AGENT, "Degraded", "True", "SnapshotRefused")
        .await
        .unwrap();
    assert_eq!(trap.hits(), 0);
}

#[tokio::test]
async fn a_certificate_of_ones_own_authority_is_taken_and_a_bad_one_is_named() {
    let stage = Stage::new().await;
    let https = |certificate| {
        Platform::builder()
            .client(CLIENT, stage.key.public_pem())
            .certificate(certificate)
            .start()
    };
    let good = https(Certificate::Good).await.unwrap();
    let ca = stage.control_plane.folder().join("platform-ca.crt");
    std::fs::write(&ca, good.ca_pem()).unwrap();
    let environment = vec![("SSL_CERT_FILE".to_owned(), ca.display().to_string())];
    let _operator = stage.operate_with(&OperatorOptions {
        args: vec![],
        environment,
    });
    for bad in [Certificate::Expired, Certificate::WrongHost, Certificate::Good] {
        // Also a good one of an authority that the operator doesn't know.
        let platform = https(bad).await.unwrap();
        operator::create_agent(&stage.client, AGENT, &operator::agent_spec(platform.url()))
            .await
            .unwrap();
        let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "PlatformUnavailable")
            .await
            .unwrap();
        assert!(
            message.contains("TLS") && message.contains("certificate"),
            "{bad:?}: {message}"
        );
        operator::delete_agent(&stage.client, AGENT).await.unwrap();
    }
    operator::create_agent(&stage.client, AGENT, &operator::agent_spec(good.url()))
        .await
        .unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    good.wait_until_equal(&stage.client, SOON).await;
    good.assert_no_violations();
}

#[tokio::test]
async fn a_ca_file_that_is_replaced_heals_an_operator_that_runs() {
    let stage = Stage::new().await;
    let platform = Platform::builder().client(CLIENT, stage.key.public_pem());
    let platform = platform.https().start().await.unwrap();
    let another = Platform::builder().https().start().await.unwrap();
    let file = stage.control_plane.folder().join("platform-ca.crt");
    std::fs::write(&file, another.ca_pem()).unwrap();
    let operator = stage.operate_with(&OperatorOptions {
        args: vec![format!("--platform-ca-file={}", file.display())],
        environment: vec![],
    });
    operator::create_agent(&stage.client, AGENT, &operator::agent_spec(platform.url()))
        .await
        .unwrap();
    let message = operator::condition(&stage.client, AGENT, "Degraded", "True", "PlatformUnavailable")
        .await
        .unwrap();
    assert!(
        message.contains("TLS") && message.contains("--platform-ca-file"),
        "{message}"
    );
    // As a mounted ConfigMap does it.
    let next = file.with_extension("next");
    std::fs::write(&next, platform.ca_pem()).unwrap();
    std::fs::rename(next, &file).unwrap();
    operator::condition(&stage.client, AGENT, "Syncing", "True", "Streaming")
        .await
        .unwrap();
    platform.wait_until_equal(&stage.client, SOON).await;
    operator.logged(&["the CA file has changed"]).await.unwrap();
    platform.assert_no_violations();
}
