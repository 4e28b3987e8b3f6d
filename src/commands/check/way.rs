// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The way to a platform, step by step: the proxy, DNS, the connection, TLS.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use jiff::Timestamp;
use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::answer::Fault;
use obsyk_domain::condition::hint;
use rustls::pki_types::CertificateDer;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::report::Report;
use crate::platform::{Certificate, Handshake, HandshakeError, Proxy, shake};

/// A resolver tries its servers for seconds; one that takes longer than a request's whole connection is of no use.
const RESOLVED: Duration = Duration::from_secs(5);

/// Addresses that are printed.
const SHOWN: usize = 4;

/// A certificate that ends sooner should have been renewed.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// Goes there; whether it could.
pub(super) async fn walk<D: Display>(
    report: &mut Report<impl Write>,
    about: impl Fn(&str) -> D,
    platform: &PlatformUrl,
    proxy: Option<&Proxy>,
    extra: &[CertificateDer<'static>],
) -> bool {
    match proxy {
        Some(proxy) => report.ok(
            about("proxy"),
            format_args!("{}, by {}", proxy.name(), proxy.variable()),
        ),
        None => report.ok(about("proxy"), "none"),
    }
    // Behind a proxy, the platform's name may mean nothing here: the proxy resolves it.
    let (host, fault) = match proxy {
        Some(proxy) => (host_of(&proxy.url()), Fault::Proxy),
        None => (host_of(platform.as_str()), Fault::Dns),
    };
    match resolve(&host).await {
        Ok(addresses) => report.ok(about("DNS"), addresses),
        Err(why) => {
            report.fail(about("DNS"), why, hint(fault));
            report.skip(about("TLS"), "there is no address to connect to");
            return false;
        }
    }
    let Handshake { certificate, end } = shake(platform, proxy, extra).await;
    let certificate = certificate.as_ref();
    match end {
        Ok(Some(version)) => trusted(report, about, version, certificate),
        Ok(None) => report.warn(
            about("TLS"),
            "none: all that is sent can be read on the way",
            "use https unless this is a trial",
        ),
        Err(error) => {
            report.fail(about("TLS"), with_issuer(error, certificate), hint_for(error, platform));
            return false;
        }
    }
    true
}

fn trusted<D: Display>(
    report: &mut Report<impl Write>,
    about: impl Fn(&str) -> D,
    version: &str,
    certificate: Option<&Certificate>,
) {
    let Some(Certificate { issuer, ends, .. }) = certificate else {
        return report.ok(about("TLS"), format_args!("version {version}"));
    };
    let found = format!("version {version}, the certificate is issued by \"{issuer}\" and good until {ends}");
    let left = Duration::try_from(ends.duration_since(Timestamp::now())).unwrap_or_default();
    if left < SOON {
        report.warn(about("TLS"), found, "renew the platform's certificate");
    } else {
        report.ok(about("TLS"), found);
    }
}

fn with_issuer(error: HandshakeError, certificate: Option<&Certificate>) -> String {
    let Some(Certificate { issuer, begins, ends }) = certificate else {
        return error.to_string();
    };
    let when = match error {
        HandshakeError::Expired => format!(" on {ends}"),
        HandshakeError::NotYetValid => format!(" before {begins}"),
        _ => String::new(),
    };
    format!("{error}{when}; it is issued by \"{issuer}\"")
}

fn hint_for(error: HandshakeError, platform: &PlatformUrl) -> String {
    let fixed = match error {
        HandshakeError::Lost(fault) => hint(fault),
        HandshakeError::UnknownIssuer => {
            "if this issuer is yours (a private authority, or a proxy that opens TLS), give its CA with --platform-ca-file, in the \
             chart by customCA; else somebody stands between"
        }
        HandshakeError::Expired => "renew the platform's certificate; or is this node's clock wrong?",
        HandshakeError::NotYetValid => "is this node's clock wrong?",
        HandshakeError::WrongHost => {
            return format!(
                "is {platform} the name that the platform's certificate has? If so, somebody stands between"
            );
        }
        HandshakeError::BadCertificate => "a server's certificate is needed, for its use and signed by a CA",
        HandshakeError::NoTerms => "the platform must speak TLS 1.2 or 1.3; is this its https port?",
    };
    fixed.to_owned()
}

fn host_of(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    host.trim_matches(['[', ']']).to_owned()
}

/// The host's addresses, or what is wrong with its name.
async fn resolve(host: &str) -> Result<String, String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(format!("{host} is an address"));
    }
    let found = match timeout(RESOLVED, lookup_host((host, 443))).await {
        Err(_) => return Err(format!("no answer for {host} within {} s", RESOLVED.as_secs())),
        Ok(Err(_)) => return Err(format!("{host} can't be resolved")),
        Ok(Ok(found)) => found,
    };
    let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    addresses.sort();
    addresses.dedup();
    let more = addresses.len().saturating_sub(SHOWN);
    addresses.truncate(SHOWN);
    let mut list = addresses.join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    Ok(format!("{host} is {list}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn certificate() -> Certificate {
        Certificate {
            issuer: "CN=Proxy CA,O=Example".to_owned(),
            begins: "2026-01-15T10:30:00Z".parse().unwrap(),
            ends: "2026-04-15T10:30:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn hosts_are_taken_from_urls_without_brackets() {
        assert_eq!(
            host_of("https://platform.example.com:8443/base"),
            "platform.example.com"
        );
        assert_eq!(host_of("https://[::1]:8443"), "::1");
    }

    #[tokio::test]
    async fn an_address_needs_no_name_server_and_a_name_without_address_is_named() {
        assert_eq!(resolve("127.0.0.1").await.unwrap(), "127.0.0.1 is an address");
        assert!(resolve("localhost").await.unwrap().contains("localhost is "));
        assert!(
            resolve("nowhere.invalid")
                .await
                .unwrap_err()
                .contains("nowhere.invalid")
        );
    }

    #[test]
    fn who_issued_it_is_named_whatever_is_wrong() {
        for error in [
            HandshakeError::UnknownIssuer,
            HandshakeError::Expired,
            HandshakeError::NotYetValid,
            HandshakeError::WrongHost,
            HandshakeError::BadCertificate,
        ] {
            let text = with_issuer(error, Some(&certificate()));
            assert!(text.contains("issued by \"CN=Proxy CA,O=Example\""), "{text}");
            let platform = PlatformUrl::parse("https://platform.example.com").unwrap();
            assert!(!hint_for(error, &platform).is_empty());
        }
        assert!(with_issuer(HandshakeError::Expired, Some(&certificate())).contains("2026-04-15"));
        assert!(with_issuer(HandshakeError::NotYetValid, Some(&certificate())).contains("2026-01-15"));
        assert_eq!(
            with_issuer(HandshakeError::Lost(Fault::Reset), None),
            "the connection broke"
        );
    }
}
