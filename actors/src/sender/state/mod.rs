// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the sender decides. No actix here: time and chance come in, effects go out.
//!
//! It composes parts that know nothing of each other: the ledger (what to say), the token keeper (as whom), the bucket
//! (how fast), the line (whether the platform listens) and the open snapshot (the barrier). [`SenderState::advance`] is
//! the only place where requests start.
//!
//! The invariants, beside those of the parts:
//!
//! - No event starts while a snapshot is open, before a first one was accepted, or while the ledger is lossy.
//! - An answer counts only if the config under which its request started is still in force.
//! - The heartbeat waits for nothing but a token.

mod answers;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::ledger::{Change, Dispatch, Ledger};
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::rate::Bucket;
use obsyk_domain::resource::{KindSet, ResourceKind, Uid};
use obsyk_domain::snapshot::{Cause, LONGEST_BACKLOG};
use obsyk_domain::spool::Spool;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{Issued, TokenError, TokenKeeper};
use obsyk_domain::wire;

use super::line::{Line, Stage};
use super::messages::{Config, Delivery, Refusal, SnapshotEnd};
use super::open::{Open, Parts, Step};
use super::tally::Tally;
use super::trickle::Trickle;
use crate::inspect::{Requests, SenderView};

/// Requests in flight side by side: 1,000 events/s across a round trip of 50 ms need 50, and some air.
pub const MOST_IN_FLIGHT: usize = 64;

/// The backlog asks for a snapshot no sooner than this after the last one…
const BACKLOG_APART: Duration = Duration::from_secs(60);

/// … and no sooner than this many times the last one's own duration, so that at most 5 % of the time goes into them.
const BACKLOG_SHARE: u32 = 20;

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Fetch a token; the answer goes to [`SenderState::on_token`] with this number.
    FetchToken { fetch: u64, config: Rc<Config> },
    /// Send this; the answer goes to [`SenderState::on_answer`] with this number.
    Send { id: u64, target: Target, payload: Payload },
    /// Drop these requests: their answers don't matter any more.
    Abort(Vec<u64>),
    /// Drop the fetch of a token.
    AbortToken,
    /// Reply to `OpenSnapshot { n }`.
    Opened(u64),
    /// Reply to `OpenSnapshot { n }` that it won't open.
    Overtaken(u64),
    /// Tell the agent that a snapshot is due.
    Due { why: Cause, at: Moment },
    /// Report to the agent.
    Report(Delivery),
    /// Say in the log that the platform refused this object, and with what.
    Refused {
        kind: ResourceKind,
        namespace: Option<Box<str>>,
        name: Box<str>,
        outcome: Outcome,
        set_aside: bool,
    },
    /// Reply to `Drain`.
    Drained,
}

/// A request that is in flight.
#[derive(Debug)]
struct Flight {
    what: Aboard,
    /// The generation of the token that it carries.
    token: u64,
    /// It was the one request that is tried.
    trial: bool,
}

#[derive(Debug)]
enum Aboard {
    Event {
        kind: ResourceKind,
        uid: Uid,
        namespace: Option<Box<str>>,
        name: Box<str>,
        deleted: bool,
        since: Moment,
    },
    Snapshot,
    Heartbeat,
}

/// See the module's page.
#[derive(Debug)]
pub struct SenderState {
    config: Option<Rc<Config>>,
    token: TokenKeeper,
    fetch: u64,
    bucket: Option<Bucket>,
    ledger: Ledger,
    line: Line,
    open: Option<Open>,
    flights: HashMap<u64, Flight>,
    next_id: u64,
    /// Some snapshot was accepted under this config: events may follow.
    accepted: bool,
    last_snapshot: Option<(Moment, Duration)>,
    backlog_told: bool,
    unreadable: KindSet,
    too_large: KindSet,
    trickles: VecDeque<Trickle>,
    beat: bool,
    drain: Option<Moment>,
    drained: bool,
    refill: Option<Moment>,
    link: Link,
    tally: Tally,
}

