// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an agent decides. No actix here: time and chance come in, effects go out.
//!
//! It composes parts that know nothing of each other: [`access`] (what it must be given before it can speak), [`children`]
//! (who runs) and [`snapshots`]. [`AgentState::advance`] is the only place where something begins.
//!
//! The invariants, beside those of the parts:
//!
//! - Nothing is listed before there are credentials and the cluster's uid, and the platform gives a token: the sender
//!   opens a snapshot only when it can speak.
//! - At most one snapshot is open. It is sent when every kind is listed or unreadable, and a kind that it left out makes
//!   another due as soon as it can be read.
//! - A restarted watcher or sender has lost what it knew: a snapshot is due.
//! - The credentials of one Secret are never shown to a platform for which another Secret is named.

mod access;
mod children;
mod effect;
mod snapshots;
mod view;

use obsyk_domain::agent::Settings;
use obsyk_domain::condition::{Link, Standing, Unreadability};
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::wire;

use super::messages::Desired;
use crate::sender::{Config, SnapshotEnd};
use access::Access;
pub use children::Child;
use children::Children;
pub use effect::Effect;
use snapshots::{Complete, Snapshots};

/// See the module's page.
#[derive(Debug)]
pub struct AgentState {
    kinds: KindSet,
    desired: Desired,
    access: Access,
    children: Children,
    snapshots: Snapshots,
    /// What the sender was told last, be it the one that died.
    config: Option<Config>,
    /// The sender that runs has it.
    told: bool,
    link: Link,
    beat_at: Option<Moment>,
    failing: bool,
    ended: bool,
}

impl AgentState {
    /// An agent for this resource, that collects these kinds.
    pub fn new(kinds: KindSet, desired: Desired) -> Self {
        Self {
            kinds,
            desired,
            access: Access::new(),
            children: Children::new(),
            snapshots: Snapshots::new(kinds),
            config: None,
            told: false,
            link: Link::Fresh,
            beat_at: None,
            failing: false,
            ended: false,
        }
    }

