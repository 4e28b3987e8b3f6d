// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The senders' side: tokens and requests, on their way to the platforms and back.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use obsyk_domain::token::{AccessToken, Issued, TokenError};

use super::{ActorId, Forged, Happening, World};
use crate::coverage::Reached;
use crate::platform::{Event, RequestContent, StoredObject};
use crate::rules::Rules;
use crate::saboteur::{Bug, Interception};
use crate::wire::{Request, Step, TokenTrouble};

/// A platform refuses assertions of a clock that is off by more.
const LONGEST_SKEW: Duration = Duration::from_secs(300);

/// A sender, as its requests show it.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    pub(crate) rules: Rules,
    /// Whose client it speaks as, and to which platform.
    speaks: Option<(String, String)>,
    pub(super) cluster_name: Option<String>,
    /// Its last snapshot.
    pub(super) last_lists: Option<BTreeMap<ResourceKind, Vec<(String, StoredObject)>>>,
    /// Where its last event went, and with which token.
    pub(crate) last_target: Option<(String, String)>,
    pub(crate) last_event_at: Moment,
    /// The last state of an object that the platform accepted as an event.
    pub(crate) last_accepted: Option<RequestContent>,
    pub(crate) snapshots: u64,
}

impl Sender {
    /// A request in its name: this one, or the last event that was accepted.
    pub(crate) fn forged(&self, id: ActorId, said: Option<RequestContent>) -> Option<Forged> {
        let (origin, token) = self.last_target.clone()?;
        Some(Forged {
            sender: id,
            origin,
            token,
            said: said.or_else(|| self.last_accepted.clone())?,
        })
    }
}

impl World {
    pub(super) fn sender(&mut self, id: ActorId) -> &mut Sender {
        self.senders.entry(id).or_default()
    }

    /// A fetch of a token starts.
    pub(crate) fn fetches(&mut self, id: ActorId, origin: &str, credentials: &Credentials) {
        let now = self.now();
        let speaks = (origin.to_owned(), credentials.client_id().to_owned());
        let sender = self.senders.entry(id).or_default();
        if sender.speaks.as_ref().is_some_and(|old| *old != speaks) {
            sender.rules.begin_anew();
            self.pending.forget(now);
        }
        sender.speaks = Some(speaks);
        if let Err(what) = sender.rules.fetches() {
            self.blame(what);
        }
        self.record(|| format!("{id:?} fetches a token"));
    }

    /// A fetch of a token ended, or was dropped.
    pub(crate) fn fetched(&mut self, id: ActorId) {
        if let Some(sender) = self.senders.get_mut(&id) {
            sender.rules.fetched();
        }
    }

    /// The platform answers a fetch of a token.
    pub(crate) fn issue(&mut self, id: ActorId, origin: &str, credentials: &Credentials) -> Result<Issued, TokenError> {
        let now = self.now();
        let valid = self.clients.contains(credentials) && self.skew <= LONGEST_SKEW;
        let trouble = self.wire.tokens;
        let Some(platform) = self.wire.platforms.get_mut(origin) else {
            self.blame(format!("a token is fetched at {origin}, where no platform is"));
            return Err(TokenError::NotAToken);
        };
        let lifetime = match trouble {
            Some(TokenTrouble::None(error)) => return Err(error),
            _ if !valid => return Err(TokenError::Answer(Outcome::status(400))),
            Some(TokenTrouble::ShortLived(lifetime)) => lifetime,
            None => platform.lifetime,
        };
        let token = platform.issue(now, lifetime);
        self.record(|| format!("{id:?} gets {token}"));
        self.sender(id).rules.token_issued();
        self.saboteur.issued(origin, &token);
        Ok(Issued {
            token: AccessToken::new(token.into()),
            lifetime,
        })
    }