impl Default for SenderState {
    fn default() -> Self {
        Self {
            config: None,
            token: TokenKeeper::default(),
            fetch: 0,
            bucket: None,
            ledger: Ledger::default(),
            line: Line::new(),
            open: None,
            flights: HashMap::new(),
            next_id: 0,
            accepted: false,
            last_snapshot: None,
            backlog_told: false,
            unreadable: KindSet::EMPTY,
            too_large: KindSet::EMPTY,
            trickles: VecDeque::new(),
            beat: false,
            drain: None,
            drained: false,
            refill: None,
            link: Link::Fresh,
            tally: Tally::default(),
        }
    }
}

impl SenderState {
    /// A config comes into force. What changed takes effect, and nothing else.
    pub fn on_configure(&mut self, now: Moment, config: Config, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.config.clone() {
            Some(old) if config.is_elsewhere(&old) => {
                self.leave(&mut effects);
                self.bucket = Some(Bucket::empty(config.per_second, config.burst, now));
            }
            Some(old) => {
                if old.credentials != config.credentials {
                    self.change_key(&mut effects);
                }
                if (old.per_second, old.burst) != (config.per_second, config.burst) {
                    self.bucket = Some(Bucket::empty(config.per_second, config.burst, now));
                    self.refill = None;
                }
            }
            None => self.bucket = Some(Bucket::full(config.per_second, config.burst, now)),
        }
        self.config = Some(Rc::new(config));
        self.advance(now, &mut effects, chance);
        effects
    }

