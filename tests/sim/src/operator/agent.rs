// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! An agent's effects, carried out.

use std::time::Duration;

use obsyk_actors::agent::{Child, Effect};
use obsyk_actors::sender::Delivery;
use obsyk_actors::watcher::WatcherState;
use obsyk_domain::condition::Link;
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::{ActorId, Agent, Letter, Sender, Settlement, Then, Watcher, reset, whole_millis};
use crate::coverage::Reached;
use crate::rules::Rules;
use crate::world::{Happening, World};

/// An agent that gives up says so for this long.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn agent_gets(&mut self, id: ActorId, letter: Letter) {
        let now = self.now;
        let Some(agent) = self.operator.agents.get_mut(&id) else {
            return;
        };
        let chance = &mut self.operator.chance;
        let effects = match letter {
            Letter::Started => agent.state.on_timer(now),
            Letter::Reconfigure { desired, leave } => {
                let open = agent.state.snapshot_is_open();
                agent.desired = (*desired).clone();
                let effects = agent.state.on_reconfigure(now, *desired);
                if open {
                    self.coverage.reach(Reached::EditWhileOpen);
                }
                self.perform(id, effects, leave.map(Then::Left));
                self.set_sync(id);
                return;
            }
            Letter::Stop { leave } => {
                self.end_agent(id, Some(leave));
                return;
            }
            Letter::DrainAgent { deadline } => {
                self.drain_agent(id, deadline);
                return;
            }
            Letter::Secret { following, name } => {
                if agent.following.as_ref() != Some(&(following, name.clone())) {
                    return;
                }
                let result = self.secret(&name);
                let Some(agent) = self.operator.agents.get_mut(&id) else {
                    return;
                };
                agent.state.on_credentials(now, &name, result)
            }
            Letter::Identity { asked, identity } => {
                if agent.asked != Some(asked) {
                    return;
                }
                agent.asked = None;
                agent.state.on_identity(now, identity, chance)
            }
            Letter::Opened { n, opened: true } => agent.state.on_opened(now, n),
            Letter::Opened { n, opened: false } => agent.state.on_overtaken(now, n),
            Letter::Listed { n, kind, facts } => agent.state.on_listed(now, n, kind, &facts),
            Letter::Unreadable { n, kind, why } => agent.state.on_unreadable(now, n, kind, why),
            Letter::Due { why, at } => {
                if agent.state.snapshot_is_open() {
                    self.coverage.reach(Reached::DueWhileOpen);
                }
                agent.state.on_due(now, why, at)
            }
            Letter::Delivered(Delivery::Link(link)) => {
                agent.state.on_link(link);
                if matches!(link, Link::Open(_))
                    && let Some(sender) = agent.sender.and_then(|sender| self.operator.senders.get(&sender))
                    && sender.state.ledger().stats().tombstones > 0
                {
                    self.coverage.reach(Reached::RetriesUsedUpWhileDeletesWait);
                }
                Vec::new()
            }
            Letter::Delivered(Delivery::Snapshot { n, end }) => agent.state.on_snapshot_end(now, n, &end, chance),
            Letter::Delivered(Delivery::RereadSecret) => agent.state.on_reread(),
            Letter::ChildExited { child, actor } => {
                let current = match child {
                    Child::Sender => agent.sender == Some(actor),
                    Child::Watcher(kind) => agent.watchers.get(&kind) == Some(&actor),
                };
                if !current {
                    return;
                }
                match child {
                    Child::Sender => agent.sender = None,
                    Child::Watcher(kind) => {
                        agent.watchers.remove(&kind);
                    }
                }
                agent.state.on_exited(now, child, chance)
            }
            Letter::LastWords => {
                self.lose_agent(id);
                return;
            }
            _ => return,
        };
        self.carry_out_agent(id, effects);
    }

    pub(super) fn carry_out_agent(&mut self, id: ActorId, effects: Vec<Effect>) {
        self.perform(id, effects, None);
    }

    /// Carries out effects, and does the rest when the children that were told to stop or to obey have.
    fn perform(&mut self, id: ActorId, effects: Vec<Effect>, then: Option<Then>) {
        let settlement = self.operator.next_id();
        let mut waits = 0;
        for effect in effects {
            let Some(agent) = self.operator.agents.get_mut(&id) else {
                return;
            };
            match effect {
                Effect::FollowSecret(name) => self.follow_secret(id, name),
                Effect::Identify => self.identify(id),
                Effect::StartSender => self.start_sender(id),
                Effect::StartWatcher(kind) => self.start_watcher(id, kind),
                Effect::StopWatcher(kind) => {
                    let watcher = agent.watchers.remove(&kind);
                    waits += self.stop(watcher.into_iter().collect(), None, settlement);
                }
                Effect::StopChildren => {
                    let watchers = std::mem::take(&mut agent.watchers).into_values().collect();
                    let sender = agent.sender.take();
                    waits += self.stop(watchers, sender, settlement);
                }
                Effect::Configure(config) => {
                    if let Some(sender) = agent.sender {
                        waits += 1;
                        let obeyed = settlement;
                        self.post(sender, Letter::Configure { config, obeyed });
                    }
                }
                Effect::OpenSnapshot { n, .. } => {
                    if let Some(sender) = agent.sender {
                        self.post(sender, Letter::OpenSnapshot { n });
                    }
                }
                Effect::Relist { n, kinds } => {
                    let watchers: Vec<ActorId> = kinds
                        .iter()
                        .filter_map(|kind| agent.watchers.get(&kind).copied())
                        .collect();
                    for watcher in watchers {
                        self.post(watcher, Letter::Relist { n });
                    }
                }
                Effect::SendSnapshot { n, head, left_out } => {
                    let readable = std::mem::replace(&mut agent.left_out, left_out).without(left_out);
                    if !readable.is_empty() {
                        self.coverage.reach(Reached::KindReadableLater);
                    }
                    self.tell_sender_of(id, Letter::SendSnapshot { n, head, left_out });
                }
                Effect::AbandonSnapshot(n) => self.tell_sender_of(id, Letter::AbandonSnapshot { n }),
                Effect::Beat => self.tell_sender_of(id, Letter::Beat),
                Effect::GiveUp => self
                    .queue
                    .plan(self.now + LAST_WORDS, Happening::Letter(id, Letter::LastWords)),
            }
        }
        if let Some(then) = then {
            self.settle(settlement, waits, then);
        }
        self.set_agent_timer(id);
    }

    fn set_agent_timer(&mut self, id: ActorId) {
        let Some(agent) = self.operator.agents.get_mut(&id) else {
            return;
        };
        let at = agent
            .state
            .wake()
            .map(|at| whole_millis(at.max(self.now) + Duration::from_millis(1)));
        if let Some(at) = reset(&mut agent.timer, at) {
            self.queue.plan(at, Happening::Timer(id));
        }
    }

    fn tell_sender_of(&mut self, id: ActorId, letter: Letter) {
        if let Some(sender) = self.operator.agents.get(&id).and_then(|agent| agent.sender) {
            self.post(sender, letter);
        }
    }

    fn follow_secret(&mut self, id: ActorId, name: Option<String>) {
        let following = name.map(|name| (self.operator.next_id(), name));
        if let Some(agent) = self.operator.agents.get_mut(&id) {
            agent.following.clone_from(&following);
        }
        if let Some((following, name)) = following {
            let takes = self.dice.millis(2, 40);
            let letter = Letter::Secret { following, name };
            self.queue.plan(self.now + takes, Happening::Letter(id, letter));
        }
    }

    /// A Secret changed, or can be read again: who follows it is told.
    pub(crate) fn tell_secrets(&mut self) {
        let followers: Vec<_> = self
            .operator
            .agents
            .iter()
            .filter_map(|(id, agent)| Some((*id, agent.following.clone()?)))
            .collect();
        for (id, (following, name)) in followers {
            let takes = self.dice.millis(2, 400);
            let letter = Letter::Secret { following, name };
            self.queue.plan(self.now + takes, Happening::Letter(id, letter));
        }
    }

    fn identify(&mut self, id: ActorId) {
        let asked = self.operator.next_id();
        let up = !self.cluster.api.down;
        let Some(agent) = self.operator.agents.get_mut(&id) else {
            return;
        };
        agent.asked = Some(asked);
        let identity = ClusterIdentity {
            uid: up.then(|| "9c0f6d5e-0000-4000-8000-000000000000".to_owned()),
            git_version: up.then(|| "v1.37.2".to_owned()),
        };
        let takes = self.dice.millis(2, 40);
        let letter = Letter::Identity { asked, identity };
        self.queue.plan(self.now + takes, Happening::Letter(id, letter));
    }

    fn start_sender(&mut self, agent: ActorId) {
        let id = self.operator.next_id();
        let sender = Sender {
            agent,
            state: Default::default(),
            rules: Rules::default(),
            config: None,
            opening: None,
            fetch: None,
            draining: Vec::new(),
            timer: None,
            overflows: 0,
        };
        self.operator.senders.insert(id, sender);
        if let Some(agent) = self.operator.agents.get_mut(&agent) {
            agent.sender = Some(id);
        }
    }

    fn start_watcher(&mut self, agent: ActorId, kind: ResourceKind) {
        let Some(sender) = self.operator.agents.get(&agent).and_then(|agent| agent.sender) else {
            return;
        };
        let id = self.operator.next_id();
        let watcher = Watcher {
            agent,
            sender,
            state: WatcherState::new(kind),
            feed: None,
            era: self.cluster.restores(),
            timer: None,
        };
        self.operator.watchers.insert(id, watcher);
        if let Some(agent) = self.operator.agents.get_mut(&agent) {
            agent.watchers.insert(kind, id);
        }
    }

    /// Stops children at once: how many are to obey.
    fn stop(&mut self, watchers: Vec<ActorId>, sender: Option<ActorId>, settlement: Settlement) -> usize {
        let count = watchers.len() + usize::from(sender.is_some());
        let obeyed = Some(settlement);
        for watcher in watchers {
            self.post(watcher, Letter::DrainWatcher { obeyed });
        }
        if let Some(sender) = sender {
            let deadline = Moment::START;
            self.post(sender, Letter::DrainSender { deadline, obeyed });
        }
        count
    }

    /// The agent ends at once.
    fn end_agent(&mut self, id: ActorId, leave: Option<u64>) {
        let Some((watchers, sender)) = self.finish(id) else {
            return;
        };
        let settlement = self.operator.next_id();
        let count = self.stop(watchers, sender, settlement);
        self.settle(settlement, count, Then::End { agent: id, leave });
    }

    /// The agent ends, and its sender goes on for a while.
    fn drain_agent(&mut self, id: ActorId, deadline: Moment) {
        let Some((watchers, sender)) = self.finish(id) else {
            return;
        };
        let settlement = self.operator.next_id();
        let count = self.stop(watchers, None, settlement);
        let then = Then::DrainSender {
            agent: id,
            sender,
            deadline,
        };
        self.settle(settlement, count, then);
    }

    /// Nothing new begins: the children that are left to end.
    fn finish(&mut self, id: ActorId) -> Option<(Vec<ActorId>, Option<ActorId>)> {
        let agent = self.operator.agents.get_mut(&id)?;
        agent.state.on_end();
        agent.following = None;
        agent.timer = None;
        let watchers = std::mem::take(&mut agent.watchers).into_values().collect();
        Some((watchers, agent.sender.take()))
    }

    /// The agent died, by a panic or since it gave up. Its children are told to stop, and its parent reports it.
    pub(crate) fn lose_agent(&mut self, id: ActorId) {
        let Some((watchers, sender)) = self.finish(id) else {
            return;
        };
        for watcher in watchers {
            self.post(watcher, Letter::DrainWatcher { obeyed: None });
        }
        if let Some(sender) = sender {
            let deadline = Moment::START;
            self.post(sender, Letter::DrainSender { deadline, obeyed: None });
        }
        if let Some(Agent { key, .. }) = self.operator.agents.remove(&id) {
            self.tell_supervisor(Letter::AgentExited { key, agent: id });
        }
        self.process_may_end();
    }

    /// A sender or watcher panicked.
    pub(crate) fn lose_child(&mut self, id: ActorId) {
        let (agent, child) = if let Some(sender) = self.operator.senders.remove(&id) {
            self.wire.drop_all(id, &mut self.dice);
            if let Some(n) = sender.opening {
                self.post(sender.agent, Letter::Opened { n, opened: false });
            }
            for obeyed in sender.draining.into_iter().flatten() {
                self.obey(obeyed);
            }
            (sender.agent, Child::Sender)
        } else if let Some(watcher) = self.operator.watchers.remove(&id) {
            let kind = watcher.state.kind();
            if let Some(feed) = watcher.feed {
                self.feeds.remove(&feed);
            }
            self.mistrust(watcher.sender);
            (watcher.agent, Child::Watcher(kind))
        } else {
            return;
        };
        self.post(agent, Letter::ChildExited { child, actor: id });
    }
}
