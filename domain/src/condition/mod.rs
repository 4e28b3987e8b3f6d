// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is told to the admin: from how things stand to the conditions of the resource.
//!
//! A message says what is wrong, where, and what to do; it names the Secret and key, the kind, or the status code. Bytes
//! of the platform never get here.

#[cfg(test)]
pub(crate) mod tests;
mod way;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::SettingsError;
use crate::answer::Outcome;
use crate::credentials::CredentialsError;
use crate::resource::{KindSet, ResourceKind};
use crate::token::TokenError;

pub use way::{Way, hint};

/// A time as statuses have it.
pub type StatusTime = Time;

/// A moment of the wall clock, as statuses have it.
pub fn status_time(at: Timestamp) -> StatusTime {
    Time(at)
}

/// Why a kind can't be read.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Unreadability {
    /// The operator may not list or watch it.
    Forbidden,
    /// The API server doesn't have it.
    Absent,
    /// Its list made no progress for a minute.
    Stalled,
}

impl fmt::Display for Unreadability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "forbidden: grant list and watch",
            Self::Absent => "not served by the API server: leave it out with --kinds",
            Self::Stalled => "its list makes no progress: check whether the API server is overloaded",
        })
    }
}

/// How things stand between the sender and the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Nothing was sent yet.
    #[default]
    Fresh,
    /// The last request was accepted.
    Up,
    /// No token can be had.
    NoToken(TokenError),
    /// The platform refuses the credentials: this was its answer.
    Denied(Outcome),
    /// Requests fail and are tried again: this was the last answer.
    Trying(Outcome),
    /// Retries are used up; only probes go out until one is accepted.
    Open(Outcome),
}

/// Who speaks, of several resources for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This one.
    Speaks,
    /// Another one, named here; this one sends nothing.
    Duplicate {
        /// Namespace and name of the one that speaks.
        of: String,
    },
}

/// How things stand with an agent.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What is wrong with the resource itself.
    pub settings_error: Option<&'a SettingsError>,
    /// Whether it speaks.
    pub standing: &'a Standing,
    /// Name of the Secret.
    pub secret: &'a str,
    /// Whether there are credentials, be they the last good ones.
    pub has_credentials: bool,
    /// What is wrong with the Secret.
    pub credentials_error: Option<CredentialsError>,
    /// Whether the Secret was looked at.
    pub secret_seen: bool,
    /// Whether the cluster's uid is known; `None` while it is asked for.
    pub cluster_known: Option<bool>,
    /// The platform, as the resource has it.
    pub platform: &'a str,
    /// The proxy on the way there, as host and port.
    pub proxy: Option<&'a str>,
    /// How things stand on the way.
    pub link: Link,
    /// A snapshot was accepted for this platform.
    pub accepted: bool,
    /// The last snapshot was refused, and with what.
    pub refused: Option<Outcome>,
    /// Kinds that can't be read.
    pub unreadable: &'a BTreeMap<ResourceKind, Unreadability>,
    /// Kinds that are too large for the platform and go as events.
    pub too_large: KindSet,
    /// Objects that the platform refuses, by kind.
    pub set_aside: &'a BTreeMap<ResourceKind, u64>,
    /// Objects that can't be decoded, by kind.
    pub undecodable: &'a BTreeMap<ResourceKind, u64>,
    /// Children that were restarted too often.
    pub failing: bool,
}

struct Verdict {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

fn verdict(kind: &'static str, status: bool, reason: &'static str, message: impl Into<String>) -> Verdict {
    Verdict {
        kind,
        status: if status { "True" } else { "False" },
        reason,
        message: message.into(),
    }
}

impl Situation<'_> {
    /// The conditions, with the transition times of `previous` where nothing changed.
    pub fn conditions(&self, previous: &[Condition], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
        [self.available(), self.syncing(), self.degraded()]
            .into_iter()
            .map(|verdict| {
                let since = previous
                    .iter()
                    .find(|known| known.type_ == verdict.kind && known.status == verdict.status)
                    .map_or(Time(now), |known| known.last_transition_time.clone());
                Condition {
                    type_: verdict.kind.to_owned(),
                    status: verdict.status.to_owned(),
                    reason: verdict.reason.to_owned(),
                    message: verdict.message,
                    last_transition_time: since,
                    observed_generation: generation,
                }
            })
            .collect()
    }

