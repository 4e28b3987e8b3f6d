// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How parents learn that a child ended, how often they build a new one, and how they talk to one that may hang.
//!
//! `actix::Supervisor` isn't used: it doesn't restart after a panic, and it keeps the old fields. Here a child reports
//! its end from `stopped()`, which actix runs after a panic too, and the parent builds a new child, after a backoff and
//! within an intensity.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use actix::clock::timeout;
use actix::dev::ToEnvelope;
use actix::{Handler, Message};
use obsyk_domain::ports::Local;
use obsyk_domain::retry::Backoff;
use obsyk_domain::time::{Chance, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::inspect::{ActorView, Exit};
use crate::mail::{Address, Attended, Mail};

/// The span over which restarts are counted. After one without any the backoff begins anew.
const WINDOW: Duration = Duration::from_secs(300);

/// How an actor ended.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum ExitCause {
    /// Its parent asked for it.
    Asked,
    /// A handler or a future of it panicked.
    Panicked,
    /// Its own children died too often.
    GaveUp,
}

impl ExitCause {
    /// The word for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Panicked => "panicked",
            Self::GaveUp => "gave_up",
        }
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked",
            Self::Panicked => "panicked",
            Self::GaveUp => "gave up",
        })
    }
}

/// A child ended. To its parent, from `stopped()`.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Exited<C: 'static> {
    /// Which child.
    pub child: C,
    /// Which of those that its parent built in its place.
    pub generation: u64,
    /// How.
    pub cause: ExitCause,
}

/// Asks a child, and waits for the answer no longer than `within`; `None` without one. A question that was given up is
/// skipped when the child comes to it: actix looks whether somebody still waits.
pub(crate) fn ask<A, M>(child: &Address<A>, question: M, within: Duration) -> Local<Option<M::Result>>
where
    A: Attended + Handler<Mail<M>>,
    A::Context: ToEnvelope<A, Mail<M>>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let answer = timeout(within, child.send(question));
    Box::pin(async move { answer.await.ok()?.ok() })
}

/// Commands a child: done when it replies, but not later than after `within`. The command is on its way at once, and it is
/// delivered whether or not this is waited for: actix skips a message whose sender waits no more, so somebody does.
pub(crate) fn command<A, M>(child: &Address<A>, message: M, within: Duration) -> Local<()>
where
    A: Attended + Handler<Mail<M>>,
    A::Context: ToEnvelope<A, Mail<M>>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let request = child.send(message);
    let (done, replied) = oneshot::channel();
    actix::spawn(async move {
        // A child that is gone has obeyed, and whoever commanded may have stopped waiting.
        let _gone = request.await;
        let _late = done.send(());
    });
    Box::pin(async move {
        let _late = timeout(within, replied).await;
    })
}

/// How often a child died in one place, by cause, and how the last time.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    counts: BTreeMap<ExitCause, u64>,
    last: Option<Exit>,
}

impl Deaths {
    /// Another one died.
    pub fn count(&mut self, exit: Exit) {
        *self.counts.entry(exit.cause).or_default() += 1;
        self.last = Some(exit);
    }

    /// Says so in the view of its successor.
    pub fn tell(&self, actor: &mut ActorView) {
        actor.restarts = self.counts.values().sum();
        actor.restart_causes.clone_from(&self.counts);
        actor.last_exit = self.last;
    }
}

/// When a parent builds new children: after a backoff, and within an intensity.
#[derive(Debug)]
pub struct Restarts {
    most: usize,
    times: VecDeque<Moment>,
    backoff: Backoff,
}

impl Restarts {
    /// At most `most` in [`WINDOW`]: with one more the parent itself is at fault, and ends.
    pub fn at_most(most: usize) -> Self {
        Self {
            most,
            times: VecDeque::new(),
            backoff: Backoff::RESTART,
        }
    }

    /// A child died: when its successor is built, or `None` when children died too often.
    pub fn next(&mut self, now: Moment, chance: &mut dyn Chance) -> Option<Moment> {
        while self.times.front().is_some_and(|first| now.since(*first) > WINDOW) {
            self.times.pop_front();
        }
        if self.times.is_empty() {
            self.backoff.reset();
        }
        self.times.push_back(now);
        (self.times.len() <= self.most).then(|| now + self.backoff.next(chance))
    }
}

#[cfg(test)]
mod tests;