    /// A sender sends: the request's number.
    pub(crate) fn send(&mut self, id: ActorId, target: &Target, payload: &Payload) -> u64 {
        let (origin, token) = (target.platform.origin().to_owned(), target.token.expose().to_owned());
        let said = match RequestContent::read(payload) {
            Ok(said) => said,
            Err(what) => {
                self.blame(what);
                RequestContent::Heartbeat
            }
        };
        let handed = |uid: &str| self.handed.get(uid).map(|handed| handed.state);
        let sender = self.senders.get(&id);
        let deed = self.saboteur.on_send(&origin, &said, sender, handed);
        match deed {
            Interception::Pass => self.launch(id, origin, token, said),
            Interception::Swallow => {
                self.note_sent(id, &origin, &token, &said);
                self.wire.swallow(id)
            }
            Interception::Change(said) => self.launch(id, origin, token, said),
            Interception::Token(other) => self.launch(id, origin, other, said),
            Interception::Hold(wait) => {
                let number = self.wire.swallow(id);
                let forged = Forged {
                    sender: id,
                    origin,
                    token,
                    said,
                };
                self.plan_in(wait, Happening::Forge(Box::new(forged)));
                number
            }
        }
    }

    fn note_sent(&mut self, id: ActorId, origin: &str, token: &str, said: &RequestContent) {
        let now = self.now();
        let sender = self.sender(id);
        match said {
            RequestContent::Event(_) => {
                sender.last_target = Some((origin.to_owned(), token.to_owned()));
                sender.last_event_at = now;
            }
            RequestContent::Snapshot(_) => sender.snapshots += 1,
            RequestContent::Heartbeat => {}
        }
    }

    /// A request of a saboteur goes out in a sender's name.
    pub(crate) fn forge(&mut self, forged: Forged) {
        let Some(sender) = self.senders.get(&forged.sender) else {
            return;
        };
        let waits = matches!(forged.said, RequestContent::Heartbeat) && self.saboteur.is(Bug::HeartbeatWaitsForBacklog);
        if waits && self.now().since(sender.last_event_at) < Duration::from_secs(5) {
            self.plan_in(Duration::from_secs(1), Happening::Forge(Box::new(forged)));
            return;
        }
        let number = self.launch(forged.sender, forged.origin, forged.token, forged.said);
        self.wire.forge(number);
    }

    /// A saboteur reports an object as gone.
    pub(crate) fn forge_delete(&mut self, uid: &Rc<str>) {
        let Some(handed) = self.handed.get(uid) else { return };
        let said = RequestContent::Event(Event {
            uid: uid.to_string(),
            kind: handed.kind,
            object: None,
            bytes: 0,
        });
        let last = self.senders.iter().find(|(_, sender)| sender.last_target.is_some());
        if let Some(forged) = last.and_then(|(id, sender)| sender.forged(*id, Some(said))) {
            self.plan_in(Duration::from_millis(1), Happening::Forge(Box::new(forged)));
        }
    }

    fn launch(&mut self, id: ActorId, origin: String, token: String, said: RequestContent) -> u64 {
        self.coverage.requests += 1;
        let now = self.now();
        if self.cluster.api.loses() {
            self.mistrust_all();
        }
        let limits = self.limits_at(&origin);
        if limits.is_empty() && self.process.is_some() {
            self.blame(format!("a request to {origin}, which no resource names"));
        }
        self.judge_speech(id, &origin);
        if let RequestContent::Event(event) = &said {
            self.judge_event(event);
        }
        if let RequestContent::Snapshot(snapshot) = &said {
            self.renamed(id, snapshot);
            if limits.iter().all(|limits| limits.cluster_name != snapshot.cluster_name) {
                self.blame("a snapshot has another name of the cluster than the resource");
            }
            self.judge_snapshot(id, snapshot);
        }
        let rate = limits.iter().map(|limits| limits.per_second).max().unwrap_or_default();
        let burst = limits.iter().map(|limits| limits.burst).max().unwrap_or_default();
        self.note_sent(id, &origin, &token, &said);
        let single = self.resources.len() == 1;
        let request = Request::new(id, &origin, &token, said);
        let said = Rc::clone(&request.said);
        let (number, steps) = self.wire.launch(now, request, &mut self.dice);
        self.record(|| format!("{id:?} sends {number}: {}", said.in_short()));
        let sender = self.senders.entry(id).or_default();
        let judged = sender.rules.launched(
            now,
            number,
            &said,
            &crate::rules::Allowed {
                origin: &origin,
                token: &token,
                per_second: rate,
                burst,
                lists: single.then_some(&self.lists),
            },
        );
        self.expect.sent(&said);
        if matches!(*said, RequestContent::Heartbeat) {
            self.inspection.beats(now, &origin);
        }
        if let Err(what) = judged {
            self.blame(what);
        }
        for (after, step) in steps {
            self.plan_in(after, Happening::Wire(number, step));
        }
        number
    }

