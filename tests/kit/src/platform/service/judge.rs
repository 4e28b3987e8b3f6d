// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a request asks for, as far as it is right.

use std::sync::Arc;

use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::effect::Effect;
use crate::platform::assertion::Refusal;
use crate::platform::request::{Change, Content, Endpoint, Event, Snapshot};
use crate::platform::schema::{self, KINDS};
use crate::platform::state::{Shared, State};
use crate::platform::strict;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A request that was looked at.
#[derive(Debug)]
pub(super) struct Judged {
    /// The status that refuses it, if something does; a violation does by 400.
    pub(super) refusal: Option<u16>,
    pub(super) violations: Vec<String>,
    pub(super) content: Content,
    pub(super) effect: Effect,
    /// Whom the body proves it to be from.
    pub(super) client: Option<String>,
    /// What is unknown of the credentials.
    pub(super) unknown: Option<&'static str>,
}

impl Judged {
    fn right(content: Content, effect: Effect) -> Self {
        Self {
            refusal: None,
            violations: Vec::new(),
            content,
            effect,
            client: None,
            unknown: None,
        }
    }

    fn wrong(violations: Vec<String>) -> Self {
        Self {
            violations,
            ..Self::right(Content::Other, Effect::Nothing)
        }
    }

    /// A request with a token that is not good (any more), or with none at all.
    pub(super) fn unauthorised(has_token: bool) -> Self {
        let violations = if has_token {
            Vec::new()
        } else {
            vec!["no Authorization with a Bearer token".to_owned()]
        };
        Self {
            refusal: Some(401),
            ..Self::wrong(violations)
        }
    }

    /// More that breaks the protocol.
    pub(super) fn also(&mut self, violations: Vec<String>) {
        self.violations.extend(violations);
    }
}

/// What is wrong with the head of a request.
pub(super) fn head(endpoint: Endpoint, headers: &HeaderMap) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let content_type = match endpoint {
        Endpoint::Token => "application/x-www-form-urlencoded",
        Endpoint::Snapshot | Endpoint::Events | Endpoint::Heartbeat => "application/json",
    };
    if text(header::CONTENT_TYPE) != content_type {
        problems.push(format!(
            "Content-Type: {:?}, not {content_type}",
            text(header::CONTENT_TYPE)
        ));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        problems.push("Content-Encoding: the protocol has none".to_owned());
    }
    let agent = text(header::USER_AGENT);
    let version = agent.strip_prefix("obsyk-operator/").unwrap_or_default();
    if endpoint != Endpoint::Token && (version.is_empty() || version.contains(char::is_whitespace)) {
        problems.push(format!("User-Agent: {agent:?}, not obsyk-operator/<version>"));
    }
    problems
}

/// A request for a token.
pub(super) fn token(state: &mut State, body: &[u8]) -> Judged {
    let refused = |refusal| {
        let (violations, unknown) = match refusal {
            Refusal::Unknown(why) => (Vec::new(), Some(why)),
            Refusal::Violation(what) => (vec![format!("assertion: {what}")], None),
        };
        Judged {
            refusal: Some(401),
            unknown,
            ..Judged::wrong(violations)
        }
    };
    let assertion = match form(body) {
        Ok(assertion) => assertion,
        Err(what) => return Judged::wrong(vec![what]),
    };
    match state.assertions.check(&assertion, Timestamp::now().as_second()) {
        Err(refusal) => refused(refusal),
        Ok(client) => Judged {
            client: Some(client.clone()),
            ..Judged::right(Content::Other, Effect::Token(client))
        },
    }
}

/// The assertion in a form that has exactly what it must have.
fn form(body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8".to_owned())?;
    let (mut grant, mut assertion) = (None, None);
    for field in text.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let slot = match name {
            "grant_type" => &mut grant,
            "assertion" => &mut assertion,
            _ => return Err(format!("form: {name:?} is no field of the protocol")),
        };
        if slot.replace(unescape(value)?).is_some() {
            return Err(format!("form: {name:?} is there twice"));
        }
    }
    if grant.as_deref() != Some(GRANT) {
        return Err(format!("form: grant_type is not {GRANT}"));
    }
    assertion.ok_or_else(|| "form: no assertion".to_owned())
}

