// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! When a snapshot is due, and why.
//!
//! Causes are collected here and merged: one snapshot answers all that are due. It promises that two never open within
//! [`APART`], but for the start and for edits, that refusals space them out, and that after each ambiguous answer one
//! opens no sooner than the moment that was asked for.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::{Chance, Moment};

/// Two snapshots are at least this far apart, whatever asks for them.
pub const APART: Duration = Duration::from_secs(30);

/// After an ambiguous answer a snapshot is due within this span: a late request may still arrive and undo what was said.
pub const AFTER_AMBIGUOUS: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(3600));

/// After a refused snapshot the next is due after the first, doubling to the second.
const AFTER_REFUSAL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// A day. The snapshot of each day comes at a random moment of it, so that a thousand agents don't come at once.
const DAY: Duration = Duration::from_secs(86_400);

/// A backlog that takes longer than this at the configured rate asks for a snapshot instead.
pub const LONGEST_BACKLOG: Duration = Duration::from_secs(60);

/// Every cause of a snapshot.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The agent starts: nothing is known of what the platform holds.
    Start,
    /// The platform, the cluster's name or uid, the client or the collected kinds are others.
    Edited,
    /// A watcher was restarted, or otherwise lost what it knew.
    WatcherLost,
    /// The sender was restarted: it lost its ledger.
    SenderLost,
    /// A kind that the last accepted snapshot left out can be read again.
    KindReadable,
    /// The circuit closed: the platform answers again.
    CircuitClosed,
    /// Sending was paused because the credentials were refused, and goes on.
    Resumed,
    /// An answer to an event says so.
    Answer,
    /// The heartbeat was answered 404: the platform doesn't know this cluster.
    Unknown,
    /// The ledger's bound was reached.
    LedgerFull,
    /// The backlog would take longer than a snapshot.
    Backlog,
    /// An answer was ambiguous, and a late request may still arrive.
    Ambiguous,
    /// A day is over.
    Daily,
    /// The last one was refused.
    Refused,
    /// The last one was not sent to its end.
    Unfinished,
}

impl Cause {
    /// The word for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Edited => "edited",
            Self::WatcherLost => "watcher_lost",
            Self::SenderLost => "sender_lost",
            Self::KindReadable => "kind_readable",
            Self::CircuitClosed => "circuit_closed",
            Self::Resumed => "resumed",
            Self::Answer => "answer",
            Self::Unknown => "unknown",
            Self::LedgerFull => "ledger_full",
            Self::Backlog => "backlog",
            Self::Ambiguous => "ambiguous",
            Self::Daily => "daily",
            Self::Refused => "refused",
            Self::Unfinished => "unfinished",
        }
    }

    /// Whether it waits for nothing: neither for [`APART`] nor for a refusal to be over.
    const fn is_urgent(self) -> bool {
        matches!(self, Self::Start | Self::Edited)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The snapshots that are due.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BTreeMap<Cause, Moment>,
    /// The latest moment that was asked for after an ambiguous answer: a snapshot before it can't answer it.
    last_ambiguous: Moment,
    last_opened: Option<Moment>,
    held_until: Moment,
    refusals: u32,
}

impl Schedule {
    /// A snapshot is due at `at`. Of several for the same cause the earliest counts, and of those after ambiguous answers
    /// the latest as well.
    pub fn add(&mut self, cause: Cause, at: Moment) {
        self.due
            .entry(cause)
            .and_modify(|known| *known = (*known).min(at))
            .or_insert(at);
        if cause == Cause::Ambiguous {
            self.last_ambiguous = self.last_ambiguous.max(at);
        }
    }

    /// When the next one may open.
    pub fn next(&self) -> Option<Moment> {
        self.due
            .iter()
            .map(|(cause, at)| {
                if cause.is_urgent() {
                    *at
                } else {
                    (*at).max(self.earliest())
                }
            })
            .min()
    }

    fn earliest(&self) -> Moment {
        self.last_opened
            .map_or(Moment::START, |last| last + APART)
            .max(self.held_until)
    }

    /// Opens one, if one is due: the causes that it answers, the first of them being what made it open.
    pub fn open(&mut self, now: Moment) -> Option<Vec<Cause>> {
        if self.next()? > now {
            return None;
        }
        let causes = self.take(now);
        self.last_opened = Some(now);
        Some(causes)
    }

    /// The one that was about to open is open now: from here the next one is apart.
    pub fn opened(&mut self, now: Moment) {
        self.last_opened = Some(now);
    }

    /// Takes what is due into one that is about to open: its causes, if there are any.
    pub fn absorb(&mut self, now: Moment) -> Option<Vec<Cause>> {
        let causes = self.take(now);
        (!causes.is_empty()).then_some(causes)
    }

    /// The causes that are due.
    fn take(&mut self, now: Moment) -> Vec<Cause> {
        let is_due = |(_, at): &(&Cause, &Moment)| **at <= now;
        let causes: Vec<Cause> = self.due.iter().filter(is_due).map(|(cause, _)| *cause).collect();
        self.due.retain(|_, at| *at > now);
        if causes.contains(&Cause::Ambiguous) && self.last_ambiguous > now {
            self.due.insert(Cause::Ambiguous, self.last_ambiguous);
        }
        causes
    }

    /// One was accepted: the next is due within the day that follows, at a random moment of its second half, and an
    /// ambiguous answer from before it stays due, since its late request may arrive after it. What failed before is
    /// made good.
    pub fn accepted(&mut self, now: Moment, chance: &mut dyn Chance) {
        self.refusals = 0;
        self.held_until = Moment::START;
        self.due
            .retain(|cause, _| !matches!(cause, Cause::Refused | Cause::Unfinished));
        self.due.insert(Cause::Daily, now + chance.between(DAY / 2, DAY));
    }

    /// One was refused: the next after a minute, doubling to an hour.
    pub fn refused(&mut self, now: Moment) {
        let wait = AFTER_REFUSAL
            .0
            .saturating_mul(2u32.saturating_pow(self.refusals.min(16)))
            .min(AFTER_REFUSAL.1);
        self.refusals = self.refusals.saturating_add(1);
        self.held_until = now + wait;
        self.due.insert(Cause::Refused, self.held_until);
    }

    /// Starts anew for another platform: what was due for the old one isn't.
    pub fn edited(&mut self, now: Moment) {
        *self = Self::default();
        self.add(Cause::Edited, now);
    }
}
