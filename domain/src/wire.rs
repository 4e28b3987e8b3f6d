// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What goes over the wire, beside the objects: events, heartbeats, the head of a snapshot, and the token's answer.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{SecretString, zeroize::Zeroize};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use crate::agent::EventTypes;
use crate::resource::{ResourceKind, Uid};

/// The operator's version, as requests carry it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The `User-Agent` of every request.
pub const USER_AGENT: &str = concat!("obsyk-operator/", env!("CARGO_PKG_VERSION"));

/// The platform's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Gives tokens.
    Token,
    /// Takes snapshots.
    Snapshot,
    /// Takes events.
    Events,
    /// Takes heartbeats.
    Heartbeat,
}

impl Endpoint {
    /// Its path below `platformURL`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Token => "/oauth/token",
            Self::Snapshot => "/api/v1/agent/snapshot",
            Self::Events => "/api/v1/agent/events",
            Self::Heartbeat => "/api/v1/agent/heartbeat",
        }
    }

    /// The word for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Snapshot => "snapshot",
            Self::Events => "events",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is new to the platform.
    Added,
    /// It changed.
    Updated,
    /// It is gone.
    Deleted,
}

impl EventType {
    /// As the platform spells it.
    pub const fn spelled(self, case: EventTypes) -> &'static str {
        match (self, case) {
            (Self::Added, EventTypes::Upper) => "ADDED",
            (Self::Updated, EventTypes::Upper) => "UPDATED",
            (Self::Deleted, EventTypes::Upper) => "DELETED",
            (Self::Added, EventTypes::Lower) => "added",
            (Self::Updated, EventTypes::Lower) => "modified",
            (Self::Deleted, EventTypes::Lower) => "deleted",
        }
    }
}

/// An event's body but for its object, which is appended as it is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EventBody<'a> {
    /// The uid of namespace kube-system
    cluster_uid: &'a str,
    /// `ADDED`, `UPDATED` or `DELETED`; with `spec.eventTypes: Lower`, `added`, `modified` or `deleted`
    r#type: &'a str,
    /// The object's kind, as Kubernetes calls it
    #[schemars(with = "String")]
    kind: ResourceKind,
    /// `metadata.uid`
    #[schemars(with = "String")]
    uid: &'a Uid,
    /// `metadata.name`
    name: &'a str,
    /// `metadata.namespace`
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

/// One change of one object.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The cluster's uid.
    pub cluster_uid: &'a str,
    /// What happened.
    pub event: EventType,
    /// The object's kind.
    pub kind: ResourceKind,
    /// Its uid.
    pub uid: &'a Uid,
    /// Its name.
    pub name: &'a str,
    /// Its namespace, of namespaced kinds.
    pub namespace: Option<&'a str>,
    /// Its JSON, encoded already; none for a delete.
    pub object: Option<&'a [u8]>,
}

impl Event<'_> {
    /// The body of the request.
    pub fn encode(&self, case: EventTypes) -> Vec<u8> {
        let mut body = to_json(&EventBody {
            cluster_uid: self.cluster_uid,
            r#type: self.event.spelled(case),
            kind: self.kind,
            uid: self.uid,
            name: self.name,
            namespace: self.namespace,
        });
        if let Some(object) = self.object {
            const FIELD: &[u8] = b",\"object\":";
            body.pop();
            body.reserve_exact(FIELD.len() + object.len() + 1);
            body.extend_from_slice(FIELD);
            body.extend_from_slice(object);
            body.push(b'}');
        }
        body
    }
}

/// A heartbeat's body.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HeartbeatBody<'a> {
    /// The uid of namespace kube-system
    cluster_uid: &'a str,
    /// The operator's version
    agent_version: &'static str,
}

/// The body of a heartbeat.
pub fn heartbeat(cluster_uid: &str) -> Vec<u8> {
    to_json(&HeartbeatBody {
        cluster_uid,
        agent_version: VERSION,
    })
}

/// The head of a snapshot.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct SnapshotHead<'a> {
    /// The uid of namespace kube-system
    pub cluster_uid: &'a str,
    /// `spec.clusterName` of the ObsykAgent
    pub cluster_name: &'a str,
    /// The API server's version, without a leading v
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kubernetes_version: &'a str,
    /// What runs the cluster (`eks`, `gke`, …): by the labels and `spec.providerID` of most nodes, else by the API server's
    /// version
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<&'a str>,
    /// The most common label `topology.kubernetes.io/region` of nodes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'a str>,
}

/// A snapshot's body but for its lists.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SnapshotOpening<'a> {
    #[serde(flatten)]
    head: &'a SnapshotHead<'a>,
    /// The operator's version
    agent_version: &'static str,
}

impl SnapshotHead<'_> {
    /// The beginning of a snapshot's body: JSON without its closing brace.
    pub fn opening(&self) -> Vec<u8> {
        let mut json = to_json(&SnapshotOpening {
            head: self,
            agent_version: VERSION,
        });
        json.pop();
        json
    }
}

/// What stands before the objects of a kind in a snapshot.
pub fn list_opening(kind: ResourceKind) -> String {
    format!(",\"{}\":[", kind.spec().list)
}

/// The API server's version as snapshots have it: `1.37.2`, without a leading v.
pub fn kubernetes_version(git_version: &str) -> &str {
    git_version.strip_prefix('v').unwrap_or(git_version)
}

