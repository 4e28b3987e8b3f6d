// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `check`, a resource's side: its spec, its Secret, and each step of the way to its platform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::{Duration, SystemTime};

use common::checked::{Checked, assert_fails, holds, https, line};
use common::{AGENT, CLIENT, rbac};
use obsyk_testkit::operator::{self, SECRET};
use obsyk_testkit::platform::{Answer, Certificate, Endpoint, KeyPair};
use serde_json::json;

#[tokio::test]
async fn what_is_wrong_with_the_credentials_is_named_by_secret_and_key() {
    let checked = Checked::new().await;
    let client = &checked.stage.client;
    let secret = |text: &str| format!("obsyk-system/demo: Secret {SECRET}: {text}");
    operator::delete_secret(client, SECRET).await.unwrap();
    let text = checked
        .fails(&[(
            &secret("SecretNotFound"),
            "create it with the keys client_id and private_key",
        )])
        .await;
    assert!(
        line(&text, "skip  obsyk-system/demo: clock and token")
            .0
            .contains("no credentials"),
        "{text}"
    );
    assert!(
        text.contains("TLS: version 1.3"),
        "the way is looked at all the same:\n{text}"
    );

    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/domain/src/credentials/samples");
    let rsa = std::fs::read_to_string(format!("{samples}/rsa_pkcs8.pem")).unwrap();
    let bad = [("client_id", CLIENT), ("private_key", rsa.as_str())];
    operator::write_secret(client, SECRET, &bad).await.unwrap();
    let text = checked
        .fails(&[(&secret("PrivateKeyInvalid"), "its key private_key is an RSA key")])
        .await;
    assert!(!text.contains(rsa.lines().nth(1).unwrap()), "{text}");

    let stranger = KeyPair::generate();
    let values = [("client_id", CLIENT), ("private_key", stranger.pkcs8_pem())];
    operator::write_secret(client, SECRET, &values).await.unwrap();
    let text = checked
        .fails(&[(
            "obsyk-system/demo: token: CredentialsRefused, the token endpoint: status 401",
            "check client_id and private_key in Secret obsyk-credentials",
        )])
        .await;
    line(&text, "ok    obsyk-system/demo: clock");
    assert!(!text.contains(stranger.piece()), "{text}");

    // Of Secrets that aren't collected, the operator may read the one that its role names.
    checked
        .set(json!({ "credentialsSecretRef": { "name": "other" } }))
        .await;
    let mut less = rbac("clusterrole");
    less["rules"][0]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|resource| resource != "secrets");
    checked.stage.patch(less).await;
    holds(&checked.stage, false, "list", ("", "secrets"), None).await;
    checked
        .fails(&[
            ("permission on secrets: list and watch is forbidden", "--kinds"),
            (
                "obsyk-system/demo: Secret other: SecretForbidden",
                "grant list and watch on this Secret by name",
            ),
        ])
        .await;
}

