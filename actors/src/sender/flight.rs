// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A request that is in flight, and what it is about.

use obsyk_domain::ledger::Dispatch;
use obsyk_domain::resource::{ResourceKind, Uid};
use obsyk_domain::time::Moment;

/// The object that an event is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) kind: ResourceKind,
    pub(super) uid: Uid,
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
    /// When the oldest change that the event carries was offered.
    pub(super) since: Moment,
    /// The event says that it is gone.
    pub(super) deleted: bool,
}

impl From<Dispatch> for Subject {
    fn from(dispatch: Dispatch) -> Self {
        Self {
            kind: dispatch.kind,
            uid: dispatch.uid,
            namespace: dispatch.namespace,
            name: dispatch.name,
            since: dispatch.since,
            deleted: dispatch.object.is_none(),
        }
    }
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Aboard {
    Event(Subject),
    Snapshot,
    Heartbeat,
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) what: Aboard,
    /// The generation of the token that it carries.
    pub(super) token: u64,
    /// It was the one request that is tried.
    pub(super) trial: bool,
}
