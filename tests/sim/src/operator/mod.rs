// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator's actors, without actix: their states as they are, and what passes between them.
//!
//! It decides nothing. A state is told what happened and says what is to be done; that is carried out here as the actors'
//! handlers do it, with letters for messages. A mailbox keeps its order, and a letter takes a moment that chance decides.

mod agent;
mod letter;
mod sender;
mod supervisor;
mod watcher;

use std::collections::{BTreeMap, HashMap};

use obsyk_actors::agent::{AgentState, Desired};
use obsyk_actors::sender::{Config, Refusal, SenderState};
use obsyk_actors::supervisor::SupervisorState;
use obsyk_actors::watcher::WatcherState;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::time::Moment;

use crate::dice::Dice;
use crate::rules::Rules;
use crate::world::{Happening, World};
pub use letter::{Letter, Then};

/// An actor, of all that ever were.
pub type ActorId = u64;

/// Whom to tell when a command was obeyed; a child that is gone has obeyed.
pub type Settlement = u64;

/// An agent and what it has at hand.
#[derive(Debug)]
pub struct Agent {
    pub(crate) key: AgentKey,
    pub(crate) state: AgentState,
    pub(crate) desired: Desired,
    pub(crate) sender: Option<ActorId>,
    pub(crate) watchers: BTreeMap<ResourceKind, ActorId>,
    pub(crate) following: Option<(u64, String)>,
    asked: Option<u64>,
    left_out: KindSet,
    timer: Option<Moment>,
}

/// A sender and what it has at hand.
#[derive(Debug)]
pub struct Sender {
    pub(crate) agent: ActorId,
    pub(crate) state: SenderState,
    pub(crate) rules: Rules,
    config: Option<Config>,
    opening: Option<u64>,
    fetch: Option<u64>,
    draining: Vec<Option<Settlement>>,
    timer: Option<Moment>,
    overflows: u64,
}

/// A watcher and what it has at hand.
#[derive(Debug)]
pub struct Watcher {
    agent: ActorId,
    sender: ActorId,
    pub(crate) state: WatcherState,
    pub(crate) feed: Option<u64>,
    /// How many restores there were when its last version was told.
    era: usize,
    timer: Option<Moment>,
}

/// The supervisor.
#[derive(Debug)]
pub struct Supervisor {
    state: SupervisorState,
    agents: BTreeMap<AgentKey, ActorId>,
    timer: Option<Moment>,
}

/// The process: all actors that live.
#[derive(Debug)]
pub struct Operator {
    pub(crate) supervisor: Option<(ActorId, Supervisor)>,
    pub(crate) agents: BTreeMap<ActorId, Agent>,
    pub(crate) senders: BTreeMap<ActorId, Sender>,
    pub(crate) watchers: BTreeMap<ActorId, Watcher>,
    /// When the last letter to an actor arrives: the next one comes after it.
    mailboxes: HashMap<ActorId, Moment>,
    settlements: HashMap<Settlement, (usize, Then)>,
    /// The kinds that it is to collect.
    kinds: KindSet,
    chance: Dice,
    last: u64,
}

