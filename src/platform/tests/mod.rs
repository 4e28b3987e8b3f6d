// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One request at a time, against a platform that does what a real one must not do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod ca_file;
mod gateways;
mod handshakes;

use obsyk_testkit::platform::{Answer, Certificate, Endpoint, KeyPair, Platform as Double, Trap};

use super::*;

const CLIENT: &str = "client-1";

struct Stage {
    double: Double,
    platform: HttpPlatform,
    url: PlatformUrl,
    credentials: Credentials,
}

impl Stage {
    async fn new() -> Self {
        let key = KeyPair::generate();
        let double = Double::builder()
            .client(CLIENT, key.public_pem())
            .start()
            .await
            .unwrap();
        Self::of(double, &key)
    }

    async fn https(certificate: Certificate) -> Self {
        let key = KeyPair::generate();
        let double = Double::builder()
            .client(CLIENT, key.public_pem())
            .certificate(certificate)
            .start()
            .await
            .unwrap();
        Self::of(double, &key)
    }

    fn of(double: Double, key: &KeyPair) -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self {
            url: PlatformUrl::parse(double.url()).unwrap(),
            platform: HttpPlatform::new(None).unwrap(),
            credentials: Credentials::read(Some(CLIENT.as_bytes()), Some(key.pkcs8_pem().as_bytes())).unwrap(),
            double,
        }
    }

    async fn token(&self) -> Result<Issued, TokenError> {
        self.platform.token(self.url.clone(), self.credentials.clone()).await
    }

    async fn heartbeat(&self) -> Outcome {
        let token = self.token().await.unwrap().token;
        let target = Target {
            platform: self.url.clone(),
            token,
        };
        self.platform
            .send(target, Payload::Heartbeat(wire::heartbeat("cluster-1").into()))
            .await
    }
}

fn lost(error: Result<Issued, TokenError>) -> Fault {
    match error {
        Err(TokenError::Answer(Outcome::Lost {
            fault,
            ambiguous: false,
        })) => fault,
        other => panic!("{other:?}"),
    }
}

fn timed_out() -> Outcome {
    Outcome::Lost {
        fault: Fault::Timeout,
        ambiguous: true,
    }
}

#[tokio::test]
async fn an_answer_tells_its_clock_whatever_else_it_says() {
    let stage = Stage::new().await;
    let exchange = async || stage.platform.exchange(&stage.url, stage.credentials.clone()).await;
    let (theirs, ours) = exchange().await.clocks.unwrap();
    let apart = ours.duration_since(theirs).unwrap_or_else(|behind| behind.duration());
    assert!(apart < Duration::from_secs(10), "{apart:?}");
    let wrong = Answer::status(401).header("date", "Wed, 21 Oct 2020 07:28:00 GMT");
    stage.double.answer(Endpoint::Token, wrong);
    let refused = exchange().await;
    assert_eq!(refused.token.unwrap_err(), TokenError::Answer(Outcome::status(401)));
    let theirs = refused.clocks.unwrap().0;
    assert_eq!(
        theirs,
        httpdate::parse_http_date("Wed, 21 Oct 2020 07:28:00 GMT").unwrap()
    );
    stage.double.down().await.unwrap();
    assert_eq!(exchange().await.clocks, None);
}

#[tokio::test]
async fn a_token_is_fetched_and_carried_and_requests_are_as_the_protocol_has_them() {
    let stage = Stage::new().await;
    assert_eq!(stage.token().await.unwrap().lifetime, Duration::from_secs(3600));
    assert_eq!(stage.heartbeat().await, Outcome::status(200));
    stage.double.assert_no_violations();
}