    /// It sends nothing, by what the resource says or because another one speaks.
    pub fn is_idle(&self) -> bool {
        self.settings_error.is_some() || *self.standing != Standing::Speaks
    }

    /// What something outside has to give: credentials, the cluster's uid, the platform. Reason and message.
    pub fn waits_for(&self) -> Option<(&'static str, String)> {
        self.blocked()
            .filter(|(reason, _)| *reason != "Starting")
            .or_else(|| self.link_trouble())
    }

    fn available(&self) -> Verdict {
        let no = |reason, message: String| verdict("Available", false, reason, message);
        if let Some((reason, message)) = self.blocked() {
            return no(reason, message);
        }
        match self.link {
            Link::Up => verdict("Available", true, "Connected", "the platform accepts what is sent"),
            Link::Fresh => no("Connecting", "the first request is on its way".to_owned()),
            Link::NoToken(_) | Link::Denied(_) | Link::Trying(_) | Link::Open(_) => {
                let (reason, message) = self.link_trouble().unwrap_or(("Connecting", String::new()));
                no(reason, message)
            }
        }
    }

    fn syncing(&self) -> Verdict {
        let no = |reason, message: &str| verdict("Syncing", false, reason, message);
        if self.blocked().is_some() {
            return no("NotStarted", "the agent can't start; see Degraded");
        }
        if !self.accepted {
            return no(
                "SnapshotPending",
                "no snapshot was accepted yet; it is sent when the kinds are listed. If it takes minutes, see Degraded",
            );
        }
        match self.link {
            Link::Up | Link::Fresh | Link::Trying(_) => {
                verdict("Syncing", true, "Streaming", "a snapshot was accepted and changes flow")
            }
            Link::NoToken(_) | Link::Denied(_) | Link::Open(_) => no(
                "Interrupted",
                "changes wait until the platform can be reached again; see Degraded",
            ),
        }
    }

    /// All that is wrong is in the message; the reason is that of the first, which is the one to look at first.
    fn degraded(&self) -> Verdict {
        match self.blocked() {
            Some(("Starting", message)) => return verdict("Degraded", false, "AsExpected", message),
            Some((reason, message)) => return verdict("Degraded", true, reason, message),
            None => {}
        }
        let mut troubles = self.troubles().into_iter();
        let Some((reason, first)) = troubles.next() else {
            return verdict("Degraded", false, "AsExpected", "nothing is wrong");
        };
        let message = troubles.fold(first, |all, (_, next)| all + ". Besides, " + &next);
        verdict("Degraded", true, reason, message)
    }