impl Operator {
    /// No process yet.
    pub fn new(seed: u64, kinds: KindSet) -> Self {
        Self {
            supervisor: None,
            agents: BTreeMap::new(),
            senders: BTreeMap::new(),
            watchers: BTreeMap::new(),
            mailboxes: HashMap::new(),
            settlements: HashMap::new(),
            kinds,
            chance: Dice::new(seed, 2),
            last: 0,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Whether a process runs.
    pub fn runs(&self) -> bool {
        self.supervisor.is_some()
    }
}

impl World {
    /// Posts a letter.
    pub(crate) fn post(&mut self, to: ActorId, letter: Letter) {
        // Now and then a thread is busy.
        let takes = if self.dice.happens(0.02) {
            self.dice.millis(1, 50)
        } else {
            self.dice.millis(0, 1)
        };
        let last = self.operator.mailboxes.entry(to).or_default();
        *last = (*last).max(self.now + takes);
        let at = *last;
        self.queue.plan(at, Happening::Letter(to, letter));
    }

    /// Somebody has obeyed.
    fn obey(&mut self, settlement: Settlement) {
        let takes = self.dice.millis(0, 1);
        self.queue.plan(self.now + takes, Happening::Obeyed(settlement));
    }

    /// Waits until so many have obeyed.
    fn settle(&mut self, settlement: Settlement, count: usize, then: Then) {
        if count == 0 {
            self.then(then);
        } else {
            self.operator.settlements.insert(settlement, (count, then));
        }
    }

    pub(crate) fn obeyed(&mut self, settlement: Settlement) {
        let Some((waiting, _)) = self.operator.settlements.get_mut(&settlement) else {
            return;
        };
        *waiting -= 1;
        if *waiting == 0
            && let Some((_, then)) = self.operator.settlements.remove(&settlement)
        {
            self.then(then);
        }
    }

    fn then(&mut self, then: Then) {
        match then {
            Then::Left(leave) => self.tell_supervisor(Letter::Left(leave)),
            Then::End { agent, leave } => {
                self.operator.agents.remove(&agent);
                if let Some(leave) = leave {
                    self.tell_supervisor(Letter::Left(leave));
                }
                self.process_may_end();
            }
            Then::DrainSender {
                agent,
                sender,
                deadline,
            } => {
                let end = Then::End { agent, leave: None };
                let settlement = self.operator.next_id();
                match sender {
                    Some(sender) => {
                        let obeyed = Some(settlement);
                        self.settle(settlement, 1, end);
                        self.post(sender, Letter::DrainSender { deadline, obeyed });
                    }
                    None => self.then(end),
                }
            }
        }
    }

    fn tell_supervisor(&mut self, letter: Letter) {
        if let Some(supervisor) = self.operator.supervisor.as_ref().map(|(id, _)| *id) {
            self.post(supervisor, letter);
        }
    }

    /// A letter arrives.
    pub(crate) fn deliver(&mut self, to: ActorId, letter: Letter) {
        if self.operator.supervisor.as_ref().is_some_and(|(id, _)| *id == to) {
            self.supervisor_gets(letter);
        } else if self.operator.agents.contains_key(&to) {
            self.agent_gets(to, letter);
        } else if self.operator.senders.contains_key(&to) {
            self.sender_gets(to, letter);
        } else if self.operator.watchers.contains_key(&to) {
            self.watcher_gets(to, letter);
        } else {
            self.return_to_sender(letter);
        }
    }

    /// Whoever was to have it is gone.
    fn return_to_sender(&mut self, letter: Letter) {
        match letter {
            Letter::Offer { from, .. } => self.post(from, Letter::Offered(Err(Refusal::SnapshotDue))),
            Letter::Spooled { from, .. } => self.post(from, Letter::SpoolTaken),
            Letter::Configure { obeyed, .. } => self.obey(obeyed),
            Letter::DrainSender { obeyed, .. } | Letter::DrainWatcher { obeyed } => {
                if let Some(obeyed) = obeyed {
                    self.obey(obeyed);
                }
            }
            // An agent that died reports it, and its successor gets the newest spec.
            Letter::Reconfigure { leave: Some(leave), .. } | Letter::Stop { leave } => {
                self.tell_supervisor(Letter::Left(leave));
            }
            _ => {}
        }
    }

    /// A timer rings.
    pub(crate) fn rings(&mut self, actor: ActorId) {
        let now = self.now;
        let due = |timer: &mut Option<Moment>| timer.take_if(|at| *at == now).is_some();
        if let Some((id, supervisor)) = &mut self.operator.supervisor
            && *id == actor
        {
            if due(&mut supervisor.timer) {
                self.supervisor_rings();
            }
        } else if let Some(agent) = self.operator.agents.get_mut(&actor) {
            if due(&mut agent.timer) {
                let effects = agent.state.on_timer(now);
                self.carry_out_agent(actor, effects);
            }
        } else if let Some(sender) = self.operator.senders.get_mut(&actor) {
            if due(&mut sender.timer) {
                self.sender_rings(actor);
            }
        } else if let Some(watcher) = self.operator.watchers.get_mut(&actor)
            && due(&mut watcher.timer)
        {
            let effects = watcher.state.on_timer(now, &mut self.operator.chance);
            self.carry_out_watcher(actor, effects);
        }
    }

    /// The process is killed: everything in it is gone, and what is on the wire stays there.
    pub(crate) fn kill(&mut self) {
        let senders: Vec<ActorId> = self.operator.senders.keys().copied().collect();
        for sender in senders {
            self.wire.drop_all(sender, &mut self.dice);
        }
        let operator = &mut self.operator;
        operator.supervisor = None;
        operator.agents.clear();
        operator.senders.clear();
        operator.watchers.clear();
        operator.mailboxes.clear();
        operator.settlements.clear();
        self.feeds.clear();
    }

    /// The credentials that a Secret holds, as far as the API server can say.
    fn secret(&self, name: &str) -> Result<Credentials, CredentialsError> {
        if self.cluster.api.down {
            return Err(CredentialsError::Unreachable);
        }
        match self.secrets.get(name) {
            Some(credentials) => credentials.clone(),
            None => Err(CredentialsError::NoSecret),
        }
    }
}

/// A timer that is set anew: whether it must be planned.
fn reset(timer: &mut Option<Moment>, at: Option<Moment>) -> Option<Moment> {
    if *timer == at {
        return None;
    }
    *timer = at;
    at
}

/// Timers count in milliseconds, rounded up.
fn whole_millis(at: Moment) -> Moment {
    let nanos = at.elapsed().as_nanos().div_ceil(1_000_000);
    Moment::at(std::time::Duration::from_millis(
        u64::try_from(nanos).unwrap_or(u64::MAX),
    ))
}