#[tokio::test]
async fn a_path_in_the_platforms_url_stands_before_the_endpoints() {
    let stage = Stage::new().await;
    let url = PlatformUrl::parse(&format!("{}/base/", stage.double.url())).unwrap();
    let answer = stage.platform.token(url, stage.credentials.clone()).await;
    assert!(
        matches!(answer, Err(TokenError::Answer(Outcome::Status { code: 404, .. }))),
        "{answer:?}"
    );
    let asked = stage
        .double
        .take_violations()
        .iter()
        .map(ToString::to_string)
        .collect::<String>();
    assert!(asked.contains("/base/oauth/token"), "{asked}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_a_fault_of_tls() {
    for certificate in [Certificate::Good, Certificate::Expired, Certificate::WrongHost] {
        let stage = Stage::https(certificate).await;
        assert_eq!(
            lost(stage.token().await),
            Fault::Tls,
            "{certificate:?}, of an unknown authority"
        );
    }
}

#[tokio::test]
async fn a_host_without_an_address_is_a_fault_of_dns_and_a_closed_port_one_of_the_connection() {
    let stage = Stage::new().await;
    let nowhere = PlatformUrl::parse("https://nowhere.invalid").unwrap();
    assert_eq!(
        lost(stage.platform.token(nowhere, stage.credentials.clone()).await),
        Fault::Dns
    );
    stage.double.down().await.unwrap();
    assert_eq!(lost(stage.token().await), Fault::Connect);
}

#[tokio::test]
async fn what_breaks_after_the_connection_was_made_is_ambiguous() {
    let stage = Stage::new().await;
    for answer in [Answer::reset_before_body(), Answer::reset_after_body(), Answer::half()] {
        stage.double.answer(Endpoint::Heartbeat, answer.clone());
        assert_eq!(
            stage.heartbeat().await,
            Outcome::Lost {
                fault: Fault::Reset,
                ambiguous: true
            },
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_within_its_deadline_is_a_time_out() {
    let stage = Stage::new().await;
    let token = stage.token().await.unwrap().token;
    let target = Target {
        platform: stage.url.clone(),
        token,
    };
    stage.double.answer(Endpoint::Heartbeat, Answer::hang());
    stage.double.answer(
        Endpoint::Token,
        Answer::trickle(r#"{"access_token":"t"}"#, Duration::from_secs(1)),
    );
    stage.double.answer(Endpoint::Snapshot, Answer::hang());
    // From here on time passes whenever everybody waits.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    assert_eq!(
        stage
            .platform
            .send(target.clone(), Payload::Heartbeat(wire::heartbeat("c").into()))
            .await,
        timed_out()
    );
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(stage.token().await.unwrap_err(), TokenError::Answer(timed_out()));
    assert_eq!(began.elapsed().as_secs(), 20);
    let head = Bytes::from_static(b"{\"cluster_uid\":\"c\"");
    let snapshot = SnapshotBody::new(head, Vec::new());
    assert_eq!(
        stage.platform.send(target, Payload::Snapshot(snapshot)).await,
        timed_out()
    );
    let took = began.elapsed().as_secs() - 20;
    assert!((30..=60).contains(&took), "30 s without progress, and it took {took} s");
}

#[tokio::test]
async fn an_answer_without_end_is_read_to_its_limit_and_its_status_counts() {
    let stage = Stage::new().await;
    stage.double.answer(Endpoint::Heartbeat, Answer::huge(1 << 40));
    assert_eq!(stage.heartbeat().await, Outcome::status(200));
    stage.double.answer(Endpoint::Token, Answer::huge(1 << 40));
    assert_eq!(stage.token().await.unwrap_err(), TokenError::NotAToken);
}

#[tokio::test]
async fn an_answer_with_ten_thousand_headers_cannot_be_read() {
    let stage = Stage::new().await;
    let many = (0..10_000).fold(Answer::status(200), |answer, _| answer.header("x-filler", "1"));
    stage.double.answer(Endpoint::Heartbeat, many);
    assert_eq!(
        stage.heartbeat().await,
        Outcome::Lost {
            fault: Fault::Garbled,
            ambiguous: true
        }
    );
}

#[tokio::test]
async fn each_status_is_told_with_its_retry_after_and_none_is_followed_or_tried_again() {
    let stage = Stage::new().await;
    let trap = Trap::start().await.unwrap();
    for code in [301, 302, 303, 307, 308] {
        stage
            .double
            .answer(Endpoint::Heartbeat, Answer::status(code).header("location", trap.url()));
        assert_eq!(stage.heartbeat().await, Outcome::status(code));
        stage
            .double
            .answer(Endpoint::Token, Answer::status(code).header("location", trap.url()));
        assert_eq!(
            stage.token().await.unwrap_err(),
            TokenError::Answer(Outcome::status(code))
        );
    }
    for code in [408, 429, 500, 502, 503, 504] {
        let before = stage.double.look(|view| view.requests_to(Endpoint::Heartbeat).count());
        stage
            .double
            .answer(Endpoint::Heartbeat, Answer::status(code).retry_after("7").forever());
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(stage.heartbeat().await, Outcome::Status { code, retry_after });
        let tries = stage.double.look(|view| view.requests_to(Endpoint::Heartbeat).count()) - before;
        assert_eq!(tries, 1, "whether to try again is the sender's to say");
    }
    assert_eq!(trap.hits(), 0);
}

fn wait(value: &str) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
    retry_after(
        &headers,
        httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap(),
    )
}

#[test]
fn retry_after_is_seconds_or_a_date_and_garbage_is_absent() {
    assert_eq!(wait("120"), Some(Duration::from_secs(120)));
    assert_eq!(wait(" 7 "), Some(Duration::from_secs(7)));
    assert_eq!(wait("Wed, 21 Oct 2026 07:29:30 GMT"), Some(Duration::from_secs(90)));
    assert_eq!(wait("Wed, 21 Oct 2020 07:29:30 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("soon"), None);
    assert_eq!(wait("-5"), None);
    assert_eq!(wait("99999999999999999999999"), Some(Duration::MAX));
}
