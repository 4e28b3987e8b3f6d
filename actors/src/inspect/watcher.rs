// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A watcher.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::MessageResponse;
use obsyk_domain::condition::Unreadability;
use obsyk_domain::durations::Durations;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::resource::redact::Rule;
use obsyk_domain::time::{Moment, seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActorView, SetAside};
use crate::watcher::Phase;

/// How a kind was listed.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum ListForm {
    /// As a stream, from the API server's cache.
    Stream,
    /// In pages, a quorum read.
    Pages,
}

impl ListForm {
    /// The word for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Pages => "pages",
        }
    }
}

/// Why a kind was listed.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum ListWhy {
    /// For a snapshot.
    Snapshot,
    /// The version from which the watch would go on is too old (410).
    Expired,
    /// The list or watch before it failed.
    Failed,
    /// The kind couldn't be read, and it is tried again.
    Unreadable,
    /// The API server can't stream a list.
    Unsupported,
    /// A streamed list was older than what had been seen: a quorum read is asked for.
    Stale,
    /// A watch told of an object that may be older than its delete: only a quorum read knows.
    Gap,
    /// What was known was worth nothing, as after a restored backup.
    Forgotten,
}

impl ListWhy {
    /// The word for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::Stale => "stale",
            Self::Gap => "gap",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A count of lists that were begun.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Lists {
    /// How.
    pub form: ListForm,
    /// Why.
    pub why: ListWhy,
    /// How many.
    pub count: u64,
}

/// The last list that was read to its end.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LastList {
    /// How.
    pub form: ListForm,
    /// Why.
    pub why: ListWhy,
    /// When it ended.
    pub ended: Moment,
    /// Seconds that it took.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub took: Duration,
}

/// A watcher.
#[derive(JsonSchema, Serialize, Deserialize, MessageResponse, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct WatcherView {
    /// The actor.
    pub actor: ActorView,
    /// The kind.
    pub kind: ResourceKind,
    /// What it is doing.
    pub phase: Phase,
    /// Why the kind can't be read and is left out, until a list of it is whole.
    pub unreadable: Option<Unreadability>,
    /// Why nothing is read just now: the kind can't be read, or the last read failed.
    pub problem: Option<String>,
    /// When it tries again.
    pub next_try: Option<Moment>,
    /// Objects known.
    pub known: u64,
    /// The newest version that the API server has told.
    pub version: u64,
    /// Lists begun so far.
    pub lists: Vec<Lists>,
    /// The last list that was read to its end.
    pub last_list: Option<LastList>,
    /// How long lists took that were read to their end.
    pub list_durations: Durations,
    /// Watch events so far.
    pub events: u64,
    /// When the last of them came.
    pub last_event: Option<Moment>,
    /// Annotations that were read and not sent, by the rule that held them back: each time that an object is read.
    pub withheld: BTreeMap<Rule, u64>,
    /// Objects that can't be decoded.
    pub undecodable: u64,
    /// The first of them.
    pub set_aside_objects: Vec<SetAside>,
}

impl WatcherView {
    /// A watcher that hasn't said anything yet.
    pub fn unseen(actor: ActorView, kind: ResourceKind) -> Self {
        Self {
            actor,
            kind,
            phase: Phase::Idle,
            unreadable: None,
            problem: None,
            next_try: None,
            known: 0,
            version: 0,
            lists: Vec::new(),
            last_list: None,
            list_durations: Durations::default(),
            events: 0,
            last_event: None,
            withheld: BTreeMap::new(),
            undecodable: 0,
            set_aside_objects: Vec::new(),
        }
    }

    /// Whether a list was begun: whether `known` says anything.
    pub fn has_listed(&self) -> bool {
        !self.lists.is_empty()
    }
}
