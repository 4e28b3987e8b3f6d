// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform over HTTP: the only code that knows it.
//!
//! It promises one try for each call, no redirect, a deadline on every phase, a limit on every answer, and that nothing
//! of an answer but its status, `Retry-After`, `Date` and the token gets any further. (`check` also names who issued the
//! server's certificate.) Requests go by the proxy that the usual variables name (`proxies.rs`), to whom the system's
//! certificate authorities or our own vouch for (`trust.rs`).

mod assertion;
mod certificate;
mod connections;
mod faults;
mod handshake;
mod progress;
mod proxies;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ports::{Local, Payload, Platform, Target};
use obsyk_domain::snapshot_body::SnapshotBody;
use obsyk_domain::token::{AccessToken, Issued, TokenError};
use obsyk_domain::wire::{self, Endpoint};
use reqwest::{Body, RequestBuilder, Response};
use tokio::time::timeout;

use connections::{Connections, SetupError};
use progress::Progress;

pub use certificate::Certificate;
pub use handshake::{Handshake, HandshakeError, shake};
pub use proxies::{Proxies, Proxy};
pub use trust::CaFile;

/// An event, a heartbeat or a token is answered within this.
const SMALL: Duration = Duration::from_secs(10);

/// A snapshot moves at least once in this …
const SNAPSHOT_STALL: Duration = Duration::from_secs(30);

/// … and is answered within this.
const SNAPSHOT: Duration = Duration::from_secs(600);

/// No answer within its deadline.
const TIMED_OUT: Outcome = Outcome::Lost {
    fault: Fault::Timeout,
    ambiguous: true,
};

/// An answer is read up to this; a token's up to [`TOKEN_LIMIT`].
const ANSWER_LIMIT: usize = 64 * 1024;

/// See [`ANSWER_LIMIT`].
const TOKEN_LIMIT: usize = 16 * 1024;

/// See the module's page.
#[derive(Clone)]
pub struct HttpPlatform {
    connections: Rc<Connections>,
    proxies: Rc<Proxies>,
}

/// A token that was asked for, and what the answer said of the time.
#[derive(Debug)]
pub struct Exchange {
    /// The token, or why there is none.
    pub token: Result<Issued, TokenError>,
    /// The platform's clock, when it was read, and ours at that time.
    pub clocks: Option<(SystemTime, SystemTime)>,
}

/// Plain http is allowed there since nobody else hears it.
fn is_on_this_machine(platform: &PlatformUrl) -> bool {
    !platform.is_https() && platform.is_loopback()
}

impl HttpPlatform {
    /// Reads the system's certificates, those in this file, and the proxy variables.
    pub fn new(ca_file: Option<PathBuf>) -> Result<Self, SetupError> {
        Ok(Self {
            proxies: Rc::new(Proxies::from_env()?),
            connections: Rc::new(Connections::new(ca_file)?),
        })
    }

    /// The proxies that it uses.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// A request, and whether a proxy takes it and hands it on. In a tunnel the proxy doesn't see it.
    fn post(&self, platform: &PlatformUrl, endpoint: Endpoint) -> (RequestBuilder, bool) {
        let by_proxy = !platform.is_https() && self.proxies.of(platform).is_some();
        let client = if is_on_this_machine(platform) {
            self.connections.direct()
        } else {
            self.connections.current()
        };
        (client.post(platform.endpoint(endpoint.path())), by_proxy)
    }

    async fn post_small(&self, target: &Target, endpoint: Endpoint, headers: HeaderMap, body: Bytes) -> Outcome {
        let (request, by_proxy) = self.post(&target.platform, endpoint);
        let sent = request.headers(headers).body(body).send();
        match timeout(SMALL, async { finish(sent.await, by_proxy).await }).await {
            Ok(outcome) => outcome,
            Err(_) => TIMED_OUT,
        }
    }

