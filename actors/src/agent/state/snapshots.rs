// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The agent's part of a snapshot: when one opens, which kinds it waits for, and what it left out.

use std::collections::{BTreeMap, VecDeque};

use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Unreadability;
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::snapshot::{Cause, Schedule};
use obsyk_domain::time::{Chance, Moment};

use crate::inspect::{OpenSnapshotView, PastSnapshot, SnapshotResult, SnapshotsView};
use crate::sender::SnapshotEnd;

/// The snapshot that is open.
#[derive(Debug)]
struct Open {
    n: u64,
    causes: Vec<Cause>,
    /// When it was ordered; then when the barrier was up.
    began: Moment,
    /// The barrier is up: the kinds are listed.
    opened: bool,
    pending: KindSet,
    listed: KindSet,
    facts: ClusterFacts,
    sent: bool,
}

/// What an open snapshot comes to when every kind is listed or unreadable.
#[derive(Debug)]
pub(super) enum Complete {
    /// It is sent.
    Send {
        n: u64,
        facts: ClusterFacts,
        left_out: KindSet,
    },
    /// Not one kind could be read: such a snapshot says nothing.
    Abandon(u64),
}

/// Snapshots that are kept for those who look.
const MOST_RECENT: usize = 10;

/// What was, for those who look.
#[derive(Debug, Default)]
struct Record {
    by_cause: BTreeMap<Cause, u64>,
    /// Newest first.
    recent: VecDeque<PastSnapshot>,
}

impl Record {
    fn count(&mut self, causes: &[Cause]) {
        for cause in causes {
            *self.by_cause.entry(*cause).or_default() += 1;
        }
    }

    fn keep(&mut self, now: Moment, open: &Open, result: SnapshotResult) {
        self.recent.truncate(MOST_RECENT - 1);
        self.recent.push_front(PastSnapshot {
            n: open.n,
            causes: open.causes.clone(),
            opened: open.began,
            took: now.since(open.began),
            result,
        });
    }
}

