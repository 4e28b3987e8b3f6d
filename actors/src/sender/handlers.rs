// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The sender's handlers: they carry out what the state decides.

use std::rc::Rc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use super::messages::{
    AbandonSnapshot, Beat, Configure, Delivery, Drain, Inspect, Offer, OpenSnapshot, Overtaken, Refusal, SendSnapshot,
    SnapshotDue, Spooled,
};
use super::state::Effect;
use super::{Config, SenderActor};
use crate::agent::Child;
use crate::inspect::{ActorKind, SenderView};
use crate::mail::{set_timer, spawn};
use crate::supervision::{ExitCause, Exited};

type Ctx = Context<SenderActor>;

impl Actor for SenderActor {
    type Context = Ctx;

    fn stopped(&mut self, _: &mut Ctx) {
        if let Some(parent) = &self.parent {
            let cause = if self.asked {
                ExitCause::Asked
            } else {
                ExitCause::Panicked
            };
            parent.report(Exited {
                child: Child::Sender,
                generation: self.generation,
                cause,
            });
        }
    }
}

impl SenderActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        for effect in effects {
            match effect {
                Effect::FetchToken { fetch, config } => self.fetch_token(fetch, &config, ctx),
                Effect::Send { id, target, payload } => {
                    let answer = self.ports.platform.send(target, payload);
                    let answered = answer
                        .into_actor(self)
                        .map(move |outcome, act: &mut Self, ctx: &mut Ctx| {
                            act.requests.remove(&id);
                            let now = act.ports.clock.now();
                            let effects = act.state.on_answer(now, id, outcome, act.chance.as_mut());
                            act.carry_out(effects, ctx);
                        });
                    self.requests.insert(id, spawn(ctx, answered));
                }
                Effect::Abort(ids) => {
                    for id in ids {
                        if let Some(request) = self.requests.remove(&id) {
                            request.cancel(ctx);
                        }
                    }
                }
                Effect::AbortToken => {
                    if let Some(fetch) = self.fetch.take() {
                        fetch.cancel(ctx);
                    }
                }
                Effect::Opened(n) => self.reply_to_open(n, Ok(())),
                Effect::Overtaken(n) => self.reply_to_open(n, Err(Overtaken)),
                Effect::Due { why, at } => self.due.report(SnapshotDue { why, at }),
                Effect::Report(delivery) => self.delivery.report(delivery),
                Effect::Refused {
                    kind,
                    namespace,
                    name,
                    outcome,
                    set_aside,
                } => {
                    let namespace = namespace.unwrap_or_default();
                    if set_aside {
                        warn!(agent = %self.key, %kind, %namespace, %name, answer = %outcome, "object refused; set aside until it changes");
                        self.delivery.report(Delivery::SetAside { kind, answer: outcome });
                    } else {
                        warn!(agent = %self.key, %kind, %namespace, %name, answer = %outcome, "event refused; a snapshot will tell it");
                    }
                }
                Effect::Drained => {
                    for draining in self.draining.drain(..) {
                        // Who asked may have given up waiting.
                        let _gone = draining.send(());
                    }
                }
            }
        }
        self.set_timer(ctx);
    }

    fn fetch_token(&mut self, fetch: u64, config: &Rc<Config>, ctx: &mut Ctx) {
        debug!(agent = %self.key, "fetching a token");
        let answer = self
            .ports
            .platform
            .token(config.platform.clone(), config.credentials.clone());
        let fetched = answer
            .into_actor(self)
            .map(move |result, act: &mut Self, ctx: &mut Ctx| {
                act.fetch = None;
                match &result {
                    Ok(issued) => {
                        info!(agent = %act.key, lifetime_seconds = issued.lifetime.as_secs(), "token received")
                    }
                    Err(error) => warn!(agent = %act.key, %error, "no token"),
                }
                let now = act.ports.clock.now();
                let effects = act.state.on_token(now, fetch, result, act.chance.as_mut());
                act.carry_out(effects, ctx);
            });
        self.fetch = Some(spawn(ctx, fetched));
    }

    fn reply_to_open(&mut self, n: u64, reply: Result<(), Overtaken>) {
        if let Some((_, opening)) = self.opening.take_if(|(waiting, _)| *waiting == n) {
            // The agent may be gone.
            let _gone = opening.send(reply);
        }
    }

    fn set_timer(&mut self, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        // A timer is rounded up to its next millisecond: it never comes before the moment that it waits for.
        let wait = self.state.wake(now).map(|at| at.since(now));
        set_timer(self, ctx, wait, |act, ctx| {
            let now = act.ports.clock.now();
            let effects = act.state.on_timer(now, act.chance.as_mut());
            act.carry_out(effects, ctx);
        });
    }
}

