// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which notices are recorded: those of transitions, one after the other, and not more than an API server should be bothered
//! with.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Situation;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::notice::{Notice, Part, Stood};
use obsyk_domain::rate::Allowance;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;
use tracing::debug;

use super::messages::Desired;
use crate::sender::SnapshotEnd;

/// Notices of one resource at once, and the time after which there may be one more. They are those of client-go's event
/// correlator for one source and one object (`defaultSpamBurst` and `defaultSpamQPS` in
/// k8s.io/client-go/tools/record/events_cache.go), so that we are no louder than Kubernetes itself.
const AT_ONCE: u32 = 25;
const ONE_MORE_AFTER: Duration = Duration::from_secs(300);

/// Notices that wait to be recorded. More than the limit lets through at once can only wait while the API server doesn't
/// take any, and then the newest are of the least use: the status will say how things stand.
const MOST_WAITING: usize = AT_ONCE as usize;

/// See the module's page.
#[derive(Debug)]
pub(super) struct NoticeKeeper {
    stood: Stood,
    /// The snapshot that was accepted since things were last looked at: it is told after what they have become by it.
    sent: Option<Notice>,
    /// The platform's last answer to an object of a kind that it refused.
    answers: BTreeMap<ResourceKind, Outcome>,
    limit: Allowance,
    waiting: VecDeque<Notice>,
    dropped: u64,
}

impl NoticeKeeper {
    /// A keeper that knows what the status of the resource shows.
    pub(super) fn new(desired: &Desired) -> Self {
        Self {
            stood: Stood::new(desired.status.as_deref(), desired.generation),
            sent: None,
            answers: BTreeMap::new(),
            limit: Allowance::full(ONE_MORE_AFTER, AT_ONCE),
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Things stand so now, with these credentials.
    pub(super) fn saw(&mut self, now: Moment, situation: &Situation<'_>, credentials: Option<&Credentials>) {
        for notice in self.stood.turn(situation, credentials, &self.answers) {
            self.tell(now, notice);
        }
        if let Some(sent) = self.sent.take() {
            self.tell(now, sent);
        }
    }

    /// A snapshot that had these causes ended. That it was refused is seen in how things stand.
    pub(super) fn ended(&mut self, end: &SnapshotEnd, why: Vec<Cause>) {
        if let SnapshotEnd::Accepted {
            objects, bytes, took, ..
        } = *end
        {
            self.sent = Some(Notice::SnapshotSent {
                objects,
                bytes,
                took,
                why,
            });
        }
    }

    /// The platform refused an object, which is set aside. How many there are is seen later.
    pub(super) fn refused(&mut self, kind: ResourceKind, answer: Outcome) {
        self.answers.insert(kind, answer);
    }

    /// A part of the agent died, and is restarted.
    pub(super) fn died(&mut self, now: Moment, part: Part) {
        self.tell(now, Notice::ActorRestarted { part });
    }

    fn tell(&mut self, now: Moment, notice: Notice) {
        if self.waiting.len() < MOST_WAITING && self.limit.take(now) {
            self.waiting.push_back(notice);
        } else {
            self.dropped += 1;
            debug!(
                reason = notice.reason(),
                dropped = self.dropped,
                "too many notices; one is dropped"
            );
        }
    }

    /// The oldest that waits to be recorded.
    pub(super) fn next(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }

    /// Notices that were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