fn result_of(end: &SnapshotEnd) -> SnapshotResult {
    match end {
        SnapshotEnd::Accepted { objects, bytes, .. } => SnapshotResult::Accepted {
            objects: *objects,
            bytes: *bytes,
        },
        SnapshotEnd::Refused(outcome) => SnapshotResult::Refused {
            answer: outcome.to_string(),
        },
        SnapshotEnd::Unfinished => SnapshotResult::Unfinished,
    }
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Snapshots {
    kinds: KindSet,
    n: u64,
    open: Option<Open>,
    schedule: Schedule,
    /// The kinds that aren't in the platform's picture.
    left_out: KindSet,
    unreadable: BTreeMap<ResourceKind, Unreadability>,
    too_large: KindSet,
    refused: Option<Outcome>,
    accepted: bool,
    last: Option<Moment>,
    record: Record,
}

impl Snapshots {
    pub(super) fn new(kinds: KindSet) -> Self {
        Self {
            kinds,
            n: 0,
            open: None,
            schedule: Schedule::default(),
            left_out: KindSet::EMPTY,
            unreadable: BTreeMap::new(),
            too_large: KindSet::EMPTY,
            refused: None,
            accepted: false,
            last: None,
            record: Record::default(),
        }
    }

    /// One is due at this moment.
    pub(super) fn due(&mut self, cause: Cause, at: Moment) {
        self.schedule.add(cause, at);
    }

    /// Opens one, if one is due: its number and what it answers.
    pub(super) fn open(&mut self, now: Moment) -> Option<(u64, Vec<Cause>)> {
        if let Some(open) = &mut self.open {
            // Until the barrier is up nothing was listed: what comes due is answered by this one as well.
            if !open.opened {
                let mut causes = self.schedule.absorb(now).unwrap_or_default();
                causes.retain(|cause| !open.causes.contains(cause));
                self.record.count(&causes);
                open.causes.extend(causes);
            }
            return None;
        }
        let causes = self.schedule.open(now)?;
        self.record.count(&causes);
        self.n += 1;
        self.open = Some(Open {
            n: self.n,
            causes: causes.clone(),
            began: now,
            opened: false,
            pending: self.kinds,
            listed: KindSet::EMPTY,
            facts: ClusterFacts::default(),
            sent: false,
        });
        Some((self.n, causes))
    }

    /// When [`Self::open`] has something to do next.
    pub(super) fn next(&self) -> Option<Moment> {
        match &self.open {
            Some(open) if open.opened => None,
            _ => self.schedule.next(),
        }
    }

    fn opened_as(&mut self, n: u64) -> Option<&mut Open> {
        self.open.as_mut().filter(|open| open.n == n)
    }

    /// The barrier is up: the kinds that are to be listed.
    pub(super) fn opened(&mut self, now: Moment, n: u64) -> Option<KindSet> {
        let open = self.opened_as(n)?;
        open.opened = true;
        open.began = now;
        let pending = open.pending;
        self.schedule.opened(now);
        Some(pending)
    }

    /// What a snapshot that is open answers.
    pub(super) fn causes(&self, n: u64) -> Vec<Cause> {
        let open = self.open.as_ref().filter(|open| open.n == n);
        open.map(|open| open.causes.clone()).unwrap_or_default()
    }

    /// A watcher was built anew: the snapshot that waits for its kind.
    pub(super) fn waits_for(&self, kind: ResourceKind) -> Option<u64> {
        let open = self.open.as_ref()?;
        (open.opened && open.pending.contains(kind)).then_some(open.n)
    }

    /// A kind's list is whole.
    pub(super) fn listed(&mut self, now: Moment, n: u64, kind: ResourceKind, facts: &ClusterFacts) {
        self.unreadable.remove(&kind);
        if let Some(open) = self.opened_as(n).filter(|open| open.pending.contains(kind)) {
            open.pending.remove(kind);
            open.listed.insert(kind);
            open.facts.merge(facts);
            return;
        }
        let carried = self
            .open
            .as_ref()
            .is_some_and(|open| open.pending.union(open.listed).contains(kind));
        if self.left_out.contains(kind) && !carried {
            self.due_as_readable(now);
        }
    }

    /// A kind that the platform's picture lacks can be read.
    fn due_as_readable(&mut self, now: Moment) {
        self.schedule.add(Cause::KindReadable, now);
    }

    /// A kind can't be read.
    pub(super) fn unreadable(&mut self, n: u64, kind: ResourceKind, why: Unreadability) {
        self.unreadable.insert(kind, why);
        if let Some(open) = self.opened_as(n) {
            open.pending.remove(kind);
        }
    }

    /// Takes the open snapshot when every kind is listed or unreadable, once.
    pub(super) fn complete(&mut self, now: Moment) -> Option<Complete> {
        let open = self
            .open
            .as_mut()
            .filter(|open| open.opened && !open.sent && open.pending.is_empty())?;
        if open.listed.is_empty() {
            let n = open.n;
            self.close(now, SnapshotResult::Unfinished);
            // The watchers try again by themselves; the first kind that can be read makes one due.
            self.left_out = self.kinds;
            return Some(Complete::Abandon(n));
        }
        open.sent = true;
        Some(Complete::Send {
            n: open.n,
            facts: open.facts.clone(),
            left_out: self.kinds.without(open.listed),
        })
    }

    /// The sender tells how one ended.
    pub(super) fn ended(&mut self, now: Moment, n: u64, end: &SnapshotEnd, chance: &mut dyn Chance) {
        let Some(open) = self.open.take_if(|open| open.n == n) else {
            return;
        };
        self.record.keep(now, &open, result_of(end));
        match end {
            SnapshotEnd::Accepted { too_large, .. } => {
                self.accepted = true;
                self.refused = None;
                self.last = Some(now);
                self.too_large = *too_large;
                self.left_out = self.kinds.without(open.listed);
                self.schedule.accepted(now, chance);
                // It became readable while the snapshot was being sent without it.
                if self.left_out.iter().any(|kind| !self.unreadable.contains_key(&kind)) {
                    self.due_as_readable(now);
                }
            }
            SnapshotEnd::Refused(outcome) => {
                self.refused = Some(*outcome);
                self.schedule.refused(now);
            }
            SnapshotEnd::Unfinished => self.schedule.add(Cause::Unfinished, now),
        }
    }

    /// The sender won't open snapshot `n`.
    pub(super) fn overtaken(&mut self, now: Moment, n: u64) {
        if self.open.as_ref().is_some_and(|open| open.n == n) {
            self.close(now, SnapshotResult::Unfinished);
            self.schedule.add(Cause::Unfinished, now);
        }
    }

    /// The sender died, and with it the open snapshot and what it knew of the platform. Its successor is built at `at`.
    pub(super) fn sender_lost(&mut self, now: Moment, at: Moment) {
        self.close(now, SnapshotResult::Unfinished);
        self.accepted = false;
        self.schedule.add(Cause::SenderLost, at);
    }

    /// The platform's picture is another one: nothing that was said counts there.
    pub(super) fn elsewhere(&mut self, now: Moment) {
        self.close(now, SnapshotResult::Unfinished);
        self.forget();
        self.schedule.edited(now);
    }

    /// Nothing runs any more.
    pub(super) fn stopped(&mut self, now: Moment) {
        self.close(now, SnapshotResult::Unfinished);
        self.forget();
        self.unreadable.clear();
        self.schedule = Schedule::default();
    }

    /// The open one, if there is one, ended like this.
    fn close(&mut self, now: Moment, result: SnapshotResult) {
        if let Some(open) = self.open.take() {
            self.record.keep(now, &open, result);
        }
    }

    fn forget(&mut self) {
        self.accepted = false;
        self.refused = None;
        self.left_out = KindSet::EMPTY;
        self.too_large = KindSet::EMPTY;
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.accepted
    }

    pub(super) fn refused(&self) -> Option<Outcome> {
        self.refused
    }

    pub(super) fn unreadable_kinds(&self) -> &BTreeMap<ResourceKind, Unreadability> {
        &self.unreadable
    }

    pub(super) fn too_large(&self) -> KindSet {
        self.too_large
    }

    /// When the last one was accepted.
    pub(super) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// What others see of it.
    pub(super) fn view(&self) -> SnapshotsView {
        SnapshotsView {
            by_cause: self.record.by_cause.clone(),
            open: self.open.as_ref().map(|open| OpenSnapshotView {
                n: open.n,
                causes: open.causes.clone(),
                opened: open.began,
                waits_for: open.pending.iter().collect(),
            }),
            next: self.schedule.next(),
            recent: self.record.recent.iter().cloned().collect(),
        }
    }
}
