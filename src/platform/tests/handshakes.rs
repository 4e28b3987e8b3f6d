// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a handshake shows of a server, be it trusted or not, directly and through a proxy.

use obsyk_testkit::forward::ForwardProxy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;

/// Who issues the double's certificates.
const ISSUER: &str = "CN=obsyk-platform-ca";

fn trusted(double: &Double) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_slice(double.ca_pem().as_bytes()).unwrap()]
}

/// The proxy at this address, as a variable names it.
fn proxy(url: &str) -> Proxy {
    let proxies = Proxies::read(|name| (name == "ALL_PROXY").then(|| url.to_owned())).unwrap();
    proxies
        .of(&PlatformUrl::parse("https://platform.example.com").unwrap())
        .unwrap()
}

#[tokio::test]
async fn a_trusted_certificate_is_named_with_its_issuer_and_its_time() {
    let stage = Stage::https(Certificate::Good).await;
    let seen = shake(&stage.url, None, &trusted(&stage.double)).await;
    assert_eq!(seen.end, Ok(Some("1.3")));
    let certificate = seen.certificate.unwrap();
    assert_eq!(certificate.issuer, ISSUER);
    assert!(certificate.begins < jiff::Timestamp::now() && certificate.ends > jiff::Timestamp::now());
    assert_eq!(stage.double.look(|view| view.requests().count()), 0, "nothing is asked");
    stage.double.assert_no_violations();
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_all_the_same() {
    for (certificate, knows_issuer, error) in [
        (Certificate::Good, false, HandshakeError::UnknownIssuer),
        (Certificate::Expired, true, HandshakeError::Expired),
        (Certificate::WrongHost, true, HandshakeError::WrongHost),
    ] {
        let stage = Stage::https(certificate).await;
        let extra = if knows_issuer { trusted(&stage.double) } else { vec![] };
        let seen = shake(&stage.url, None, &extra).await;
        assert_eq!(seen.end, Err(error));
        assert_eq!(seen.certificate.unwrap().issuer, ISSUER, "{certificate:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_and_none_at_all_are_told_apart() {
    let stage = Stage::new().await;
    let seen = shake(&stage.url, None, &[]).await;
    assert_eq!((seen.end, seen.certificate), (Ok(None), None));
    let https = PlatformUrl::parse(&stage.url.as_str().replace("http://", "https://")).unwrap();
    let seen = shake(&https, None, &[]).await;
    assert_eq!((seen.end, seen.certificate), (Err(HandshakeError::NoTerms), None));
    stage.double.down().await.unwrap();
    let seen = shake(&stage.url, None, &[]).await;
    assert_eq!(seen.end, Err(HandshakeError::Lost(Fault::Connect)));
}

#[tokio::test]
async fn a_server_that_never_speaks_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = PlatformUrl::parse(&format!("https://{}", silent.local_addr().unwrap())).unwrap();
    let began = std::time::Instant::now();
    let seen = shake(&url, None, &[]).await;
    assert_eq!(seen.end, Err(HandshakeError::Lost(Fault::Timeout)));
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_tunnel_leads_to_the_platform_and_each_failure_of_the_proxy_has_its_word() {
    let stage = Stage::https(Certificate::Good).await;
    let extra = trusted(&stage.double);
    let strict = ForwardProxy::builder().user("me", "p@ss").start().await.unwrap();
    let seen = shake(&stage.url, Some(&proxy(&strict.url_for("me", "p%40ss"))), &extra).await;
    assert_eq!(seen.end, Ok(Some("1.3")));
    assert_eq!(seen.certificate.unwrap().issuer, ISSUER);
    let target = stage.url.as_str().trim_start_matches("https://").to_owned();
    assert_eq!(strict.asked()[0].target, target);

    let refuses = ForwardProxy::builder().refuses().start().await.unwrap();
    for (url, fault) in [
        (strict.url(), Fault::ProxyAuth),
        (strict.url_for("me", "wrong"), Fault::ProxyAuth),
        (refuses.url(), Fault::ProxyRefused),
        ("http://127.0.0.1:1".to_owned(), Fault::Proxy),
        ("http://nowhere.invalid:3128".to_owned(), Fault::Proxy),
    ] {
        let seen = shake(&stage.url, Some(&proxy(&url)), &extra).await;
        assert_eq!(seen.end, Err(HandshakeError::Lost(fault)), "{url}");
    }
}

#[tokio::test]
async fn of_a_platform_by_http_the_way_to_the_proxy_is_looked_at() {
    let stage = Stage::new().await;
    let seen = shake(&stage.url, Some(&proxy("http://127.0.0.1:1")), &[]).await;
    assert_eq!(seen.end, Err(HandshakeError::Lost(Fault::Proxy)));
    let there = ForwardProxy::builder().start().await.unwrap();
    let seen = shake(&stage.url, Some(&proxy(&there.url())), &[]).await;
    assert_eq!(seen.end, Ok(None));
}
