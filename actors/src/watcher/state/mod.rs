// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a watcher decides. No actix here: time and chance come in, effects go out.
//!
//! The invariants:
//!
//! - A list counts only when it is whole. Only then are objects that it doesn't have reported as gone, but for one whose
//!   name another object has by then.
//! - A streamed list may be older than what was seen. Its evidence is an object older than the known one, an unknown
//!   object that isn't newer than everything told, or its own version. Such a list is thrown away before anything of it
//!   is believed, and asked for again in pages, a quorum read. If that is older too, the cluster is a restored backup.
//! - What is known of an object never goes back to an older version, and an unknown object that isn't newer than
//!   everything told is never offered from a watch: it may be one whose delete was already told.
//! - What a list shows to be new is offered when the list is whole: it may turn out to be older than what was told.
//! - Deletes are offered before adds of the same name.
//! - What is told is looked at only when everything before it was offered and admitted, and a list's objects are handed
//!   over before anything that came after it is offered.
//! - A list ends as whole or as unreadable within a bounded time: one kind must not hold up the others' snapshot.

mod faults;
mod list;
mod outbox;
mod tally;
mod view;
mod watch;

use std::collections::VecDeque;
use std::time::Duration;

use obsyk_domain::condition::Unreadability;
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::ports::{Opening, ReadError, Signal};
use obsyk_domain::resource::{ClusterFacts, ResourceKind, WithheldTotals};
use obsyk_domain::retry::Backoff;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::{Chance, Moment};

use super::known::Known;
use crate::inspect::ListWhy;
use crate::sender::Refusal;
use list::List;
use tally::Tally;

/// Changes in one offer: what a stream has ready at once, bounded so that an offer is at most a few hundred KB.
pub const MOST_IN_OFFER: usize = 128;

/// A list that makes no progress for this long, or fails again and again for this long, is left out of its snapshot.
pub const STALLED: Duration = Duration::from_secs(60);

/// A stream that lived this long was healthy: its end is no failure.
const HEALTHY: Duration = Duration::from_secs(5);

/// What the actor is to do, in this order. None of them waits for another: what must be waited for, the state waits for.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Open this stream; an open one is dropped.
    Open(Opening),
    /// Drop the stream.
    Close,
    /// Offer these changes, and hand the reply to [`WatcherState::on_offered`].
    Offer { n: u64, changes: Vec<Change> },
    /// Hand the kind's objects to the sender, and say so to [`WatcherState::on_spooled`] when it has them.
    Spool { n: u64, spool: Spool },
    /// Tell the agent that the list is whole.
    Listed { n: u64, count: u64, facts: ClusterFacts },
    /// Tell the agent that the kind can't be read.
    Unreadable { n: u64, why: Unreadability },
    /// Tell the agent that a snapshot is due.
    Due(Cause),
}

#[derive(Debug)]
enum Stage {
    Idle,
    Listing(Box<List>),
    Watching,
    /// Open this at this moment.
    Waiting {
        at: Moment,
        then: Opening,
        /// Why, when it is a list.
        why: ListWhy,
    },
    Stopped,
}

/// See the module's page.
#[derive(Debug)]
pub struct WatcherState {
    kind: ResourceKind,
    n: u64,
    stage: Stage,
    known: Known,
    /// Every change up to this version was told: the watch goes on here.
    resume: u64,
    /// The newest version that was seen, in lists that were cut off too.
    newest: u64,
    /// A list was completed: what is known is what the platform was or will be told.
    baseline: bool,
    /// Streamed lists don't work here.
    pages_only: bool,
    /// A list made no progress: it may be its streaming, so the next one for a snapshot goes in pages.
    stalled: bool,
    /// The list that is being read is for snapshot `n`.
    wanted: bool,
    /// Signals that were pulled and not yet looked at.
    inbox: VecDeque<Signal>,
    /// The stream ended behind what is in the inbox.
    ended: bool,
    /// Changes that are not yet offered.
    outbox: VecDeque<Change>,
    /// A list that is whole; what it changed is offered first, and nothing that came after it before it is handed over.
    finished: Option<List>,
    /// An offer is under way, for this snapshot number.
    offering: Option<u64>,
    /// A list is being handed over.
    spooling: Option<(u64, ClusterFacts)>,
    unreadable: Option<Unreadability>,
    /// Watches that were refused or ended with an error, since one has told anything.
    fruitless: u32,
    /// When the list that is being read last made progress.
    progress: Moment,
    /// When the list that is wanted failed for the first time.
    trouble: Option<Moment>,
    opened: Moment,
    /// Why the last read failed that is tried again.
    failure: Option<ReadError>,
    failures: Backoff,
    denials: Backoff,
    tally: Tally,
    withheld: WithheldTotals,
}

impl WatcherState {
    /// A watcher that knows nothing and waits for `Relist`.
    pub fn new(kind: ResourceKind) -> Self {
        Self {
            kind,
            n: 0,
            stage: Stage::Idle,
            known: Known::default(),
            resume: 0,
            newest: 0,
            baseline: false,
            pages_only: false,
            stalled: false,
            wanted: false,
            inbox: VecDeque::new(),
            ended: false,
            outbox: VecDeque::new(),
            finished: None,
            offering: None,
            spooling: None,
            unreadable: None,
            fruitless: 0,
            progress: Moment::START,
            trouble: None,
            opened: Moment::START,
            failure: None,
            failures: Backoff::WATCH,
            denials: Backoff::UNREADABLE,
            tally: Tally::default(),
            withheld: WithheldTotals::default(),
        }
    }

