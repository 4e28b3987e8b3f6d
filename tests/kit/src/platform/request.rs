// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What arrived, when, and what became of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use serde_json::{Map, Value};

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `POST /oauth/token`
    Token,
    /// `POST /api/v1/agent/snapshot`
    Snapshot,
    /// `POST /api/v1/agent/events`
    Events,
    /// `POST /api/v1/agent/heartbeat`
    Heartbeat,
}

impl Endpoint {
    const ALL: [Self; 4] = [Self::Token, Self::Snapshot, Self::Events, Self::Heartbeat];

    /// Its path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Token => "/oauth/token",
            Self::Snapshot => "/api/v1/agent/snapshot",
            Self::Events => "/api/v1/agent/events",
            Self::Heartbeat => "/api/v1/agent/heartbeat",
        }
    }

    pub(super) fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

/// What an event says has happened to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// `ADDED`, `added`
    Added,
    /// `UPDATED`, `modified`
    Updated,
    /// `DELETED`, `deleted`
    Deleted,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "ADDED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        })
    }
}

/// An event that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The cluster that it is of.
    pub cluster_uid: String,
    /// What happened.
    pub change: Change,
    /// Its kind, as Kubernetes calls it.
    pub kind: String,
    /// Its object's uid.
    pub uid: String,
    /// Its object's namespace, if it has one.
    pub namespace: Option<String>,
    /// Its object's name.
    pub name: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9}{:<14}", self.change, self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// A snapshot that arrived, without its objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The cluster that it is of.
    pub cluster_uid: String,
    /// Its fields but the lists.
    pub head: Map<String, Value>,
    /// How many objects each list has, by the list's name.
    pub counts: BTreeMap<&'static str, usize>,
    /// The lists that it leaves out.
    pub absent: Vec<&'static str>,
}

impl Snapshot {
    /// How many objects it has.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.counts.values().sum()
    }
}

/// What a request says, as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing that is looked at: a heartbeat, a request for a token, or a body that breaks the protocol.
    Other,
    /// One change.
    Event(Event),
    /// The whole cluster.
    Snapshot(Snapshot),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    UnderWay,
    /// It was answered with this status.
    Answered(u16),
    /// The platform broke it off, with a reset or half an answer.
    BrokenOff,
    /// Whoever asked went away, or the platform went down, before there was an answer.
    Abandoned,
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Raw {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The names and values of its headers, a line each.
    pub head: String,
    /// Its body, as it was sent.
    pub body: Vec<u8>,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counts from 0 in the order of arrival.
    pub number: u64,
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The client whose token it carries, or whose assertion was good.
    pub client: Option<String>,
    /// When its head was there.
    pub arrived: Instant,
    /// When it was answered, broken off or abandoned.
    pub ended: Option<Instant>,
    /// What became of it.
    pub outcome: Outcome,
    /// What it says.
    pub content: Content,
    /// The length of its body.
    pub bytes: usize,
}

impl Request {
    /// The status of its answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered(status) => Some(status),
            Outcome::UnderWay | Outcome::BrokenOff | Outcome::Abandoned => None,
        }
    }

    /// Whether its answer was a 2xx.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// The event that it brought.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match &self.content {
            Content::Event(event) => Some(event),
            Content::Snapshot(_) | Content::Other => None,
        }
    }

    /// The snapshot that it brought.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.content {
            Content::Snapshot(snapshot) => Some(snapshot),
            Content::Event(_) | Content::Other => None,
        }
    }
}
