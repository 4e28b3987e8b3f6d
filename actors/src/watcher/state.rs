// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a watcher decides. No actix here: time and chance come in, effects go out.
//!
//! The invariants:
//!
//! - A list counts only when it is whole. Only then are objects that it doesn't have reported as gone.
//! - A streamed list may be older than what was seen. Its evidence is an object older than the known one, an unknown
//!   object that isn't newer than everything seen, or its own version. Such a list is thrown away before anything of it
//!   is believed, and asked for again in pages, a quorum read. If that is older too, the cluster is a restored backup.
//! - What is known of an object never goes back to an older version, and an unknown object that isn't newer than
//!   everything seen is never offered from a stream: it may be one whose delete was already told.
//! - Deletes are offered before adds of the same name.
//! - A change is taken from the stream only when everything before it was offered and admitted.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use obsyk_domain::condition::Unreadability;
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::ports::{Opening, ReadError, Signal};
use obsyk_domain::resource::{Body, ClusterFacts, ResourceKind, Sighting, Uid};
use obsyk_domain::retry::Backoff;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::{Spool, SpoolWriter};
use obsyk_domain::time::{Chance, Moment};

use super::known::{Known, Seen};
use super::messages::Phase;
use crate::sender::Refusal;

/// Changes in one offer: what a stream has ready at once, bounded so that an offer is at most a few hundred KB.
pub const MOST_IN_OFFER: usize = 128;

/// A list that makes no progress for this long is left out of its snapshot.
pub const STALLED: Duration = Duration::from_secs(60);

/// A watch that the server refuses to start this often in a row, though the version may be good, is started anew with a
/// list.
const MOST_REFUSED_STARTS: u32 = 3;

/// A stream that lived this long was healthy: its end is no failure.
const HEALTHY: Duration = Duration::from_secs(5);

/// What the actor is to do, in this order.
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

