// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A client made by hand: it says what it is told to say, right or wrong, and each request has its own connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use obsyk_testkit::platform::{Builder, Endpoint, KeyPair, Platform};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What a test waits for at most; machines are shared and noisy.
pub const SOON: Duration = Duration::from_secs(30);

/// The client that the platform knows.
pub const CLIENT: &str = "client-1";

/// The cluster that is told of.
pub const CLUSTER: &str = "cluster-1";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A platform, and a client that it knows.
pub struct Stage {
    pub platform: Platform,
    pub key: KeyPair,
    pub token: String,
}

impl Stage {
    /// A client with a token, and a platform that knows nothing of the cluster.
    pub async fn new() -> Self {
        Self::with(Platform::builder()).await
    }

    pub async fn with(platform: Builder) -> Self {
        let key = KeyPair::generate();
        let platform = platform.client(CLIENT, key.public_pem()).start().await.unwrap();
        let token = token(&platform, &key).await;
        Self { platform, key, token }
    }

    /// A client whose first snapshot, an empty one, was accepted.
    pub async fn told() -> Self {
        let stage = Self::new().await;
        assert_eq!(stage.post(Endpoint::Snapshot, &a_snapshot()).await.status, 200);
        stage
    }

    pub async fn post(&self, endpoint: Endpoint, body: &Value) -> Reply {
        self.try_post(endpoint, body).await.unwrap()
    }

    pub async fn try_post(&self, endpoint: Endpoint, body: &Value) -> io::Result<Reply> {
        send(self.platform.url(), &self.request(endpoint, body)).await
    }

    /// The text of a request.
    pub fn request(&self, endpoint: Endpoint, body: &Value) -> String {
        request(endpoint.path(), &agent_headers(&self.token), &body.to_string())
    }

    /// The violations so far; there must be some, and they are forgotten.
    pub fn violations(&self) -> Vec<String> {
        self.platform
            .take_violations()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

pub fn agent_headers(token: &str) -> String {
    format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nUser-Agent: obsyk-operator/0.1.0\r\nConnection: close\r\n"
    )
}

/// The text of a POST.
pub fn request(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A snapshot of a cluster that has nothing.
pub fn a_snapshot() -> Value {
    let mut snapshot = json!({ "cluster_uid": CLUSTER, "cluster_name": "test" });
    for list in [
        "namespaces",
        "pods",
        "services",
        "nodes",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "ingresses",
        "network_policies",
        "configmaps",
        "secrets",
    ] {
        snapshot[list] = json!([]);
    }
    snapshot
}

/// A ConfigMap as the platform has it.
pub fn an_object(name: &str) -> Value {
    json!({ "uid": format!("uid-{name}"), "name": name, "namespace": "default", "immutable": false })
}

/// An event about a ConfigMap.
pub fn an_event(change: &str, name: &str) -> Value {
    let object = an_object(name);
    let mut event = json!({
        "cluster_uid": CLUSTER, "type": change, "kind": "ConfigMap",
        "uid": object["uid"], "name": name, "namespace": "default",
    });
    if !change.eq_ignore_ascii_case("deleted") {
        event["object"] = object;
    }
    event
}

pub fn a_heartbeat() -> Value {
    json!({ "cluster_uid": CLUSTER, "agent_version": "0.1.0" })
}

/// Sends a text and reads the answer to the end of the connection.
pub async fn send(url: &str, text: &str) -> io::Result<Reply> {
    let socket = TcpStream::connect(url.trim_start_matches("http://")).await?;
    exchange(socket, text).await
}

/// Sends a text; all bytes of the answer, whole or not.
pub async fn send_raw(url: &str, text: &str) -> io::Result<String> {
    all_of(TcpStream::connect(url.trim_start_matches("http://")).await?, text).await
}

async fn all_of(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
    read.expect("an answer, or the end of the connection")?;
    Ok(String::from_utf8(answer).unwrap())
}

/// Sends a text over TLS and reads the answer, with trust in this authority only.
pub async fn send_tls(url: &str, ca_pem: &str, text: &str) -> io::Result<Reply> {
    let mut roots = RootCertStore::empty();
    roots
        .add(PemObject::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let port = url.trim_start_matches("https://localhost:");
    let socket = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
    exchange(stream, text).await
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> io::Result<Reply> {
    let answer = all_of(stream, text).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if promised.is_some_and(|length| length.parse() != Ok(body.len())) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// Asks for a token, and gets one.
pub async fn token(platform: &Platform, key: &KeyPair) -> String {
    let reply = ask_for_token(platform, &assertion(key, &claims(platform.url()))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

pub async fn ask_for_token(platform: &Platform, assertion: &str) -> Reply {
    let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    send(platform.url(), &token_request(&form)).await.unwrap()
}

pub fn token_request(form: &str) -> String {
    let headers = "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n";
    request("/oauth/token", headers, form)
}

/// Claims that are good.
pub fn claims(audience: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": [audience], "iat": now, "exp": now + 300,
        "jti": format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
    })
}

/// A signed assertion with a good header.
pub fn assertion(key: &KeyPair, claims: &Value) -> String {
    assertion_with(key, &json!({ "alg": "ES256", "typ": "JWT" }), claims)
}

/// A signed assertion.
pub fn assertion_with(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let lines = key.pkcs8_pem().lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD.decode(lines.collect::<String>()).unwrap();
    let key = EncodingKey::from_ec_der(&der);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}