    /// Another platform, cluster or client: nothing of what was said or held counts there.
    fn leave(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Abort(self.flights.drain().map(|(id, _)| id).collect()));
        effects.push(Effect::AbortToken);
        self.fetch += 1;
        if let Some(open) = self.open.take() {
            if matches!(open.step, Step::Opening) {
                effects.push(Effect::Overtaken(open.n));
            }
            effects.push(Effect::Report(Delivery::Snapshot {
                n: open.n,
                end: SnapshotEnd::Unfinished,
            }));
        }
        self.token.forget();
        self.ledger.clear();
        self.line = Line::new();
        self.accepted = false;
        self.last_snapshot = None;
        self.backlog_told = false;
        self.too_large = KindSet::EMPTY;
        self.trickles.clear();
        self.refill = None;
        self.link = Link::Fresh;
    }

    /// The same client with another key: a new token, nothing else.
    fn change_key(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::AbortToken);
        self.fetch += 1;
        self.token.forget();
    }

    /// The agent opens snapshot `n`.
    pub fn on_open_snapshot(&mut self, now: Moment, n: u64, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.drain.is_some() {
            effects.push(Effect::Overtaken(n));
            return effects;
        }
        self.close_snapshot(&mut effects);
        self.open = Some(Open::new(n, now));
        self.advance(now, &mut effects, chance);
        effects
    }

    /// Ends an open snapshot without an acceptance.
    fn close_snapshot(&mut self, effects: &mut Vec<Effect>) {
        let Some(open) = self.open.take() else { return };
        let mut ambiguous = false;
        match &open.step {
            Step::Opening => effects.push(Effect::Overtaken(open.n)),
            Step::Collecting => {}
            Step::Sending(parts) => ambiguous = parts.ambiguous,
        }
        let aborted: Vec<u64> = self
            .flights
            .iter()
            .filter(|(_, flight)| matches!(flight.what, Aboard::Snapshot))
            .map(|(id, _)| *id)
            .collect();
        if !aborted.is_empty() {
            // An aborted request may have reached the platform.
            ambiguous = true;
            self.flights.retain(|id, _| !aborted.contains(id));
            effects.push(Effect::Abort(aborted));
        }
        self.ledger.snapshot_ended(ambiguous);
    }

    /// A watcher hands over a kind's objects.
    pub fn on_spooled(&mut self, n: u64, kind: ResourceKind, spool: Spool) {
        if let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.n == n && matches!(open.step, Step::Collecting))
        {
            open.spools.insert(kind, spool);
            open.covered.insert(kind);
            self.ledger.cover(kind);
            self.trickles.retain(|trickle| trickle.kind != kind);
        }
    }

    /// Every kind is listed or unreadable.
    pub fn on_send_snapshot(
        &mut self,
        now: Moment,
        n: u64,
        head: Bytes,
        left_out: KindSet,
        chance: &mut dyn Chance,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.unreadable = left_out;
        if let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.n == n && matches!(open.step, Step::Collecting))
        {
            open.step = Step::Sending(Parts::whole(head, &open.spools));
            self.advance(now, &mut effects, chance);
        }
        effects
    }

    /// The agent gives snapshot `n` up.
    pub fn on_abandon_snapshot(&mut self, now: Moment, n: u64, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.open.as_ref().is_some_and(|open| open.n == n) {
            self.close_snapshot(&mut effects);
            self.advance(now, &mut effects, chance);
        }
        effects
    }

    /// A watcher offers changes.
    pub fn on_offer(
        &mut self,
        now: Moment,
        kind: ResourceKind,
        changes: Vec<Change>,
        chance: &mut dyn Chance,
    ) -> (Result<(), Refusal>, Vec<Effect>) {
        let mut effects = Vec::new();
        if self.drain.is_some() {
            return (Err(Refusal::Draining), effects);
        }
        // What a list for the open snapshot will carry needs no room in the ledger.
        let carried = self
            .open
            .as_ref()
            .is_some_and(|open| matches!(open.step, Step::Collecting) && !open.covered.contains(kind));
        self.tally.changes += changes.len() as u64;
        if self.ledger.is_lossy() || self.open.as_ref().is_some_and(|open| open.missed) {
            return (if carried { Ok(()) } else { Err(Refusal::SnapshotDue) }, effects);
        }
        for change in changes {
            if let Some(trickle) = self.trickles.iter_mut().find(|trickle| trickle.kind == kind) {
                trickle.supersede(&change.uid);
            }
            self.ledger.offer(now, kind, change);
            self.advance(now, &mut effects, chance);
        }
        if self.ledger.is_over_bound() {
            self.ledger.overflow(self.unreadable);
            if let Some(open) = &mut self.open {
                open.missed = !open.covered.is_empty();
            }
            effects.push(Effect::Due {
                why: Cause::LedgerFull,
                at: now,
            });
            return (if carried { Ok(()) } else { Err(Refusal::SnapshotDue) }, effects);
        }
        self.watch_backlog(now, &mut effects);
        (Ok(()), effects)
    }

    /// A backlog that takes longer than a minute is better told by a snapshot.
    fn watch_backlog(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let (Some(bucket), Some((ended, took))) = (&self.bucket, self.last_snapshot) else {
            return;
        };
        if self.open.is_some() || self.backlog_told {
            return;
        }
        let backlog = self.ledger.backlog_without(self.too_large);
        let seconds = backlog as u64 / u64::from(bucket.per_second());
        let at = ended + BACKLOG_APART.max(took.saturating_mul(BACKLOG_SHARE));
        if Duration::from_secs(seconds) > LONGEST_BACKLOG && now >= at {
            self.backlog_told = true;
            effects.push(Effect::Due {
                why: Cause::Backlog,
                at: now,
            });
        }
    }

    /// It is time for a heartbeat.
    pub fn on_beat(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.beat = true;
        self.advance(now, &mut effects, chance);
        effects
    }

    /// A moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.advance(now, &mut effects, chance);
        effects
    }

    /// The process ends: nothing new comes in, and what the ledger holds goes on until `deadline`.
    pub fn on_drain(&mut self, now: Moment, deadline: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.drain = Some(deadline);
        self.close_snapshot(&mut effects);
        self.trickles.clear();
        self.advance(now, &mut effects, chance);
        effects
    }

    /// A fetch of a token ended.
    pub fn on_token(
        &mut self,
        now: Moment,
        fetch: u64,
        result: Result<Issued, TokenError>,
        chance: &mut dyn Chance,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if fetch != self.fetch {
            return effects;
        }
        match result {
            Ok(issued) => {
                self.tally.request(wire::Endpoint::Token, "2xx");
                self.token.issued(now, issued);
                if self.line.resume() {
                    effects.push(Effect::Due {
                        why: Cause::Resumed,
                        at: now,
                    });
                }
            }
            Err(error) => {
                self.tally.request(wire::Endpoint::Token, error.class());
                self.token.failed(now, error, chance);
                if error.is_denied() {
                    effects.push(Effect::Report(Delivery::RereadSecret));
                    // While the old token lives, requests go on with it.
                    if let (TokenError::Answer(outcome), None) = (error, self.token.current(now)) {
                        self.line.deny(outcome);
                        self.end_sending(&mut effects);
                    }
                }
            }
        }
        self.advance(now, &mut effects, chance);
        effects
    }

    /// Starts every request that may start now.
    fn advance(&mut self, now: Moment, effects: &mut Vec<Effect>, chance: &mut dyn Chance) {
        let Some(config) = self.config.clone() else {
            self.finish_drain(now, effects);
            return;
        };
        if self.token.should_fetch(now, self.wants_token(now)) {
            self.token.begin(now);
            self.fetch += 1;
            effects.push(Effect::FetchToken {
                fetch: self.fetch,
                config: Rc::clone(&config),
            });
        }
        if let Some((token, generation)) = self.token.current(now) {
            let target = Target {
                platform: config.platform.clone(),
                token,
            };
            self.heartbeat(now, &config, &target, generation, effects, chance);
            self.snapshot(now, &target, generation, effects);
            while self.event(now, &config, &target, generation, effects) {}
        }
        self.tell_link(now, effects);
        self.finish_drain(now, effects);
    }

    /// Whether something waits for a token.
    fn wants_token(&self, now: Moment) -> bool {
        let may_send = match self.line.stage() {
            Stage::Up | Stage::Denied => true,
            Stage::Trial { at, .. } => now >= *at,
            Stage::Open { probe, .. } => now >= *probe,
        };
        // A refused client asks again by itself: whether it is let in is what everything waits for.
        let something =
            self.beat || self.open.is_some() || self.ledger.has_ready() || matches!(self.line.stage(), Stage::Denied);
        (may_send && something) || self.beat
    }

    fn heartbeat(
        &mut self,
        now: Moment,
        config: &Config,
        target: &Target,
        token: u64,
        effects: &mut Vec<Effect>,
        chance: &mut dyn Chance,
    ) {
        let under_way = self
            .flights
            .values()
            .any(|flight| matches!(flight.what, Aboard::Heartbeat));
        if under_way {
            return;
        }
        let probe = self.line.take_probe(now, chance);
        if !probe && !std::mem::take(&mut self.beat) {
            return;
        }
        self.beat = false;
        let body = wire::heartbeat(&config.cluster_uid);
        self.launch(
            target,
            token,
            Aboard::Heartbeat,
            Payload::Heartbeat(body.into()),
            effects,
        );
    }

    fn snapshot(&mut self, now: Moment, target: &Target, token: u64, effects: &mut Vec<Effect>) {
        let busy = self.sending();
        let Some(open) = &mut self.open else { return };
        match &open.step {
            Step::Opening if busy == 0 && self.line.admits(now, 0, 1) => {
                open.step = Step::Collecting;
                effects.push(Effect::Opened(open.n));
            }
            Step::Sending(parts) if busy == 0 && self.line.admits(now, 0, 1) => {
                if let Some(body) = parts.body(&open.spools) {
                    self.launch(target, token, Aboard::Snapshot, Payload::Snapshot(body), effects);
                }
            }
            Step::Opening | Step::Collecting | Step::Sending(_) => {}
        }
    }

    /// Starts one event, if one may start.
    fn event(&mut self, now: Moment, config: &Config, target: &Target, token: u64, effects: &mut Vec<Effect>) -> bool {
        let blocked = self.open.is_some() || !self.accepted || self.ledger.is_lossy() || self.drained;
        if blocked || !self.line.admits(now, self.sending(), MOST_IN_FLIGHT) {
            return false;
        }
        if !self.ledger.has_ready() {
            let Some(change) = self.next_of_trickle() else {
                return false;
            };
            let (kind, change) = change;
            self.ledger.offer(now, kind, change);
            return true;
        }
        let Some(bucket) = &self.bucket else { return false };
        if let Err(at) = bucket.take(now) {
            self.refill = Some(at);
            return false;
        }
        self.refill = None;
        let culprit = self.line.culprit().filter(|uid| self.ledger.is_ready(uid)).cloned();
        let dispatch = match culprit {
            Some(uid) => self.ledger.dispatch(&uid),
            None => self.ledger.next(),
        };
        let Some(dispatch) = dispatch else { return false };
        let body = event_body(config, &dispatch);
        let Dispatch {
            kind,
            uid,
            namespace,
            name,
            object,
            since,
            ..
        } = dispatch;
        let aboard = Aboard::Event {
            kind,
            uid,
            namespace,
            name,
            deleted: object.is_none(),
            since,
        };
        self.launch(target, token, aboard, Payload::Event(body), effects);
        true
    }

    fn next_of_trickle(&mut self) -> Option<(ResourceKind, Change)> {
        while let Some(trickle) = self.trickles.front_mut() {
            if let Some(change) = trickle.next() {
                return Some((trickle.kind, change));
            }
            self.trickles.pop_front();
        }
        None
    }

    /// Events and snapshots in flight.
    fn sending(&self) -> usize {
        self.flights
            .values()
            .filter(|flight| !matches!(flight.what, Aboard::Heartbeat))
            .count()
    }

    fn launch(&mut self, target: &Target, token: u64, what: Aboard, payload: Payload, effects: &mut Vec<Effect>) {
        self.next_id += 1;
        let trial = matches!(self.line.stage(), Stage::Trial { .. });
        self.flights.insert(self.next_id, Flight { what, token, trial });
        effects.push(Effect::Send {
            id: self.next_id,
            target: target.clone(),
            payload,
        });
    }

    fn finish_drain(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(deadline) = self.drain.filter(|_| !self.drained) else {
            return;
        };
        let hopeless =
            !self.accepted || self.ledger.is_lossy() || matches!(self.line.stage(), Stage::Open { .. } | Stage::Denied);
        let done = self.sending() == 0 && (hopeless || self.ledger.is_idle());
        if done || now >= deadline {
            self.drained = true;
            let rest = self.flights.drain().map(|(id, _)| id).collect();
            effects.push(Effect::Abort(rest));
            effects.push(Effect::Drained);
        }
    }

    /// Tells the agent how things stand, when they stand otherwise than it was told.
    fn tell_link(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let link = self.link_now(now);
        if link != self.link {
            self.link = link;
            effects.push(Effect::Report(Delivery::Link(link)));
        }
    }

    fn link_now(&self, now: Moment) -> Link {
        if let (None, Some(error)) = (self.token.current(now), self.token.last_error()) {
            return Link::NoToken(error);
        }
        let last = self.line.last();
        match (self.line.stage(), last) {
            (Stage::Denied, Some(outcome)) => Link::Denied(outcome),
            (Stage::Open { .. }, Some(outcome)) => Link::Open(outcome),
            (Stage::Trial { .. }, Some(outcome)) => Link::Trying(outcome),
            _ if self.tally.last_accepted.is_some() => Link::Up,
            _ => Link::Fresh,
        }
    }

    /// What it holds and does.
    pub fn view(&self, now: Moment, generation: u64) -> SenderView {
        let mut set_aside = BTreeMap::new();
        for (_, kind) in self.ledger.set_aside() {
            *set_aside.entry(kind).or_default() += 1;
        }
        SenderView {
            generation,
            token: self.token.phase(now),
            tokens: self.token.fetched(),
            ledger: self.ledger.stats(),
            oldest: self.ledger.oldest(),
            last_accepted: self.tally.last_accepted,
            changes: self.tally.changes,
            events: self.tally.events,
            retries: self.line.total_retries(),
            requests: self
                .tally
                .requests()
                .map(|(endpoint, class, count)| Requests {
                    endpoint: endpoint.label(),
                    class,
                    count,
                })
                .collect(),
            set_aside,
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self, now: Moment) -> Option<Moment> {
        let token = self.token.wake(self.wants_token(now));
        let refill = self.refill.filter(|_| self.open.is_none() && self.ledger.has_ready());
        let deadline = self.drain.filter(|_| !self.drained);
        [token, refill, deadline, self.line.wake()]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }
}

fn event_body(config: &Config, dispatch: &Dispatch) -> Bytes {
    wire::Event {
        cluster_uid: &config.cluster_uid,
        event: dispatch.event,
        kind: dispatch.kind,
        uid: &dispatch.uid,
        name: &dispatch.name,
        namespace: dispatch.namespace.as_deref(),
        object: dispatch.object.as_deref(),
    }
    .encode(config.case)
    .into()
}
