// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The supervisor's handlers: they carry out what the state decides.

use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use futures_util::future::join_all;
use tracing::{error, info, warn};

use super::SupervisorActor;
use super::messages::{AllApplied, Apply, Drain, Inspect, Ping, Remove};
use super::state::Effect;
use crate::agent::{self, AgentActor, Reconfigure, Stop};
use crate::inspect::SupervisorView;
use crate::supervision::{ExitCause, Exited};
use obsyk_domain::ports::AgentKey;

type Ctx = Context<SupervisorActor>;

/// An agent has this long to stop; then it is left to itself: its children were told to stop as well.
const STOPPING: Duration = Duration::from_secs(1);

/// An agent that doesn't answer within this isn't shown as fresh. More than the agent gives its children.
const INSPECTION: Duration = Duration::from_millis(600);

impl Actor for SupervisorActor {
    type Context = Ctx;
}

impl SupervisorActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        for effect in effects {
            match effect {
                Effect::Start { key, uid, desired } => {
                    let generation = self.generations.entry(key.clone()).or_default();
                    *generation += 1;
                    let agent = AgentActor::new(
                        key.clone(),
                        uid,
                        *generation,
                        self.kinds,
                        *desired,
                        self.ports.clone(),
                        Some(ctx.address()),
                    );
                    self.agents.insert(key, agent.start());
                }
                Effect::Reconfigure { key, desired } => {
                    if let Some(agent) = self.agents.get(&key) {
                        // An agent that died reports it, and its successor gets the newest spec.
                        let told = agent.send(Reconfigure(desired));
                        ctx.spawn(told.into_actor(self).map(|_, _, _| ()));
                    }
                }
                Effect::Stop(key) => {
                    let stopped = self.agents.remove(&key).map(|agent| agent.send(Stop).timeout(STOPPING));
                    let stopped = async move {
                        if let Some(stopped) = stopped {
                            let _gone = stopped.await;
                        }
                    };
                    ctx.spawn(stopped.into_actor(self).map(move |(), act, ctx| {
                        let effects = act.state.on_stopped(act.ports.clock.now(), &key);
                        act.carry_out(effects, ctx);
                    }));
                }
                Effect::GiveUp => {
                    error!("agents fail again and again; the process ends");
                    ctx.stop();
                }
            }
        }
        self.set_timer(ctx);
    }

    fn set_timer(&mut self, ctx: &mut Ctx) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let Some(at) = self.state.wake() else { return };
        let wait = at.since(self.ports.clock.now()) + Duration::from_millis(1);
        self.timer = Some(ctx.run_later(wait, |act, ctx| {
            act.timer = None;
            let effects = act.state.on_timer(act.ports.clock.now());
            act.carry_out(effects, ctx);
        }));
    }
}

impl Handler<Apply> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, apply: Apply, ctx: &mut Ctx) {
        if self.ending {
            return;
        }
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

    fn handle(&mut self, _: AllApplied, _: &mut Ctx) {
        if !self.state.is_listed() && self.agents.is_empty() {
            info!("no ObsykAgent resource yet; the operator waits for one");
        }
        self.state.on_all_applied();
    }
}

impl Handler<Exited<AgentKey>> for SupervisorActor {
    type Result = ();

    fn handle(
        &mut self,
        Exited {
            child,
            generation,
            cause,
        }: Exited<AgentKey>,
        ctx: &mut Ctx,
    ) {
        if self.generations.get(&child) != Some(&generation) || cause == ExitCause::Asked {
            return;
        }
        warn!(agent = %child, generation, %cause, "an agent died; it is restarted");
        self.agents.remove(&child);
        let effects = self
            .state
            .on_exited(self.ports.clock.now(), &child, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Drain> for SupervisorActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { deadline }: Drain, _: &mut Ctx) -> Self::Result {
        self.ending = true;
        let drained: Vec<_> = self
            .agents
            .drain()
            .map(|(_, agent)| agent.send(agent::Drain { deadline }))
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
    type Result = ResponseFuture<SupervisorView>;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> Self::Result {
        let agents: Vec<_> = self
            .agents
            .values()
            .map(|agent| agent.send(agent::Inspect).timeout(INSPECTION))
            .collect();
        let listed = self.state.is_listed();
        let restarts = self.state.restarts();
        Box::pin(async move {
            let mut agents: Vec<_> = join_all(agents).await.into_iter().filter_map(Result::ok).collect();
            agents.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            SupervisorView {
                listed,
                agents,
                restarts,
            }
        })
    }
}
