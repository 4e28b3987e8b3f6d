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
mod drain;
mod edits;
mod effect;
mod events;
mod offers;
mod snapshot;
mod tokens;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::condition::Link;
use obsyk_domain::ledger::Ledger;
use obsyk_domain::ports::{Bounds, Payload, Target};
use obsyk_domain::rate::Bucket;
use obsyk_domain::resource::KindSet;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::TokenKeeper;
use obsyk_domain::wire;

use super::flight::{Aboard, Flight};
use super::line::Line;
use super::messages::Config;
use super::open::Open;
use super::tally::Tally;
use super::trickle::Trickle;
pub use effect::Effect;
use effect::Turn;
use tokens::Spare;

/// Requests in flight side by side: 1,000 events/s across a round trip of 50 ms need 50, and some air.
pub const MOST_IN_FLIGHT: usize = 64;

/// See the module's page.
#[derive(Debug)]
pub struct SenderState {
    config: Option<Rc<Config>>,
    token: TokenKeeper,
    /// The number of the last fetch of a token: an answer to another one is dropped.
    fetch: u64,
    /// The token in hand was refused or dropped: another is fetched though nothing may wait for it.
    renew: bool,
    spare: Option<Spare>,
    /// Sending was paused, and no event or snapshot was accepted since.
    distrusted: bool,
    bucket: Option<Bucket>,
    ledger: Ledger,
    line: Line,
    open: Option<Open>,
    flights: BTreeMap<u64, Flight>,
    next_id: u64,
    /// Some snapshot was accepted under this config: events may follow.
    accepted: bool,
    /// Some request was accepted under this config.
    heard: bool,
    /// When the last snapshot was accepted, and how long it took.
    last_snapshot: Option<(Moment, Duration)>,
    /// The backlog has asked for a snapshot, and none was accepted since.
    backlog_told: bool,
    unreadable: KindSet,
    too_large: KindSet,
    trickles: VecDeque<Trickle>,
    /// A heartbeat is to be sent.
    beat: bool,
    drain: Option<Moment>,
    drained: bool,
    /// When the bucket has a token again.
    refill: Option<Moment>,
    /// What the agent was told last.
    link: Link,
    tally: Tally,
}

impl Default for SenderState {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

impl SenderState {
    /// Creates the state of a sender that waits for its first config.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            config: None,
            token: TokenKeeper::default(),
            fetch: 0,
            renew: false,
            spare: None,
            distrusted: false,
            bucket: None,
            ledger: Ledger::bounded(bounds.ledger),
            line: Line::new(),
            open: None,
            flights: BTreeMap::new(),
            next_id: 0,
            accepted: false,
            heard: false,
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

    /// It is time for a heartbeat.
    pub fn on_beat(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        self.beat = true;
        self.turn(now, chance, |_, _| {})
    }

    /// A moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment, chance: &mut dyn Chance) -> Vec<Effect> {
        self.turn(now, chance, |_, _| {})
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self, now: Moment) -> Option<Moment> {
        if self.drained || self.config.is_none() {
            return None;
        }
        let token = self.token.wake(self.wants_token(now));
        let refill = self.refill.filter(|_| self.open.is_none() && self.ledger.has_ready());
        let moments = [token, refill, self.drain, self.line.wake(), self.backlog_due()];
        // What lies behind was tried, and waits for something else than time.
        moments.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Takes in what happened, then starts what may start now.
    fn turn(
        &mut self,
        now: Moment,
        chance: &mut dyn Chance,
        take: impl FnOnce(&mut Self, &mut Turn<'_>),
    ) -> Vec<Effect> {
        let mut turn = Turn::new(now, chance);
        take(self, &mut turn);
        self.advance(&mut turn);
        turn.effects
    }

    /// Starts every request that may start now.
    fn advance(&mut self, turn: &mut Turn<'_>) {
        if self.drained {
            return;
        }
        if let Some(config) = self.config.clone() {
            self.fetch_token(turn, &config);
            if let Some((token, generation)) = self.token_for_heartbeats(turn.now) {
                self.heartbeat(turn, &config, &target(&config, token), generation);
            }
            if let Some((token, generation)) = self.token.current(turn.now) {
                let target = target(&config, token);
                self.snapshot(turn, &target, generation);
                while self.event(turn, &config, &target, generation) {}
            }
            self.ask_for_backlog(turn);
            self.tell_link(turn);
        }
        self.finish_drain(turn);
    }

    fn heartbeat(&mut self, turn: &mut Turn<'_>, config: &Config, target: &Target, token: u64) {
        let is_heartbeat = |flight: &Flight| matches!(flight.what, Aboard::Heartbeat);
        if self.flights.values().any(is_heartbeat) {
            return;
        }
        let probe = self.line.take_probe(turn.now, turn.chance);
        if !std::mem::take(&mut self.beat) && !probe {
            return;
        }
        let body = wire::heartbeat(&config.cluster_uid);
        self.launch(turn, target, token, Aboard::Heartbeat, Payload::Heartbeat(body.into()));
    }

    /// Events and snapshots in flight.
    fn sending(&self) -> usize {
        let is_counted = |flight: &&Flight| !matches!(flight.what, Aboard::Heartbeat);
        self.flights.values().filter(is_counted).count()
    }

    fn launch(&mut self, turn: &mut Turn<'_>, target: &Target, token: u64, what: Aboard, payload: Payload) {
        self.next_id += 1;
        let trial = self.line.is_trial();
        self.flights.insert(self.next_id, Flight { what, token, trial });
        turn.push(Effect::Send {
            id: self.next_id,
            target: target.clone(),
            payload,
        });
    }

    /// Drops the requests for which `drop` is true: whether there were any.
    fn abort(&mut self, turn: &mut Turn<'_>, drop: impl Fn(&Flight) -> bool) -> bool {
        let aborted: Vec<u64> = self
            .flights
            .extract_if(.., |_, flight| drop(flight))
            .map(|(id, _)| id)
            .collect();
        let any = !aborted.is_empty();
        if any {
            turn.push(Effect::Abort(aborted));
        }
        any
    }
}

fn target(config: &Config, token: obsyk_domain::token::AccessToken) -> Target {
    Target {
        platform: config.platform.clone(),
        token,
    }
}
