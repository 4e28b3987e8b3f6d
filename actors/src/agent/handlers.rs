// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The agent's handlers: they carry out what the state decides.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, ActorStreamExt, Addr, AsyncContext, Context, Handler, Message,
    ResponseActFuture, ResponseFuture, WrapFuture, WrapStream,
};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::SignedDuration;
use obsyk_domain::agent::{ObsykAgentStatus, ResourceCounts};
use obsyk_domain::condition::{Link, StatusTime, status_time};
use obsyk_domain::ports::StatusError;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use tracing::{error, info, warn};

use super::AgentActor;
use super::messages::{Drain, Inspect, Listed, Reconfigure, Stop, Unreadable};
use super::state::{Child, Effect};
use super::status::AT_MOST_EVERY;
use crate::inspect::{AgentView, Readiness, SenderView, WatcherView};
use crate::sender::{
    self, AbandonSnapshot, Beat, Configure, Delivery, OpenSnapshot, SendSnapshot, SenderActor, SnapshotDue, SnapshotEnd,
};
use crate::supervision::{ExitCause, Exited, report_exit};
use crate::watcher::{self, Collaborators, Relist, WatcherActor};

type Ctx = Context<AgentActor>;

/// A child that doesn't answer within this is shown as it was last known.
const INSPECTION: Duration = Duration::from_millis(300);

impl Actor for AgentActor {
    type Context = Ctx;

    fn started(&mut self, ctx: &mut Ctx) {
        info!(agent = %self.key, "agent started");
        let effects = self.state.on_timer(self.ports.clock.now());
        self.carry_out(effects, ctx);
        self.look(ctx);
    }

    fn stopped(&mut self, _: &mut Ctx) {
        self.stop_children();
        if let Some(parent) = &self.parent {
            let cause = match (self.asked, self.gave_up) {
                (true, _) => ExitCause::Asked,
                (false, true) => ExitCause::GaveUp,
                (false, false) => ExitCause::Panicked,
            };
            report_exit(
                parent,
                Exited {
                    child: self.key.clone(),
                    generation: self.generation,
                    cause,
                },
            );
        }
    }
}

