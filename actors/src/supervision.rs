// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How parents learn that a child ended, and how often they build a new one.
//!
//! `actix::Supervisor` isn't used: it doesn't restart after a panic, and it keeps the old fields. Here a child reports
//! its end from `stopped()`, which actix runs after a panic too, and the parent builds a new child, after a backoff and
//! within an intensity.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Handler, Message, Recipient, WeakAddr};
use obsyk_domain::time::Moment;
use serde::Serialize;

/// Children of one parent die at most this often in [`WINDOW`]; then the parent itself is at fault, and ends.
const MOST_RESTARTS: usize = 20;

/// The span over which restarts are counted.
const WINDOW: Duration = Duration::from_secs(300);

/// How an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExitCause {
    /// Its parent asked for it.
    Asked,
    /// A handler or a future of it panicked.
    Panicked,
    /// Its own children died too often.
    GaveUp,
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

/// Sends a report upward, without waiting: a child never waits on its parent.
#[expect(
    clippy::disallowed_methods,
    reason = "reports upward are bounded by the children, of which there are few"
)]
pub(crate) fn report<M>(to: &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}

/// As [`report`], from `stopped()`: the parent may be gone already.
#[expect(clippy::disallowed_methods, reason = "the last word of an actor that ends")]
pub(crate) fn report_exit<P, C>(parent: &WeakAddr<P>, exited: Exited<C>)
where
    P: Actor + Handler<Exited<C>>,
    P::Context: ToEnvelope<P, Exited<C>>,
    C: Send + 'static,
{
    if let Some(parent) = parent.upgrade() {
        parent.do_send(exited);
    }
}

/// Counts restarts within a window.
#[derive(Debug, Default)]
pub struct Intensity {
    times: VecDeque<Moment>,
}

impl Intensity {
    /// Counts a restart: whether there were too many.
    pub fn is_exceeded(&mut self, now: Moment) -> bool {
        self.times.push_back(now);
        while self.times.front().is_some_and(|first| now.since(*first) > WINDOW) {
            self.times.pop_front();
        }
        self.times.len() > MOST_RESTARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_restarts_in_the_window_exceed_the_intensity() {
        let mut intensity = Intensity::default();
        let at = |secs| Moment::at(Duration::from_secs(secs));
        assert!((0..20).all(|n| !intensity.is_exceeded(at(n))));
        assert!(intensity.is_exceeded(at(20)));
        assert!(!intensity.is_exceeded(at(1000)));
    }
}
