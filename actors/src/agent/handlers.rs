// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The agent's handlers: each hands what happened to the state, and carries out what that decides.

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, Message, ResponseActFuture, ResponseFuture, WrapFuture,
};
use obsyk_domain::ports::Local;
use tracing::{info, warn};

use super::AgentActor;
use super::messages::{Drain, Inspect, Listed, Reconfigure, Stop, Unreadable};
use super::perform::Ctx;
use super::state::Child;
use crate::inspect::{AgentView, Exit};
use crate::sender::{Delivery, SnapshotDue};
use crate::supervision::{ExitCause, Exited};

impl Actor for AgentActor {
    type Context = Ctx;

    fn started(&mut self, ctx: &mut Ctx) {
        info!(agent = %self.key, "agent started");
        let effects = self.state.on_timer(self.ports.clock.now());
        self.carry_out(effects, ctx);
        self.look(ctx);
    }

    fn stopped(&mut self, _: &mut Ctx) {
        self.family.abandon();
        if let Some(parent) = &self.parent {
            let cause = match (self.asked, self.gave_up) {
                (true, _) => ExitCause::Asked,
                (false, true) => ExitCause::GaveUp,
                (false, false) => ExitCause::Panicked,
            };
            parent.report(Exited {
                child: self.key.clone(),
                generation: self.generation,
                cause,
            });
        }
    }
}

impl Handler<Reconfigure> for AgentActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Reconfigure(desired): Reconfigure, ctx: &mut Ctx) -> Self::Result {
        let effects = self.state.on_reconfigure(self.ports.clock.now(), *desired);
        self.perform(effects, ctx)
    }
}

impl Handler<Listed> for AgentActor {
    type Result = ();

    fn handle(&mut self, listed: Listed, ctx: &mut Ctx) {
        let Listed { n, kind, facts, .. } = listed;
        let effects = self.state.on_listed(self.ports.clock.now(), n, kind, &facts);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Unreadable> for AgentActor {
    type Result = ();

    fn handle(&mut self, Unreadable { n, kind, why }: Unreadable, ctx: &mut Ctx) {
        let effects = self.state.on_unreadable(self.ports.clock.now(), n, kind, why);
        self.carry_out(effects, ctx);
    }
}

impl Handler<SnapshotDue> for AgentActor {
    type Result = ();

    fn handle(&mut self, SnapshotDue { why, at }: SnapshotDue, ctx: &mut Ctx) {
        let effects = self.state.on_due(self.ports.clock.now(), why, at);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Delivery> for AgentActor {
    type Result = ();

    fn handle(&mut self, delivery: Delivery, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let effects = match delivery {
            Delivery::Link(link) => {
                self.log_link(link);
                self.state.on_link(link);
                Vec::new()
            }
            Delivery::Snapshot { n, end } => {
                self.log_snapshot(n, &end);
                self.notices.ended(&end, self.state.snapshot_causes(n));
                self.look_now(ctx);
                self.state.on_snapshot_end(now, n, &end, self.chance.as_mut())
            }
            Delivery::SetAside { kind, answer } => {
                self.notices.refused(kind, answer);
                Vec::new()
            }
            Delivery::RereadSecret => self.state.on_reread(),
        };
        self.carry_out(effects, ctx);
    }
}

impl Handler<Exited<Child>> for AgentActor {
    type Result = ();

    fn handle(&mut self, exited: Exited<Child>, ctx: &mut Ctx) {
        let Exited {
            child,
            generation,
            cause,
        } = exited;
        if !self.family.is_current(child, generation) || cause == ExitCause::Asked {
            return;
        }
        warn!(agent = %self.key, ?child, generation, %cause, "an actor died; it is restarted");
        self.family.bury(child);
        let now = self.ports.clock.now();
        let exit = Exit { cause, at: now };
        self.seen.died(child, generation, &self.key.to_string(), exit);
        self.notices.died(now, child.into());
        let effects = self.state.on_exited(now, child, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

/// Ends the actor, once its children are gone. From itself.
#[derive(Message)]
#[rtype(result = "()")]
struct End;

impl Handler<End> for AgentActor {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Ctx) {
        info!(agent = %self.key, "agent stopped");
        ctx.stop();
    }
}

impl AgentActor {
    /// Nothing new begins, and the status isn't written any more.
    fn end(&mut self, ctx: &mut Ctx) {
        self.asked = true;
        self.state.on_end();
        self.follow_secret(None, ctx);
        self.end_status(ctx);
    }

    /// Ends the actor when its children have.
    fn end_after(&mut self, children: Local<()>, ctx: &mut Ctx) -> ResponseFuture<()> {
        let me = ctx.address();
        Box::pin(async move {
            children.await;
            let _ended = me.send(End).await;
        })
    }
}

impl Handler<Drain> for AgentActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { deadline }: Drain, ctx: &mut Ctx) -> Self::Result {
        self.end(ctx);
        let time = deadline.since(self.ports.clock.now());
        let drained = self.family.drain(deadline, time);
        self.end_after(drained, ctx)
    }
}

impl Handler<Stop> for AgentActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Ctx) -> Self::Result {
        self.end(ctx);
        let stopped = self.family.stop();
        self.end_after(stopped, ctx)
    }
}

impl Handler<Inspect> for AgentActor {
    type Result = ResponseActFuture<Self, AgentView>;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> Self::Result {
        Box::pin(self.family.inspect().into_actor(self).map(|views, act, _| {
            act.see(views);
            act.view()
        }))
    }
}
