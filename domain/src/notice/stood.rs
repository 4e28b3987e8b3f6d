// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How things stood when they were last looked at: what differs now is a transition, and nothing else is told.
//!
//! It promises that a cause is told once, however often it is looked at, and that what the status of the process before
//! shows isn't told again where that can be known.

use std::collections::BTreeMap;

use crate::agent::{ObsykAgentStatus, SettingsError};
use crate::answer::Outcome;
use crate::condition::{Link, Situation, Standing, Unreadability};
use crate::credentials::{Credentials, CredentialsError};
use crate::resource::{KindSet, ResourceKind};

use super::Notice;

/// How it stands between the agent and the platform. A request that is tried again within seconds is none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Connection {
    /// Nothing is known, or nothing is sent for a reason that is told by itself.
    #[default]
    Unknown,
    Up,
    Down,
    Refused,
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Stood {
    /// What the conditions of the process before say, until a snapshot was accepted: by then all of it was seen again.
    shown: String,
    platform: String,
    link: Link,
    connection: Connection,
    credentials: Option<Credentials>,
    secret_error: Option<CredentialsError>,
    settings_error: Option<SettingsError>,
    duplicate: Option<String>,
    cluster_unknown: bool,
    refused: bool,
    too_large: KindSet,
    unreadable: BTreeMap<ResourceKind, Unreadability>,
    set_aside: BTreeMap<ResourceKind, u64>,
    undecodable: BTreeMap<ResourceKind, u64>,
}

impl Stood {
    /// What is known of a resource that had this status when its generation was this one. A status of another generation
    /// speaks of another resource.
    pub fn new(status: Option<&ObsykAgentStatus>, generation: Option<i64>) -> Self {
        let Some(status) = status.filter(|status| status.observed_generation == generation) else {
            return Self::default();
        };
        let messages: Vec<&str> = status.conditions.iter().map(|known| known.message.as_str()).collect();
        let available = status.conditions.iter().find(|known| known.type_ == "Available");
        Self {
            shown: messages.join("\n"),
            connection: available.map_or(Connection::Unknown, |known| connection_of(&known.reason)),
            ..Self::default()
        }
    }

    /// Things stand so now, with these credentials; the platform's last answers to objects that it refused are `answers`.
    /// What has changed since the last time is told.
    pub fn turn(
        &mut self,
        now: &Situation<'_>,
        credentials: Option<&Credentials>,
        answers: &BTreeMap<ResourceKind, Outcome>,
    ) -> Vec<Notice> {
        let mut told = Vec::new();
        self.turn_of_resource(now, &mut told);
        self.turn_of_secret(now, credentials, &mut told);
        if now.is_blocked() {
            // Its children are stopped or about to be: what was known through them is known no more.
            self.connection = Connection::Unknown;
            self.link = Link::Fresh;
            self.unreadable.clear();
        } else {
            self.turn_of_link(now, &mut told);
            self.turn_of_kinds(now, &mut told);
        }
        self.turn_of_snapshot(now, &mut told);
        self.turn_of_objects(now, answers, &mut told);
        if now.accepted {
            self.shown.clear();
        }
        told
    }

    /// Whether the status of the process before has this sentence, or this item of a list, as a whole. It says so once: what
    /// comes again after that is new.
    fn is_shown(&mut self, sentence: &str) -> bool {
        self.is_shown_after("", sentence)
    }

    /// As [`Self::is_shown`], of what stands behind these words.
    fn is_shown_after(&mut self, words: &str, sentence: &str) -> bool {
        let Some(from) = self.shown.find(words) else {
            return false;
        };
        let is_whole = |at: &usize| {
            let (before, after) = (self.shown.get(..*at), self.shown.get(at + sentence.len()..));
            let (before, after) = (
                before.and_then(|text| text.chars().next_back()),
                after.and_then(|text| text.chars().next()),
            );
            ![before, after].into_iter().flatten().any(char::is_alphanumeric)
        };
        let found = self.shown.match_indices(sentence).map(|(at, _)| at);
        let Some(at) = found.filter(|at| *at >= from).find(is_whole) else {
            return false;
        };
        self.shown.replace_range(at..at + sentence.len(), "");
        true
    }

    /// Tells it, unless the status of the process before has this sentence.
    fn tell(&mut self, sentence: &str, notice: impl FnOnce(String) -> Notice, told: &mut Vec<Notice>) {
        if !self.is_shown(sentence) {
            told.push(notice(sentence.to_owned()));
        }
    }

    fn turn_of_resource(&mut self, now: &Situation<'_>, told: &mut Vec<Notice>) {
        if self.settings_error.as_ref() != now.settings_error {
            self.settings_error = now.settings_error.cloned();
            if let Some(error) = now.settings_error {
                self.tell(&error.to_string(), |trouble| Notice::InvalidSpec { trouble }, told);
            }
        }
        let duplicate = match now.standing {
            Standing::Duplicate { of } if now.settings_error.is_none() => Some(of),
            Standing::Duplicate { .. } | Standing::Speaks => None,
        };
        if self.duplicate.as_ref() != duplicate {
            self.duplicate = duplicate.cloned();
            if let Some((_, trouble)) = duplicate.and_then(|_| now.waits_for()) {
                self.tell(&trouble, |trouble| Notice::DuplicatePlatform { trouble }, told);
            }
        }
        let unknown = now.waits_for_cluster();
        let is_unknown = unknown.is_some();
        if let Some(trouble) = unknown.filter(|_| !self.cluster_unknown) {
            self.tell(&trouble, |trouble| Notice::ClusterUnknown { trouble }, told);
        }
        self.cluster_unknown = is_unknown;
    }