impl Handler<Configure> for SenderActor {
    type Result = ();

    fn handle(&mut self, Configure(config): Configure, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let effects = self.state.on_configure(now, *config, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<OpenSnapshot> for SenderActor {
    type Result = ResponseFuture<Result<(), Overtaken>>;

    fn handle(&mut self, OpenSnapshot { n, why }: OpenSnapshot, ctx: &mut Ctx) -> Self::Result {
        let why: Vec<&str> = why.iter().map(|cause| cause.label()).collect();
        info!(agent = %self.key, snapshot = n, why = why.join(","), "snapshot due");
        let (reply, opened) = oneshot::channel();
        if let Some((_, overtaken)) = self.opening.replace((n, reply)) {
            let _gone = overtaken.send(Err(Overtaken));
        }
        let now = self.ports.clock.now();
        let effects = self.state.on_open_snapshot(now, n, self.chance.as_mut());
        self.carry_out(effects, ctx);
        Box::pin(async move { opened.await.unwrap_or(Err(Overtaken)) })
    }
}

impl Handler<Spooled> for SenderActor {
    type Result = ();

    fn handle(&mut self, Spooled { n, kind, spool }: Spooled, _: &mut Ctx) {
        self.state.on_spooled(n, kind, spool);
    }
}

impl Handler<SendSnapshot> for SenderActor {
    type Result = ();

    fn handle(&mut self, SendSnapshot { n, head, left_out }: SendSnapshot, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let effects = self
            .state
            .on_send_snapshot(now, n, head, left_out, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<AbandonSnapshot> for SenderActor {
    type Result = ();

    fn handle(&mut self, AbandonSnapshot { n }: AbandonSnapshot, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let effects = self.state.on_abandon_snapshot(now, n, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Offer> for SenderActor {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, Offer { kind, changes, .. }: Offer, ctx: &mut Ctx) -> Self::Result {
        let now = self.ports.clock.now();
        let (reply, effects) = self.state.on_offer(now, kind, changes, self.chance.as_mut());
        self.carry_out(effects, ctx);
        reply
    }
}

impl Handler<Beat> for SenderActor {
    type Result = ();

    fn handle(&mut self, _: Beat, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let effects = self.state.on_beat(now, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Drain> for SenderActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { deadline }: Drain, ctx: &mut Ctx) -> Self::Result {
        self.asked = true;
        let (reply, drained) = oneshot::channel();
        self.draining.push(reply);
        let now = self.ports.clock.now();
        let effects = self.state.on_drain(now, deadline, self.chance.as_mut());
        self.carry_out(effects, ctx);
        let me = ctx.address();
        Box::pin(async move {
            let _gone = drained.await;
            let _stopped = me.send(Stop).await;
        })
    }
}

/// Ends the actor once it is drained. From itself.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Stop> for SenderActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Ctx) {
        ctx.stop();
    }
}

impl Handler<Inspect> for SenderActor {
    type Result = SenderView;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> SenderView {
        let name = format!("{}/sender", self.key);
        let actor = self.desk.view(ActorKind::Sender, name, self.generation);
        self.state.view(self.ports.clock.now(), actor)
    }
}
