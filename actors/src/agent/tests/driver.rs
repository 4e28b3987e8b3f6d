// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Drives the agent's state by hand: plain moments, a fixed chance, and effects in words.

use std::sync::Arc;
use std::time::Duration;

use obsyk_domain::agent::{ObsykAgentSpec, ObsykAgentStatus, Policy, Settings};
use obsyk_domain::condition::{Link, Standing, Unreadability};
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;

use super::fakes::{Fixed, KINDS, a_spec, credentials, kinds};
use crate::agent::{AgentState, Child, Desired, Effect};
use crate::sender::{Config, SnapshotEnd};

/// What a resource with this spec asks for.
pub(super) fn desired(spec: &ObsykAgentSpec) -> Desired {
    Desired {
        settings: Settings::from_spec(spec, &Policy::default()),
        platform_text: spec.platform_url.clone(),
        standing: Standing::Speaks,
        generation: Some(1),
        status: None,
    }
}

/// The same of a resource whose status has this cluster's uid.
pub(super) fn desired_with_uid(uid: &str) -> Desired {
    let status = ObsykAgentStatus {
        cluster_uid: Some(uid.to_owned()),
        ..ObsykAgentStatus::default()
    };
    Desired {
        status: Some(Arc::new(status)),
        ..desired(&a_spec())
    }
}

pub(super) fn accepted() -> SnapshotEnd {
    SnapshotEnd::Accepted {
        too_large: KindSet::EMPTY,
        objects: 2,
        bytes: 200,
        took: Duration::from_secs(1),
    }
}

/// A state, and the time for it. It checks after each step that nothing is left to do at once: a moment to wake up at
/// that has passed would be a hot loop.
pub(super) struct Driver {
    pub(super) state: AgentState,
    pub(super) now: Moment,
    pub(super) spec: ObsykAgentSpec,
    /// The config that the sender was given last.
    pub(super) config: Option<Config>,
    chance: Fixed,
}

impl Driver {
    /// A state that hasn't begun.
    pub(super) fn new() -> Self {
        Self::of(desired(&a_spec()))
    }

    pub(super) fn of(desired: Desired) -> Self {
        Self {
            state: AgentState::new(kinds(), desired),
            now: Moment::START,
            spec: a_spec(),
            config: None,
            chance: Fixed(0.5),
        }
    }

    /// One that has asked its sender for the first snapshot, at second 0.
    pub(super) fn started() -> Self {
        let mut driver = Self::new();
        driver.timer();
        driver.credentials("creds", Ok(credentials("client", 1)));
        driver.identity(Some("cluster"));
        driver
    }

    /// One whose first snapshot was accepted, at second 1.
    pub(super) fn synced() -> Self {
        let mut driver = Self::started();
        driver.at(1);
        driver.snapshot(1);
        driver
    }

    /// Opens snapshot `n`, lists all kinds and accepts it.
    pub(super) fn snapshot(&mut self, n: u64) {
        self.opened(n);
        for kind in KINDS {
            self.listed(n, kind);
        }
        self.ended(n, &accepted());
    }

    /// The time is `secs` after the start; timers that were due before have fired.
    pub(super) fn at(&mut self, secs: u64) -> Vec<String> {
        let then = Moment::at(Duration::from_secs(secs));
        let mut all = Vec::new();
        while let Some(wake) = self.state.wake().filter(|wake| *wake <= then) {
            self.now = self.now.max(wake);
            all.extend(self.timer());
        }
        self.now = then;
        all
    }

    fn words(&mut self, effects: Vec<Effect>) -> Vec<String> {
        if let Some(wake) = self.state.wake() {
            assert!(wake > self.now, "wakes at {wake:?}, and it is {:?}", self.now);
        }
        effects.into_iter().map(|effect| self.word(effect)).collect()
    }

