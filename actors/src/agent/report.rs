// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the agent tells of itself and its children: the status, views, and log lines for an admin.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::clock::timeout;
use actix::{ActorContext, ActorFutureExt, WrapFuture};
use jiff::Timestamp;
use obsyk_domain::agent::{ObsykAgentStatus, ResourceCounts};
use obsyk_domain::condition::{Link, Situation};
use obsyk_domain::ports::StatusError;
use obsyk_domain::resource::ResourceKind;
use tracing::{info, warn};

use super::AgentActor;
use super::family::Views;
use super::perform::Ctx;
use super::state::Child;
use super::status::AT_MOST_EVERY;
use crate::inspect::{ActorKind, ActorView, AgentView, ConditionView, Readiness};
use crate::mail::{later, spawn};
use crate::sender::SnapshotEnd;

/// An API server that doesn't answer a write within this is given up for now.
const WRITING: Duration = Duration::from_secs(30);

impl AgentActor {
    /// Asks the children how they are, for the status, and again after a while.
    pub(super) fn look(&mut self, ctx: &mut Ctx) {
        let look = self.family.inspect().into_actor(self);
        let look = look.map(|views, act: &mut Self, ctx: &mut Ctx| {
            act.take_views(views);
            act.write_status(ctx);
            later(ctx, AT_MOST_EVERY, Self::look);
        });
        spawn(ctx, look);
    }

    /// Asks the children out of turn, before the status is written: a snapshot's end should show their numbers.
    pub(super) fn look_now(&mut self, ctx: &mut Ctx) {
        self.looking = true;
        let look = self.family.inspect().into_actor(self);
        let look = look.map(|views, act: &mut Self, ctx: &mut Ctx| {
            act.looking = false;
            act.take_views(views);
            act.write_status(ctx);
        });
        spawn(ctx, look);
    }

    /// Takes what the children said, for the status.
    pub(super) fn take_views(&mut self, views: Views) {
        self.views.update(views.clone());
        self.see(views);
    }

    /// Takes what the children said, for those who look.
    pub(super) fn see(&mut self, views: Views) {
        let (now, living) = (self.ports.clock.now(), self.family.living());
        self.seen.take(now, &living, &self.key.to_string(), views);
    }

    /// The wall clock's time, in seconds: what a status can hold.
    fn wall(&self) -> Timestamp {
        let wall = self.ports.clock.wall();
        wall.round(jiff::Unit::Second).unwrap_or(wall)
    }

    /// The proxy on the way to the platform.
    pub(super) fn proxy(&self) -> Option<String> {
        let settings = self.state.desired().settings.as_ref().ok()?;
        self.ports.platform.proxy(&settings.platform)
    }

    fn status_now(&mut self) -> ObsykAgentStatus {
        let nothing = BTreeMap::new();
        // What was stopped, or died, since it said something doesn't count.
        let is_current = |child, actor: &ActorView| self.family.is_current(child, actor.generation);
        let sender = self.views.sender.as_ref();
        let sender = sender.filter(|view| is_current(Child::Sender, &view.actor));
        let watchers = self.views.watchers.values();
        let watchers = watchers.filter(|view| is_current(Child::Watcher(view.kind), &view.actor));
        let set_aside = sender.map_or(&nothing, |view| &view.set_aside);
        let undecodable = watchers.clone().map(|view| (view.kind, view.undecodable));
        let undecodable: BTreeMap<ResourceKind, u64> = undecodable.collect();
        let counts: ResourceCounts = watchers
            .filter(|view| view.has_listed())
            .map(|view| (view.kind, i64::try_from(view.known).unwrap_or(i64::MAX)))
            .collect();
        let (now, wall) = (self.ports.clock.now(), self.wall());
        let accepted = sender.and_then(|view| view.last_accepted);
        self.status.saw(now, wall, accepted, self.state.last_snapshot());
        let written = self.status.written();
        let generation = self.state.desired().generation;
        let proxy = self.proxy();
        let situation = Situation {
            proxy: proxy.as_deref(),
            ..self.state.situation(set_aside, &undecodable)
        };
        self.notices.saw(now, &situation, self.state.good_credentials());
        ObsykAgentStatus {
            cluster_uid: self.state.cluster_uid(),
            observed_generation: generation,
            last_sync_time: self.status.last_sync(),
            last_snapshot_time: self.status.last_snapshot(),
            resource_counts: if counts.is_empty() {
                written.resource_counts.clone()
            } else {
                counts
            },
            conditions: situation.conditions(&written.conditions, generation, wall),
        }
    }

