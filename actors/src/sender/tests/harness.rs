// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A sender's state, a platform that says what the test says, and a clock that the test turns.
//!
//! Every step goes through the [`Watchdog`], so that each test guards what must hold always.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::ledger::{Change, LedgerStats};
use obsyk_domain::ports::Payload;
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::spool::Spool;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{AccessToken, Issued, TokenError};
use serde_json::Value;

use super::samples::{Fixed, OK, config, secs, spool_of};
use super::watchdog::Watchdog;
use crate::inspect::{ActorKind, ActorView, SenderView};
use crate::sender::{Config, Delivery, Effect, Refusal, SenderState, SnapshotEnd};

/// A request as the platform gets it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: u64,
    pub(super) what: &'static str,
    pub(super) body: Value,
    pub(super) token: String,
}

impl Said {
    fn new(id: u64, token: String, payload: Payload) -> Self {
        let parsed = |bytes: &[u8]| serde_json::from_slice(bytes).expect("what is sent is JSON");
        let (what, body) = match payload {
            Payload::Event(bytes) => ("event", parsed(&bytes)),
            Payload::Heartbeat(bytes) => ("heartbeat", parsed(&bytes)),
            Payload::Snapshot(body) => {
                let bytes: Vec<u8> = body.pieces().flat_map(|piece| piece.unwrap().to_vec()).collect();
                ("snapshot", parsed(&bytes))
            }
        };
        Self { id, what, body, token }
    }

    /// `UPDATED a 2`, `DELETED a`, `heartbeat`, or `snapshot pods=a,b nodes=`.
    pub(super) fn text(&self) -> String {
        match self.what {
            "event" => {
                let version = self.body["object"]["v"].as_u64().map(|v| format!(" {v}"));
                let word = |key: &str| self.body[key].as_str().unwrap();
                format!("{} {}{}", word("type"), word("uid"), version.unwrap_or_default())
            }
            "snapshot" => {
                let lists: Vec<String> = self.lists().map(|(kind, names)| format!(" {kind}={names}")).collect();
                format!("snapshot{}", lists.concat())
            }
            other => other.to_owned(),
        }
    }

    fn lists(&self) -> impl Iterator<Item = (&String, String)> {
        self.body.as_object().unwrap().iter().filter_map(|(kind, list)| {
            let names: Vec<&str> = list.as_array()?.iter().map(|o| o["uid"].as_str().unwrap()).collect();
            Some((kind, names.join(",")))
        })
    }
}

/// See the module's page.
pub(super) struct Scene {
    pub(super) state: SenderState,
    pub(super) now: Moment,
    pub(super) chance: Box<dyn Chance>,
    watchdog: Watchdog,
    flights: BTreeMap<u64, Said>,
    started: VecDeque<Said>,
    fetch: Option<(u64, Config)>,
    pub(super) fetches: u64,
    pub(super) lifetime: Duration,
    pub(super) dues: Vec<(Cause, Moment)>,
    pub(super) reports: Vec<Delivery>,
    pub(super) opened: Vec<u64>,
    pub(super) overtaken: Vec<u64>,
    pub(super) refused: Vec<(String, bool)>,
    pub(super) aborted: Vec<String>,
    pub(super) drained: u32,
}

impl Scene {
    /// Nothing is known yet.
    pub(super) fn blank() -> Self {
        Self {
            state: SenderState::default(),
            now: Moment::at(secs(1000)),
            chance: Box::new(Fixed(0.5)),
            watchdog: Watchdog::default(),
            flights: BTreeMap::new(),
            started: VecDeque::new(),
            fetch: None,
            fetches: 0,
            lifetime: secs(3600),
            dues: Vec::new(),
            reports: Vec::new(),
            opened: Vec::new(),
            overtaken: Vec::new(),
            refused: Vec::new(),
            aborted: Vec::new(),
            drained: 0,
        }
    }

    /// Configured, nothing said.
    pub(super) fn configured() -> Self {
        let mut scene = Self::blank();
        scene.configure(config());
        scene
    }

    /// A snapshot was accepted a hundred seconds ago, and all is quiet.
    pub(super) fn synced() -> Self {
        Self::synced_with(config())
    }