impl AgentActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Ctx) {
        for effect in effects {
            match effect {
                Effect::FollowSecret(name) => self.follow_secret(name.as_deref(), ctx),
                Effect::Identify => {
                    ctx.spawn(
                        self.ports
                            .cluster
                            .identify()
                            .into_actor(self)
                            .map(|identity, act, ctx| {
                                let effects = act.state.on_identity(act.ports.clock.now(), identity);
                                act.carry_out(effects, ctx);
                            }),
                    );
                }
                Effect::StartSender => self.start_sender(ctx),
                Effect::StartWatcher(kind) => self.start_watcher(kind, ctx),
                Effect::StopWatcher(kind) => {
                    if let Some(watcher) = self.watchers.remove(&kind) {
                        self.next_generation(Child::Watcher(kind));
                        self.tell(
                            watcher,
                            watcher::Drain {
                                deadline: Moment::START,
                            },
                            ctx,
                        );
                    }
                }
                Effect::StopChildren => self.stop_children(),
                Effect::Configure(config) => {
                    info!(agent = %self.key, platform = %config.platform, cluster = %config.cluster_name, "configured");
                    if let Some(sender) = &self.sender {
                        self.tell(sender.clone(), Configure(config), ctx);
                    }
                }
                Effect::OpenSnapshot { n, why } => self.open_snapshot(n, why, ctx),
                Effect::Relist { n, kinds } => {
                    for kind in kinds.iter() {
                        if let Some(watcher) = self.watchers.get(&kind) {
                            self.tell(watcher.clone(), Relist { n }, ctx);
                        }
                    }
                }
                Effect::SendSnapshot { n, head, left_out } => {
                    if let Some(sender) = &self.sender {
                        self.tell(
                            sender.clone(),
                            SendSnapshot {
                                n,
                                head: head.into(),
                                left_out,
                            },
                            ctx,
                        );
                    }
                }
                Effect::AbandonSnapshot(n) => {
                    warn!(agent = %self.key, snapshot = n, "no kind could be read; the snapshot is given up for now");
                    if let Some(sender) = &self.sender {
                        self.tell(sender.clone(), AbandonSnapshot { n }, ctx);
                    }
                }
                Effect::Beat => {
                    if let Some(sender) = &self.sender {
                        self.tell(sender.clone(), Beat, ctx);
                    }
                }
                Effect::GiveUp => {
                    error!(agent = %self.key, "children of the agent fail again and again; it starts anew");
                    self.gave_up = true;
                    ctx.stop();
                }
            }
        }
        self.set_timer(ctx);
        self.write_status(ctx);
    }

    /// Sends without waiting for what becomes of it: a child that is gone reports that itself.
    fn tell<A, M>(&self, child: Addr<A>, message: M, ctx: &mut Ctx)
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        ctx.spawn(child.send(message).map(|_gone_or_done| ()).into_actor(self));
    }

    fn next_generation(&mut self, child: Child) -> u64 {
        let generation = self.generations.entry(child).or_default();
        *generation += 1;
        *generation
    }

    fn start_sender(&mut self, ctx: &mut Ctx) {
        let generation = self.next_generation(Child::Sender);
        let me = ctx.address();
        let sender = SenderActor::new(
            self.key.clone(),
            generation,
            self.ports.clone(),
            me.clone().recipient(),
            me.clone().recipient(),
            Some(me),
        );
        self.sender = Some(sender.start());
    }

    fn start_watcher(&mut self, kind: ResourceKind, ctx: &mut Ctx) {
        let Some(sender) = self.sender.clone() else { return };
        let generation = self.next_generation(Child::Watcher(kind));
        let me = ctx.address();
        let to = Collaborators {
            offer: sender.clone().recipient(),
            spooled: sender.recipient(),
            listed: me.clone().recipient(),
            unreadable: me.clone().recipient(),
            due: me.clone().recipient(),
        };
        let watcher = WatcherActor::new(kind, generation, self.ports.clone(), to, Some(me));
        self.watchers.insert(kind, watcher.start());
    }

    /// Stops all children at once. Their last words don't count: their generations are over.
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing is waited for: it also runs when the agent itself has ended"
    )]
    fn stop_children(&mut self) {
        let kinds: Vec<ResourceKind> = self.watchers.keys().copied().collect();
        for kind in kinds {
            self.next_generation(Child::Watcher(kind));
            if let Some(watcher) = self.watchers.remove(&kind) {
                watcher.do_send(watcher::Drain {
                    deadline: Moment::START,
                });
            }
        }
        self.next_generation(Child::Sender);
        if let Some(sender) = self.sender.take() {
            sender.do_send(sender::Drain {
                deadline: Moment::START,
            });
        }
        self.sender_view = None;
        self.watcher_views.clear();
    }

    fn follow_secret(&mut self, name: Option<&str>, ctx: &mut Ctx) {
        if let Some(secret) = self.secret.take() {
            ctx.cancel_future(secret);
        }
        let Some(name) = name else { return };
        let states = self.ports.credentials.watch(&self.key.namespace, name);
        let secret = name.to_owned();
        let follow = states.into_actor(self).map(move |result, act, ctx| {
            match &result {
                Ok(credentials) => {
                    info!(agent = %act.key, %secret, client_id = credentials.client_id(), "credentials read")
                }
                Err(error) => {
                    warn!(agent = %act.key, %secret, reason = error.reason(), %error, "credentials can't be used")
                }
            }
            let effects = act.state.on_credentials(act.ports.clock.now(), result);
            act.carry_out(effects, ctx);
        });
        self.secret = Some(ctx.spawn(follow.finish()));
    }

    fn open_snapshot(&mut self, n: u64, why: Vec<obsyk_domain::snapshot::Cause>, ctx: &mut Ctx) {
        let Some(sender) = &self.sender else { return };
        let opened = sender.send(OpenSnapshot { n, why });
        ctx.spawn(opened.into_actor(self).map(move |reply, act, ctx| {
            let now = act.ports.clock.now();
            let effects = match reply {
                Ok(Ok(())) => act.state.on_opened(now, n),
                Ok(Err(_)) | Err(_) => act.state.on_overtaken(now, n),
            };
            act.carry_out(effects, ctx);
        }));
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

    /// Asks the children how they are, for the status, and again after a while.
    fn look(&mut self, ctx: &mut Ctx) {
        ctx.spawn(self.inspect_children().into_actor(self).map(|views, act, ctx| {
            act.take_views(views);
            act.write_status(ctx);
            ctx.run_later(AT_MOST_EVERY, Self::look);
        }));
    }

    fn inspect_children(&self) -> impl Future<Output = (Option<SenderView>, Vec<Option<WatcherView>>)> + use<> {
        let sender = self
            .sender
            .as_ref()
            .map(|sender| sender.send(sender::Inspect).timeout(INSPECTION));
        let watchers: Vec<_> = self
            .watchers
            .values()
            .map(|watcher| watcher.send(watcher::Inspect).timeout(INSPECTION))
            .collect();
        async move {
            let sender = match sender {
                Some(sender) => sender.await.ok(),
                None => None,
            };
            let watchers = join_all(watchers).await.into_iter().map(Result::ok).collect();
            (sender, watchers)
        }
    }

    /// Whether everybody answered.
    fn take_views(&mut self, (sender, watchers): (Option<SenderView>, Vec<Option<WatcherView>>)) -> bool {
        let mut fresh = sender.is_some() || self.sender.is_none();
        if sender.is_some() {
            self.sender_view = sender;
        }
        for view in watchers {
            match view {
                Some(mut view) => {
                    view.restarts = self.state.restarts_of(Child::Watcher(view.kind));
                    self.watcher_views.insert(view.kind, view);
                }
                None => fresh = false,
            }
        }
        fresh
    }

    fn wall_of(&self, moment: Moment) -> Option<StatusTime> {
        let ago = SignedDuration::try_from(self.ports.clock.now().since(moment)).ok()?;
        let wall = self.ports.clock.wall().checked_sub(ago).ok()?;
        wall.round(jiff::Unit::Second).ok().map(status_time)
    }

    fn status_now(&self) -> ObsykAgentStatus {
        let set_aside = self
            .sender_view
            .as_ref()
            .map(|view| view.set_aside.clone())
            .unwrap_or_default();
        let undecodable: BTreeMap<ResourceKind, u64> = self
            .watcher_views
            .iter()
            .map(|(kind, view)| (*kind, view.undecodable))
            .collect();
        let written = self.status.written();
        let generation = self.state.desired().generation;
        let wall = self
            .ports
            .clock
            .wall()
            .round(jiff::Unit::Second)
            .unwrap_or_else(|_| self.ports.clock.wall());
        let situation = self.state.situation(&set_aside, &undecodable);
        let last_sync = self.sender_view.as_ref().and_then(|view| view.last_accepted);
        let counts: ResourceCounts = self
            .watcher_views
            .iter()
            .filter(|(_, view)| view.lists > 0)
            .map(|(kind, view)| (*kind, i64::try_from(view.known).unwrap_or(i64::MAX)))
            .collect();
        ObsykAgentStatus {
            cluster_uid: self.state.cluster_uid(),
            observed_generation: generation,
            last_sync_time: last_sync
                .max(self.state.last_snapshot())
                .and_then(|at| self.wall_of(at))
                .or_else(|| written.last_sync_time.clone()),
            last_snapshot_time: self
                .state
                .last_snapshot()
                .and_then(|at| self.wall_of(at))
                .or_else(|| written.last_snapshot_time.clone()),
            resource_counts: if counts.is_empty() {
                written.resource_counts.clone()
            } else {
                counts
            },
            conditions: situation.conditions(&written.conditions, generation, wall),
        }
    }

    fn write_status(&mut self, ctx: &mut Ctx) {
        if self.writing || self.asked {
            return;
        }
        let now = self.ports.clock.now();
        let status = self.status_now();
        if !self.status.should_write(now, &status) {
            return;
        }
        self.writing = true;
        ctx.spawn(
            self.ports
                .status
                .write(&self.key, &self.uid, status)
                .into_actor(self)
                .map(|written, act, ctx| {
                    act.writing = false;
                    match written {
                        Ok(()) => act.write_status(ctx),
                        // The supervisor hears of it by its own watch.
                        Err(StatusError::Gone) => {}
                        Err(StatusError::Failed) => {
                            warn!(agent = %act.key, "the status couldn't be written; it is tried again");
                            act.status.failed(act.ports.clock.now());
                        }
                    }
                }),
        );
    }

    fn readiness(&self) -> Readiness {
        if self.state.is_accepted() {
            return Readiness::Synced;
        }
        let nothing = BTreeMap::new();
        let situation = self.state.situation(&nothing, &nothing);
        if situation.is_idle() {
            return Readiness::Idle;
        }
        match situation.waits_for() {
            Some((reason, message)) => Readiness::Waits {
                reason: reason.to_owned(),
                message,
            },
            None => Readiness::Starting,
        }
    }

    fn view(&self, fresh: bool) -> AgentView {
        AgentView {
            namespace: self.key.namespace.to_string(),
            name: self.key.name.to_string(),
            generation: self.generation,
            readiness: self.readiness(),
            snapshots: self
                .state
                .snapshots()
                .iter()
                .map(|(cause, count)| (cause.label(), *count))
                .collect(),
            sender: self.sender_view.clone(),
            watchers: self.watcher_views.values().cloned().collect(),
            fresh,
        }
    }
}

