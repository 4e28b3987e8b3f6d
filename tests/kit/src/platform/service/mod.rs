// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One request, from its head to its answer.

mod effect;
mod judge;

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::sleep;

use self::judge::Judged;
use super::answers::{self, Answer, AnswerBody, Asked, Fate, Pace, Reply};
use super::happening::What;
use super::request::{Content, Endpoint, Outcome, Raw};
use super::state::{Shared, Violation};
use super::wire::Ending;

/// The connection is to end here, without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut off, as ordered")
    }
}

impl std::error::Error for Cut {}

/// Answers a request, or not.
pub(super) async fn answer(
    shared: Arc<Shared>,
    ending: Ending,
    request: http::Request<Incoming>,
) -> Result<Response<AnswerBody>, Cut> {
    let (head, body) = request.into_parts();
    let endpoint = match find(&head) {
        Ok(endpoint) => endpoint,
        Err((status, what)) => {
            let violation = Violation { endpoint: None, what };
            shared.change(|state| state.violations.push(violation.clone()));
            shared.tell_violations(vec![violation]);
            return Ok(with_head(status, &[], answers::full(Bytes::new())));
        }
    };
    let bearer = bearer(&head.headers);
    let client = shared.look(|state| bearer.and_then(|token| state.client(token)).map(str::to_owned));
    let entry = Entry::open(&shared, endpoint, client.clone());
    if shared.change(|state| state.orders.reset_before_body(endpoint)) {
        ending.reset();
        entry.end(Outcome::BrokenOff);
        return Err(Cut);
    }
    let Some((body, bytes)) = read(&entry, body).await else {
        // Whoever asked went away.
        return Err(Cut);
    };
    shared.change(|state| {
        if let Some(recorded) = &mut state.recorded {
            recorded.push(raw(endpoint, &head, &body));
        }
    });
    let mut judged = match (endpoint, client) {
        (Endpoint::Token, _) => shared.change(|state| judge::token(state, &body)),
        (_, None) => Judged::unauthorised(bearer.is_some()),
        (_, Some(client)) => judge::agent(&shared, endpoint, client, body).await,
    };
    judged.also(judge::head(endpoint, &head.headers));
    let (honest, answer) = entry.decide(judged, bytes);
    entry.carry_out(&ending, honest, answer).await
}

fn raw(endpoint: Endpoint, head: &Parts, body: &[u8]) -> Raw {
    let line = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    Raw {
        endpoint,
        head: head.headers.iter().map(line).collect(),
        body: body.to_vec(),
    }
}

fn find(head: &Parts) -> Result<Endpoint, (u16, String)> {
    let asked = head.uri.path_and_query().map_or("", |path| path.as_str());
    let endpoint = Endpoint::of(asked).ok_or_else(|| (404, format!("{} {asked}: no such path", head.method)))?;
    if head.method != Method::POST {
        return Err((405, format!("{} {asked}: not POST", head.method)));
    }
    Ok(endpoint)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

/// The whole body and its length. Of a snapshot nothing is kept when only counts matter.
async fn read(entry: &Entry<'_>, mut body: Incoming) -> Option<(Vec<u8>, usize)> {
    let forget = entry.shared.lean && entry.endpoint == Endpoint::Snapshot;
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if bytes == 0 && !data.is_empty() {
            entry.shared.change(|state| state.history.body_begins(entry.number));
        }
        bytes += data.len();
        if !forget {
            all.extend_from_slice(&data);
        }
    }
    Some((all, bytes))
}

/// A request that is under way. Dropped before it has ended, it was abandoned: the connection is gone.
struct Entry<'a> {
    shared: &'a Arc<Shared>,
    number: u64,
    endpoint: Endpoint,
    has_ended: bool,
}

impl<'a> Entry<'a> {
    fn open(shared: &'a Arc<Shared>, endpoint: Endpoint, client: Option<String>) -> Self {
        let number = shared.change(|state| state.history.arrived(endpoint, client, Instant::now()));
        Self {
            shared,
            number,
            endpoint,
            has_ended: false,
        }
    }

    fn end(mut self, outcome: Outcome) {
        self.has_ended = true;
        self.record_end(outcome);
    }

