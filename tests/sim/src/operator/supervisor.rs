// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The supervisor's effects, carried out.

use std::time::Duration;

use obsyk_actors::agent::AgentState;
use obsyk_actors::supervisor::{Effect, SupervisorState};
use obsyk_domain::agent::Policy;
use obsyk_domain::resource::KindSet;

use super::{Agent, Letter, Supervisor, reset, whole_millis};
use crate::world::{Happening, World};

/// A process that gave up is started again after this, as a kubelet does.
const RESTARTED: Duration = Duration::from_secs(10);

impl World {
    /// The process starts.
    pub(crate) fn start(&mut self) {
        if self.operator.runs() {
            return;
        }
        let id = self.operator.next_id();
        let supervisor = Supervisor {
            state: SupervisorState::new(Policy::default()),
            agents: Default::default(),
            timer: None,
        };
        self.operator.supervisor = Some((id, supervisor));
        self.seen.clear();
        self.listed = false;
        self.tell_resources();
    }

    pub(super) fn supervisor_rings(&mut self) {
        if let Some((_, supervisor)) = &mut self.operator.supervisor {
            let effects = supervisor.state.on_timer(self.now);
            self.carry_out_supervisor(effects);
        }
    }

    pub(super) fn supervisor_gets(&mut self, letter: Letter) {
        let now = self.now;
        let Some((_, supervisor)) = &mut self.operator.supervisor else {
            return;
        };
        let effects = match letter {
            Letter::Apply(apply) => supervisor.state.on_apply(now, *apply),
            Letter::Remove { key, uid } => supervisor.state.on_remove(now, &key, &uid),
            Letter::AllApplied => supervisor.state.on_all_applied(now),
            Letter::Left(leave) => supervisor.state.on_left(now, leave),
            Letter::AgentExited { key, agent } => {
                if supervisor.agents.get(&key) != Some(&agent) {
                    return;
                }
                supervisor.agents.remove(&key);
                supervisor.state.on_exited(now, &key, &mut self.operator.chance)
            }
            _ => return,
        };
        self.carry_out_supervisor(effects);
    }

    fn carry_out_supervisor(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Some((_, supervisor)) = &mut self.operator.supervisor else {
                return;
            };
            match effect {
                Effect::Start { key, desired, .. } => {
                    self.operator.last += 1;
                    let id = self.operator.last;
                    supervisor.agents.insert(key.clone(), id);
                    let agent = Agent {
                        key,
                        state: AgentState::new(self.operator.kinds, (*desired).clone()),
                        desired: *desired,
                        sender: None,
                        watchers: Default::default(),
                        following: None,
                        asked: None,
                        left_out: KindSet::EMPTY,
                        timer: None,
                    };
                    self.operator.agents.insert(id, agent);
                    self.post(id, Letter::Started);
                }
                Effect::Reconfigure { key, desired, leave } => match supervisor.agents.get(&key).copied() {
                    Some(agent) => self.post(agent, Letter::Reconfigure { desired, leave }),
                    None => {
                        if let Some(leave) = leave {
                            self.tell_supervisor(Letter::Left(leave));
                        }
                    }
                },
                Effect::Stop { key, leave } => match supervisor.agents.remove(&key) {
                    Some(agent) => self.post(agent, Letter::Stop { leave }),
                    None => self.tell_supervisor(Letter::Left(leave)),
                },
                Effect::GiveUp => {
                    self.kill();
                    self.queue.plan(self.now + RESTARTED, Happening::Start);
                    return;
                }
            }
        }
        if let Some((id, supervisor)) = &mut self.operator.supervisor {
            let at = supervisor.state.wake().map(|at| whole_millis(at.max(self.now)));
            if let Some(at) = reset(&mut supervisor.timer, at) {
                self.queue.plan(at, Happening::Timer(*id));
            }
        }
    }

    /// The process is asked to end: SIGTERM.
    pub(crate) fn terminate(&mut self) {
        let deadline = self.now + Duration::from_secs(5);
        let Some((_, supervisor)) = &mut self.operator.supervisor else {
            return;
        };
        supervisor.state.on_end();
        let agents: Vec<_> = std::mem::take(&mut supervisor.agents).into_values().collect();
        self.terminating = true;
        for agent in agents {
            self.post(agent, Letter::DrainAgent { deadline });
        }
        self.process_may_end();
    }

    /// The process ends when its agents have.
    pub(super) fn process_may_end(&mut self) {
        if self.terminating && self.operator.agents.is_empty() {
            self.terminating = false;
            self.kill();
        }
    }
}
