// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Assertions and tokens.

use std::time::Duration;

use obsyk_testkit::platform::{Endpoint, KeyPair, Platform};
use serde_json::{Value, json};

use crate::client::{
    CLIENT, Stage, a_heartbeat, ask_for_token, assertion, assertion_with, claims, request, send, token, token_request,
};

#[tokio::test]
async fn a_good_assertion_gets_a_token_that_is_good() {
    let stage = Stage::new().await;
    let reply = ask_for_token(&stage.platform, &assertion(&stage.key, &claims(stage.platform.url()))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3600);
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 200);
    assert_eq!(stage.platform.look(|view| view.tokens()), 2);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn unknown_clients_and_foreign_keys_are_refused_and_are_no_violation() {
    let stage = Stage::new().await;
    let mut stranger = claims(stage.platform.url());
    stranger["iss"] = json!("client-2");
    stranger["sub"] = json!("client-2");
    for assertion in [
        assertion(&stage.key, &stranger),
        assertion(&KeyPair::generate(), &claims(stage.platform.url())),
    ] {
        let reply = ask_for_token(&stage.platform, &assertion).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (401, r#"{"error":"invalid_grant"}"#)
        );
    }
    assert_eq!(stage.platform.look(|view| view.tokens()), 1);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn an_assertion_is_good_for_one_token() {
    let stage = Stage::new().await;
    let assertion = assertion(&stage.key, &claims(stage.platform.url()));
    assert_eq!(ask_for_token(&stage.platform, &assertion).await.status, 200);
    assert_eq!(ask_for_token(&stage.platform, &assertion).await.status, 401);
    assert_eq!(stage.violations(), ["/oauth/token: assertion: jti: seen before"]);
}

#[tokio::test]
async fn each_claim_is_checked() {
    let stage = Stage::new().await;
    let url = stage.platform.url();
    let now = claims(url)["iat"].as_i64().unwrap();
    let cases: [(&str, Value, &str); 18] = [
        ("iss", json!(""), "iss: missing, empty"),
        ("iss", Value::Null, "iss: missing, empty"),
        ("sub", json!("client-2"), "iss and sub differ"),
        ("aud", json!(url), "aud: not a list of one text"),
        ("aud", json!([]), "aud: not a list of one text"),
        (
            "aud",
            json!([url, "https://elsewhere.invalid"]),
            "aud: not a list of one text",
        ),
        ("aud", json!([format!("{url}/")]), "is not this platform"),
        ("aud", json!([format!("{url}/oauth/token")]), "is not this platform"),
        ("iat", json!(now + 90), "iat: in the future"),
        ("iat", json!(now as f64 + 0.5), "iat: missing or not a whole number"),
        ("exp", json!(now + 301), "exp: 301 s after iat"),
        ("exp", json!(now - 1), "exp: in the past"),
        ("exp", json!(now.to_string()), "exp: missing or not a whole number"),
        ("exp", Value::Null, "exp: missing or not a whole number"),
        ("jti", json!(""), "jti: missing, empty"),
        ("jti", Value::Null, "jti: missing, empty"),
        ("nbf", json!(now), "nbf: no claim of the protocol"),
        ("scope", json!("all"), "scope: no claim of the protocol"),
    ];
    for (name, value, problem) in cases {
        let mut claims = claims(url);
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
        let reply = ask_for_token(&stage.platform, &assertion(&stage.key, &claims)).await;
        assert_eq!(reply.status, 401, "{name} {value}");
        let violations = stage.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{name} {value}: {violations:?}"
        );
    }
}

#[tokio::test]
async fn the_form_of_an_assertion_is_checked() {
    let stage = Stage::new().await;
    let good = claims(stage.platform.url());
    let (head, _) = assertion(&stage.key, &good)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let header = |header: Value| assertion_with(&stage.key, &header, &good);
    let cases = [
        (header(json!({ "alg": "ES256" })), "header: not exactly"),
        (
            header(json!({ "alg": "ES256", "typ": "JWT", "kid": "1" })),
            "header: not exactly",
        ),
        (header(json!({ "alg": "none", "typ": "JWT" })), "header: not exactly"),
        (head.clone(), "not three parts"),
        ("x.y.z".to_owned(), "not in base64url"),
        (format!("{head}.="), "signature: not in base64url"),
    ];
    for (assertion, problem) in cases {
        assert_eq!(ask_for_token(&stage.platform, &assertion).await.status, 401);
        let violations = stage.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{problem}: {violations:?}"
        );
    }
}