    /// The agent asks for a list for snapshot `n`.
    pub fn on_relist(&mut self, now: Moment, n: u64) -> Vec<Effect> {
        if matches!(self.stage, Stage::Stopped) {
            return Vec::new();
        }
        self.n = n;
        self.wanted = true;
        self.unreadable = None;
        self.trouble = None;
        // The new list has the objects of the one before. The changes that it found are true, and are offered all the same.
        self.drop_finished();
        self.failures.reset();
        self.denials.reset();
        let mut effects = Vec::new();
        self.begin_list(now, self.list_form(), ListWhy::Snapshot, &mut effects);
        effects
    }

    /// The list that is whole isn't handed over. What came behind it stays.
    fn drop_finished(&mut self) {
        if let Some(list) = self.finished.take() {
            self.outbox.extend(list.after);
        }
    }

    /// What the stream had ready, and whether it `ended` behind that. Nothing may be pulled while [`Self::is_ready`] is
    /// false.
    pub fn on_signals(
        &mut self,
        now: Moment,
        signals: Vec<Signal>,
        ended: bool,
        chance: &mut dyn Chance,
    ) -> Vec<Effect> {
        if !signals.is_empty() {
            self.progress = now;
        }
        self.inbox.extend(signals);
        self.ended = ended;
        self.work(now, chance)
    }

    /// Looks at what was pulled, as far as what it leads to can be handed on.
    fn work(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.offering.is_none() && self.spooling.is_none() {
            while self.finished.is_none() && self.outbox.len() < MOST_IN_OFFER {
                if let Some(signal) = self.inbox.pop_front() {
                    self.signal(now, signal, chance, &mut effects);
                } else if std::mem::take(&mut self.ended) {
                    self.closed(now, chance, &mut effects);
                } else {
                    break;
                }
            }
            if !self.push_out(&mut effects) {
                break;
            }
        }
        effects
    }

    fn signal(&mut self, now: Moment, signal: Signal, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        let listing = self.is_listing();
        match signal {
            Signal::Opened | Signal::Queued => {}
            Signal::Listed(sighting) => self.listed(now, sighting, effects),
            Signal::Put(sighting) if listing => self.listed(now, sighting, effects),
            Signal::ListEnd { version } => self.list_end(now, version, effects),
            Signal::Put(sighting) => self.put(now, sighting, chance, effects),
            Signal::Gone { uid, version } => self.gone(now, uid, version),
            Signal::Bookmark { version } => self.told(version),
            Signal::Failed(error) => self.failed(now, error, chance, effects),
        }
    }

    /// The sender's reply to an offer.
    pub fn on_offered(&mut self, now: Moment, reply: Result<(), Refusal>, chance: &mut dyn Chance) -> Vec<Effect> {
        let offered_for = self.offering.take();
        if matches!(self.stage, Stage::Stopped) {
            return Vec::new();
        }
        match reply {
            Err(Refusal::Draining) => return self.on_drain(),
            // When another snapshot has opened since, the list that is being read covers what was refused.
            Err(Refusal::SnapshotDue) if offered_for == Some(self.n) => {
                self.turn_to(Stage::Idle);
                // The next list tells everything else; that an object is gone no snapshot tells if its kind is too large for one.
                self.drop_finished();
                self.outbox.retain(|change| change.what == What::Deleted);
                let mut effects = Vec::new();
                self.close(&mut effects);
                return effects;
            }
            Err(Refusal::SnapshotDue) | Ok(()) => {}
        }
        self.work(now, chance)
    }

    /// The sender has the list's objects.
    pub fn on_spooled(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some((n, facts)) = self.spooling.take() {
            effects.push(self.report(n, facts));
        }
        effects.extend(self.work(now, chance));
        effects
    }

    /// No further offers: the process ends, or the agent has no more use for this watcher.
    pub fn on_drain(&mut self) -> Vec<Effect> {
        self.turn_to(Stage::Stopped);
        self.outbox.clear();
        self.finished = None;
        let mut effects = Vec::new();
        self.close(&mut effects);
        effects
    }

    /// Whether the stream may be pulled: everything before was looked at, offered and admitted.
    pub fn is_ready(&self) -> bool {
        self.offering.is_none() && self.spooling.is_none() && self.inbox.is_empty() && !self.ended
    }

    /// Begins something else. What a list that isn't whole has shown to be new wasn't told: the next list tells it.
    fn turn_to(&mut self, stage: Stage) {
        if let Stage::Listing(list) = std::mem::replace(&mut self.stage, stage) {
            for change in list.held.changes {
                self.known.untell(&change.uid);
            }
        }
    }

    fn list_form(&self) -> Opening {
        if self.pages_only || self.stalled {
            Opening::Pages
        } else {
            Opening::Stream
        }
    }

    fn open(&mut self, now: Moment, opening: Opening, effects: &mut Vec<Effect>) {
        self.opened = now;
        self.inbox.clear();
        self.ended = false;
        if matches!(opening, Opening::Watch { .. }) {
            self.turn_to(Stage::Watching);
        }
        effects.push(Effect::Open(opening));
    }

    fn close(&mut self, effects: &mut Vec<Effect>) {
        self.inbox.clear();
        self.ended = false;
        effects.push(Effect::Close);
    }
}
