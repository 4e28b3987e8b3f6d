// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The children's lives: whether they run, and when those that died are built anew.

use std::collections::BTreeMap;
use std::fmt;

use obsyk_domain::notice::Part;
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::time::{Chance, Moment};

use crate::inspect::ActorKind;
use crate::supervision::Restarts;

/// Children die at most this often within five minutes. One that dies of each snapshot does so ten times, since snapshots
/// are 30 s apart: that is too many.
const MOST_RESTARTS: usize = 8;

/// A child of the agent. The sender comes first: watchers are built with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Child {
    /// Its sender.
    Sender,
    /// A watcher.
    Watcher(ResourceKind),
}

impl Child {
    /// What it is.
    pub fn actor(self) -> ActorKind {
        match self {
            Self::Sender => ActorKind::Sender,
            Self::Watcher(_) => ActorKind::Watcher,
        }
    }
}

impl From<Child> for Part {
    fn from(child: Child) -> Self {
        match child {
            Child::Sender => Self::Sender,
            Child::Watcher(kind) => Self::Watcher(kind),
        }
    }
}

impl fmt::Display for Child {
    /// Its place below its agent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sender => f.write_str("sender"),
            Self::Watcher(kind) => kind.fmt(f),
        }
    }
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Children {
    running: bool,
    /// Those that wait to be built anew, until when.
    waiting: BTreeMap<Child, Moment>,
    restarts: Restarts,
}

impl Children {
    pub(super) fn new() -> Self {
        Self {
            running: false,
            waiting: BTreeMap::new(),
            restarts: Restarts::at_most(MOST_RESTARTS),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// They are built: whether they weren't yet.
    pub(super) fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.running, true)
    }

    /// They are stopped: whether they ran.
    pub(super) fn stop(&mut self) -> bool {
        self.waiting.clear();
        std::mem::take(&mut self.running)
    }

    /// A child died: when it is built anew, or `None` when children died too often.
    pub(super) fn died(&mut self, now: Moment, child: Child, chance: &mut dyn Chance) -> Option<Moment> {
        let at = self.restarts.next(now, chance)?;
        self.waiting.insert(child, at);
        Some(at)
    }

    /// The watchers are built anew together with the sender.
    pub(super) fn wait_all(&mut self, kinds: KindSet, at: Moment) {
        self.waiting.extend(kinds.iter().map(|kind| (Child::Watcher(kind), at)));
    }

    pub(super) fn has_sender(&self) -> bool {
        self.running && !self.waiting.contains_key(&Child::Sender)
    }

    /// Those whose time has come, the sender first.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Child> {
        let due = self.waiting.iter().filter(|(_, at)| **at <= now);
        let due: Vec<Child> = due.map(|(child, _)| *child).collect();
        self.waiting.retain(|_, at| *at > now);
        due
    }

    /// When [`Self::take_due`] has something next.
    pub(super) fn next(&self) -> Option<Moment> {
        self.waiting.values().min().copied()
    }
}
