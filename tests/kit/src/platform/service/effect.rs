// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a request that is right changes.

use serde_json::{Value, json};

use crate::platform::answers::{Answer, Reply};
use crate::platform::happening::What;
use crate::platform::request::{Event, Snapshot};
use crate::platform::schema::KINDS;
use crate::platform::state::State;

/// What a request asks for.
#[derive(Debug)]
pub(super) enum Effect {
    /// Nothing: it is refused.
    Nothing,
    /// A token for this client.
    Token(String),
    /// That the platform holds what the cluster holds.
    Snapshot(Snapshot, Value),
    /// That the platform holds an object, or holds it no more.
    Event(Event, Option<Value>),
    /// That the platform knows that somebody is there.
    Heartbeat,
}

impl Effect {
    /// The names of the objects that it is about; those of a snapshot only if anybody wants them.
    pub(super) fn names(&self, of_snapshots: bool) -> Vec<&str> {
        match self {
            Self::Event(event, _) => vec![&event.name],
            Self::Snapshot(_, body) if of_snapshots => {
                let lists = KINDS.iter().filter_map(|kind| body.get(kind.list)?.as_array());
                lists
                    .flatten()
                    .filter_map(|object| object.get("name")?.as_str())
                    .collect()
            }
            Self::Snapshot(..) | Self::Nothing | Self::Token(_) | Self::Heartbeat => Vec::new(),
        }
    }

    /// Changes the state, unless the answer says that nothing changes. The platform's own answer, and what to tell of it.
    pub(super) fn apply(self, state: &mut State, lean: bool, answer: &Answer) -> (Reply, Option<What>) {
        let accepted = Reply::json(200, &json!({ "status": "accepted" }));
        if let Self::Token(client) = self {
            // The text of an answer that was ordered is the token, if it has one; the platform knows nothing of it.
            if !answer.is_honest() {
                return (token(state, "nobody's"), None);
            }
            let issued = state.issue(&client);
            return (token(state, &issued), Some(What::Token(client)));
        }
        if !answer.applies() {
            return (accepted, None);
        }
        let news = match self {
            Self::Nothing | Self::Token(_) => None,
            Self::Snapshot(snapshot, body) => {
                state.counts.snapshots += 1;
                if !lean {
                    let cluster = state.clusters.entry(snapshot.cluster_uid.clone()).or_default();
                    cluster.replace(snapshot.head.clone(), &body);
                }
                Some(What::Snapshot(snapshot))
            }
            Self::Event(event, object) => {
                state.counts.events += 1;
                let cluster = state.clusters.get_mut(&event.cluster_uid);
                let oddity = cluster.and_then(|cluster| cluster.change(&event, object.as_ref()));
                state.count(oddity);
                Some(What::Event(event))
            }
            Self::Heartbeat => {
                state.counts.heartbeats += 1;
                Some(What::Heartbeat)
            }
        };
        (accepted, news)
    }
}

fn token(state: &State, token: &str) -> Reply {
    let body = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": state.token_lifetime.as_secs(),
    });
    Reply::json(200, &body)
}
