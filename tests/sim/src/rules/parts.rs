// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Parts of the rules: response classes, rate, retries, requests in flight.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

/// The class of an answer: the protocol's table, read once more from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseClass {
    Accepted,
    Unauthorized,
    Forbidden,
    /// To come later.
    Later,
    /// Refused for good, with this code.
    Refused(u16),
    /// Worth a retry; whether the platform has said when.
    Failed {
        told_when: bool,
    },
}

impl ResponseClass {
    pub(super) fn by(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Lost { .. } => Self::Failed { told_when: false },
            Outcome::Status { code, retry_after } => match code {
                200..=299 => Self::Accepted,
                401 => Self::Unauthorized,
                403 => Self::Forbidden,
                408 | 429 => Self::Later,
                500..=599 => Self::Failed {
                    told_when: retry_after.is_some(),
                },
                other => Self::Refused(other),
            },
        }
    }
}

/// Tokens, as the protocol has them.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) level: f64,
    pub(super) at: Moment,
}

impl Bucket {
    pub(super) fn take(&mut self, now: Moment, per_second: f64, burst: f64) -> bool {
        self.level = (self.level + now.since(self.at).as_secs_f64() * per_second).min(burst);
        self.at = now;
        self.level -= 1.0;
        self.level > -1e-3
    }
}

/// Requests fail, and are tried again.
#[derive(Debug)]
pub(super) struct Failing {
    /// Requests from this number on are retries.
    pub(super) from: u64,
    pub(super) retries: u32,
    /// When the last failure was learnt of, and the longest wait that may follow it.
    pub(super) since: Moment,
    pub(super) longest: Duration,
}

/// A request whose answer the sender waits for.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) order: u64,
    pub(super) at: Moment,
    pub(super) event: Option<EventInFlight>,
    /// The kinds of a snapshot, and when the list of each was asked for.
    pub(super) snapshot: Option<BTreeMap<ResourceKind, Moment>>,
}

/// An event in flight.
#[derive(Debug)]
pub(super) struct EventInFlight {
    pub(super) uid: String,
    pub(super) kind: ResourceKind,
}
