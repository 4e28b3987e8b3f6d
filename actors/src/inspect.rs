// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What one can see of the actors at run time: typed snapshots, the same for endpoints, readiness, metrics and tests.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::ledger::LedgerStats;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenPhase;
use serde::Serialize;

use crate::watcher::Phase;

/// The whole tree.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SupervisorView {
    /// Whether the resources were listed.
    pub listed: bool,
    /// The agents, by namespace and name.
    pub agents: Vec<AgentView>,
    /// Agents that were restarted.
    pub restarts: u64,
}

/// Where an agent is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Readiness {
    /// A snapshot was accepted.
    Synced,
    /// It sends nothing, and the condition says why: a wrong resource, or another one that speaks for the platform.
    Idle,
    /// It waits for something outside: credentials or the platform.
    Waits {
        /// What for, and what to do about it.
        reason: String,
        /// In words.
        message: String,
    },
    /// It is on its way to the first snapshot.
    Starting,
}

/// An agent and its children.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// The resource's namespace.
    pub namespace: String,
    /// The resource's name.
    pub name: String,
    /// Which of those that the supervisor built, for this resource or another.
    pub generation: u64,
    /// Where it is on its way.
    pub readiness: Readiness,
    /// Snapshots opened so far, by cause.
    pub snapshots: BTreeMap<&'static str, u64>,
    /// Its sender, as it answered last; none when it isn't running.
    pub sender: Option<SenderView>,
    /// Its watchers, as they answered last.
    pub watchers: Vec<WatcherView>,
    /// Notices that were dropped so far, because there were too many.
    pub dropped_notices: u64,
    /// Whether all children answered in time.
    pub fresh: bool,
}

/// A sender.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderView {
    /// Which of those that its agent built.
    pub generation: u64,
    /// The token's state, never the token.
    pub token: TokenPhase,
    /// Tokens issued so far.
    pub tokens: u64,
    /// What the ledger holds.
    pub ledger: LedgerStats,
    /// Since when the oldest change waits.
    pub oldest: Option<Moment>,
    /// When the platform last accepted a request.
    pub last_accepted: Option<Moment>,
    /// How long snapshots were open so far: changes waited meanwhile.
    pub barrier: Duration,
    /// Changes offered so far.
    pub changes: u64,
    /// Events accepted so far.
    pub events: u64,
    /// Retries so far.
    pub retries: u64,
    /// Requests answered so far, by endpoint and class.
    pub requests: Vec<Requests>,
    /// Objects that the platform refuses, by kind.
    pub set_aside: BTreeMap<ResourceKind, u64>,
}

/// A count of answers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// The endpoint.
    pub endpoint: &'static str,
    /// `2xx`, …, or why there was no answer.
    pub class: &'static str,
    /// How many.
    pub count: u64,
}

/// A watcher.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatcherView {
    /// The kind.
    pub kind: ResourceKind,
    /// Which of those that its agent built.
    pub generation: u64,
    /// What it is doing.
    pub phase: Phase,
    /// Objects known.
    pub known: u64,
    /// Those of them that can't be decoded.
    pub undecodable: u64,
    /// The newest version that the API server has told.
    pub version: u64,
    /// Lists begun so far.
    pub lists: u64,
    /// Watch events so far.
    pub events: u64,
    /// How often it was restarted.
    pub restarts: u64,
}
