// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The ledger's promises, each by itself, and all of them together against a model of cluster and platform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod model;
mod promises;
mod snapshots;
mod verify;
mod world;

use std::time::Duration;

use bytes::Bytes;

use super::{Change, Dispatch, Ledger, What};
use crate::resource::{ResourceKind, Uid};
use crate::time::Moment;
use crate::wire::EventType;

fn at(secs: u64) -> Moment {
    Moment::at(Duration::from_secs(secs))
}

fn uid(text: &str) -> Uid {
    Uid::from(text)
}

/// A change of a Pod; its uid and name are given as `uid/name`, or as one word for both.
fn change(path: &str, what: What) -> Change {
    let (uid, name) = path.split_once('/').unwrap_or((path, path));
    Change {
        uid: Uid::from(uid),
        namespace: Some("shop".into()),
        name: name.into(),
        what,
    }
}

fn json(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

impl Ledger {
    fn add(&mut self, path: &str, state: &str) {
        self.offer(at(0), ResourceKind::Pod, change(path, What::Added(json(state))));
    }

    fn update(&mut self, path: &str, state: &str) {
        self.offer(at(0), ResourceKind::Pod, change(path, What::Updated(json(state))));
    }

    fn delete(&mut self, path: &str) {
        self.offer(at(0), ResourceKind::Pod, change(path, What::Deleted));
    }

    /// Sends the next event: its type, uid and state.
    fn sent(&mut self) -> Option<(EventType, String, String)> {
        self.next().map(|dispatch| said(&dispatch))
    }

    /// Sends the next event and has it accepted.
    fn told(&mut self) -> Option<(EventType, String, String)> {
        let dispatch = self.next()?;
        self.accepted(&dispatch.uid);
        Some(said(&dispatch))
    }

    /// Nothing is held, and nothing is left behind in the indexes.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ready.is_empty() && self.names.is_empty() && self.bytes == 0
    }
}

fn said(dispatch: &Dispatch) -> (EventType, String, String) {
    let state = dispatch.object.as_deref().unwrap_or_default();
    (
        dispatch.event,
        dispatch.uid.to_string(),
        String::from_utf8(state.to_vec()).unwrap(),
    )
}

/// What [`Ledger::sent`] gives.
fn event(event: EventType, uid: &str, state: &str) -> Option<(EventType, String, String)> {
    Some((event, uid.to_owned(), state.to_owned()))
}