    /// The agent starts, or a moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment) -> Vec<Effect> {
        self.advanced(now, Vec::new())
    }

    /// The resource was edited, or the agent's standing is another.
    pub fn on_reconfigure(&mut self, now: Moment, desired: Desired) -> Vec<Effect> {
        let old = std::mem::replace(&mut self.desired, desired);
        if self.desired.status.is_none() {
            self.desired.status = old.status;
        }
        if let (Ok(old), Ok(new)) = (&old.settings, &self.desired.settings)
            && old.sync_interval != new.sync_interval
            && self.beat_at.is_some()
        {
            self.beat_at = Some(now + new.sync_interval);
        }
        self.advanced(now, Vec::new())
    }

    /// What this Secret says now.
    pub fn on_credentials(
        &mut self,
        now: Moment,
        secret: &str,
        result: Result<Credentials, CredentialsError>,
    ) -> Vec<Effect> {
        self.access.read(secret, result);
        self.advanced(now, Vec::new())
    }

    /// Who the cluster is.
    pub fn on_identity(&mut self, now: Moment, identity: ClusterIdentity, chance: &mut dyn Chance) -> Vec<Effect> {
        let written = self.written_uid();
        self.access.identified(now, identity, written, chance);
        self.advanced(now, Vec::new())
    }

    /// The cluster's uid that the status had: it doesn't change while the cluster lives.
    fn written_uid(&self) -> Option<String> {
        self.desired
            .status
            .as_ref()
            .and_then(|status| status.cluster_uid.clone())
    }

    /// The sender has opened snapshot `n`.
    pub fn on_opened(&mut self, now: Moment, n: u64) -> Vec<Effect> {
        let relist = self.snapshots.opened(now, n).map(|kinds| Effect::Relist { n, kinds });
        self.advanced(now, relist.into_iter().collect())
    }

    /// A kind's list is whole.
    pub fn on_listed(&mut self, now: Moment, n: u64, kind: ResourceKind, facts: &ClusterFacts) -> Vec<Effect> {
        if self.children.is_running() {
            self.snapshots.listed(now, n, kind, facts);
        }
        self.advanced(now, Vec::new())
    }

    /// A kind can't be read.
    pub fn on_unreadable(&mut self, now: Moment, n: u64, kind: ResourceKind, why: Unreadability) -> Vec<Effect> {
        if self.children.is_running() {
            self.snapshots.unreadable(n, kind, why);
        }
        self.advanced(now, Vec::new())
    }

    /// The sender tells how a snapshot ended.
    pub fn on_snapshot_end(&mut self, now: Moment, n: u64, end: &SnapshotEnd, chance: &mut dyn Chance) -> Vec<Effect> {
        self.snapshots.ended(now, n, end, chance);
        self.advanced(now, Vec::new())
    }

    /// The sender couldn't open snapshot `n`: another config or a drain overtook it, or the sender died.
    pub fn on_overtaken(&mut self, now: Moment, n: u64) -> Vec<Effect> {
        self.snapshots.overtaken(now, n);
        self.advanced(now, Vec::new())
    }

    /// How things stand with the platform. The last word of a sender that was stopped doesn't count.
    pub fn on_link(&mut self, link: Link) {
        if self.told {
            self.link = link;
        }
    }

    /// The platform refused the credentials: the Secret is read again, since a watch may lag.
    pub fn on_reread(&mut self) -> Vec<Effect> {
        let secret = self.access.secret().filter(|_| !self.ended);
        secret
            .map(|secret| Effect::FollowSecret(Some(secret.to_owned())))
            .into_iter()
            .collect()
    }

    /// A snapshot is due.
    pub fn on_due(&mut self, now: Moment, why: Cause, at: Moment) -> Vec<Effect> {
        if self.children.is_running() {
            self.snapshots.due(why, at);
        }
        self.advanced(now, Vec::new())
    }

    /// A child died.
    pub fn on_exited(&mut self, now: Moment, child: Child, chance: &mut dyn Chance) -> Vec<Effect> {
        if self.ended || !self.children.is_running() {
            return Vec::new();
        }
        let Some(at) = self.children.died(now, child, chance) else {
            self.failing = true;
            self.ended = true;
            return vec![Effect::StopChildren, Effect::GiveUp];
        };
        let mut effects = Vec::new();
        match child {
            Child::Sender => {
                // What was told is lost with it. The watchers start anew, so that what they know fits the new ledger.
                effects.extend(self.kinds.iter().map(Effect::StopWatcher));
                self.children.wait_all(self.kinds, at);
                self.snapshots.sender_lost(now, at);
                self.told = false;
                self.link = Link::Fresh;
            }
            Child::Watcher(_) => self.snapshots.due(Cause::WatcherLost, at),
        }
        self.advanced(now, effects)
    }

    /// Ends: no further snapshot, heartbeat or restart.
    pub fn on_end(&mut self) {
        self.ended = true;
    }

    fn advanced(&mut self, now: Moment, mut effects: Vec<Effect>) -> Vec<Effect> {
        self.advance(now, &mut effects);
        effects
    }

    fn advance(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.ended {
            return;
        }
        let settings = match (&self.desired.settings, &self.desired.standing) {
            (Ok(settings), Standing::Speaks) => settings.clone(),
            _ => {
                self.halt(now, effects);
                return;
            }
        };
        if self.access.follow(&settings.secret_name) {
            effects.push(Effect::FollowSecret(Some(settings.secret_name.clone())));
        }
        if self.access.should_ask(now) {
            effects.push(Effect::Identify);
        }
        self.restart(now, effects);
        self.configure(now, &settings, effects);
        self.beat(now, &settings, effects);
        self.complete_snapshot(now, effects);
        self.open_snapshot(now, effects);
    }

    /// Invalid, or not the one that speaks: nothing runs.
    fn halt(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.access.leave() {
            effects.push(Effect::FollowSecret(None));
        }
        self.stop_children(now, effects);
    }

    fn stop_children(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.children.stop() {
            return;
        }
        effects.push(Effect::StopChildren);
        self.snapshots.stopped(now);
        self.config = None;
        self.told = false;
        self.link = Link::Fresh;
        self.beat_at = None;
    }

    fn restart(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for child in self.children.take_due(now) {
            match child {
                Child::Sender => effects.push(Effect::StartSender),
                Child::Watcher(kind) => {
                    effects.push(Effect::StartWatcher(kind));
                    if let Some(n) = self.snapshots.waits_for(kind) {
                        let kinds = KindSet::from_iter([kind]);
                        effects.push(Effect::Relist { n, kinds });
                    }
                }
            }
        }
    }

    /// The credentials to use with these settings.
    fn credentials(&self, settings: &Settings) -> Option<&Credentials> {
        let same_platform = self
            .config
            .as_ref()
            .is_some_and(|config| config.platform == settings.platform);
        self.access.credentials(same_platform)
    }

    fn configure(&mut self, now: Moment, settings: &Settings, effects: &mut Vec<Effect>) {
        let Some(credentials) = self.credentials(settings).cloned() else {
            // Another platform whose Secret can't be used: the old one is left all the same.
            self.stop_children(now, effects);
            return;
        };
        let Some(cluster_uid) = self.access.cluster_uid() else {
            return;
        };
        let config = Config {
            platform: settings.platform.clone(),
            cluster_name: settings.cluster_name.clone(),
            cluster_uid: cluster_uid.to_owned(),
            credentials,
            per_second: settings.events_per_second,
            burst: settings.burst,
            case: settings.event_case,
        };
        if self.children.start() {
            effects.push(Effect::StartSender);
            effects.extend(self.kinds.iter().map(Effect::StartWatcher));
            self.snapshots.due(Cause::Start, now);
        }
        if !self.children.has_sender() || (self.told && self.config.as_ref() == Some(&config)) {
            return;
        }
        if self.config.as_ref().is_some_and(|old| config.is_elsewhere(old)) {
            self.snapshots.elsewhere(now);
            self.link = Link::Fresh;
        }
        self.config = Some(config.clone());
        self.told = true;
        effects.push(Effect::Configure(Box::new(config)));
    }

    fn beat(&mut self, now: Moment, settings: &Settings, effects: &mut Vec<Effect>) {
        if !self.told {
            return;
        }
        let due = self.beat_at.is_some_and(|at| at <= now);
        if due {
            effects.push(Effect::Beat);
        }
        if due || self.beat_at.is_none() {
            // From now, not from when it was due: after a pause of the process one goes out, not a burst.
            self.beat_at = Some(now + settings.sync_interval);
        }
    }

    fn complete_snapshot(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(config) = &self.config else { return };
        match self.snapshots.complete(now) {
            Some(Complete::Send { n, facts, left_out }) => {
                let git_version = self.access.git_version();
                let head = wire::SnapshotHead {
                    cluster_uid: &config.cluster_uid,
                    cluster_name: &config.cluster_name,
                    kubernetes_version: wire::kubernetes_version(git_version),
                    platform: facts.platform(git_version),
                    region: facts.region(),
                };
                effects.push(Effect::SendSnapshot {
                    n,
                    head: head.opening(),
                    left_out,
                });
            }
            Some(Complete::Abandon(n)) => effects.push(Effect::AbandonSnapshot(n)),
            None => {}
        }
    }

    fn open_snapshot(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.told {
            return;
        }
        if let Some((n, why)) = self.snapshots.open(now) {
            // The uid and the version in the head follow the cluster, which may have been upgraded.
            effects.push(Effect::Identify);
            effects.push(Effect::OpenSnapshot { n, why });
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        if self.ended || self.desired.settings.is_err() || self.desired.standing != Standing::Speaks {
            return None;
        }
        let beat = self.beat_at.filter(|_| self.told);
        let snapshot = self.snapshots.next().filter(|_| self.told);
        [self.access.ask_at(), self.children.next(), beat, snapshot]
            .into_iter()
            .flatten()
            .min()
    }
}