    fn word(&mut self, effect: Effect) -> String {
        match effect {
            Effect::FollowSecret(Some(name)) => format!("follow {name}"),
            Effect::FollowSecret(None) => "follow nothing".to_owned(),
            Effect::Identify => "identify".to_owned(),
            Effect::StartSender => "start sender".to_owned(),
            Effect::StartWatcher(kind) => format!("start {kind}"),
            Effect::StopWatcher(kind) => format!("stop {kind}"),
            Effect::StopChildren => "stop children".to_owned(),
            Effect::Configure(config) => {
                self.config = Some(*config);
                "configure".to_owned()
            }
            Effect::OpenSnapshot { n, why } => {
                let why: Vec<_> = why.iter().map(|cause| cause.label()).collect();
                format!("open {n} for {}", why.join("+"))
            }
            Effect::Relist { n, kinds } => format!("relist {kinds} for {n}"),
            Effect::SendSnapshot { n, left_out, .. } if left_out.is_empty() => format!("send {n}"),
            Effect::SendSnapshot { n, left_out, .. } => format!("send {n} without {left_out}"),
            Effect::AbandonSnapshot(n) => format!("abandon {n}"),
            Effect::Beat => "beat".to_owned(),
            Effect::GiveUp => "give up".to_owned(),
        }
    }

    pub(super) fn timer(&mut self) -> Vec<String> {
        let effects = self.state.on_timer(self.now);
        self.words(effects)
    }

    /// The resource is edited.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut ObsykAgentSpec)) -> Vec<String> {
        edit(&mut self.spec);
        let desired = desired(&self.spec);
        self.reconfigure(desired)
    }

    pub(super) fn reconfigure(&mut self, desired: Desired) -> Vec<String> {
        let effects = self.state.on_reconfigure(self.now, desired);
        self.words(effects)
    }

    pub(super) fn credentials(&mut self, secret: &str, says: Result<Credentials, CredentialsError>) -> Vec<String> {
        let effects = self.state.on_credentials(self.now, secret, says);
        self.words(effects)
    }

    pub(super) fn identity(&mut self, uid: Option<&str>) -> Vec<String> {
        let identity = ClusterIdentity {
            uid: uid.map(str::to_owned),
            git_version: None,
        };
        let effects = self.state.on_identity(self.now, identity, &mut self.chance);
        self.words(effects)
    }

    pub(super) fn opened(&mut self, n: u64) -> Vec<String> {
        let effects = self.state.on_opened(self.now, n);
        self.words(effects)
    }

    pub(super) fn overtaken(&mut self, n: u64) -> Vec<String> {
        let effects = self.state.on_overtaken(self.now, n);
        self.words(effects)
    }

    pub(super) fn listed(&mut self, n: u64, kind: ResourceKind) -> Vec<String> {
        let effects = self.state.on_listed(self.now, n, kind, &ClusterFacts::default());
        self.words(effects)
    }

    pub(super) fn unreadable(&mut self, n: u64, kind: ResourceKind) -> Vec<String> {
        let effects = self.state.on_unreadable(self.now, n, kind, Unreadability::Forbidden);
        self.words(effects)
    }

    pub(super) fn ended(&mut self, n: u64, end: &SnapshotEnd) -> Vec<String> {
        let effects = self.state.on_snapshot_end(self.now, n, end, &mut self.chance);
        self.words(effects)
    }

    pub(super) fn due(&mut self, why: Cause, at: u64) -> Vec<String> {
        let effects = self.state.on_due(self.now, why, Moment::at(Duration::from_secs(at)));
        self.words(effects)
    }

    pub(super) fn exited(&mut self, child: Child) -> Vec<String> {
        let effects = self.state.on_exited(self.now, child, &mut self.chance);
        self.words(effects)
    }

    pub(super) fn link(&mut self, link: Link) {
        self.state.on_link(link);
    }

    /// The reason of a condition.
    pub(super) fn reason(&self, condition: &str) -> String {
        let nothing = Default::default();
        let conditions = self
            .state
            .situation(&nothing, &nothing)
            .conditions(&[], None, jiff::Timestamp::UNIX_EPOCH);
        let found = conditions.into_iter().find(|known| known.type_ == condition);
        found.unwrap().reason
    }
}
