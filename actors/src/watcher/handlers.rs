// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The watcher's handlers: they carry out what the state decides.

use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, Context, Handler, WrapFuture};
use futures_util::{FutureExt, StreamExt};
use obsyk_domain::ports::{LocalStream, Signal};
use tracing::{debug, info, warn};

use super::WatcherActor;
use super::messages::{Drain, Inspect, Relist};
use super::state::{Effect, MOST_IN_OFFER};
use crate::agent::{Child, Listed, Unreadable};
use crate::inspect::{ActorKind, WatcherView};
use crate::mail::{set_timer, spawn};
use crate::sender::{Offer, Refusal, SnapshotDue, Spooled};
use crate::supervision::{ExitCause, Exited};

type Ctx = Context<WatcherActor>;

impl Actor for WatcherActor {
    type Context = Ctx;

    fn stopped(&mut self, _: &mut Ctx) {
        let Some(parent) = &self.parent else { return };
        let cause = if self.asked {
            ExitCause::Asked
        } else {
            ExitCause::Panicked
        };
        parent.report(Exited {
            child: Child::Watcher(self.state.kind()),
            generation: self.generation,
            cause,
        });
    }
}

impl WatcherActor {
    /// Carries out effects in order, and pulls again when the state is ready for more.
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        for effect in effects {
            match effect {
                Effect::Open(opening) => {
                    debug!(kind = %self.state.kind(), ?opening, "opening");
                    self.close(ctx);
                    self.stream = Some(self.ports.watches.open(self.state.kind(), opening));
                }
                Effect::Close => self.close(ctx),
                Effect::Listed { n, count, facts } => {
                    debug!(kind = %self.state.kind(), count, "listed");
                    self.to.listed.report(Listed {
                        n,
                        kind: self.state.kind(),
                        count,
                        facts,
                    });
                }
                Effect::Unreadable { n, why } => {
                    warn!(kind = %self.state.kind(), reason = %why, "kind can't be read; it is left out and tried again");
                    self.to.unreadable.report(Unreadable {
                        n,
                        kind: self.state.kind(),
                        why,
                    });
                }
                Effect::Due(why) => {
                    info!(kind = %self.state.kind(), %why, "what was known is forgotten");
                    self.to.due.report(SnapshotDue {
                        why,
                        at: self.ports.clock.now(),
                    });
                }
                Effect::Offer { n, changes } => {
                    let offer = self.to.offer.send(Offer {
                        n,
                        kind: self.state.kind(),
                        changes,
                    });
                    let offered = offer.into_actor(self).map(move |reply, act: &mut Self, ctx: &mut Ctx| {
                        // A sender that is gone takes no more; its agent restarts this watcher too.
                        let reply = reply.unwrap_or(Err(Refusal::SnapshotDue));
                        let now = act.ports.clock.now();
                        let effects = act.state.on_offered(now, reply, act.chance.as_mut());
                        act.carry_out(effects, ctx);
                    });
                    spawn(ctx, offered);
                }
                Effect::Spool { n, spool } => {
                    let spooled = self.to.spooled.send(Spooled {
                        n,
                        kind: self.state.kind(),
                        spool,
                    });
                    let spooled = spooled.into_actor(self).map(move |_, act: &mut Self, ctx: &mut Ctx| {
                        let now = act.ports.clock.now();
                        let effects = act.state.on_spooled(now, act.chance.as_mut());
                        act.carry_out(effects, ctx);
                    });
                    spawn(ctx, spooled);
                }
            }
        }
        self.pull(ctx);
    }

    fn close(&mut self, ctx: &mut Ctx) {
        self.stream = None;
        if let Some(pull) = self.pull.take() {
            pull.cancel(ctx);
        }
    }

    /// Takes what the stream has ready, when the state is ready for it; and sets the timer.
    fn pull(&mut self, ctx: &mut Ctx) {
        self.set_timer(ctx);
        if self.pull.is_some() || !self.state.is_ready() {
            return;
        }
        let Some(stream) = self.stream.take() else { return };
        let pulled = batch(stream)
            .into_actor(self)
            .map(|(stream, signals, ended), act: &mut Self, ctx: &mut Ctx| {
                act.pull = None;
                act.stream = (!ended).then_some(stream);
                let now = act.ports.clock.now();
                let effects = act.state.on_signals(now, signals, ended, act.chance.as_mut());
                act.carry_out(effects, ctx);
            });
        self.pull = Some(spawn(ctx, pulled));
    }

    fn set_timer(&mut self, ctx: &mut Ctx) {
        let now = self.ports.clock.now();
        let wait = self.state.wake().map(|at| at.since(now).max(Duration::from_millis(1)));
        set_timer(self, ctx, wait, |act, ctx| {
            let now = act.ports.clock.now();
            let effects = act.state.on_timer(now, act.chance.as_mut());
            act.carry_out(effects, ctx);
        });
    }
}

/// What the stream has ready, at least one signal and at most an offer's worth; and whether it ended.
async fn batch(mut stream: LocalStream<Signal>) -> (LocalStream<Signal>, Vec<Signal>, bool) {
    let Some(first) = stream.next().await else {
        return (stream, Vec::new(), true);
    };
    let mut signals = vec![first];
    while signals.len() < MOST_IN_OFFER {
        match stream.next().now_or_never() {
            Some(Some(signal)) => signals.push(signal),
            Some(None) => return (stream, signals, true),
            None => break,
        }
    }
    (stream, signals, false)
}

impl Handler<Relist> for WatcherActor {
    type Result = ();

    fn handle(&mut self, Relist { n }: Relist, ctx: &mut Ctx) {
        let effects = self.state.on_relist(self.ports.clock.now(), n);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Drain> for WatcherActor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Ctx) {
        self.asked = true;
        let effects = self.state.on_drain();
        self.carry_out(effects, ctx);
        ctx.stop();
    }
}

impl Handler<Inspect> for WatcherActor {
    type Result = WatcherView;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> WatcherView {
        let name = format!("{}/{}", self.key, self.state.kind());
        let actor = self.desk.view(ActorKind::Watcher, name, self.generation);
        self.state.view(actor)
    }
}