    /// Writes the status, if it is another one and its time has come.
    pub(super) fn write_status(&mut self, ctx: &mut Ctx) {
        if self.write.is_some() || self.looking || self.asked {
            return;
        }
        let status = self.status_now();
        self.record_notices(ctx);
        if !self.status.should_write(self.ports.clock.now(), &status) {
            return;
        }
        let write = timeout(WRITING, self.ports.status.write(&self.key, &self.uid, status));
        let write = write.into_actor(self).map(|written, act: &mut Self, ctx: &mut Ctx| {
            act.write = None;
            let now = act.ports.clock.now();
            match written.unwrap_or(Err(StatusError::Failed)) {
                Ok(()) => {
                    act.status.succeeded();
                    act.write_status(ctx);
                }
                // The supervisor hears of it by its own watch. If it doesn't, the API server was mistaken.
                Err(StatusError::Gone) => {
                    act.status.failed(now);
                }
                Err(StatusError::Failed) => {
                    if act.status.failed(now) {
                        warn!(agent = %act.key, "the status can't be written; it is tried again");
                    }
                }
            }
            if act.gave_up && act.write.is_none() {
                ctx.stop();
            }
        });
        self.write = Some(spawn(ctx, write));
    }

    /// The status isn't written any more.
    pub(super) fn end_status(&mut self, ctx: &mut Ctx) {
        if let Some(write) = self.write.take() {
            write.cancel(ctx);
        }
    }

    fn readiness(&self) -> Readiness {
        if self.state.is_accepted() {
            return Readiness::Synced;
        }
        let nothing = BTreeMap::new();
        let proxy = self.proxy();
        let situation = Situation {
            proxy: proxy.as_deref(),
            ..self.state.situation(&nothing, &nothing)
        };
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

    /// The conditions as they were written last.
    fn conditions(&self) -> Vec<ConditionView> {
        let written = self.status.written().conditions.iter();
        let conditions = written.map(|condition| ConditionView {
            r#type: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        });
        conditions.collect()
    }

    /// The agent and its children, as they are or said last.
    pub(super) fn view(&self) -> AgentView {
        let settings = self.state.desired().settings.as_ref().ok();
        let name = self.key.to_string();
        let (sender, watchers) = self.seen.shown();
        AgentView {
            actor: self.desk.view(ActorKind::Agent, name, self.generation),
            namespace: self.key.namespace.to_string(),
            name: self.key.name.to_string(),
            readiness: self.readiness(),
            platform: settings.map(|settings| settings.platform.to_string()),
            proxy: self.proxy(),
            cluster_name: settings.map(|settings| settings.cluster_name.clone()),
            cluster_uid: self.state.cluster_uid(),
            credentials: self.state.credentials_view(self.thumbprint.clone()),
            conditions: self.conditions(),
            snapshots: self.state.snapshots_view(),
            next_heartbeat: self.state.next_beat(),
            dropped_notices: self.notices.dropped(),
            sender,
            watchers,
        }
    }

    pub(super) fn log_link(&self, link: Link) {
        match link {
            Link::Fresh => {}
            Link::Up => info!(agent = %self.key, "the platform accepts what is sent"),
            Link::NoToken(error) => warn!(agent = %self.key, %error, "sending waits for a token"),
            Link::Denied(answer) => warn!(agent = %self.key, %answer, "sending is paused: the credentials are refused"),
            Link::Trying(answer) => warn!(agent = %self.key, %answer, "a request failed; it is tried again"),
            Link::Open(answer) => warn!(agent = %self.key, %answer, "the platform is down; only heartbeats probe"),
        }
    }

    pub(super) fn log_snapshot(&self, n: u64, end: &SnapshotEnd) {
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
}