impl Handler<Reconfigure> for AgentActor {
    type Result = ();

    fn handle(&mut self, Reconfigure(desired): Reconfigure, ctx: &mut Ctx) {
        let effects = self.state.on_reconfigure(self.ports.clock.now(), *desired);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Listed> for AgentActor {
    type Result = ();

    fn handle(
        &mut self,
        Listed {
            n,
            kind,
            count: _,
            facts,
        }: Listed,
        ctx: &mut Ctx,
    ) {
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
        let effects = match delivery {
            Delivery::Link(link) => {
                self.log_link(link);
                self.state.on_link(link);
                Vec::new()
            }
            Delivery::Snapshot { n, end } => {
                self.log_snapshot(n, &end);
                self.state
                    .on_snapshot_end(self.ports.clock.now(), n, &end, self.chance.as_mut())
            }
            Delivery::RereadSecret => self.state.on_reread(),
        };
        self.carry_out(effects, ctx);
        if matches!(delivery, Delivery::Snapshot { .. }) {
            self.look_once(ctx);
        }
    }
}

impl AgentActor {
    fn log_link(&self, link: Link) {
        match link {
            Link::Fresh => {}
            Link::Up => info!(agent = %self.key, "the platform accepts what is sent"),
            Link::NoToken(error) => warn!(agent = %self.key, %error, "sending waits for a token"),
            Link::Denied(answer) => warn!(agent = %self.key, %answer, "sending is paused: the credentials are refused"),
            Link::Trying(answer) => warn!(agent = %self.key, %answer, "a request failed; it is tried again"),
            Link::Open(answer) => warn!(agent = %self.key, %answer, "the platform is down; only heartbeats probe"),
        }
    }

    fn log_snapshot(&self, n: u64, end: &SnapshotEnd) {
        match end {
            SnapshotEnd::Accepted {
                too_large,
                objects,
                bytes,
                took,
            } => {
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                info!(agent = %self.key, snapshot = n, objects, bytes, took_ms, "snapshot accepted");
                if !too_large.is_empty() {
                    warn!(agent = %self.key, kinds = %too_large, "too large for a snapshot; they go as events");
                }
            }
            SnapshotEnd::Refused(answer) => warn!(agent = %self.key, snapshot = n, %answer, "snapshot refused"),
            SnapshotEnd::Unfinished => info!(agent = %self.key, snapshot = n, "snapshot not finished; another is due"),
        }
    }

    /// Asks the children once more, out of turn: a transition should show their numbers.
    fn look_once(&mut self, ctx: &mut Ctx) {
        ctx.spawn(self.inspect_children().into_actor(self).map(|views, act, ctx| {
            act.take_views(views);
            act.write_status(ctx);
        }));
    }
}

impl Handler<Exited<Child>> for AgentActor {
    type Result = ();

    fn handle(
        &mut self,
        Exited {
            child,
            generation,
            cause,
        }: Exited<Child>,
        ctx: &mut Ctx,
    ) {
        if self.generations.get(&child) != Some(&generation) || cause == ExitCause::Asked {
            return;
        }
        warn!(agent = %self.key, ?child, generation, %cause, "an actor died; it is restarted");
        match child {
            Child::Sender => {
                self.sender = None;
                self.sender_view = None;
            }
            Child::Watcher(kind) => {
                self.watchers.remove(&kind);
                self.watcher_views.remove(&kind);
            }
        }
        let effects = self
            .state
            .on_exited(self.ports.clock.now(), child, self.chance.as_mut());
        self.carry_out(effects, ctx);
    }
}

impl Handler<Drain> for AgentActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { deadline }: Drain, ctx: &mut Ctx) -> Self::Result {
        self.asked = true;
        self.state.on_end();
        self.follow_secret(None, ctx);
        let watchers: Vec<_> = self
            .watchers
            .drain()
            .map(|(_, watcher)| watcher.send(watcher::Drain { deadline }))
            .collect();
        let sender = self.sender.take();
        let me = ctx.address();
        Box::pin(async move {
            let _gone = join_all(watchers).await;
            if let Some(sender) = sender {
                let _gone = sender.send(sender::Drain { deadline }).await;
            }
            let _stopped = me.send(Stop).await;
        })
    }
}

impl Handler<Stop> for AgentActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Ctx) {
        self.asked = true;
        self.state.on_end();
        info!(agent = %self.key, "agent stopped");
        ctx.stop();
    }
}

impl Handler<Inspect> for AgentActor {
    type Result = ResponseActFuture<Self, AgentView>;

    fn handle(&mut self, _: Inspect, _: &mut Ctx) -> Self::Result {
        Box::pin(self.inspect_children().into_actor(self).map(|views, act, _| {
            let fresh = act.take_views(views);
            act.view(fresh)
        }))
    }
}
