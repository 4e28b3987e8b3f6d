// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A sender's effects, carried out, and watched.

use std::time::Duration;

use obsyk_actors::sender::{Config, Delivery, Effect, Refusal, SenderState, SnapshotEnd};
use obsyk_domain::answer::Outcome;
use obsyk_domain::ledger::{BOUND, Change, What};
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::resource::Uid;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;
use obsyk_domain::token::{AccessToken, Issued, TokenError, TokenPhase};
use secrecy::SecretString;

use super::{ActorId, Letter, reset, whole_millis};
use crate::coverage::Reached;
use crate::dice::Dice;
use crate::platform::Said;
use crate::wire::{Request, TokenTrouble};
use crate::world::{Happening, World};

/// What the ledger holds may pass its bound by what is in flight, and by deletes that no snapshot can carry just now.
const SLACK: usize = 2 * 1024 * 1024;

impl World {
    fn step(&mut self, id: ActorId, decide: impl FnOnce(&mut SenderState, Moment, &mut Dice) -> Vec<Effect>) {
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        let effects = decide(&mut sender.state, self.now, &mut self.operator.chance);
        self.carry_out_sender(id, effects);
    }

    pub(super) fn sender_rings(&mut self, id: ActorId) {
        self.step(id, |state, now, chance| state.on_timer(now, chance));
    }

    pub(super) fn sender_gets(&mut self, id: ActorId, letter: Letter) {
        match letter {
            Letter::Configure { config, obeyed } => {
                self.configure(id, *config);
                self.obey(obeyed);
            }
            Letter::OpenSnapshot { n } => self.open(id, n),
            Letter::Spooled { n, kind, spool, from } => {
                self.step(id, |state, _, _| {
                    state.on_spooled(n, kind, spool);
                    Vec::new()
                });
                self.post(from, Letter::SpoolTaken);
            }
            Letter::SendSnapshot { n, head, left_out } => {
                if let Some(sender) = self.operator.senders.get_mut(&id) {
                    sender.rules.goes_without(left_out.iter());
                }
                self.step(id, |state, now, chance| {
                    state.on_send_snapshot(now, n, head.into(), left_out, chance)
                });
            }
            Letter::AbandonSnapshot { n } => {
                if let Some(sender) = self.operator.senders.get_mut(&id) {
                    sender.rules.ended(n);
                }
                self.step(id, |state, now, chance| state.on_abandon_snapshot(now, n, chance));
            }
            Letter::Offer { kind, changes, from } => {
                let mut reply = Ok(());
                let is_gone = |change: &&Change| change.what == What::Deleted;
                let deletes: Vec<Uid> = changes
                    .iter()
                    .filter(is_gone)
                    .map(|change| change.uid.clone())
                    .collect();
                self.step(id, |state, now, chance| {
                    let (answer, effects) = state.on_offer(now, kind, changes, chance);
                    reply = answer;
                    effects
                });
                if let Some(sender) = self.operator.senders.get_mut(&id) {
                    // What isn't admitted is the watcher's to find again.
                    let ledger = sender.state.ledger();
                    for uid in deletes.into_iter().filter(|uid| ledger.is_open(uid)) {
                        sender.rules.admitted_delete(uid.to_string(), kind);
                    }
                }
                if reply == Err(Refusal::SnapshotDue) {
                    let now = self.now;
                    if let Some(sender) = self.operator.senders.get_mut(&id) {
                        sender.rules.mistrust(now, std::iter::once(kind));
                    }
                    self.coverage.reach(Reached::OfferRefused);
                }
                self.post(from, Letter::Offered(reply));
            }
            Letter::Beat => self.step(id, |state, now, chance| state.on_beat(now, chance)),
            Letter::DrainSender { deadline, obeyed } => {
                if let Some(sender) = self.operator.senders.get_mut(&id) {
                    sender.draining.push(obeyed);
                    if let Some((n, _)) = sender.rules.open() {
                        sender.rules.ended(n);
                    }
                }
                self.step(id, |state, now, chance| state.on_drain(now, deadline, chance));
            }
            _ => {}
        }
    }