    /// What is wrong with an agent that has started, the worst first: reasons and messages.
    fn troubles(&self) -> Vec<(&'static str, String)> {
        let platform = self.platform;
        let mut troubles: Vec<(&'static str, String)> = self.link_trouble().into_iter().collect();
        if let Some(error) = self.credentials_error {
            let message = format!("Secret {}: {error}. The last good credentials stay in use", self.secret);
            troubles.push((error.reason(), message));
        }
        troubles.extend(self.refusal().map(|message| ("SnapshotRefused", message)));
        if !self.unreadable.is_empty() {
            let kind = |(kind, why): (&ResourceKind, &Unreadability)| format!("{kind} ({why})");
            let kinds: Vec<String> = self.unreadable.iter().map(kind).collect();
            let message = format!("left out of snapshots until they can be read: {}", kinds.join(", "));
            troubles.push(("KindUnreadable", message));
        }
        troubles.extend(self.excess().map(|message| ("SnapshotTooLarge", message)));
        if let Some(objects) = counts(self.set_aside) {
            let message = format!(
                "{platform} refuses objects, which are set aside until they change: {objects}; the operator's log names \
                 them and the answer; check that the platform supports this version of the operator"
            );
            troubles.push(("ObjectsSetAside", message));
        }
        if let Some(objects) = counts(self.undecodable) {
            let message = format!(
                "objects that can't be decoded are set aside until they change: {objects}; check what wrote them, or report \
                 it with the operator's and the cluster's version"
            );
            troubles.push(("ObjectsSetAside", message));
        }
        troubles
    }

    /// The message about a snapshot that was refused.
    pub(crate) fn refusal(&self) -> Option<String> {
        let outcome = self.refused?;
        let (platform, hint) = (self.platform, refusal_hint(outcome));
        Some(format!(
            "{platform} answered the snapshot with {outcome}; it is sent again later; {hint}"
        ))
    }

    /// The message about kinds that are too large for a snapshot.
    pub(crate) fn excess(&self) -> Option<String> {
        let (platform, kinds) = (self.platform, self.too_large);
        (!kinds.is_empty()).then(|| {
            format!(
                "{platform} answers status 413 to a snapshot of {kinds}, which goes as events; raise its limit for request \
                 bodies"
            )
        })
    }

    /// Something keeps the agent from starting, and that isn't just that it starts.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked().is_some_and(|(reason, _)| reason != "Starting")
    }

    /// The message about the cluster's uid, when that is what the agent waits for.
    pub(crate) fn waits_for_cluster(&self) -> Option<String> {
        let (reason, message) = self.blocked()?;
        (reason == "ClusterUnknown").then_some(message)
    }

    /// What keeps the agent from starting.
    fn blocked(&self) -> Option<(&'static str, String)> {
        if let Some(error) = self.settings_error {
            return Some((error.reason(), error.to_string()));
        }
        if let Standing::Duplicate { of } = self.standing {
            let message =
                format!("ObsykAgent {of} reports to the same platform, and only one may; delete one of the two");
            return Some(("DuplicatePlatform", message));
        }
        if self.failing {
            return Some((
                "Restarting",
                "parts of the agent fail again and again and are restarted; it is a bug: report it with the operator's log".to_owned(),
            ));
        }
        if !self.has_credentials {
            return Some(match self.credentials_error {
                Some(error) => (error.reason(), format!("Secret {}: {error}", self.secret)),
                None if self.secret_seen => {
                    let error = CredentialsError::NoSecret;
                    (error.reason(), format!("Secret {}: {error}", self.secret))
                }
                None => ("Starting", format!("Secret {} is being read", self.secret)),
            });
        }
        match self.cluster_known {
            Some(true) => None,
            Some(false) => Some((
                "ClusterUnknown",
                "the uid of namespace kube-system can't be read; check that the API server answers, and grant list on namespaces".to_owned(),
            )),
            None => Some(("Starting", "the cluster's uid is being read".to_owned())),
        }
    }

    fn link_trouble(&self) -> Option<(&'static str, String)> {
        let way = Way {
            platform: self.platform,
            proxy: self.proxy,
        };
        let secret = self.secret;
        Some(match self.link {
            Link::Fresh | Link::Up => return None,
            Link::NoToken(error) => way.without_token(secret, error),
            Link::Denied(outcome) => (
                "CredentialsRefused",
                format!(
                    "{} answered {outcome} with a fresh token: check that the platform lets client_id of Secret {secret} \
                     report this cluster",
                    self.platform
                ),
            ),
            Link::Trying(outcome) | Link::Open(outcome) => way.unavailable("the platform", outcome),
        })
    }
}

fn refusal_hint(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Status { code: 300..=399, .. } => "redirects aren't followed; check platformURL",
        Outcome::Status {
            code: 404 | 405 | 410, ..
        } => "check platformURL",
        Outcome::Status { .. } | Outcome::Lost { .. } => {
            "check that the platform supports this version of the operator"
        }
    }
}

/// `2 Pod, 1 Secret`, if there are any.
fn counts(by_kind: &BTreeMap<ResourceKind, u64>) -> Option<String> {
    let parts: Vec<String> = by_kind
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