    async fn post_snapshot(&self, target: &Target, headers: HeaderMap, snapshot: SnapshotBody) -> Outcome {
        let progress = Progress::default();
        let body = Body::wrap_stream(progress.follow(snapshot.pieces()));
        let (request, by_proxy) = self.post(&target.platform, Endpoint::Snapshot);
        let sent = request.headers(headers).body(body).send();
        let answered = async { finish(sent.await, by_proxy).await };
        match timeout(SNAPSHOT, progress.unless_stalled(SNAPSHOT_STALL, answered)).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) | Err(_) => TIMED_OUT,
        }
    }

    /// Asks for a token.
    pub async fn exchange(&self, platform: &PlatformUrl, credentials: Credentials) -> Exchange {
        let mut clocks = None;
        let exchanged = async {
            match sign(platform, credentials).await {
                Some(assertion) => self.fetch_token(platform, &assertion, &mut clocks).await,
                None => Err(TokenError::Unsigned),
            }
        };
        // Signing waits for a thread that the look-up of names uses too.
        let token = timeout(SMALL, exchanged).await;
        let token = token.unwrap_or(Err(TokenError::Answer(TIMED_OUT)));
        Exchange { token, clocks }
    }

    async fn fetch_token(
        &self,
        platform: &PlatformUrl,
        assertion: &str,
        clocks: &mut Option<(SystemTime, SystemTime)>,
    ) -> Result<Issued, TokenError> {
        let (request, by_proxy) = self.post(platform, Endpoint::Token);
        let sent = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(wire::token_form(assertion))
            .send();
        let response = sent
            .await
            .map_err(|error| TokenError::Answer(faults::lost(&error, by_proxy)))?;
        *clocks = date(response.headers()).map(|theirs| (theirs, SystemTime::now()));
        let status = status_of(&response, by_proxy);
        let body = read(response, TOKEN_LIMIT).await.map_err(TokenError::Answer)?;
        if !matches!(status, Outcome::Status { code: 200..=299, .. }) {
            return Err(TokenError::Answer(status));
        }
        let answer = body
            .and_then(|body| wire::TokenResponse::parse(&body).ok())
            .ok_or(TokenError::NotAToken)?;
        Ok(Issued {
            token: AccessToken::new(answer.access_token),
            lifetime: answer.lifetime,
        })
    }
}

impl Platform for HttpPlatform {
    fn token(&self, platform: PlatformUrl, credentials: Credentials) -> Local<Result<Issued, TokenError>> {
        let this = Rc::new(self.clone());
        Box::pin(async move { this.exchange(&platform, credentials).await.token })
    }

    fn send(&self, target: Target, payload: Payload) -> Local<Outcome> {
        let this = Rc::new(self.clone());
        Box::pin(async move {
            let Some(headers) = headers(&target) else {
                // A token with characters that no header can hold.
                return Outcome::status(401);
            };
            match payload {
                Payload::Event(body) => this.post_small(&target, Endpoint::Events, headers, body).await,
                Payload::Heartbeat(body) => this.post_small(&target, Endpoint::Heartbeat, headers, body).await,
                Payload::Snapshot(body) => this.post_snapshot(&target, headers, body).await,
            }
        })
    }

    fn proxy(&self, platform: &PlatformUrl) -> Option<String> {
        self.proxies.of(platform).as_ref().map(Proxy::name)
    }

    fn thumbprint(&self, credentials: &Credentials) -> Option<String> {
        assertion::thumbprint(credentials)
    }
}

/// A fresh assertion; nothing when the key can't sign. It takes a tenth of a millisecond, but on the thread that everything
/// else runs on.
async fn sign(platform: &PlatformUrl, credentials: Credentials) -> Option<String> {
    let audience = platform.as_str().to_owned();
    let signed = tokio::task::spawn_blocking(move || assertion::sign(&credentials, &audience, SystemTime::now()));
    signed.await.ok().flatten()
}

fn headers(target: &Target) -> Option<HeaderMap> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", target.token.expose())).ok()?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(headers)
}

async fn finish(sent: Result<Response, reqwest::Error>, by_proxy: bool) -> Outcome {
    match sent {
        Err(error) => faults::lost(&error, by_proxy),
        Ok(response) => {
            let status = status_of(&response, by_proxy);
            // The rest is read so that the connection can be used again. An answer that is cut is none.
            match read(response, ANSWER_LIMIT).await {
                Ok(_) => status,
                Err(lost) => lost,
            }
        }
    }
}

fn status_of(response: &Response, by_proxy: bool) -> Outcome {
    match response.status().as_u16() {
        // Of a proxy only (RFC 9110, 15.5.8): the platform wasn't asked.
        407 if by_proxy => Outcome::Lost {
            fault: Fault::ProxyAuth,
            ambiguous: false,
        },
        code => Outcome::Status {
            code,
            retry_after: retry_after(response.headers(), SystemTime::now()),
        },
    }
}

/// The clock of whoever answered (RFC 9110, 6.6.1).
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Seconds, or a date (RFC 9110, 10.2.3). What is neither counts as absent.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::MAX);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The answer's body; `None` when it is larger than `limit`, of which nothing more is read then.
async fn read(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, Outcome> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Ok(None),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Some(body)),
            // There was an answer already, so a connection that breaks now is nobody's refusal.
            Err(error) => return Err(faults::lost(&error, false)),
        }
    }
}