    pub(super) fn synced_with(config: Config) -> Self {
        let mut scene = Self::blank();
        scene.configure(config);
        scene.open(1);
        scene.token();
        let snapshot = scene.send_listed(1, &[(ResourceKind::Pod, &[])]);
        scene.answer(&snapshot, OK);
        scene.pass(secs(100));
        scene.forget();
        scene
    }

    /// Forgets what was told so far.
    pub(super) fn forget(&mut self) {
        self.dues.clear();
        self.reports.clear();
        self.opened.clear();
        self.refused.clear();
        self.aborted.clear();
        self.started.clear();
    }

    fn run(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::FetchToken { fetch, config } => {
                    assert!(self.fetch.is_none(), "at most one token is fetched at a time");
                    self.fetch = Some((fetch, config.as_ref().clone()));
                }
                Effect::Send { id, target, payload } => {
                    let said = Said::new(id, target.token.expose().to_owned(), payload);
                    self.watchdog
                        .sends(&said, target.platform.as_str(), self.flights.values());
                    self.flights.insert(id, said.clone());
                    self.started.push_back(said);
                }
                Effect::Abort(ids) => {
                    for id in ids {
                        let said = self.flights.remove(&id).expect("only what is in flight is aborted");
                        self.aborted.push(said.text());
                        self.started.retain(|started| started.id != id);
                    }
                }
                Effect::AbortToken => self.fetch = None,
                Effect::Opened(n) => {
                    self.watchdog.opened(self.flights.values());
                    self.opened.push(n);
                }
                Effect::Overtaken(n) => self.overtaken.push(n),
                Effect::Due { why, at } => self.dues.push((why, at)),
                Effect::Report(delivery) => {
                    match delivery {
                        Delivery::Snapshot { .. } => self.watchdog.barrier(false),
                        Delivery::RereadSecret => self.watchdog.paused(),
                        Delivery::Link(_) | Delivery::SetAside { .. } => {}
                    }
                    self.reports.push(delivery);
                }
                Effect::Refused { name, set_aside, .. } => self.refused.push((name.into_string(), set_aside)),
                Effect::Drained => self.drained += 1,
            }
        }
        let now = self.now;
        assert!(self.state.wake(now).is_none_or(|at| at > now), "a wake lies ahead");
    }

    pub(super) fn configure(&mut self, config: Config) {
        self.watchdog.configured(config.platform.as_str());
        let effects = self.state.on_configure(self.now, config, self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn offer(&mut self, changes: &[Change]) -> Result<(), Refusal> {
        self.offer_of(ResourceKind::Pod, changes)
    }

    pub(super) fn offer_of(&mut self, kind: ResourceKind, changes: &[Change]) -> Result<(), Refusal> {
        let (reply, effects) = self
            .state
            .on_offer(self.now, kind, changes.to_vec(), self.chance.as_mut());
        self.run(effects);
        reply
    }

    /// Offers one change, which goes out at once.
    pub(super) fn send(&mut self, change: Change) -> Said {
        assert_eq!(self.offer(&[change]), Ok(()));
        self.next()
    }

    pub(super) fn open(&mut self, n: u64) {
        self.watchdog.barrier(true);
        let effects = self.state.on_open_snapshot(self.now, n, self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn spool(&mut self, n: u64, kind: ResourceKind, spool: Spool) {
        self.state.on_spooled(n, kind, spool);
    }

    pub(super) fn send_snapshot(&mut self, n: u64, left_out: &[ResourceKind]) {
        let head = Bytes::from_static(b"{\"cluster_uid\":\"c-1\"");
        let left_out = KindSet::from_iter(left_out.iter().copied());
        let effects = self
            .state
            .on_send_snapshot(self.now, n, head, left_out, self.chance.as_mut());
        self.run(effects);
    }

    /// Hands over the lists of an opened snapshot; the request that follows.
    pub(super) fn send_listed(&mut self, n: u64, lists: &[(ResourceKind, &[&str])]) -> Said {
        assert_eq!(self.opened.last(), Some(&n), "the snapshot is open");
        for (kind, names) in lists {
            self.spool(n, *kind, spool_of(names));
        }
        self.send_snapshot(n, &[]);
        self.next()
    }

    /// Opens, lists and sends a snapshot with these lists.
    pub(super) fn snapshot(&mut self, n: u64, lists: &[(ResourceKind, &[&str])]) -> Said {
        self.open(n);
        self.send_listed(n, lists)
    }

    pub(super) fn abandon(&mut self, n: u64) {
        self.watchdog.barrier(false);
        let effects = self.state.on_abandon_snapshot(self.now, n, self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn beat(&mut self) {
        let effects = self.state.on_beat(self.now, self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn drain(&mut self, within: Duration) {
        self.watchdog.barrier(false);
        let effects = self.state.on_drain(self.now, self.now + within, self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn answer(&mut self, said: &Said, outcome: Outcome) {
        let said = self
            .flights
            .remove(&said.id)
            .expect("only what is in flight is answered");
        self.started.retain(|started| started.id != said.id);
        self.watchdog.answered(&said, outcome);
        let effects = self.state.on_answer(self.now, said.id, outcome, self.chance.as_mut());
        self.run(effects);
    }

    /// Answers all that is in flight now, the oldest first.
    pub(super) fn answer_all(&mut self, outcome: Outcome) {
        for said in self.in_flight() {
            self.answer(&said, outcome);
        }
    }

    /// A token comes.
    pub(super) fn token(&mut self) {
        let (fetch, config) = self.fetch.take().expect("a token is being fetched");
        self.fetches += 1;
        let text = format!("token-{}", self.fetches);
        self.watchdog.issued(&text, config.platform.as_str());
        let issued = Issued {
            token: AccessToken::new(text.into()),
            lifetime: self.lifetime,
        };
        let effects = self.state.on_token(self.now, fetch, Ok(issued), self.chance.as_mut());
        self.run(effects);
    }

    /// A token comes for a fetch that was dropped.
    pub(super) fn late_token(&mut self, fetch: u64) {
        let issued = Issued {
            token: AccessToken::new("late".to_owned().into()),
            lifetime: self.lifetime,
        };
        let effects = self.state.on_token(self.now, fetch, Ok(issued), self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn no_token(&mut self, error: TokenError) {
        let (fetch, _) = self.fetch.take().expect("a token is being fetched");
        let effects = self.state.on_token(self.now, fetch, Err(error), self.chance.as_mut());
        self.run(effects);
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.fetch.is_some()
    }

    /// Lets time pass as the actor does: the state is asked only at the moments that it named.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        let mut idle = 0;
        while let Some(at) = self.state.wake(self.now).filter(|at| *at <= end) {
            assert!(at > self.now, "a wake lies ahead");
            self.now = at;
            let effects = self.state.on_timer(self.now, self.chance.as_mut());
            idle = if effects.is_empty() { idle + 1 } else { 0 };
            assert!(idle < 8, "the state wakes again and again without anything to do");
            self.run(effects);
        }
        self.now = end;
    }

    /// The next request that started and wasn't looked at.
    pub(super) fn next(&mut self) -> Said {
        self.started.pop_front().expect("a request started")
    }

    /// All requests that started and weren't looked at.
    pub(super) fn said(&mut self) -> Vec<String> {
        self.started.drain(..).map(|said| said.text()).collect()
    }

    pub(super) fn in_flight(&self) -> Vec<Said> {
        self.flights.values().cloned().collect()
    }

    pub(super) fn causes(&self) -> Vec<Cause> {
        self.dues.iter().map(|(why, _)| *why).collect()
    }

    /// How the last snapshot ended, and which.
    pub(super) fn ended(&self) -> Option<(u64, SnapshotEnd)> {
        self.reports.iter().rev().find_map(|report| match report {
            Delivery::Snapshot { n, end } => Some((*n, *end)),
            _ => None,
        })
    }

    /// What was told of the link last.
    pub(super) fn link(&self) -> Option<Link> {
        self.reports.iter().rev().find_map(|report| match report {
            Delivery::Link(link) => Some(*link),
            _ => None,
        })
    }

    pub(super) fn rereads(&self) -> usize {
        self.reports
            .iter()
            .filter(|report| matches!(report, Delivery::RereadSecret))
            .count()
    }

    pub(super) fn view(&self) -> SenderView {
        let actor = ActorView::unseen(ActorKind::Sender, String::new(), 1, self.now);
        self.state.view(self.now, actor)
    }

    pub(super) fn ledger(&self) -> LedgerStats {
        self.view().ledger
    }
}
