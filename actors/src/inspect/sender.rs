// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A sender.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::MessageResponse;
use obsyk_domain::durations::Durations;
use obsyk_domain::ledger::LedgerStats;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::{Moment, seconds};
use obsyk_domain::token::TokenPhase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ActorView;

/// The token's state, never the token.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// What it is at the moment.
    pub phase: TokenPhase,
    /// When the one in hand ends.
    pub expires: Option<Moment>,
    /// Tokens issued so far.
    pub issued: u64,
    /// Why the last try failed.
    pub problem: Option<String>,
}

/// The rate limiter.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RateView {
    /// Tokens gained in a second: events that may be sent.
    pub per_second: u32,
    /// Tokens that it can hold.
    pub burst: u32,
    /// Tokens that it holds.
    pub tokens: u32,
}

/// How things stand between the sender and the platform: its one retry state.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum LineView {
    /// The circuit is closed: requests go side by side.
    Closed,
    /// A request failed, or the platform asked to come later: one request at a time is tried.
    Retrying {
        /// The retry that comes next; 0 when the platform only asked to come later.
        attempt: u32,
        /// Not before this.
        next_try: Moment,
        /// The last answer.
        answer: Option<String>,
    },
    /// The circuit is open: only heartbeats probe.
    Open {
        /// The next probe.
        next_probe: Moment,
        /// The last answer.
        answer: Option<String>,
    },
    /// The credentials are refused: sending is paused until a new token comes.
    Denied {
        /// The last answer.
        answer: Option<String>,
    },
}

/// A count of answers.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// The endpoint.
    pub endpoint: String,
    /// `2xx`, …, or why there was no answer.
    pub class: String,
    /// How many.
    pub count: u64,
}

/// An object that is set aside: it is not sent until it changes.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Why: the platform's answer, or that it can't be decoded.
    pub reason: String,
}

/// A sender.
#[derive(JsonSchema, Serialize, Deserialize, MessageResponse, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SenderView {
    /// The actor.
    pub actor: ActorView,
    /// The token's state.
    pub token: TokenView,
    /// The rate limiter; none before the first config.
    pub rate: Option<RateView>,
    /// Seconds that changes waited for the rate limiter.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub rate_limited: Duration,
    /// The retry state.
    pub line: LineView,
    /// What the ledger holds.
    pub ledger: LedgerStats,
    /// Since when the oldest change waits.
    pub oldest: Option<Moment>,
    /// When the platform last accepted a request.
    pub last_accepted: Option<Moment>,
    /// Changes offered so far.
    pub changes: u64,
    /// Events accepted so far.
    pub events: u64,
    /// Retries so far.
    pub retries: u64,
    /// Requests answered so far, by endpoint and class.
    pub requests: Vec<Requests>,
    /// How long it took from a change to the acceptance of its event.
    pub lag: Durations,
    /// How long snapshots took, from the first list to the acceptance.
    pub snapshots: Durations,
    /// How long snapshots were open, whatever their end: changes waited meanwhile.
    pub barriers: Durations,
    /// Objects that the platform refuses, by kind.
    pub set_aside: BTreeMap<ResourceKind, u64>,
    /// The first of them.
    pub set_aside_objects: Vec<SetAside>,
}

impl SenderView {
    /// A sender that hasn't said anything yet.
    pub fn unseen(actor: ActorView) -> Self {
        Self {
            actor,
            token: TokenView {
                phase: TokenPhase::Absent,
                expires: None,
                issued: 0,
                problem: None,
            },
            rate: None,
            rate_limited: Duration::ZERO,
            line: LineView::Closed,
            ledger: LedgerStats::default(),
            oldest: None,
            last_accepted: None,
            changes: 0,
            events: 0,
            retries: 0,
            requests: Vec::new(),
            lag: Durations::default(),
            snapshots: Durations::default(),
            barriers: Durations::default(),
            set_aside: BTreeMap::new(),
            set_aside_objects: Vec::new(),
        }
    }
}