/// The form that asks for a token (RFC 7523). An assertion has no character that a form would escape.
pub fn token_form(assertion: &str) -> String {
    format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
}

/// A token's life when the platform doesn't say.
const LIFETIME_ABSENT: Duration = Duration::from_secs(300);

/// More than this counts as this.
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);

/// The answer of the token endpoint.
#[derive(Debug)]
pub struct TokenResponse {
    /// The token.
    pub access_token: SecretString,
    /// How long it lives.
    pub lifetime: Duration,
}

/// An answer that isn't a token. It says nothing of what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer isn't a token")]
pub struct NotAToken;

impl TokenResponse {
    /// Reads the answer's body.
    pub fn parse(body: &[u8]) -> Result<Self, NotAToken> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            access_token: Cow<'a, str>,
            // Null isn't a number, and isn't absent.
            #[serde(default, deserialize_with = "number")]
            expires_in: Option<Number>,
        }

        fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Number>, D::Error> {
            Number::deserialize(deserializer).map(Some)
        }

        let raw: Raw<'_> = serde_json::from_slice(body).map_err(|_| NotAToken)?;
        let lifetime = match raw.expires_in.map(|number| number.as_f64()) {
            None => LIFETIME_ABSENT,
            Some(Some(seconds)) if seconds > 0.0 => Duration::try_from_secs_f64(seconds)
                .unwrap_or(LONGEST_LIFETIME)
                .min(LONGEST_LIFETIME),
            Some(_) => return Err(NotAToken),
        };
        let mut token = raw.access_token.into_owned();
        let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !usable {
            token.zeroize();
            return Err(NotAToken);
        }
        Ok(Self {
            access_token: token.into(),
            lifetime,
        })
    }
}

/// Encoding these types to memory can't fail: their keys are texts and their numbers finite.
fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::*;

    fn parsed(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).expect("what is sent is JSON")
    }

    #[test]
    fn an_event_has_the_protocols_fields() {
        let uid = Uid::from("u1");
        let event = Event {
            cluster_uid: "c1",
            event: EventType::Updated,
            kind: ResourceKind::Pod,
            uid: &uid,
            name: "web",
            namespace: Some("default"),
            object: Some(br#"{"uid":"u1"}"#),
        };
        let expected = json!({"cluster_uid":"c1","type":"UPDATED","kind":"Pod","uid":"u1","name":"web","namespace":"default","object":{"uid":"u1"}});
        assert_eq!(parsed(&event.encode(EventTypes::Upper)), expected);
        assert_eq!(parsed(&event.encode(EventTypes::Lower))["type"], "modified");
        let gone = Event {
            event: EventType::Deleted,
            namespace: None,
            object: None,
            kind: ResourceKind::Node,
            ..event
        };
        let expected = json!({"cluster_uid":"c1","type":"DELETED","kind":"Node","uid":"u1","name":"web"});
        assert_eq!(parsed(&gone.encode(EventTypes::Upper)), expected);
    }

    #[test]
    fn a_heartbeat_has_the_protocols_fields() {
        assert_eq!(
            parsed(&heartbeat("c1")),
            json!({"cluster_uid":"c1","agent_version":VERSION})
        );
    }

    #[test]
    fn a_snapshots_head_leaves_out_what_is_unknown() {
        let head = SnapshotHead {
            cluster_uid: "c1",
            cluster_name: "prod",
            kubernetes_version: kubernetes_version("v1.37.2"),
            platform: None,
            region: Some("eu-west-1"),
        };
        let mut body = head.opening();
        body.extend(list_opening(ResourceKind::NetworkPolicy).bytes());
        body.extend(b"]}");
        let expected = json!({"cluster_uid":"c1","cluster_name":"prod","kubernetes_version":"1.37.2","region":"eu-west-1","agent_version":VERSION,"network_policies":[]});
        assert_eq!(parsed(&body), expected);
    }

    fn lifetime(expires_in: &str) -> Result<u64, NotAToken> {
        let body = format!("{{\"access_token\":\"t\",\"token_type\":\"Bearer\"{expires_in}}}");
        TokenResponse::parse(body.as_bytes()).map(|token| token.lifetime.as_secs())
    }

    #[test]
    fn a_tokens_life_is_read_as_the_protocol_has_it() {
        assert_eq!(lifetime(""), Ok(300));
        assert_eq!(lifetime(",\"expires_in\":3600"), Ok(3600));
        assert_eq!(lifetime(",\"expires_in\":1000000000000"), Ok(86_400));
        assert_eq!(lifetime(",\"expires_in\":86400"), Ok(86_400));
        assert_eq!(lifetime(",\"expires_in\":86401"), Ok(86_400));
        for bad in ["0", "-1", "-0.0", "\"3600\"", "true", "[]", "null", "1e999"] {
            assert_eq!(lifetime(&format!(",\"expires_in\":{bad}")), Err(NotAToken), "{bad}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            "null",
            "{\"access_token\":\"\"}",
            "{\"access_token\":1}",
            "{\"access_token\":\"a b\"}",
        ] {
            assert!(TokenResponse::parse(body.as_bytes()).is_err(), "{body}");
        }
        let good = TokenResponse::parse(b"{\"access_token\":\"abc\"}").unwrap();
        assert_eq!(good.access_token.expose_secret(), "abc");
        assert!(!format!("{good:?}").contains("abc"));
    }
}