/// How the list that is being read came about.
#[derive(Debug)]
struct List {
    form: Opening,
    /// The objects for snapshot `n`, when the list is for one.
    spool: Option<SpoolWriter>,
    facts: ClusterFacts,
    /// By name, what is known and not yet in this list: built when the first unknown object is listed.
    names: Option<HashMap<u64, Uid>>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Listing(List),
    Watching,
    /// Open this at this moment.
    Waiting {
        at: Moment,
        then: Opening,
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
    /// The newest version that the API server has told of this kind.
    newest: u64,
    /// Where the watch goes on.
    resume: u64,
    /// A list was completed: what is known is what the platform was or will be told.
    baseline: bool,
    /// Streamed lists don't work here.
    pages_only: bool,
    /// The list that is being read is for snapshot `n`.
    wanted: bool,
    /// Signals that were pulled and not yet looked at.
    inbox: VecDeque<Signal>,
    /// Changes that are not yet offered.
    outbox: VecDeque<Change>,
    /// A list that is whole; what it changed is offered first, and nothing that came after it before it is handed over.
    finished: Option<List>,
    /// An offer is under way, for this snapshot number.
    offering: Option<u64>,
    /// A list is being handed over.
    spooling: Option<(u64, ClusterFacts)>,
    unreadable: Option<Unreadability>,
    refused_starts: u32,
    progress: Moment,
    opened: Moment,
    failures: Backoff,
    denials: Backoff,
    lists: u64,
    events: u64,
}

impl WatcherState {
    /// A watcher that knows nothing and waits for `Relist`.
    pub fn new(kind: ResourceKind) -> Self {
        Self {
            kind,
            n: 0,
            stage: Stage::Idle,
            known: Known::default(),
            newest: 0,
            resume: 0,
            baseline: false,
            pages_only: false,
            wanted: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            finished: None,
            offering: None,
            spooling: None,
            unreadable: None,
            refused_starts: 0,
            progress: Moment::START,
            opened: Moment::START,
            failures: Backoff::WATCH,
            denials: Backoff::UNREADABLE,
            lists: 0,
            events: 0,
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
        self.finished = None;
        self.failures.reset();
        self.denials.reset();
        self.progress = now;
        let mut effects = Vec::new();
        self.begin_list(now, self.list_form(), &mut effects);
        effects
    }

    /// What the stream had ready. Nothing may be pulled while [`Self::is_ready`] is false.
    pub fn on_signals(&mut self, now: Moment, signals: Vec<Signal>, chance: &mut dyn Chance) -> Vec<Effect> {
        self.progress = now;
        self.inbox.extend(signals);
        self.work(now, chance)
    }

    /// Looks at what was pulled, as far as what it leads to can be handed on.
    fn work(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.offering.is_none() && self.spooling.is_none() {
            while self.finished.is_none() && self.outbox.len() < MOST_IN_OFFER {
                let Some(signal) = self.inbox.pop_front() else { break };
                self.signal(now, signal, chance, &mut effects);
            }
            if !self.push_out(&mut effects) {
                break;
            }
        }
        effects
    }

    fn signal(&mut self, now: Moment, signal: Signal, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        match signal {
            Signal::Opened | Signal::Queued => {}
            Signal::Listed(sighting) => self.listed(now, sighting, effects),
            Signal::ListEnd { version } => self.list_end(now, version, effects),
            Signal::Put(sighting) => self.put(now, sighting, effects),
            Signal::Gone { uid, version } => self.gone(&uid, version),
            Signal::Bookmark { version } => {
                self.newest = self.newest.max(version);
                self.resume = self.resume.max(version);
            }
            Signal::Failed(error) => self.failed(now, error, chance, effects),
        }
    }

    /// The stream ended without an error.
    pub fn on_closed(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        match &self.stage {
            Stage::Watching if now.since(self.opened) >= HEALTHY => {
                self.open(now, Opening::Watch { after: self.resume }, &mut effects)
            }
            Stage::Watching => {
                let at = now + self.failures.next(chance);
                self.stage = Stage::Waiting {
                    at,
                    then: Opening::Watch { after: self.resume },
                };
            }
            // A list that ended before its end is no list.
            Stage::Listing(_) => self.failed(now, ReadError::Unreachable, chance, &mut effects),
            Stage::Idle | Stage::Waiting { .. } | Stage::Stopped => {}
        }
        effects
    }

    /// The sender's reply to an offer.
    pub fn on_offered(&mut self, now: Moment, reply: Result<(), Refusal>, chance: &mut dyn Chance) -> Vec<Effect> {
        let offered_for = self.offering.take();
        match reply {
            // The snapshot that was due has opened since: the list that is being read covers what was refused.
            Err(Refusal::SnapshotDue) if offered_for != Some(self.n) => {}
            Ok(()) => {}
            Err(refusal) => {
                self.outbox.clear();
                self.finished = None;
                self.stage = match refusal {
                    Refusal::SnapshotDue => Stage::Idle,
                    Refusal::Draining => Stage::Stopped,
                };
                self.inbox.clear();
                return vec![Effect::Close];
            }
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

    /// The moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.stage {
            Stage::Waiting { at, then } if at <= now => match then {
                Opening::Watch { .. } => self.open(now, then, &mut effects),
                Opening::Stream | Opening::Pages => self.begin_list(now, then, &mut effects),
            },
            Stage::Listing(_) if self.is_stalled(now) => {
                effects.push(Effect::Close);
                self.give_up(now, Unreadability::Stalled, chance, &mut effects);
            }
            Stage::Waiting { .. } if self.wanted && self.is_stalled(now) && self.unreadable.is_none() => {
                self.give_up(now, Unreadability::Stalled, chance, &mut effects);
            }
            _ => {}
        }
        effects
    }

    /// No further offers: the process ends, or the agent has no more use for this watcher.
    pub fn on_drain(&mut self) -> Vec<Effect> {
        self.stage = Stage::Stopped;
        self.outbox.clear();
        self.inbox.clear();
        self.finished = None;
        vec![Effect::Close]
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting { at, .. } if self.wanted && self.unreadable.is_none() => {
                Some(at.min(self.progress + STALLED))
            }
            Stage::Waiting { at, .. } => Some(at),
            Stage::Listing(_) => Some(self.progress + STALLED),
            _ => None,
        }
    }

    /// Whether the stream may be pulled: everything before was offered and admitted.
    pub fn is_ready(&self) -> bool {
        self.offering.is_none() && self.spooling.is_none() && self.inbox.is_empty()
    }

    fn list_form(&self) -> Opening {
        if self.pages_only {
            Opening::Pages
        } else {
            Opening::Stream
        }
    }

    fn open(&mut self, now: Moment, opening: Opening, effects: &mut Vec<Effect>) {
        self.opened = now;
        self.inbox.clear();
        if matches!(opening, Opening::Watch { .. }) {
            self.stage = Stage::Watching;
        }
        effects.push(Effect::Open(opening));
    }

