// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The open snapshot, from `OpenSnapshot` to its end: a barrier in both directions.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use obsyk_domain::resource::{KindSet, ResourceKind, Uid};
use obsyk_domain::snapshot_body::SnapshotBody;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::Moment;

/// How far it has come.
#[derive(Debug)]
pub(super) enum Step {
    /// Requests in flight are to be answered first, and a token is to be had.
    Opening,
    /// The watchers list.
    Collecting,
    /// It is sent, in parts when the whole is too large.
    Sending(Parts),
}

/// The open snapshot.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) n: u64,
    /// When it was opened: from here on changes wait.
    pub(super) opened: Moment,
    /// When the watchers began to list: waiting for the platform before that isn't its duration.
    pub(super) since: Moment,
    pub(super) step: Step,
    pub(super) spools: BTreeMap<ResourceKind, Spool>,
    /// Kinds whose list is complete: what the ledger holds of them from before is covered.
    pub(super) covered: KindSet,
    /// Something was dropped at the ledger's bound that this snapshot doesn't carry.
    pub(super) missed: bool,
}

impl Open {
    pub(super) fn new(n: u64, now: Moment) -> Self {
        Self {
            n,
            opened: now,
            since: now,
            step: Step::Opening,
            spools: BTreeMap::new(),
            covered: KindSet::EMPTY,
            missed: false,
        }
    }
}

/// What is sent, as one body or as one body for each kind.
#[derive(Debug)]
pub(super) struct Parts {
    opening: Bytes,
    waiting: VecDeque<Vec<ResourceKind>>,
    /// Objects that are left out of the further try of the current part, after a 400.
    without: Vec<Uid>,
    /// Some try of some part may have reached the platform without an answer.
    pub(super) ambiguous: bool,
    pub(super) too_large: KindSet,
    /// What was accepted so far.
    pub(super) bytes: u64,
    pub(super) objects: u64,
}

impl Parts {
    pub(super) fn whole(opening: Bytes, spools: &BTreeMap<ResourceKind, Spool>) -> Self {
        Self {
            opening,
            waiting: VecDeque::from([spools.keys().copied().collect()]),
            without: Vec::new(),
            ambiguous: false,
            too_large: KindSet::EMPTY,
            bytes: 0,
            objects: 0,
        }
    }

    /// The kinds of the part that is sent now; `None` when all were.
    pub(super) fn current(&self) -> Option<KindSet> {
        self.waiting.front().map(|kinds| kinds.iter().copied().collect())
    }

    /// Its body. Every try reads the same spools.
    pub(super) fn body(&self, spools: &BTreeMap<ResourceKind, Spool>) -> Option<SnapshotBody> {
        let kinds = self.waiting.front()?;
        let lists = kinds
            .iter()
            .filter_map(|kind| Some((*kind, spools.get(kind)?.clone())))
            .collect();
        Some(SnapshotBody::new(self.opening.clone(), lists).without(self.without.clone()))
    }

    /// Whether the current part leaves this object out.
    pub(super) fn leaves_out(&self, uid: &Uid) -> bool {
        self.without.contains(uid)
    }

    /// The current part is tried once more without these objects: whether that is another body, and the first further
    /// try of this part.
    pub(super) fn leave_out(&mut self, uids: Vec<Uid>) -> bool {
        let differs = self.without.is_empty() && !uids.is_empty();
        if differs {
            self.without = uids;
        }
        differs
    }

    /// The current part was accepted.
    pub(super) fn advance(&mut self, spools: &BTreeMap<ResourceKind, Spool>) {
        let kinds = self.waiting.pop_front().unwrap_or_default();
        let sent = kinds.iter().filter_map(|kind| spools.get(kind));
        let (bytes, objects) = sent.fold((0, 0), |(bytes, objects), spool| {
            (bytes + spool.plain_bytes(), objects + spool.objects())
        });
        self.bytes += bytes + self.opening.len() as u64;
        self.objects += objects.saturating_sub(self.without.len() as u64);
        self.without.clear();
    }

    /// The current part is too large. It is cut into its kinds; a kind by itself is given up.
    pub(super) fn split(&mut self) -> Option<ResourceKind> {
        let kinds = self.waiting.pop_front()?;
        self.without.clear();
        if let [kind] = kinds.as_slice() {
            self.too_large.insert(*kind);
            return Some(*kind);
        }
        for kind in kinds.into_iter().rev() {
            self.waiting.push_front(vec![kind]);
        }
        None
    }
}
