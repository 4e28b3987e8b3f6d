// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform over HTTP: the only code that knows it.
//!
//! It promises one try for each call, no redirect, a deadline on every phase, a limit on every answer, and that nothing
//! of an answer but its status, `Retry-After` and the token gets any further.

mod assertion;
mod faults;
mod progress;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ports::{Local, Payload, Platform, Target};
use obsyk_domain::snapshot_body::SnapshotBody;
use obsyk_domain::token::{AccessToken, Issued, TokenError};
use obsyk_domain::wire::{self, Endpoint};
use reqwest::{Body, Client, Response};
use tokio::time::timeout;

use progress::Progress;

/// A connection, TLS included, is made within this.
const CONNECT: Duration = Duration::from_secs(5);

/// An event, a heartbeat or a token is answered within this.
const SMALL: Duration = Duration::from_secs(10);

/// A snapshot moves at least once in this …
const SNAPSHOT_STALL: Duration = Duration::from_secs(30);

/// … and is answered within this.
const SNAPSHOT: Duration = Duration::from_secs(600);

/// An answer is read up to this; a token's up to [`TOKEN_LIMIT`].
const ANSWER_LIMIT: usize = 64 * 1024;

/// See [`ANSWER_LIMIT`].
const TOKEN_LIMIT: usize = 16 * 1024;

/// Headers in an answer.
const MOST_HEADERS: usize = 100;

/// The platform couldn't be set up: the system's certificates or proxy variables can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be set up; check the CA certificates (SSL_CERT_FILE) and the proxy variables")]
pub struct SetupError(#[source] reqwest::Error);

/// See the module's page.
#[derive(Clone)]
pub struct HttpPlatform {
    client: Client,
}

impl HttpPlatform {
    /// Reads the system's certificates and the proxy variables.
    pub fn new() -> Result<Self, SetupError> {
        let client = Client::builder()
            .user_agent(wire::USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT)
            .tcp_keepalive(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(50))
            .http1_max_headers(MOST_HEADERS)
            .build()
            .map_err(SetupError)?;
        Ok(Self { client })
    }

    async fn post_small(&self, url: String, headers: HeaderMap, body: Bytes) -> Outcome {
        let sent = self.client.post(url).headers(headers).body(body).send();
        match timeout(SMALL, async { finish(sent.await).await }).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Lost {
                fault: Fault::Timeout,
                ambiguous: true,
            },
        }
    }

    async fn post_snapshot(&self, url: String, headers: HeaderMap, snapshot: SnapshotBody) -> Outcome {
        let progress = Progress::default();
        let body = Body::wrap_stream(progress.follow(snapshot.pieces()));
        let sent = self.client.post(url).headers(headers).body(body).send();
        let answered = async { finish(sent.await).await };
        match timeout(SNAPSHOT, progress.unless_stalled(SNAPSHOT_STALL, answered)).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) | Err(_) => Outcome::Lost {
                fault: Fault::Timeout,
                ambiguous: true,
            },
        }
    }

    async fn fetch_token(&self, platform: PlatformUrl, credentials: Credentials) -> Result<Issued, TokenError> {
        let audience = platform.as_str().to_owned();
        // Signing takes a tenth of a millisecond, but on the thread that everything else runs on.
        let assertion =
            tokio::task::spawn_blocking(move || assertion::sign(&credentials, &audience, SystemTime::now()))
                .await
                .map_err(|_| TokenError::Unsigned)?
                .ok_or(TokenError::Unsigned)?;
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let sent = self
            .client
            .post(platform.endpoint(Endpoint::Token.path()))
            .headers(headers)
            .body(wire::token_form(&assertion))
            .send();
        let answered = async {
            let response = sent.await.map_err(|error| TokenError::Answer(faults::lost(&error)))?;
            let status = status_of(&response);
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
        };
        match timeout(SMALL, answered).await {
            Ok(result) => result,
            Err(_) => Err(TokenError::Answer(Outcome::Lost {
                fault: Fault::Timeout,
                ambiguous: true,
            })),
        }
    }
}

impl Platform for HttpPlatform {
    fn token(&self, platform: PlatformUrl, credentials: Credentials) -> Local<Result<Issued, TokenError>> {
        let this = Rc::new(self.clone());
        Box::pin(async move { this.fetch_token(platform, credentials).await })
    }

    fn send(&self, target: Target, payload: Payload) -> Local<Outcome> {
        let this = Rc::new(self.clone());
        Box::pin(async move {
            let Some(headers) = headers(&target) else {
                // A token with characters that no header can hold.
                return Outcome::status(401);
            };
            let url = |endpoint: Endpoint| target.platform.endpoint(endpoint.path());
            match payload {
                Payload::Event(body) => this.post_small(url(Endpoint::Events), headers, body).await,
                Payload::Heartbeat(body) => this.post_small(url(Endpoint::Heartbeat), headers, body).await,
                Payload::Snapshot(body) => this.post_snapshot(url(Endpoint::Snapshot), headers, body).await,
            }
        })
    }
}

fn headers(target: &Target) -> Option<HeaderMap> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", target.token.expose())).ok()?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(headers)
}

async fn finish(sent: Result<Response, reqwest::Error>) -> Outcome {
    match sent {
        Err(error) => faults::lost(&error),
        Ok(response) => {
            let status = status_of(&response);
            // The rest is read so that the connection can be used again. An answer that is cut is none.
            match read(response, ANSWER_LIMIT).await {
                Ok(_) => status,
                Err(lost) => lost,
            }
        }
    }
}

fn status_of(response: &Response) -> Outcome {
    Outcome::Status {
        code: response.status().as_u16(),
        retry_after: retry_after(response.headers(), SystemTime::now()),
    }
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
            Err(error) => return Err(faults::lost(&error)),
        }
    }
}