    fn begin_list(&mut self, now: Moment, form: Opening, effects: &mut Vec<Effect>) {
        self.known.begin_list();
        // Changes that a list before this one found are offered all the same: they are true of their objects.
        self.finished = None;
        let spool = self.wanted.then(SpoolWriter::default);
        self.stage = Stage::Listing(List {
            form,
            spool,
            facts: ClusterFacts::default(),
            names: None,
        });
        self.lists += 1;
        self.open(now, form, effects);
    }

    fn listed(&mut self, now: Moment, sighting: Sighting, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &mut self.stage else { return };
        let known = self.known.version(&sighting.uid);
        let stale = match known {
            Some(version) => version > sighting.version,
            None => sighting.version <= self.newest,
        };
        match list.form {
            Opening::Stream if stale => {
                self.begin_list(now, Opening::Pages, effects);
                return;
            }
            Opening::Pages if stale && known.is_some() => {
                self.forget(now, effects);
                return;
            }
            _ => {}
        }
        if let Some(facts) = &sighting.facts {
            list.facts.add(facts);
        }
        if let (Some(spool), Body::Object(json)) = (&mut list.spool, &sighting.body) {
            spool.push(&sighting.uid, json);
        }
        if known.is_none() && self.baseline {
            let names = list.names.get_or_insert_with(|| self.known.unseen_names());
            let namesake = names
                .get(&Known::name_hash(sighting.namespace.as_deref(), &sighting.name))
                .cloned();
            if let Some(namesake) = namesake
                && namesake != sighting.uid
            {
                self.tombstone(&namesake);
            }
        }
        self.learn(sighting);
    }

    fn list_end(&mut self, now: Moment, version: u64, effects: &mut Vec<Effect>) {
        let Stage::Listing(list) = &self.stage else { return };
        let form = list.form;
        if version < self.newest && form == Opening::Stream {
            self.begin_list(now, Opening::Pages, effects);
            return;
        }
        if version < self.newest {
            self.forget(now, effects);
            return;
        }
        for uid in self.known.unseen() {
            self.tombstone(&uid);
        }
        let Stage::Listing(list) = std::mem::replace(&mut self.stage, Stage::Watching) else {
            return;
        };
        self.newest = version;
        self.resume = version;
        self.baseline = true;
        self.unreadable = None;
        self.wanted = false;
        self.refused_starts = 0;
        self.failures.reset();
        self.denials.reset();
        self.finished = Some(list);
        if form == Opening::Pages {
            self.open(now, Opening::Watch { after: version }, effects);
        }
    }

    fn put(&mut self, now: Moment, sighting: Sighting, effects: &mut Vec<Effect>) {
        self.events += 1;
        self.resume = self.resume.max(sighting.version);
        match self.known.version(&sighting.uid) {
            Some(version) if version >= sighting.version => return,
            None if sighting.version <= self.newest => {
                // Its delete may have been told already, or its add was lost: only a quorum read knows.
                self.begin_list(now, Opening::Pages, effects);
                return;
            }
            _ => {}
        }
        self.newest = self.newest.max(sighting.version);
        self.learn(sighting);
    }

    fn gone(&mut self, uid: &Uid, version: u64) {
        self.events += 1;
        self.newest = self.newest.max(version);
        self.resume = self.resume.max(version);
        self.tombstone(uid);
    }

    /// Takes what was seen into what is known, and offers it when it is a change.
    fn learn(&mut self, sighting: Sighting) {
        let during_first_list = matches!(self.stage, Stage::Listing(_)) && !self.baseline;
        let Sighting {
            uid,
            namespace,
            name,
            version,
            body,
            ..
        } = sighting;
        let json = match body {
            Body::Object(json) => Some(json),
            Body::Undecodable => None,
        };
        let seen = self
            .known
            .see(&uid, namespace.as_deref(), &name, version, json.as_deref());
        let what = match (seen, json) {
            (Seen::New, Some(json)) => What::Added(Bytes::from(json)),
            (Seen::Changed, Some(json)) => What::Updated(Bytes::from(json)),
            (Seen::Same, _) | (_, None) => return,
        };
        if !during_first_list {
            self.outbox.push_back(Change {
                uid,
                namespace,
                name,
                what,
            });
        }
    }