    fn configure(&mut self, id: ActorId, config: Config) {
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        let elsewhere = sender.config.as_ref().is_some_and(|old| config.is_elsewhere(old));
        sender.config = Some(config.clone());
        let agent = sender.agent;
        if elsewhere {
            sender.rules.owes_nothing();
        }
        // What follows from it starts only afterwards: the rules must know of it before.
        let effects = sender
            .state
            .on_configure(self.now, config.clone(), &mut self.operator.chance);
        let (leaves, starts): (Vec<_>, Vec<_>) = effects
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Abort(_) | Effect::AbortToken));
        self.carry_out_sender(id, leaves);
        let now = self.now;
        self.judge(id, |sender| sender.rules.configured(now, &config, elsewhere));
        self.set_sync(agent);
        self.carry_out_sender(id, starts);
    }

    /// The sender's heartbeats are due as the agent's settings have it.
    pub(super) fn set_sync(&mut self, agent: ActorId) {
        let now = self.now;
        if let Some(agent) = self.operator.agents.get(&agent)
            && let Ok(settings) = &agent.desired.settings
            && let Some(sender) = agent.sender.and_then(|id| self.operator.senders.get_mut(&id))
        {
            sender.rules.set_sync(now, settings.sync_interval);
        }
    }

    fn open(&mut self, id: ActorId, n: u64) {
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        let agent = sender.agent;
        let overtaken = sender.opening.replace(n);
        sender.rules.ordered(self.now, n);
        if let Some(n) = overtaken {
            self.post(agent, Letter::Opened { n, opened: false });
        }
        self.step(id, |state, now, chance| state.on_open_snapshot(now, n, chance));
    }

    fn carry_out_sender(&mut self, id: ActorId, effects: Vec<Effect>) {
        let mut drained = false;
        for effect in effects {
            match effect {
                Effect::FetchToken { fetch, config } => self.fetch_token(id, fetch, &config),
                Effect::Send {
                    id: number,
                    target,
                    payload,
                } => self.send(id, number, &target, &payload),
                Effect::Abort(numbers) => {
                    for number in numbers {
                        self.wire.drop_request(id, number, &mut self.dice);
                        if let Some(sender) = self.operator.senders.get_mut(&id) {
                            sender.rules.dropped(number);
                        }
                    }
                }
                Effect::AbortToken => {
                    if let Some(sender) = self.operator.senders.get_mut(&id)
                        && sender.fetch.take().is_some()
                    {
                        sender.rules.fetched();
                    }
                }
                Effect::Opened(n) => self.reply_to_open(id, n, true),
                Effect::Overtaken(n) => self.reply_to_open(id, n, false),
                Effect::Due { why, at } => {
                    if why == Cause::CircuitClosed {
                        self.coverage.reach(Reached::CircuitClosedByProbe);
                    }
                    self.tell_parent(id, Letter::Due { why, at });
                }
                Effect::Report(delivery) => {
                    if let Delivery::Snapshot { n, end } = &delivery {
                        self.snapshot_ended(id, *n, end);
                    }
                    self.tell_parent(id, Letter::Delivered(delivery));
                }
                Effect::Refused { .. } => {}
                Effect::Drained => drained = true,
            }
        }
        self.look_at(id);
        if drained {
            self.drained(id);
        }
    }

    fn tell_parent(&mut self, id: ActorId, letter: Letter) {
        if let Some(agent) = self.operator.senders.get(&id).map(|sender| sender.agent) {
            self.post(agent, letter);
        }
    }

    fn snapshot_ended(&mut self, id: ActorId, n: u64, end: &SnapshotEnd) {
        match end {
            SnapshotEnd::Accepted { .. } => self.coverage.snapshots += 1,
            SnapshotEnd::Refused(_) => self.coverage.reach(Reached::SnapshotRefused),
            SnapshotEnd::Unfinished => {}
        }
        if let Some(sender) = self.operator.senders.get_mut(&id) {
            sender.rules.ended(n);
        }
    }

    fn reply_to_open(&mut self, id: ActorId, n: u64, opened: bool) {
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        if !opened {
            sender.rules.ended(n);
        }
        if sender.opening.take_if(|opening| *opening == n).is_some() {
            let agent = sender.agent;
            self.post(agent, Letter::Opened { n, opened });
        }
    }

    fn drained(&mut self, id: ActorId) {
        let Some(sender) = self.operator.senders.remove(&id) else {
            return;
        };
        self.wire.drop_all(id, &mut self.dice);
        for obeyed in sender.draining.into_iter().flatten() {
            self.obey(obeyed);
        }
    }

    fn fetch_token(&mut self, id: ActorId, fetch: u64, config: &Config) {
        self.judge(id, |sender| sender.rules.fetches());
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        sender.fetch = Some(fetch);
        let origin = config.platform.origin().to_owned();
        let client = config.credentials.clone();
        let takes = self.dice.millis(2, 80);
        self.queue.plan(
            self.now + takes,
            Happening::Token {
                sender: id,
                fetch,
                origin,
                client,
            },
        );
    }

    /// A fetch of a token ends.
    pub(crate) fn token(
        &mut self,
        id: ActorId,
        fetch: u64,
        origin: &str,
        client: &obsyk_domain::credentials::Credentials,
    ) {
        let Some(sender) = self
            .operator
            .senders
            .get_mut(&id)
            .filter(|sender| sender.fetch == Some(fetch))
        else {
            return;
        };
        sender.fetch = None;
        sender.rules.fetched();
        let accepted = self.clients.iter().any(|known| known == client);
        let lifetime = |platform: &crate::platform::Platform| match self.wire.tokens {
            Some(TokenTrouble::ShortLived(lifetime)) => lifetime,
            _ => platform.lifetime,
        };
        let result = match (self.wire.tokens, self.wire.platforms.get_mut(origin)) {
            (Some(TokenTrouble::None(error)), _) => Err(error),
            _ if self.skew > Duration::from_secs(300) || !accepted => Err(TokenError::Answer(Outcome::status(400))),
            (_, Some(platform)) => {
                let lifetime = lifetime(platform);
                let token = platform.issue(self.now, lifetime);
                Ok(Issued {
                    token: AccessToken::new(SecretString::from(token)),
                    lifetime,
                })
            }
            (_, None) => return,
        };
        if result.is_ok() {
            sender.rules.resumed();
        }
        self.step(id, |state, now, chance| state.on_token(now, fetch, result, chance));
    }

    fn send(&mut self, id: ActorId, number: u64, target: &Target, payload: &Payload) {
        self.coverage.requests += 1;
        let said = match Said::read(payload) {
            Ok(said) => said,
            Err(what) => {
                self.blame(what);
                return;
            }
        };
        let (now, origin) = (self.now, target.platform.origin());
        let token = target.token.expose().to_owned();
        if self.cluster.api.loses() {
            self.mistrust(id);
        }
        self.judge(id, |sender| sender.rules.launched(now, number, origin, &token, &said));
        self.judge_speech(id, origin);
        match &said {
            Said::Event(event) => self.judge_event(event),
            Said::Snapshot(snapshot) => self.judge_snapshot(id, snapshot),
            Said::Heartbeat => {}
        }
        let request = Request::new(id, number, origin, &token, said);
        let (wire, steps) = self.wire.launch(request, &mut self.dice);
        for (after, step) in steps {
            self.queue.plan(now + after, Happening::Wire(wire, step));
        }
    }

    /// An answer comes back.
    pub(crate) fn answer(&mut self, wire: u64, outcome: Outcome) {
        let Some(request) = self.wire.requests.get_mut(&wire).filter(|request| !request.settled) else {
            return;
        };
        request.settled = true;
        let (id, number, said) = (request.sender, request.id, std::rc::Rc::clone(&request.said));
        let now = self.now;
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        if matches!(outcome, Outcome::Status { code: 401, .. }) && sender.rules.snapshot_flies() {
            self.coverage.reach(Reached::UnauthorizedWhileSnapshotFlies);
        }
        sender.rules.answered(now, number, &said, outcome);
        self.step(id, |state, now, chance| state.on_answer(now, number, outcome, chance));
    }

    /// What must be so after each step.
    fn look_at(&mut self, id: ActorId) {
        let Some(sender) = self.operator.senders.get_mut(&id) else {
            return;
        };
        let now = self.now;
        let ledger = sender.state.ledger();
        let stats = ledger.stats();
        let namesakes = ledger.has_namesakes();
        self.coverage.most_held = self.coverage.most_held.max(stats.bytes);
        let mut verdict = ledger.verify().map_err(|what| format!("the ledger: {what}"));
        if stats.bytes > BOUND + SLACK {
            verdict = Err(format!("the ledger holds {} bytes", stats.bytes));
        }
        if std::mem::replace(&mut sender.overflows, stats.overflows) < stats.overflows {
            self.coverage.reach(Reached::LedgerFull);
            sender.rules.overflowed(now, self.plan.kinds.iter().copied());
        }
        if namesakes {
            self.coverage.reach(Reached::NamesakesInLedger);
        }
        verdict = verdict.and(sender.rules.owes(|uid| ledger.is_open(&Uid::from(uid))));
        let token = sender.state.token_phase(now);
        let beating = self
            .wire
            .under_way(id)
            .any(|request| matches!(*request.said, Said::Heartbeat));
        let able = token == TokenPhase::Held && !beating && sender.draining.is_empty();
        sender.rules.is_able(now, able);
        verdict = verdict.and(sender.rules.beats(now));
        let at = sender.state.wake(now).map(|at| whole_millis(at.max(now)));
        if let Some(at) = reset(&mut sender.timer, at) {
            self.queue.plan(at, Happening::Timer(id));
        }
        if let Err(what) = verdict {
            self.blame(what);
        }
    }
}