    pub(crate) fn on_the_wire(&mut self, number: u64, step: Step) {
        match step {
            Step::Arrives { answered } => {
                let now = self.now();
                let answer = self.wire.arrive(now, number);
                if let Some(request) = self.wire.requests.get(&number)
                    && let Some(platform) = self.wire.platforms.get(&request.origin)
                    && platform.origin == crate::setting::HERE
                {
                    let said = Rc::clone(&request.said);
                    self.pending.arrived(now, &said, platform, None);
                    self.owed.arrived(now, &said, platform, Some(&mut self.expect));
                }
                if let Some(outcome) = answer.filter(|_| answered) {
                    let takes = self.dice.millis(1, 30) + self.wire.slowness(number);
                    self.plan_in(takes, Happening::Answer(number, outcome));
                    return;
                }
            }
            Step::Ends(outcome) => self.answer_to(number, outcome),
        }
        self.wire.step_done(number);
    }

    pub(crate) fn answer(&mut self, number: u64, outcome: Outcome) {
        self.answer_to(number, outcome);
        self.wire.step_done(number);
    }

    /// An answer comes back.
    fn answer_to(&mut self, number: u64, outcome: Outcome) {
        let now = self.now();
        let Some(request) = self
            .wire
            .requests
            .get_mut(&number)
            .filter(|request| request.is_awaited())
        else {
            return;
        };
        let (id, said) = (request.sender, Rc::clone(&request.said));
        request.answer(self.saboteur.on_answer(outcome, &said));
        self.record(|| format!("answer to {number}: {outcome:?}"));
        let Some(sender) = self.senders.get_mut(&id) else {
            return;
        };
        if matches!(outcome, Outcome::Status { code: 401, .. }) && sender.rules.has_snapshot_in_flight() {
            self.coverage.reach(Reached::UnauthorizedWhileSnapshotFlies);
        }
        sender.rules.answered(now, number, &said, outcome);
        let accepted = matches!(outcome, Outcome::Status { code: 200..=299, .. });
        if let (false, RequestContent::Event(event)) = (accepted, &*said) {
            self.pending.failed(&event.uid);
        }
        if accepted && matches!(&*said, RequestContent::Event(event) if event.object.is_some()) {
            sender.last_accepted = Some((*said).clone());
        }
        if let RequestContent::Snapshot(snapshot) = &*said {
            match outcome {
                Outcome::Status { code: 200..=299, .. } => {
                    self.coverage.snapshots += 1;
                    if snapshot.lists.len() == self.plan.kinds.len() {
                        self.pending.all_carried();
                    }
                    let asked = crate::expect::asked(&self.lists, snapshot.lists.keys().copied());
                    self.expect.snapshot_accepted(now, asked);
                }
                Outcome::Status {
                    code: 400 | 404..=407 | 409..=412 | 414..=428,
                    ..
                } => self.coverage.reach(Reached::SnapshotRefused),
                _ => {}
            }
        }
    }

    /// A sender polls for its answer.
    pub(crate) fn await_answer(&mut self, number: u64, waker: &Waker) -> Poll<Outcome> {
        self.wire.await_answer(number, waker)
    }

    /// A sender has its answer, or waits no more.
    pub(crate) fn stop_awaiting(&mut self, number: u64) {
        if let Some(id) = self.wire.stop_awaiting(number, &mut self.dice)
            && let Some(sender) = self.senders.get_mut(&id)
        {
            sender.rules.dropped(number);
        }
    }
}