    fn tombstone(&mut self, uid: &Uid) {
        if let Some((namespace, name, told)) = self.known.remove(uid)
            && told
        {
            self.outbox.push_back(Change {
                uid: uid.clone(),
                namespace,
                name,
                what: What::Deleted,
            });
        }
    }

    /// The API server is a restored backup: what is known of this kind is worth nothing.
    fn forget(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.known = Known::default();
        self.newest = 0;
        self.baseline = false;
        self.outbox.clear();
        effects.push(Effect::Due(Cause::WatcherLost));
        self.begin_list(now, Opening::Pages, effects);
    }

    fn failed(&mut self, now: Moment, error: ReadError, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        effects.push(Effect::Close);
        self.inbox.clear();
        let listing = match &self.stage {
            Stage::Listing(list) => Some(list.form),
            Stage::Watching => None,
            Stage::Idle | Stage::Waiting { .. } | Stage::Stopped => return,
        };
        if error.is_denied() {
            let why = if error == ReadError::Forbidden {
                Unreadability::Forbidden
            } else {
                Unreadability::Absent
            };
            self.give_up(now, why, chance, effects);
            return;
        }
        let lived = now.since(self.opened) >= HEALTHY;
        let then = match (error, listing) {
            (ReadError::Unsupported, Some(Opening::Stream)) => {
                self.pages_only = true;
                self.begin_list(now, Opening::Pages, effects);
                return;
            }
            (ReadError::Expired, None) if lived => {
                self.begin_list(now, self.list_form(), effects);
                return;
            }
            (ReadError::Undecodable, _) => Opening::Pages,
            (_, Some(form)) => form,
            (ReadError::Expired, None) => self.list_form(),
            (ReadError::Unsupported, None) => {
                self.refused_starts += 1;
                if self.refused_starts >= MOST_REFUSED_STARTS {
                    self.list_form()
                } else {
                    Opening::Watch { after: self.resume }
                }
            }
            (_, None) => Opening::Watch { after: self.resume },
        };
        let at_least = match error {
            ReadError::Busy { wait } => wait.unwrap_or_default().min(STALLED),
            _ => Duration::ZERO,
        };
        if lived {
            self.failures.reset();
        }
        self.stage = Stage::Waiting {
            at: now + self.failures.next(chance).max(at_least),
            then,
        };
    }

    /// The kind can't be read for now: the snapshot goes without it, and it is tried again after a backoff.
    fn give_up(&mut self, now: Moment, why: Unreadability, chance: &mut dyn Chance, effects: &mut Vec<Effect>) {
        if self.unreadable != Some(why) {
            self.unreadable = Some(why);
            effects.push(Effect::Unreadable { n: self.n, why });
        }
        self.wanted = false;
        self.stage = Stage::Waiting {
            at: now + self.denials.next(chance),
            then: self.list_form(),
        };
    }

    fn is_stalled(&self, now: Moment) -> bool {
        now.since(self.progress) >= STALLED
    }

    /// Offers what waits; when nothing does, hands over the list that is whole. Whether there may be more to do at once.
    fn push_out(&mut self, effects: &mut Vec<Effect>) -> bool {
        if !self.outbox.is_empty() {
            let most = self.outbox.len().min(MOST_IN_OFFER);
            let changes = self.outbox.drain(..most).collect();
            self.offering = Some(self.n);
            effects.push(Effect::Offer { n: self.n, changes });
            return false;
        }
        let Some(list) = self.finished.take() else { return false };
        match list.spool {
            Some(spool) => {
                effects.push(Effect::Spool {
                    n: self.n,
                    spool: spool.finish(),
                });
                self.spooling = Some((self.n, list.facts));
            }
            None => {
                let report = self.report(self.n, list.facts);
                effects.push(report);
            }
        }
        true
    }

    fn report(&self, n: u64, facts: ClusterFacts) -> Effect {
        Effect::Listed {
            n,
            count: self.known.len() as u64,
            facts,
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Idle => Phase::Idle,
            Stage::Listing(_) => Phase::Listing,
            Stage::Watching => Phase::Watching,
            Stage::Waiting { .. } if self.unreadable.is_some() => Phase::Unreadable,
            Stage::Waiting { .. } => Phase::Waiting,
            Stage::Stopped => Phase::Stopped,
        }
    }

    /// The kind that it watches.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// Objects known.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Lists begun and events seen so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.lists, self.events)
    }

    /// The newest version that the API server has told.
    pub fn newest(&self) -> u64 {
        self.newest
    }
}