#[tokio::test]
async fn what_is_wrong_on_the_way_to_the_platform_is_named_step_by_step() {
    let checked = Checked::new().await;
    let about = |what: &str| format!("obsyk-system/demo: {what}");
    // An authority that isn't known: who it is, so that a proxy that opens TLS shows.
    let (code, text) = checked.check_with(&[], &[]).await;
    let unknown = about("TLS: the certificate is of an authority that isn't trusted here");
    assert_fails((code, &text), &[(&unknown, "--platform-ca-file")]);
    assert!(
        line(&text, "FAIL").0.contains("issued by \"CN=obsyk-platform-ca\""),
        "{text}"
    );
    line(
        &text,
        "skip  obsyk-system/demo: clock and token: the platform can't be reached",
    );

    // Clocks that are minutes apart, and hours.
    let (before, after) = (Duration::from_secs(30), Duration::from_secs(3600));
    let now = SystemTime::now();
    let token = json!({ "access_token": "t-0123456789", "token_type": "Bearer", "expires_in": 600 }).to_string();
    for (time, verdict, which) in [(now - before, "warn", "ahead of"), (now + after, "FAIL", "behind")] {
        let date = httpdate::fmt_http_date(time);
        let answer = Answer::status(200)
            .body("application/json", token.clone())
            .header("date", &date);
        checked.platform.answer(Endpoint::Token, answer);
        let (code, text) = checked.check().await;
        assert_eq!(code, i32::from(verdict == "FAIL"), "{text}");
        let (found, hint) = line(&text, &format!("{verdict}  {}", about("clock: ")));
        assert!(found.contains(which) && hint.contains("NTP"), "{text}");
        line(&text, &format!("ok    {}", about("token: issued, for 600 s")));
        assert!(!text.contains("t-0123456789"), "{text}");
    }
    let page = Answer::status(200).body("text/html", "<title>Sign in</title>");
    checked.platform.answer(Endpoint::Token, page);
    let text = checked
        .fails(&[(&about("token: NotAPlatform"), "check platformURL")])
        .await;
    assert!(!text.contains("Sign in"), "nothing of the platform's bytes:\n{text}");

    checked.platform.down().await.unwrap();
    checked
        .fails(&[(&about("TLS: no connection"), "firewall, NetworkPolicy, proxy")])
        .await;

    for (certificate, found, hint) in [
        (
            Certificate::Expired,
            "TLS: the certificate has expired on 2020-01-01",
            "renew",
        ),
        (
            Certificate::WrongHost,
            "TLS: the certificate is for another host",
            "is https://localhost:",
        ),
    ] {
        let platform = https(&checked.stage, certificate).await;
        std::fs::write(&checked.ca_file, platform.ca_pem()).unwrap();
        checked.set(json!({ "platformURL": platform.url() })).await;
        checked.fails(&[(&about(found), hint)]).await;
    }
    checked.set(json!({ "platformURL": "https://nowhere.invalid" })).await;
    let text = checked
        .fails(&[(&about("DNS: nowhere.invalid can't be resolved"), "the cluster's DNS")])
        .await;
    line(&text, "skip  obsyk-system/demo: TLS: there is no address");
}

#[tokio::test]
async fn what_the_flags_forbid_is_said_and_what_there_is_to_do_next() {
    let checked = Checked::new().await;
    let client = &checked.stage.client;
    checked
        .set(json!({ "platformURL": "http://platform.example.com" }))
        .await;
    let text = checked
        .fails(&[("obsyk-system/demo: spec: InsecurePlatform", "--allow-insecure-platform")])
        .await;
    line(&text, "skip  obsyk-system/demo: credentials and platform");
    checked
        .set(json!({ "platformURL": "https://platform.example.com" }))
        .await;
    let (code, text) = checked
        .check_with(&["--allowed-platform=https://other.example.com"], &[])
        .await;
    assert_fails(
        (code, &text),
        &[("obsyk-system/demo: spec: PlatformNotAllowed", "--allowed-platform")],
    );

    // http to loopback works, and is said.
    checked
        .set(json!({ "platformURL": checked.stage.platform.url() }))
        .await;
    let (code, text) = checked.check().await;
    assert_eq!(code, 0, "{text}");
    assert!(
        line(&text, "warn  obsyk-system/demo: TLS: none")
            .1
            .contains("use https"),
        "{text}"
    );
    assert!(text.ends_with("all works; warnings: 1\n"), "{text}");

    let (code, text) = checked.check_with(&["--watch-namespace=default"], &[]).await;
    assert_eq!(code, 1, "nothing is granted there:\n{text}");
    assert!(
        text.contains("permission on obsykagents in namespace default: list and watch is forbidden"),
        "{text}"
    );
    operator::delete_agent(client, AGENT).await.unwrap();
    let (code, text) = checked.check().await;
    assert_eq!(code, 0, "{text}");
    let hint = line(&text, "warn  ObsykAgent resources: none in namespace obsyk-system").1;
    assert!(
        hint.contains("spec.platformURL") && hint.contains("client_id"),
        "{text}"
    );

    let absent = checked.ca_file.with_extension("absent");
    let flag = format!("--platform-ca-file={}", absent.display());
    let (code, text) = checked.check_with(&[&flag], &[]).await;
    assert_fails(
        (code, &text),
        &[("settings of the way to the platform", "check the path")],
    );
    let proxy = [("HTTPS_PROXY", "socks5://me:open-sesame@proxy:1080")];
    let (code, text) = checked.check_with(&[], &proxy).await;
    assert_fails(
        (code, &text),
        &[(
            "settings of the way to the platform",
            "HTTPS_PROXY isn't the address of a proxy",
        )],
    );
    assert!(!text.contains("sesame"), "{text}");
}