    fn turn_of_secret(&mut self, now: &Situation<'_>, credentials: Option<&Credentials>, told: &mut Vec<Notice>) {
        let secret = || now.secret.to_owned();
        // An API server that doesn't answer says nothing about the Secret.
        let error = now.credentials_error;
        if error != Some(CredentialsError::Unreachable) && error != self.secret_error {
            let before = std::mem::replace(&mut self.secret_error, error);
            match error {
                Some(error) if !self.is_shown(&format!("Secret {}: {error}", now.secret)) => {
                    told.push(Notice::CredentialsInvalid {
                        secret: secret(),
                        error,
                        in_use: now.has_credentials,
                    });
                }
                None if before.is_some() && credentials.is_some() && credentials == self.credentials.as_ref() => {
                    told.push(Notice::CredentialsValid { secret: secret() });
                }
                Some(_) | None => {}
            }
        }
        if let Some(credentials) = credentials.filter(|now| Some(*now) != self.credentials.as_ref())
            && self.credentials.replace(credentials.clone()).is_some()
        {
            told.push(Notice::CredentialsRotated { secret: secret() });
        }
    }

    fn turn_of_link(&mut self, now: &Situation<'_>, told: &mut Vec<Notice>) {
        if self.platform != now.platform {
            // The first time it is the platform of the process before, as far as is known.
            if !self.platform.is_empty() {
                self.connection = Connection::Unknown;
            }
            self.platform = now.platform.to_owned();
        }
        if self.link == now.link {
            return;
        }
        self.link = now.link;
        let connection = match now.link {
            Link::Fresh | Link::Trying(_) => return,
            Link::Up => Connection::Up,
            Link::NoToken(_) | Link::Denied(_) | Link::Open(_) => Connection::Down,
        };
        let trouble = now.waits_for().filter(|_| connection == Connection::Down);
        let connection = trouble.as_ref().map_or(connection, |(reason, _)| connection_of(reason));
        if std::mem::replace(&mut self.connection, connection) == connection {
            return;
        }
        let trouble = trouble.map(|(_, message)| message).unwrap_or_default();
        told.extend(match connection {
            Connection::Unknown => None,
            Connection::Up => Some(Notice::Connected {
                platform: now.platform.to_owned(),
            }),
            Connection::Down => Some(Notice::Disconnected { trouble }),
            Connection::Refused => Some(Notice::CredentialsRefused { trouble }),
        });
    }

    fn turn_of_kinds(&mut self, now: &Situation<'_>, told: &mut Vec<Notice>) {
        for (&kind, &why) in now.unreadable {
            let is_news = self.unreadable.insert(kind, why) != Some(why);
            if is_news && !self.is_shown(&format!("{kind} ({why})")) {
                told.push(Notice::KindUnreadable { kind, why });
            }
        }
        self.unreadable.retain(|&kind, _| {
            let stays = now.unreadable.contains_key(&kind);
            if !stays {
                told.push(Notice::KindReadable { kind });
            }
            stays
        });
    }

    fn turn_of_snapshot(&mut self, now: &Situation<'_>, told: &mut Vec<Notice>) {
        if let Some(trouble) = now.refusal().filter(|_| !self.refused) {
            self.tell(&trouble, |trouble| Notice::SnapshotRefused { trouble }, told);
        }
        self.refused = now.refused.is_some();
        let more = !now.too_large.without(self.too_large).is_empty();
        self.too_large = now.too_large;
        if let Some(trouble) = now.excess().filter(|_| more) {
            self.tell(&trouble, |trouble| Notice::SnapshotTooLarge { trouble }, told);
        }
    }

    fn turn_of_objects(
        &mut self,
        now: &Situation<'_>,
        answers: &BTreeMap<ResourceKind, Outcome>,
        told: &mut Vec<Notice>,
    ) {
        for (kind, count) in risen(&mut self.set_aside, now.set_aside) {
            let answer = answers.get(&kind).copied();
            told.push(Notice::ObjectSetAside { kind, count, answer });
        }
        for (kind, count) in risen(&mut self.undecodable, now.undecodable) {
            // Which ones they are isn't known from the status; as many of the same kind are taken for the same ones.
            if !self.is_shown_after("can't be decoded", &format!("{count} {kind}")) {
                told.push(Notice::ObjectUndecodable { kind, count });
            }
        }
    }
}

/// What a reason of the condition Available says of the connection.
fn connection_of(reason: &str) -> Connection {
    match reason {
        "Connected" => Connection::Up,
        "CredentialsRefused" => Connection::Refused,
        "PlatformUnavailable" | "NotAPlatform" => Connection::Down,
        _ => Connection::Unknown,
    }
}

/// The counts that are to be told: the first of a kind, and then each that is at least twice what was told, so that a
/// thousand objects make ten notices. One that falls counts from where it fell to.
fn risen(told: &mut BTreeMap<ResourceKind, u64>, now: &BTreeMap<ResourceKind, u64>) -> Vec<(ResourceKind, u64)> {
    told.retain(|kind, known| {
        *known = (*known).min(now.get(kind).copied().unwrap_or_default());
        *known > 0
    });
    let mut risen = Vec::new();
    for (&kind, &count) in now {
        let known = told.get(&kind).copied().unwrap_or_default();
        if count > 0 && count >= known.saturating_mul(2) && count > known {
            told.insert(kind, count);
            risen.push((kind, count));
        }
    }
    risen
}
