// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What all actors have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::time::{Moment, seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::supervision::ExitCause;

/// What an actor is.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// Of all resources.
    Supervisor,
    /// Of one resource.
    Agent,
    /// Talks to the platform.
    Sender,
    /// Reads a kind.
    Watcher,
}

impl ActorKind {
    /// The word for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Agent => "agent",
            Self::Sender => "sender",
            Self::Watcher => "watcher",
        }
    }
}

/// Whether what is shown is how the actor is now.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Life {
    /// It answered just now.
    Running,
    /// It didn't answer in time: what is shown is what it said last, at `seen`.
    Busy,
    /// It hasn't answered yet: nothing is known of it.
    Unseen,
    /// It died, or ended with one that did, and its parent builds a new one: what is shown is what it said last, at `seen`,
    /// if it ever did.
    Dead,
}

/// How an actor ended.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// Why.
    pub cause: ExitCause,
    /// When.
    pub at: Moment,
}

/// What an actor has had to do.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Messages {
    /// Messages handled, by their type.
    pub handled: BTreeMap<String, u64>,
    /// Messages that wait to be handled.
    pub waiting: u64,
    /// Seconds that it worked: in handlers, and in what goes on beside them, such as reading a list.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub busy: Duration,
}

/// An actor.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ActorView {
    /// What it is.
    pub actor: ActorKind,
    /// Its place in the tree: `supervisor`, `NAMESPACE/NAME`, `NAMESPACE/NAME/sender`, `NAMESPACE/NAME/Pod`.
    pub name: String,
    /// Which of those that its parent built in this place.
    pub generation: u64,
    /// Whether what is shown is how it is now.
    pub life: Life,
    /// When it said this of itself; when it was looked for, as long as it hasn't.
    pub seen: Moment,
    /// When it was started.
    pub started: Moment,
    /// How often one in this place died.
    pub restarts: u64,
    /// The same by cause.
    pub restart_causes: BTreeMap<ExitCause, u64>,
    /// The last time.
    pub last_exit: Option<Exit>,
    /// What it has had to do.
    pub messages: Messages,
}

impl ActorView {
    /// It doesn't answer: what is shown is what it said last.
    pub fn silent(&mut self) {
        if self.life == Life::Running {
            self.life = Life::Busy;
        }
    }

    /// It died.
    pub fn died(&mut self) {
        self.life = Life::Dead;
    }

    /// An actor that hasn't said anything yet.
    pub fn unseen(actor: ActorKind, name: String, generation: u64, now: Moment) -> Self {
        Self {
            actor,
            name,
            generation,
            life: Life::Unseen,
            seen: now,
            started: now,
            restarts: 0,
            restart_causes: BTreeMap::new(),
            last_exit: None,
            messages: Messages::default(),
        }
    }
}