    fn record_end(&self, outcome: Outcome) {
        let violations = self
            .shared
            .change(|state| state.ended(self.number, self.endpoint, outcome));
        self.shared.tell_violations(violations);
    }

    /// What the platform would answer by itself, and what it was told to answer. What the request changes is changed here.
    fn decide(&self, judged: Judged, bytes: usize) -> (Reply, Answer) {
        let Judged {
            refusal,
            mut violations,
            content,
            effect,
            client,
            unknown,
        } = judged;
        let endpoint = Some(self.endpoint);
        let (reply, answer, news, violations) = self.shared.change(|state| {
            if let Content::Event(event) = &content
                && !self.shared.lean
            {
                violations.extend(state.check_event(event));
            }
            if let Some(client) = client {
                state.history.is_of(self.number, client);
            }
            let refusal = refusal.or_else(|| (!violations.is_empty()).then_some(400));
            let violations: Vec<_> = violations
                .into_iter()
                .map(|what| Violation { endpoint, what })
                .collect();
            state.violations.extend(violations.iter().cloned());
            let names = effect.names(state.orders.look_at_names());
            let asked = Asked {
                endpoint: self.endpoint,
                content: &content,
                names,
                bytes,
            };
            let ordered = match refusal {
                None => state.orders.of(&asked),
                Some(_) => None,
            };
            state.history.says(self.number, content, bytes);
            let answer = ordered.unwrap_or_default();
            match refusal {
                Some(status) => (
                    refused(status, self.endpoint),
                    answer,
                    unknown.map(What::Refused),
                    violations,
                ),
                None => {
                    let (reply, news) = effect.apply(state, self.shared.lean, &answer);
                    (reply, answer, news, violations)
                }
            }
        });
        self.shared.tell_violations(violations);
        if let Some(news) = news {
            self.shared.tell(news);
        }
        (reply, answer)
    }

    async fn carry_out(self, ending: &Ending, honest: Reply, answer: Answer) -> Result<Response<AnswerBody>, Cut> {
        if !answer.delay.is_zero() {
            sleep(answer.delay).await;
        }
        match answer.fate {
            Fate::Honest => Ok(self.answered(honest)),
            Fate::Reply(reply) => Ok(self.answered(reply)),
            Fate::Half => {
                self.end(Outcome::BrokenOff);
                Ok(broken_off(&honest))
            }
            Fate::Hang => {
                // Until whoever asked goes away: then this future is dropped.
                pending::<()>().await;
                Err(Cut)
            }
            Fate::ResetBeforeBody | Fate::ResetAfterBody => {
                ending.reset();
                self.end(Outcome::BrokenOff);
                Err(Cut)
            }
        }
    }

    fn answered(self, reply: Reply) -> Response<AnswerBody> {
        let streamed = Arc::clone(&self.shared.streamed);
        self.end(Outcome::Answered(reply.status));
        response(reply, streamed)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.record_end(Outcome::Abandoned);
        }
    }
}

/// The answer to credentials that are not good, or to a body that breaks the protocol.
fn refused(status: u16, endpoint: Endpoint) -> Reply {
    let error = match (status, endpoint) {
        (_, Endpoint::Token) => "invalid_grant",
        (401, _) => "invalid_token",
        _ => "invalid_request",
    };
    Reply::json(status, &json!({ "error": error }))
}

fn response(reply: Reply, streamed: Arc<AtomicU64>) -> Response<AnswerBody> {
    let body = match reply.body {
        Pace::AtOnce(bytes) => answers::full(bytes),
        Pace::Trickle(bytes, interval) => answers::trickle(bytes, interval),
        Pace::Spaces(bytes) => answers::spaces(bytes, streamed),
    };
    with_head(reply.status, &reply.headers, body)
}

/// Half of an answer whose head promises all of it.
fn broken_off(reply: &Reply) -> Response<AnswerBody> {
    let Pace::AtOnce(bytes) = &reply.body else {
        return response(reply.clone(), Arc::default());
    };
    let mut headers = reply.headers.clone();
    headers.push(("content-length", bytes.len().to_string()));
    with_head(reply.status, &headers, answers::broken_half(bytes))
}

fn with_head(status: u16, headers: &[(&'static str, String)], body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status of three digits was ordered");
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("a header that can be sent was ordered");
        response.headers_mut().append(*name, value);
    }
    response
}
