// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an agent decides. No actix here: time and chance come in, effects go out.
//!
//! The invariants:
//!
//! - Nothing is listed before there are credentials, the cluster's uid and a platform that gives a token: the sender
//!   opens a snapshot only when it can speak.
//! - At most one snapshot is open. It is sent when every kind is listed or unreadable, and a kind that it left out makes
//!   another due as soon as it can be read.
//! - A restarted watcher or sender has lost what it knew: a snapshot is due.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::agent::Settings;
use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::{Link, Situation, Standing, Unreadability};
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::retry::Backoff;
use obsyk_domain::snapshot::{APART, Cause, Schedule};
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::wire;

use super::messages::Desired;
use crate::sender::{Config, SnapshotEnd};
use crate::supervision::Intensity;

/// The cluster's uid is asked for again this long after it couldn't be read.
const IDENTIFY_AGAIN: Duration = Duration::from_secs(30);

/// A child of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Child {
    /// Its sender.
    Sender,
    /// A watcher.
    Watcher(ResourceKind),
}

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Follow this Secret, or none; the one followed before is dropped.
    FollowSecret(Option<String>),
    /// Ask who the cluster is.
    Identify,
    /// Start the sender.
    StartSender,
    /// Start a watcher.
    StartWatcher(ResourceKind),
    /// Stop a watcher.
    StopWatcher(ResourceKind),
    /// Stop the sender and all watchers.
    StopChildren,
    /// Give the sender this config.
    Configure(Box<Config>),
    /// Open this snapshot.
    OpenSnapshot { n: u64, why: Vec<Cause> },
    /// Let these watchers list for the snapshot.
    Relist { n: u64, kinds: KindSet },
    /// Send the snapshot.
    SendSnapshot { n: u64, head: Vec<u8>, left_out: KindSet },
    /// Give the snapshot up.
    AbandonSnapshot(u64),
    /// Send a heartbeat.
    Beat,
    /// Children were restarted too often: end, and let the supervisor build a new agent.
    GiveUp,
}

/// The snapshot that is open.
#[derive(Debug)]
struct Open {
    n: u64,
    opened: bool,
    causes: Vec<Cause>,
    pending: KindSet,
    listed: KindSet,
    facts: ClusterFacts,
    sent: bool,
}

/// See the module's page.
#[derive(Debug)]
pub struct AgentState {
    kinds: KindSet,
    desired: Desired,
    secret: Option<String>,
    secret_seen: bool,
    credentials: Option<Credentials>,
    credentials_error: Option<CredentialsError>,
    identity: Option<ClusterIdentity>,
    identify_at: Option<Moment>,
    config: Option<Config>,
    running: bool,
    n: u64,
    open: Option<Open>,
    schedule: Schedule,
    left_out: KindSet,
    unreadable: BTreeMap<ResourceKind, Unreadability>,
    too_large: KindSet,
    link: Link,
    refused: Option<Outcome>,
    accepted: bool,
    last_snapshot: Option<Moment>,
    beat_at: Option<Moment>,
    restarts: BTreeMap<Child, (Moment, u64)>,
    intensity: Intensity,
    backoff: Backoff,
    failing: bool,
    ended: bool,
    snapshots: BTreeMap<Cause, u64>,
}

impl AgentState {
    /// An agent for this resource, that collects these kinds.
    pub fn new(kinds: KindSet, desired: Desired) -> Self {
        Self {
            kinds,
            desired,
            secret: None,
            secret_seen: false,
            credentials: None,
            credentials_error: None,
            identity: None,
            identify_at: Some(Moment::START),
            config: None,
            running: false,
            n: 0,
            open: None,
            schedule: Schedule::default(),
            left_out: KindSet::EMPTY,
            unreadable: BTreeMap::new(),
            too_large: KindSet::EMPTY,
            link: Link::Fresh,
            refused: None,
            accepted: false,
            last_snapshot: None,
            beat_at: None,
            restarts: BTreeMap::new(),
            intensity: Intensity::default(),
            backoff: Backoff::RESTART,
            failing: false,
            ended: false,
            snapshots: BTreeMap::new(),
        }
    }

