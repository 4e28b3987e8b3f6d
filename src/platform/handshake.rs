// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A TLS handshake without a request, for `check`: who vouches for the server, whether we trust that or not.
//!
//! It goes the way that requests go, by the same proxy and with the same trust. The server's certificate is written down, and
//! then judged by the same judge; when it isn't accepted, the connection ends as it would for a request.

use std::io;
use std::sync::{Arc, OnceLock};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::answer::Fault;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::{BoxError, ServiceExt};

use super::certificate::Certificate;
use super::connections::CONNECT;
use super::proxies::Proxy;
use super::{faults, trust};

/// A TCP connection, or TLS to the proxy in it.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The server's certificate, if it showed one that can be read.
    pub certificate: Option<Certificate>,
    /// How it ended: with the version of TLS, or nothing where there is none.
    pub end: Result<Option<&'static str>, HandshakeError>,
}

/// Why there is no connection, or none to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// It didn't come to a handshake.
    #[error("{0}")]
    Lost(Fault),
    /// Nobody whom we trust vouches for the server.
    #[error("the certificate is of an authority that isn't trusted here")]
    UnknownIssuer,
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its time hasn't come.
    #[error("the certificate isn't valid yet")]
    NotYetValid,
    /// It is for another host.
    #[error("the certificate is for another host")]
    WrongHost,
    /// Something else is wrong with it.
    #[error("the certificate isn't acceptable")]
    BadCertificate,
    /// The two don't come to terms.
    #[error("the server and obsyk-operator don't agree on TLS")]
    NoTerms,
}

impl HandshakeError {
    fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            None => Self::Lost(Fault::Reset),
            Some(rustls::Error::InvalidCertificate(why)) => match why {
                CertificateError::UnknownIssuer => Self::UnknownIssuer,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongHost,
                _ => Self::BadCertificate,
            },
            Some(_) => Self::NoTerms,
        }
    }
}

/// Connects to the platform, by this proxy if there is one, and trusting these CAs besides the system's.
pub async fn shake(platform: &PlatformUrl, proxy: Option<&Proxy>, extra: &[CertificateDer<'static>]) -> Handshake {
    let seen = Arc::default();
    let end = timeout(CONNECT, connect(platform, proxy, extra, &seen)).await;
    Handshake {
        certificate: seen.get().and_then(Certificate::read),
        end: end.unwrap_or(Err(HandshakeError::Lost(Fault::Timeout))),
    }
}

async fn connect(
    platform: &PlatformUrl,
    proxy: Option<&Proxy>,
    extra: &[CertificateDer<'static>],
    seen: &Arc<OnceLock<CertificateDer<'static>>>,
) -> Result<Option<&'static str>, HandshakeError> {
    let to: Uri = platform
        .as_str()
        .parse()
        .map_err(|_| HandshakeError::Lost(Fault::Connect))?;
    let no_terms = |_| HandshakeError::NoTerms;
    let judge = || trust::verifier(extra).map_err(no_terms);
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let way = HttpsConnector::from((http, client_config(judge()?).map_err(no_terms)?));
    let stream = open(way, &to, proxy).await?;
    if !platform.is_https() {
        return Ok(None);
    }
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|_| HandshakeError::WrongHost)?;
    let recorder = Recorder {
        judge: judge()?,
        seen: Arc::clone(seen),
    };
    let mut config = client_config(recorder).map_err(no_terms)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, TokioIo::new(stream))
        .await;
    let stream = connected.map_err(|error| HandshakeError::of(&error))?;
    Ok(match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => Some("1.3"),
        _ => Some("1.2"),
    })
}

/// The connection on which the platform is to be spoken to.
async fn open(way: HttpsConnector<HttpConnector>, to: &Uri, proxy: Option<&Proxy>) -> Result<Stream, HandshakeError> {
    let lost = |fault| move |_: BoxError| HandshakeError::Lost(fault);
    let is_https = to.scheme_str() == Some("https");
    match proxy {
        Some(proxy) if is_https => {
            let tunnel = Tunnel::new(proxy.uri.clone(), way);
            let tunnel = match &proxy.auth {
                Some(auth) => tunnel.with_auth(auth.clone()),
                None => tunnel,
            };
            let opened = tunnel.oneshot(to.clone()).await;
            opened.map_err(|error| HandshakeError::Lost(faults::of_tunnel(&error).unwrap_or(Fault::Proxy)))
        }
        Some(proxy) => way.oneshot(proxy.uri.clone()).await.map_err(lost(Fault::Proxy)),
        None => {
            let (host, port) = (to.host().unwrap_or_default(), to.port_u16());
            let port = port.unwrap_or(if is_https { 443 } else { 80 });
            // Plain to this connector: TLS is ours to speak.
            let plain = format!("http://{host}:{port}/").parse();
            let plain: Uri = plain.map_err(|_| HandshakeError::Lost(Fault::Connect))?;
            way.oneshot(plain).await.map_err(lost(Fault::Connect))
        }
    }
}

fn client_config(judge: impl ServerCertVerifier + 'static) -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(trust::provider())
        .with_safe_default_protocol_versions()?
        // What is dangerous is another judge; this one asks the usual one.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    Ok(config)
}

/// Writes the server's certificate down, and leaves all judgement to the judge.
#[derive(Debug)]
struct Recorder {
    judge: Verifier,
    seen: Arc<OnceLock<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Each connection has a recorder of its own.
        let _first = self.seen.set(end_entity.clone().into_owned());
        self.judge
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
