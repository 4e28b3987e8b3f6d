// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! An agent and its children.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::MessageResponse;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::{Moment, seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActorView, SenderView, WatcherView};

/// Where an agent is on its way.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", tag = "phase")]
pub enum Readiness {
    /// A snapshot was accepted.
    Synced,
    /// It sends nothing, and the condition says why: a wrong resource, or another one that speaks for the platform.
    Idle,
    /// It waits for something outside: credentials or the platform.
    Waits {
        /// What for, in a word.
        reason: String,
        /// What for, and what to do about it.
        message: String,
    },
    /// It is on its way to the first snapshot.
    Starting,
}

/// A condition of the resource, as it was written last.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ConditionView {
    /// Available, Syncing or Degraded.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: String,
    /// Why, in a word.
    pub reason: String,
    /// Why, and what to do about it.
    pub message: String,
}

/// As whom the agent speaks: never the key itself.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsView {
    /// The Secret that is followed.
    pub secret: Option<String>,
    /// The client's id, of the credentials in use.
    pub client_id: Option<String>,
    /// The thumbprint of the public key in use (RFC 7638, SHA-256).
    pub thumbprint: Option<String>,
    /// What is wrong with the Secret as it is now.
    pub problem: Option<String>,
}

/// How a snapshot ended.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", tag = "end")]
pub enum SnapshotResult {
    /// The platform accepted it.
    Accepted {
        /// Objects in it.
        objects: u64,
        /// Bytes of it, before any compression in transit.
        bytes: u64,
    },
    /// The platform refused it for good.
    Refused {
        /// The answer.
        answer: String,
    },
    /// It wasn't sent to its end.
    Unfinished,
}

/// A snapshot that ended.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PastSnapshot {
    /// Its number.
    pub n: u64,
    /// What it answered.
    pub causes: Vec<Cause>,
    /// When it was opened: when the lists were asked for, or, as long as the sender had no turn for it, when it was due.
    pub opened: Moment,
    /// Seconds from then to its end.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub took: Duration,
    /// How it ended.
    #[serde(flatten)]
    pub result: SnapshotResult,
}

/// The snapshot that is open.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OpenSnapshotView {
    /// Its number.
    pub n: u64,
    /// What it answers.
    pub causes: Vec<Cause>,
    /// When it was opened: when the lists were asked for, or, as long as the sender has no turn for it, when it was due.
    pub opened: Moment,
    /// The kinds whose list it waits for; none when it is being sent.
    pub waits_for: Vec<ResourceKind>,
}

/// The agent's snapshots.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotsView {
    /// Those begun so far, by cause: one that answers two causes counts for both.
    pub by_cause: BTreeMap<Cause, u64>,
    /// The one that is open.
    pub open: Option<OpenSnapshotView>,
    /// When the next one may open, as far as one is due.
    pub next: Option<Moment>,
    /// The last ten that ended, newest first.
    pub recent: Vec<PastSnapshot>,
}

/// An agent and its children.
#[derive(JsonSchema, Serialize, Deserialize, MessageResponse, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// The actor.
    pub actor: ActorView,
    /// The resource's namespace.
    pub namespace: String,
    /// The resource's name.
    pub name: String,
    /// Where it is on its way.
    pub readiness: Readiness,
    /// The platform, as the resource names it; none while what it names can't be one.
    pub platform: Option<String>,
    /// The proxy on the way there, as host and port.
    pub proxy: Option<String>,
    /// The cluster's name.
    pub cluster_name: Option<String>,
    /// The cluster's uid.
    pub cluster_uid: Option<String>,
    /// As whom it speaks.
    pub credentials: CredentialsView,
    /// The resource's conditions.
    pub conditions: Vec<ConditionView>,
    /// Its snapshots.
    pub snapshots: SnapshotsView,
    /// When the next heartbeat is due.
    pub next_heartbeat: Option<Moment>,
    /// Kubernetes Events that weren't recorded: there were too many.
    pub dropped_notices: u64,
    /// Its sender; none when it has none.
    pub sender: Option<SenderView>,
    /// Its watchers.
    pub watchers: Vec<WatcherView>,
}

impl AgentView {
    /// It doesn't answer, and nobody is heard through it.
    pub fn silent(&mut self) {
        self.each_actor(ActorView::silent);
    }

    /// It died, and its children end with it.
    pub fn died(&mut self) {
        self.each_actor(ActorView::died);
    }

    fn each_actor(&mut self, mut tell: impl FnMut(&mut ActorView)) {
        tell(&mut self.actor);
        self.sender.iter_mut().for_each(|sender| tell(&mut sender.actor));
        self.watchers.iter_mut().for_each(|watcher| tell(&mut watcher.actor));
    }

    /// An agent that hasn't said anything yet.
    pub fn unseen(actor: ActorView, key: &AgentKey) -> Self {
        Self {
            actor,
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            readiness: Readiness::Starting,
            platform: None,
            proxy: None,
            cluster_name: None,
            cluster_uid: None,
            credentials: CredentialsView::default(),
            conditions: Vec::new(),
            snapshots: SnapshotsView::default(),
            next_heartbeat: None,
            dropped_notices: 0,
            sender: None,
            watchers: Vec::new(),
        }
    }
}
