// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The supervisor's handlers: they carry out what the state decides.

use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, ResponseFuture, WrapFuture,
};
use futures_util::future::join_all;
use obsyk_domain::ports::{AgentKey, Local};
use obsyk_domain::wire::VERSION;
use tracing::{error, info, warn};

use super::messages::{AllApplied, Apply, Drain, Inspect, Ping, Remove};
use super::state::Effect;
use super::{Running, SupervisorActor};
use crate::agent::{self, AgentActor, Desired, Reconfigure, Stop};
use crate::inspect::{ActorKind, AgentView, Exit, SupervisorView, TIME};
use crate::mail::{Address, set_timer, spawn};
use crate::supervision::{ExitCause, Exited, ask, command};

type Ctx = Context<SupervisorActor>;

/// An agent has this long to stop or to be silent; then it is left to itself, and obeys when it can.
const STOPPING: Duration = Duration::from_secs(1);

/// An agent that doesn't answer within this is shown as it was last known. More than the agent gives its children.
const INSPECTION: Duration = Duration::from_millis(600);

impl Actor for SupervisorActor {
    type Context = Ctx;
}

impl SupervisorActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        for effect in effects {
            match effect {
                Effect::Start {
                    key,
                    uid,
                    desired,
                    again,
                } => self.start_agent(key, uid, *desired, again, ctx),
                Effect::Reconfigure { key, desired, leave } => {
                    // An agent that died reports it, and its successor gets the newest spec.
                    let obeyed = self
                        .agents
                        .get(&key)
                        .map(|agent| command(&agent.addr, Reconfigure(desired), STOPPING));
                    self.when_left(obeyed, leave, ctx);
                }
                Effect::Stop { key, leave } => {
                    self.views.forget(&key);
                    let stopped = self.agents.remove(&key);
                    let stopped = stopped.map(|agent| command(&agent.addr, Stop, STOPPING));
                    self.when_left(stopped, Some(leave), ctx);
                }
                Effect::GiveUp => {
                    error!("agents fail again and again; the process ends");
                    ctx.stop();
                }
            }
        }
        self.set_timer(ctx);
    }

    fn start_agent(&mut self, key: AgentKey, uid: String, desired: Desired, again: bool, ctx: &mut Ctx) {
        self.built += 1;
        let generation = self.built;
        let agent = AgentActor::new(
            key.clone(),
            uid,
            generation,
            self.kinds,
            desired,
            self.ports.clone(),
            Some(self.desk.address(ctx.address()).weak()),
        );
        let addr = Address::start(if again { agent.after_a_death() } else { agent });
        let running = Running { generation, addr };
        self.agents.insert(key, running);
    }

    /// Tells the state when an agent has obeyed, or had the time to.
    fn when_left(&mut self, obeyed: Option<Local<()>>, leave: Option<u64>, ctx: &mut Ctx) {
        let Some(leave) = leave else { return };
        let obeyed = async move {
            if let Some(obeyed) = obeyed {
                obeyed.await;
            }
        };
        let left = obeyed.into_actor(self).map(move |(), act: &mut Self, ctx: &mut Ctx| {
            let effects = act.state.on_left(act.ports.clock.now(), leave);
            act.carry_out(effects, ctx);
        });
        spawn(ctx, left);
    }

    fn set_timer(&mut self, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        // Timers count in milliseconds, rounded down: a wait that is too short would spin.
        let wait = self.state.wake().map(|at| at.since(now) + Duration::from_millis(1));
        set_timer(self, ctx, wait, |act, ctx| {
            let effects = act.state.on_timer(act.ports.clock.now());
            act.carry_out(effects, ctx);
        });
    }

    /// How the agents are: as they say now, else as they said last.
    pub(super) fn view(&mut self, answers: Vec<(AgentKey, AgentView)>) -> SupervisorView {
        let clock = &self.ports.clock;
        let living = self.agents.iter().map(|(key, agent)| (key.clone(), agent.generation));
        self.views.take(clock.now(), living.collect(), answers);
        SupervisorView {
            version: VERSION.to_owned(),
            now: clock.now(),
            time: clock.wall().strftime(TIME).to_string(),
            actor: self.desk.view(ActorKind::Supervisor, "supervisor".to_owned(), 1),
            listed: self.state.is_listed(),
            agents: self.views.shown(clock.now(), self.state.keys()),
        }
    }
}

impl Handler<Apply> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, apply: Apply, ctx: &mut Ctx) {
        let effects = self.state.on_apply(self.ports.clock.now(), apply);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Remove> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Remove { key, uid }: Remove, ctx: &mut Ctx) {
        let effects = self.state.on_remove(self.ports.clock.now(), &key, &uid);
        self.carry_out(effects, ctx);
    }
}

impl Handler<AllApplied> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: AllApplied, ctx: &mut Ctx) {
        if !self.state.is_listed() && self.state.keys().next().is_none() {
            info!("no ObsykAgent resource yet; the operator waits for one");
        }
        let effects = self.state.on_all_applied(self.ports.clock.now());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Exited<AgentKey>> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, exited: Exited<AgentKey>, ctx: &mut Ctx) {
        let Exited {
            child,
            generation,
            cause,
        } = exited;
        let is_current = self
            .agents
            .get(&child)
            .is_some_and(|agent| agent.generation == generation);
        if !is_current || cause == ExitCause::Asked {
            return;
        }
        warn!(agent = %child, generation, %cause, "an agent died; it is restarted");
        self.agents.remove(&child);
        let now = self.ports.clock.now();
        self.views.died(&child, generation, Exit { cause, at: now });
        let effects = self.state.on_exited(now, &child, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Drain> for SupervisorActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { deadline }: Drain, _: &mut Ctx) -> Self::Result {
        self.state.on_end();
        let drained: Vec<_> = std::mem::take(&mut self.agents)
            .into_values()
            .map(|agent| agent.addr.send(agent::Drain { deadline }))
            .collect();
        Box::pin(async move {
            let _gone = join_all(drained).await;
        })
    }
}

impl Handler<Ping> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Ctx) {}
}

impl Handler<Inspect> for SupervisorActor {
    type Result = ResponseActFuture<Self, SupervisorView>;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> Self::Result {
        let answers = self.agents.iter().map(|(key, agent)| {
            let key = key.clone();
            let answer = ask(&agent.addr, agent::Inspect, INSPECTION);
            async move { Some((key, answer.await?)) }
        });
        let answers: Vec<_> = answers.collect();
        Box::pin(
            join_all(answers)
                .into_actor(self)
                .map(|answers, act: &mut Self, _| act.view(answers.into_iter().flatten().collect())),
        )
    }
}