    /// The agent starts, or a moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.advance(now, &mut effects);
        effects
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
        let mut effects = Vec::new();
        self.advance(now, &mut effects);
        effects
    }

    /// What the Secret says now.
    pub fn on_credentials(&mut self, now: Moment, result: Result<Credentials, CredentialsError>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.secret_seen = true;
        match result {
            Ok(credentials) => {
                self.credentials = Some(credentials);
                self.credentials_error = None;
            }
            // The last good credentials stay in use.
            Err(error) => self.credentials_error = Some(error),
        }
        self.advance(now, &mut effects);
        effects
    }

    /// Who the cluster is.
    pub fn on_identity(&mut self, now: Moment, mut identity: ClusterIdentity) -> Vec<Effect> {
        let mut effects = Vec::new();
        if identity.uid.is_none() {
            identity.uid = self.known_uid();
        }
        self.identify_at = identity.uid.is_none().then(|| now + IDENTIFY_AGAIN);
        if identity.git_version.is_none() {
            identity.git_version = self.identity.take().and_then(|known| known.git_version);
        }
        self.identity = Some(identity);
        self.advance(now, &mut effects);
        effects
    }

    /// What was known of the cluster's uid before: it doesn't change while the cluster lives.
    fn known_uid(&self) -> Option<String> {
        let known = self.identity.as_ref().and_then(|identity| identity.uid.clone());
        known.or_else(|| {
            self.desired
                .status
                .as_ref()
                .and_then(|status| status.cluster_uid.clone())
        })
    }

    /// The sender has opened snapshot `n`.
    pub fn on_opened(&mut self, now: Moment, n: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(open) = self.open.as_mut().filter(|open| open.n == n) {
            open.opened = true;
            open.pending = self.kinds;
            effects.push(Effect::Relist { n, kinds: self.kinds });
        }
        self.advance(now, &mut effects);
        effects
    }

    /// A kind's list is whole.
    pub fn on_listed(&mut self, now: Moment, n: u64, kind: ResourceKind, facts: &ClusterFacts) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.unreadable.remove(&kind);
        match self
            .open
            .as_mut()
            .filter(|open| open.n == n && open.pending.contains(kind))
        {
            Some(open) => {
                open.pending.remove(kind);
                open.listed.insert(kind);
                open.facts.merge(facts);
                self.send_if_complete(now, &mut effects);
            }
            None if self.left_out.contains(kind) => self.schedule.add(Cause::KindReadable, now),
            None => {}
        }
        self.advance(now, &mut effects);
        effects
    }

    /// A kind can't be read.
    pub fn on_unreadable(&mut self, now: Moment, n: u64, kind: ResourceKind, why: Unreadability) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.unreadable.insert(kind, why);
        if let Some(open) = self.open.as_mut().filter(|open| open.n == n) {
            open.pending.remove(kind);
            self.send_if_complete(now, &mut effects);
        }
        self.advance(now, &mut effects);
        effects
    }

    fn send_if_complete(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.opened && !open.sent && open.pending.is_empty())
        else {
            return;
        };
        let n = open.n;
        if open.listed.is_empty() {
            // Not one kind could be read: such a snapshot says nothing.
            self.open = None;
            self.schedule.add(Cause::Unfinished, now + APART);
            effects.push(Effect::AbandonSnapshot(n));
            return;
        }
        let (Some(config), Some(identity)) = (&self.config, &self.identity) else {
            return;
        };
        open.sent = true;
        let left_out = self.kinds.without(open.listed);
        let git_version = identity.git_version.as_deref().unwrap_or_default();
        let head = wire::SnapshotHead {
            cluster_uid: &config.cluster_uid,
            cluster_name: &config.cluster_name,
            kubernetes_version: wire::kubernetes_version(git_version),
            platform: open.facts.platform(git_version),
            region: open.facts.region(),
        };
        effects.push(Effect::SendSnapshot {
            n,
            head: head.opening(),
            left_out,
        });
    }

    /// The sender tells how a snapshot ended.
    pub fn on_snapshot_end(&mut self, now: Moment, n: u64, end: &SnapshotEnd, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(open) = self.open.take_if(|open| open.n == n) else {
            return effects;
        };
        match end {
            SnapshotEnd::Accepted { too_large, .. } => {
                self.accepted = true;
                self.refused = None;
                self.last_snapshot = Some(now);
                self.too_large = *too_large;
                self.left_out = self.kinds.without(open.listed);
                self.schedule.accepted(now, chance);
                let healed = self.left_out.iter().any(|kind| !self.unreadable.contains_key(&kind));
                if healed {
                    self.schedule.add(Cause::KindReadable, now);
                }
            }
            SnapshotEnd::Refused(outcome) => {
                self.refused = Some(*outcome);
                self.schedule.refused(now);
            }
            SnapshotEnd::Unfinished => self.schedule.add(Cause::Unfinished, now),
        }
        self.advance(now, &mut effects);
        effects
    }

    /// The sender couldn't open snapshot `n`: another config or a drain overtook it, or the sender died.
    pub fn on_overtaken(&mut self, now: Moment, n: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.open.take_if(|open| open.n == n).is_some() {
            self.schedule.add(Cause::Unfinished, now);
        }
        self.advance(now, &mut effects);
        effects
    }

    /// How things stand with the platform.
    pub fn on_link(&mut self, link: Link) {
        self.link = link;
    }

    /// The platform refused the credentials: the Secret is read again, since a watch may lag.
    pub fn on_reread(&mut self) -> Vec<Effect> {
        vec![Effect::FollowSecret(self.secret.clone())]
    }

    /// A snapshot is due.
    pub fn on_due(&mut self, now: Moment, why: Cause, at: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.schedule.add(why, at);
        self.advance(now, &mut effects);
        effects
    }

    /// A child died.
    pub fn on_exited(&mut self, now: Moment, child: Child, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.running {
            return effects;
        }
        if self.intensity.is_exceeded(now) {
            self.failing = true;
            self.ended = true;
            effects.push(Effect::GiveUp);
            return effects;
        }
        let at = now + self.backoff.next(chance);
        let entry = self.restarts.entry(child).or_insert((at, 0));
        *entry = (at, entry.1 + 1);
        if child == Child::Sender {
            // What was told is lost with it. The watchers start anew, so that what they know fits the new ledger.
            self.open = None;
            self.config = None;
            for kind in self.kinds.iter() {
                effects.push(Effect::StopWatcher(kind));
                let entry = self.restarts.entry(Child::Watcher(kind)).or_insert((at, 0));
                entry.0 = at;
            }
            self.schedule.add(Cause::SenderLost, at);
        } else {
            self.schedule.add(Cause::WatcherLost, at);
        }
        self.advance(now, &mut effects);
        effects
    }

    /// Ends: no further snapshot, heartbeat or restart.
    pub fn on_end(&mut self) {
        self.ended = true;
    }

    fn advance(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.ended {
            return;
        }
        let settings = match (&self.desired.settings, &self.desired.standing) {
            (Ok(settings), Standing::Speaks) => settings.clone(),
            _ => {
                self.halt(effects);
                return;
            }
        };
        self.follow_secret(&settings, effects);
        if self.identify_at.is_some_and(|at| at <= now) {
            self.identify_at = Some(now + IDENTIFY_AGAIN);
            effects.push(Effect::Identify);
        }
        self.restart(now, effects);
        self.configure(now, &settings, effects);
        self.beat(now, &settings, effects);
        self.open_snapshot(now, effects);
    }

    /// Invalid, or not the one that speaks: nothing runs.
    fn halt(&mut self, effects: &mut Vec<Effect>) {
        if self.secret.take().is_some() {
            effects.push(Effect::FollowSecret(None));
        }
        if self.running {
            effects.push(Effect::StopChildren);
        }
        self.running = false;
        self.config = None;
        self.credentials = None;
        self.credentials_error = None;
        self.secret_seen = false;
        self.open = None;
        self.schedule = Schedule::default();
        self.restarts.clear();
        self.beat_at = None;
        self.link = Link::Fresh;
        self.accepted = false;
        self.refused = None;
        self.unreadable.clear();
        self.too_large = KindSet::EMPTY;
    }

    fn follow_secret(&mut self, settings: &Settings, effects: &mut Vec<Effect>) {
        if self.secret.as_deref() != Some(&settings.secret_name) {
            self.secret = Some(settings.secret_name.clone());
            self.secret_seen = false;
            self.credentials_error = None;
            effects.push(Effect::FollowSecret(self.secret.clone()));
        }
    }

    fn configure(&mut self, now: Moment, settings: &Settings, effects: &mut Vec<Effect>) {
        let Some(credentials) = &self.credentials else { return };
        let Some(cluster_uid) = self.identity.as_ref().and_then(|identity| identity.uid.clone()) else {
            return;
        };
        let config = Config {
            platform: settings.platform.clone(),
            cluster_name: settings.cluster_name.clone(),
            cluster_uid,
            credentials: credentials.clone(),
            per_second: settings.events_per_second,
            burst: settings.burst,
            case: settings.event_case,
        };
        if !self.running {
            self.running = true;
            effects.push(Effect::StartSender);
            effects.extend(self.kinds.iter().map(Effect::StartWatcher));
            self.schedule.add(Cause::Start, now);
        }
        if self.restarts.get(&Child::Sender).is_some_and(|(at, _)| *at > now) || self.config.as_ref() == Some(&config) {
            return;
        }
        if self.config.as_ref().is_some_and(|old| config.is_elsewhere(old)) {
            self.open = None;
            self.accepted = false;
            self.refused = None;
            self.left_out = KindSet::EMPTY;
            self.too_large = KindSet::EMPTY;
            self.link = Link::Fresh;
            self.schedule.edited(now);
        }
        self.config = Some(config.clone());
        effects.push(Effect::Configure(Box::new(config)));
    }

    fn beat(&mut self, now: Moment, settings: &Settings, effects: &mut Vec<Effect>) {
        if self.config.is_none() {
            return;
        }
        match self.beat_at {
            Some(at) if at > now => {}
            Some(_) => {
                // From now, not from when it was due: after a pause of the process one goes out, not a burst.
                self.beat_at = Some(now + settings.sync_interval);
                effects.push(Effect::Beat);
            }
            None => self.beat_at = Some(now + settings.sync_interval),
        }
    }

    fn open_snapshot(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.config.is_none() {
            return;
        }
        if let Some(open) = &mut self.open {
            // Until the barrier is up nothing was listed: what comes due is answered by this one as well.
            if !open.opened
                && let Some(causes) = self.schedule.absorb(now)
            {
                open.causes.extend(causes);
            }
            return;
        }
        let Some(causes) = self.schedule.open(now) else { return };
        self.n += 1;
        for cause in &causes {
            *self.snapshots.entry(*cause).or_default() += 1;
        }
        self.open = Some(Open {
            n: self.n,
            opened: false,
            causes: causes.clone(),
            pending: self.kinds,
            listed: KindSet::EMPTY,
            facts: ClusterFacts::default(),
            sent: false,
        });
        // The version in the head follows upgrades of the cluster.
        effects.push(Effect::Identify);
        effects.push(Effect::OpenSnapshot { n: self.n, why: causes });
    }

    fn restart(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.running {
            return;
        }
        let due: Vec<Child> = self
            .restarts
            .iter()
            .filter(|(_, (at, _))| *at <= now && *at != Moment::START)
            .map(|(child, _)| *child)
            .collect();
        for child in due {
            if let Some(entry) = self.restarts.get_mut(&child) {
                entry.0 = Moment::START;
            }
            match child {
                Child::Sender => effects.push(Effect::StartSender),
                Child::Watcher(kind) => {
                    effects.push(Effect::StartWatcher(kind));
                    if let Some(open) = self
                        .open
                        .as_ref()
                        .filter(|open| open.opened && open.pending.contains(kind))
                    {
                        effects.push(Effect::Relist {
                            n: open.n,
                            kinds: KindSet::from_iter([kind]),
                        });
                    }
                }
            }
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        if self.ended || self.desired.settings.is_err() || self.desired.standing != Standing::Speaks {
            return None;
        }
        let restart = self
            .restarts
            .values()
            .map(|(at, _)| *at)
            .filter(|at| *at != Moment::START)
            .min();
        let snapshot = self
            .schedule
            .next()
            .filter(|_| self.config.is_some() && self.open.as_ref().is_none_or(|open| !open.opened));
        [self.identify_at, restart, self.beat_at, snapshot]
            .into_iter()
            .flatten()
            .min()
    }

    /// How things stand, for the conditions.
    pub fn situation<'a>(
        &'a self,
        set_aside: &'a BTreeMap<ResourceKind, u64>,
        undecodable: &'a BTreeMap<ResourceKind, u64>,
    ) -> Situation<'a> {
        Situation {
            settings_error: self.desired.settings.as_ref().err(),
            standing: &self.desired.standing,
            secret: self.secret.as_deref().unwrap_or_default(),
            has_credentials: self.credentials.is_some(),
            credentials_error: self.credentials_error,
            secret_seen: self.secret_seen,
            cluster_known: self.identity.as_ref().map(|identity| identity.uid.is_some()),
            platform: &self.desired.platform_text,
            link: self.link,
            accepted: self.accepted,
            refused: self.refused,
            unreadable: &self.unreadable,
            too_large: self.too_large,
            set_aside,
            undecodable,
            failing: self.failing,
        }
    }

    /// The resource, as it was last seen.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// The cluster's uid, when it is known.
    pub fn cluster_uid(&self) -> Option<String> {
        self.identity
            .as_ref()
            .and_then(|identity| identity.uid.clone())
            .or_else(|| self.known_uid())
    }

    /// When the last snapshot was accepted.
    pub fn last_snapshot(&self) -> Option<Moment> {
        self.last_snapshot
    }

    /// Snapshots opened so far, by cause.
    pub fn snapshots(&self) -> &BTreeMap<Cause, u64> {
        &self.snapshots
    }

    /// Whether the sender and the watchers run.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Whether every kind was listed or found unreadable once, or what is waited for.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// How often a child was restarted.
    pub fn restarts_of(&self, child: Child) -> u64 {
        self.restarts.get(&child).map_or(0, |(_, count)| *count)
    }

    /// The number of the last snapshot that was opened, and the causes of the open one.
    pub fn snapshot_now(&self) -> (u64, Option<&[Cause]>) {
        (self.n, self.open.as_ref().map(|open| open.causes.as_slice()))
    }
}
