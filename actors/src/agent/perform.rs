// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How the agent carries out what its state decides.

use std::time::Duration;

use actix::{ActorContext, ActorFutureExt, ActorStreamExt, AsyncContext, Context, Handler, Message};
use actix::{WrapFuture, WrapStream};
use futures_util::FutureExt;
use futures_util::future::join_all;
use obsyk_domain::ports::Local;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use tracing::{error, info, warn};

use super::AgentActor;
use super::state::{Child, Effect};
use crate::mail::{Address, Attended, Mail, set_timer, spawn};
use crate::sender::{AbandonSnapshot, Beat, Configure, OpenSnapshot, SendSnapshot, SenderActor};
use crate::supervision::command;
use crate::watcher::{Collaborators, Relist, WatcherActor};

pub(super) type Ctx = Context<AgentActor>;

/// The sender has this long to say that a config is in force. Less than the agent's own parent gives.
const CONFIGURING: Duration = Duration::from_millis(700);

/// An agent that gives up has this long to say so in the status.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl AgentActor {
    /// Carries out effects, and waits for nothing: commands are on their way.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        drop(self.perform(effects, ctx));
    }

    /// Carries out effects. Done when children that were told to stop or to obey another config have, or had the time to.
    pub(super) fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) -> Local<()> {
        let mut settling = Vec::new();
        for effect in effects {
            match effect {
                Effect::FollowSecret(name) => self.follow_secret(name, ctx),
                Effect::Identify => self.identify(ctx),
                Effect::StartSender => self.start_sender(ctx),
                Effect::StartWatcher(kind) => self.start_watcher(kind, ctx),
                Effect::StopWatcher(kind) => {
                    // Its place stays: it is built anew with the sender's successor.
                    self.seen.ended(Child::Watcher(kind));
                    settling.extend(self.family.stop_watcher(kind));
                }
                Effect::StopChildren => {
                    self.seen.forget_all();
                    settling.push(self.family.stop());
                }
                Effect::Configure(config) => {
                    let (platform, cluster, proxy) = (&config.platform, &config.cluster_name, self.proxy());
                    info!(agent = %self.key, %platform, %cluster, proxy, "configured");
                    if let Some(sender) = self.family.sender() {
                        settling.push(command(&sender, Configure(config), CONFIGURING));
                    }
                }
                Effect::OpenSnapshot { n, why } => self.open_snapshot(n, why, ctx),
                Effect::Relist { n, kinds } => {
                    for kind in kinds.iter() {
                        // One that is gone is asked when it is built anew.
                        if let Some(watcher) = self.family.watcher(kind) {
                            self.tell(&watcher, Relist { n }, ctx);
                        }
                    }
                }
                Effect::SendSnapshot { n, head, left_out } => {
                    let head = head.into();
                    self.tell_sender(SendSnapshot { n, head, left_out }, ctx);
                }
                Effect::AbandonSnapshot(n) => {
                    warn!(agent = %self.key, snapshot = n, "no kind can be read; the snapshot waits for the first one");
                    self.tell_sender(AbandonSnapshot { n }, ctx);
                }
                Effect::Beat => self.tell_sender(Beat, ctx),
                Effect::GiveUp => {
                    error!(agent = %self.key, "children of the agent fail again and again; it starts anew");
                    self.gave_up = true;
                    ctx.run_later(LAST_WORDS, |_, ctx| ctx.stop());
                }
            }
        }
        self.set_timer(ctx);
        self.write_status(ctx);
        Box::pin(join_all(settling).map(|_| ()))
    }

    fn tell_sender<M>(&self, message: M, ctx: &mut Ctx)
    where
        SenderActor: Handler<Mail<M>>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        if let Some(sender) = self.family.sender() {
            self.tell(&sender, message, ctx);
        }
    }

    /// Sends without waiting for what becomes of it: a child that is gone reports that itself.
    fn tell<A, M>(&self, child: &Address<A>, message: M, ctx: &mut Ctx)
    where
        A: Attended + Handler<Mail<M>>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        ctx.spawn(child.send(message).map(|_gone_or_done| ()).into_actor(self));
    }

    fn start_sender(&mut self, ctx: &mut Ctx) {
        let generation = self.family.next_generation(Child::Sender);
        let me = self.desk.address(ctx.address());
        let sender = SenderActor::new(
            self.key.clone(),
            generation,
            self.ports.clone(),
            me.post(),
            me.post(),
            Some(me.weak()),
        );
        self.family.set_sender(Address::start(sender));
    }

    fn start_watcher(&mut self, kind: ResourceKind, ctx: &mut Ctx) {
        let Some(sender) = self.family.sender() else { return };
        let generation = self.family.next_generation(Child::Watcher(kind));
        let me = self.desk.address(ctx.address());
        let to = Collaborators {
            offer: sender.post(),
            spooled: sender.post(),
            listed: me.post(),
            unreadable: me.post(),
            due: me.post(),
        };
        let (key, ports) = (self.key.clone(), self.ports.clone());
        let watcher = WatcherActor::new(key, kind, generation, ports, to, Some(me.weak()));
        self.family.set_watcher(kind, Address::start(watcher));
    }

    pub(super) fn follow_secret(&mut self, name: Option<String>, ctx: &mut Ctx) {
        if let Some(secret) = self.secret.take() {
            secret.cancel(ctx);
        }
        let Some(name) = name else { return };
        let states = self.ports.credentials.watch(&self.key.namespace, &name);
        let follow = states.into_actor(self).map(move |result, act, ctx| {
            match &result {
                Ok(credentials) if act.state.has_read(credentials) => {}
                Ok(credentials) => {
                    info!(agent = %act.key, secret = %name, client_id = credentials.client_id(), "credentials read");
                    act.thumbprint = act.ports.platform.thumbprint(credentials);
                }
                Err(error) => {
                    warn!(agent = %act.key, secret = %name, reason = error.reason(), %error, "credentials can't be used");
                }
            }
            let effects = act.state.on_credentials(act.ports.clock.now(), &name, result);
            act.carry_out(effects, ctx);
        });
        self.secret = Some(spawn(ctx, follow.finish()));
    }

    fn identify(&mut self, ctx: &mut Ctx) {
        if let Some(slow) = self.identify.take() {
            slow.cancel(ctx);
        }
        let identity = self.ports.cluster.identify();
        let identified = identity
            .into_actor(self)
            .map(|identity, act: &mut Self, ctx: &mut Ctx| {
                act.identify = None;
                let now = act.ports.clock.now();
                let effects = act.state.on_identity(now, identity, act.chance.as_mut());
                act.carry_out(effects, ctx);
            });
        self.identify = Some(spawn(ctx, identified));
    }

    fn open_snapshot(&mut self, n: u64, why: Vec<Cause>, ctx: &mut Ctx) {
        let Some(sender) = self.family.sender() else { return };
        let opened = sender.send(OpenSnapshot { n, why });
        let opened = opened
            .into_actor(self)
            .map(move |reply, act: &mut Self, ctx: &mut Ctx| {
                let now = act.ports.clock.now();
                let effects = match reply {
                    Ok(Ok(())) => act.state.on_opened(now, n),
                    Ok(Err(_)) | Err(_) => act.state.on_overtaken(now, n),
                };
                act.carry_out(effects, ctx);
            });
        spawn(ctx, opened);
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
}