/// A value of a form: `+` is a blank, `%` begins the two digits of a byte.
fn unescape(value: &str) -> Result<String, String> {
    let wrong = || format!("form: {value:?} is not escaped as it must be");
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = digit().zip(digit()).ok_or_else(wrong)?;
                u8::try_from(high * 16 + low).map_err(|_| wrong())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Any other request, of a client whose token is good.
pub(super) async fn agent(shared: &Arc<Shared>, endpoint: Endpoint, client: String, body: Vec<u8>) -> Judged {
    if shared.lean {
        return counted(endpoint, &body);
    }
    // A large snapshot takes seconds: heartbeats are answered meanwhile.
    let judged = if endpoint == Endpoint::Snapshot {
        spawn_blocking(move || read(endpoint, &body))
            .await
            .expect("checking doesn't panic")
    } else {
        read(endpoint, &body)
    };
    let Spelled { mut judged, spelled } = judged;
    if let Some(spelled) = spelled {
        judged.also(
            shared
                .change(|state| state.check_spelling(&client, &spelled))
                .into_iter()
                .collect(),
        );
    }
    judged
}

/// A request, and how its event's type is spelled.
struct Spelled {
    judged: Judged,
    spelled: Option<String>,
}

fn read(endpoint: Endpoint, body: &[u8]) -> Spelled {
    let plain = |judged| Spelled { judged, spelled: None };
    let value = match strict::read(body) {
        Ok(value) => value,
        Err(error) => return plain(Judged::wrong(vec![format!("body: {error}")])),
    };
    let problems = match endpoint {
        Endpoint::Events => schema::event(&value),
        Endpoint::Snapshot => schema::snapshot(&value),
        Endpoint::Heartbeat | Endpoint::Token => schema::heartbeat(&value),
    };
    let about = if endpoint == Endpoint::Events {
        describe(&value)
    } else {
        String::new()
    };
    if !problems.is_empty() {
        return plain(Judged::wrong(
            problems
                .into_iter()
                .map(|problem| format!("{problem}{about}"))
                .collect(),
        ));
    }
    match endpoint {
        Endpoint::Events => event(value),
        Endpoint::Snapshot => plain(snapshot(value)),
        Endpoint::Heartbeat | Endpoint::Token => plain(Judged::right(Content::Other, Effect::Heartbeat)),
    }
}

/// Which event it is that something is wrong with.
fn describe(event: &Value) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or("?");
    format!(" ({} {} {})", text("type"), text("kind"), text("name"))
}

fn event(mut value: Value) -> Spelled {
    let object = value.get_mut("object").map(Value::take);
    match serde_json::from_value::<EventHead>(value) {
        Ok(head) => {
            let spelled = Some(head.spelled.clone());
            let event = Event::from(head);
            let judged = Judged::right(Content::Event(event.clone()), Effect::Event(event, object));
            Spelled { judged, spelled }
        }
        Err(error) => Spelled {
            judged: Judged::wrong(vec![error.to_string()]),
            spelled: None,
        },
    }
}

fn snapshot(value: Value) -> Judged {
    let Value::Object(fields) = &value else {
        return Judged::wrong(vec!["body: not an object".to_owned()]);
    };
    let mut snapshot = Snapshot::default();
    for kind in &KINDS {
        match fields.get(kind.list).and_then(Value::as_array) {
            Some(list) => {
                snapshot.counts.insert(kind.list, list.len());
            }
            None => snapshot.absent.push(kind.list),
        }
    }
    let is_head = |name: &str| KINDS.iter().all(|kind| kind.list != name);
    let head = fields.iter().filter(|(name, _)| is_head(name));
    snapshot.head = head.map(|(name, value)| (name.clone(), value.clone())).collect();
    let uid = fields.get("cluster_uid").and_then(Value::as_str);
    snapshot.cluster_uid = uid.unwrap_or_default().to_owned();
    Judged::right(Content::Snapshot(snapshot.clone()), Effect::Snapshot(snapshot, value))
}

/// What is read when only counts matter: of an event what tells it from others.
fn counted(endpoint: Endpoint, body: &[u8]) -> Judged {
    match endpoint {
        Endpoint::Events => match serde_json::from_slice::<EventHead>(body) {
            Ok(head) => {
                let event = Event::from(head);
                Judged::right(Content::Event(event.clone()), Effect::Event(event, None))
            }
            Err(error) => Judged::wrong(vec![format!("body: {error}")]),
        },
        Endpoint::Snapshot => {
            let snapshot = Snapshot::default();
            Judged::right(
                Content::Snapshot(snapshot.clone()),
                Effect::Snapshot(snapshot, Value::Null),
            )
        }
        Endpoint::Heartbeat | Endpoint::Token => Judged::right(Content::Other, Effect::Heartbeat),
    }
}

#[derive(Deserialize)]
struct EventHead {
    cluster_uid: String,
    #[serde(rename = "type")]
    spelled: String,
    kind: String,
    uid: String,
    namespace: Option<String>,
    name: String,
}

impl From<EventHead> for Event {
    fn from(head: EventHead) -> Self {
        let change = match head.spelled.as_str() {
            "ADDED" | "added" => Change::Added,
            "DELETED" | "deleted" => Change::Deleted,
            _ => Change::Updated,
        };
        Self {
            cluster_uid: head.cluster_uid,
            change,
            kind: head.kind,
            uid: head.uid,
            namespace: head.namespace,
            name: head.name,
        }
    }
}