#[tokio::test]
async fn the_form_that_asks_for_a_token_is_checked() {
    let stage = Stage::new().await;
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let good = || assertion(&stage.key, &claims(stage.platform.url()));
    let cases = [
        (format!("grant_type=password&assertion={}", good()), "grant_type is not"),
        (format!("assertion={}", good()), "grant_type is not"),
        (grant.to_owned(), "no assertion"),
        (format!("{grant}&assertion={}&scope=x", good()), "\"scope\" is no field"),
        (
            format!("{grant}&{grant}&assertion={}", good()),
            "\"grant_type\" is there twice",
        ),
        (format!("{grant}&assertion=%zz"), "not escaped"),
        (String::new(), "\"\" is no field"),
    ];
    for (form, problem) in cases {
        let reply = send(stage.platform.url(), &token_request(&form)).await.unwrap();
        assert_eq!(reply.status, 400, "{form}");
        let violations = stage.violations();
        assert!(
            violations.len() == 1 && violations[0].contains(problem),
            "{form}: {violations:?}"
        );
    }
    let headers = "Content-Type: application/json\r\nConnection: close\r\n";
    let form = format!("{grant}&assertion={}", good());
    assert_eq!(
        send(stage.platform.url(), &request("/oauth/token", headers, &form))
            .await
            .unwrap()
            .status,
        400
    );
    assert!(stage.violations()[0].contains("Content-Type"));
}

#[tokio::test]
async fn a_token_ends() {
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client(CLIENT, key.public_pem())
        .token_lifetime(Duration::ZERO)
        .start()
        .await
        .unwrap();
    let token = token(&platform, &key).await;
    let stage = Stage { platform, key, token };
    let reply = stage.post(Endpoint::Heartbeat, &a_heartbeat()).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (401, r#"{"error":"invalid_token"}"#)
    );
    assert_eq!(stage.platform.look(|view| view.heartbeats()), 0);
    stage.platform.assert_no_violations();
}

#[tokio::test]
async fn revoked_and_invented_tokens_are_refused_and_are_no_violation() {
    let mut stage = Stage::new().await;
    stage.platform.revoke_tokens();
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 401);
    stage.token = "invented".to_owned();
    assert_eq!(stage.post(Endpoint::Events, &json!({})).await.status, 401);
    stage.platform.assert_no_violations();
    stage.token = token(&stage.platform, &stage.key).await;
    assert_eq!(stage.post(Endpoint::Heartbeat, &a_heartbeat()).await.status, 200);
}

#[tokio::test]
async fn a_client_can_get_another_key() {
    let stage = Stage::new().await;
    let next = KeyPair::generate();
    stage.platform.register(CLIENT, next.public_pem());
    let ask = async |key| {
        ask_for_token(&stage.platform, &assertion(key, &claims(stage.platform.url())))
            .await
            .status
    };
    assert_eq!(ask(&stage.key).await, 401);
    assert_eq!(ask(&next).await, 200);
    stage.platform.unregister(CLIENT);
    assert_eq!(ask(&next).await, 401);
}

#[tokio::test]
async fn another_url_can_be_meant_when_it_was_agreed() {
    let stage = Stage::new().await;
    let ask = async |url| {
        ask_for_token(&stage.platform, &assertion(&stage.key, &claims(url)))
            .await
            .status
    };
    assert_eq!(ask("http://proxy.invalid:1").await, 401);
    stage.platform.audience("http://proxy.invalid:1/");
    assert_eq!(ask("http://proxy.invalid:1").await, 200);
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rsa = "-----BEGIN PUBLIC KEY-----\nMA0GCSqGSIb3DQEBAQUAAwAwAA==\n-----END PUBLIC KEY-----\n";
    for key in ["", "x", rsa] {
        let started = runtime.block_on(Platform::builder().client(CLIENT, key).start());
        assert!(started.unwrap_err().to_string().contains(CLIENT));
    }
}

#[test]
fn the_forms_of_a_key_have_their_labels() {
    let key = KeyPair::generate();
    assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(key.pkcs8_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(key.sec1_pem().starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    assert!(!format!("{key:?}").contains("PRIVATE"));
    assert_ne!(key.sec1_pem(), KeyPair::generate().sec1_pem());
}
