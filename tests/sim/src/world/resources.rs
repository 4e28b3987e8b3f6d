// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The resources, their Secret and their status.

use std::time::Duration;

use obsyk_actors::supervisor::{Apply, Remove};
use obsyk_domain::agent::{ObsykAgentSpec, ObsykAgentStatus};
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::ports::{AgentKey, StatusError};
use obsyk_domain::time::Moment;

use super::{Command, Happening, World};
use crate::coverage::Reached;
use crate::process::{ResourceChange, SecretWatch};
use crate::saboteur::Bug;

/// An edit is in force this long after the process was told of it. Commands between actors take 1 s at most each, and
/// messages are held back for up to 50 ms.
pub(crate) const IN_FORCE: Duration = Duration::from_secs(4);

/// A resource, as it stands in the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) uid: String,
    pub(crate) created: i64,
    pub(crate) generation: i64,
    pub(crate) spec: ObsykAgentSpec,
}

/// The limits that a resource sets for requests.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    key: AgentKey,
    origin: String,
    pub(crate) cluster_name: String,
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
    /// An edit replaced it: until then it may still be in force.
    until: Option<Moment>,
}

impl World {
    /// The API server tells the process of the resources.
    pub(crate) fn report_resources(&mut self) {
        if self.process.is_none() || self.cluster.api.down {
            return;
        }
        let gone: Vec<_> = self
            .applied
            .iter()
            .filter(|(key, told)| self.resources.get(*key).is_none_or(|resource| resource.uid != told.uid))
            .map(|(key, told)| (key.clone(), told.uid.clone()))
            .collect();
        for (key, uid) in gone {
            self.applied.remove(&key);
            self.replace_limits(&key);
            self.command(ResourceChange::Remove(Remove { key, uid }));
        }
        for (key, resource) in self.resources.clone() {
            let known = self.applied.get(&key);
            if known.is_some_and(|told| (&told.uid, told.generation) == (&resource.uid, resource.generation)) {
                continue;
            }
            let old = known.map(|told| told.spec.clone());
            self.applied.insert(key.clone(), resource.clone());
            self.allow(&key, old.as_ref(), &resource.spec);
            let apply = Apply {
                key,
                uid: resource.uid,
                created: resource.created,
                generation: Some(resource.generation),
                spec: Box::new(resource.spec),
                status: None,
            };
            self.command(ResourceChange::Apply(Box::new(apply)));
        }
        if !std::mem::replace(&mut self.all_applied, true) {
            self.command(ResourceChange::AllApplied);
        }
    }

    fn command(&mut self, resources: ResourceChange) {
        self.commands.push(Command::ApplyResource(resources));
    }

    /// Ends the limits that a resource has set until now.
    fn replace_limits(&mut self, key: &AgentKey) {
        let until = self.now() + IN_FORCE;
        for limits in self.limits.iter_mut().filter(|limits| limits.key == *key) {
            limits.until.get_or_insert(until);
        }
    }

    fn allow(&mut self, key: &AgentKey, old: Option<&ObsykAgentSpec>, new: &ObsykAgentSpec) {
        self.replace_limits(key);
        let now = self.now();
        self.limits
            .retain(|limits| limits.until.is_none_or(|until| until > now));
        let origin = new.platform_url.trim_end_matches('/').to_owned();
        self.limits.push(Limits {
            key: key.clone(),
            origin: origin.clone(),
            cluster_name: new.cluster_name.clone(),
            per_second: u32::try_from(new.rate_limit.events_per_second).unwrap_or_default(),
            burst: u32::try_from(new.rate_limit.burst_size).unwrap_or_default(),
            until: None,
        });
        let Some(old) = old else {
            self.pending.forget(now);
            return;
        };
        // Another rate drops nothing; an interval may be invalid.
        let key = |spec: &ObsykAgentSpec| {
            (
                spec.platform_url.clone(),
                spec.cluster_name.clone(),
                spec.sync_interval.clone(),
            )
        };
        if key(old) != key(new) {
            self.pending.forget(now);
        }
        if self.inspection.snapshot_is_open() {
            self.coverage.reach(Reached::EditWhileOpen);
        }
        if old.platform_url != new.platform_url && self.saboteur.is(Bug::OldGenerationGoesOn) {
            let last = self.senders.iter().find_map(|(id, sender)| sender.forged(*id, None));
            if let Some(forged) = last {
                self.plan_in(IN_FORCE + Duration::from_secs(1), Happening::Forge(Box::new(forged)));
            }
        }
    }

    /// Returns the limits of requests to a platform.
    pub(crate) fn limits_at(&self, origin: &str) -> Vec<Limits> {
        let now = self.now();
        self.limits
            .iter()
            .filter(|limits| limits.origin == origin && limits.until.is_none_or(|until| now <= until))
            .cloned()
            .collect()
    }

    /// An agent follows a Secret.
    pub(crate) fn watch_secret(&mut self, secret: &str) -> u64 {
        let number = self.next_id();
        let watch = SecretWatch {
            secret: secret.to_owned(),
            ..SecretWatch::default()
        };
        self.secret_watches.insert(number, watch);
        let takes = self.dice.millis(2, 40);
        self.plan_in(takes, Happening::Secret(number));
        number
    }

    /// A Secret changed, or can be read again: all that follow it are told.
    pub(crate) fn report_secrets(&mut self) {
        let secret_watches: Vec<u64> = self.secret_watches.keys().copied().collect();
        for watch in secret_watches {
            let takes = self.dice.millis(2, 400);
            self.plan_in(takes, Happening::Secret(watch));
        }
    }

    pub(crate) fn report_secret(&mut self, number: u64) {
        let down = self.cluster.api.down;
        let Some(watch) = self.secret_watches.get_mut(&number) else {
            return;
        };
        let state = match self.secrets.get(&watch.secret) {
            _ if down => Err(CredentialsError::Unreachable),
            Some(state) => state.clone(),
            None => Err(CredentialsError::NoSecret),
        };
        watch.states.push_back(state);
        if let Some(waker) = watch.waker.take() {
            waker.wake();
        }
    }

    /// An agent writes its status.
    pub(crate) fn write_status(
        &mut self,
        key: &AgentKey,
        uid: &str,
        status: ObsykAgentStatus,
    ) -> Result<(), StatusError> {
        if self.cluster.api.down || self.dice.happens(0.05) {
            return Err(StatusError::Failed);
        }
        if self.resources.get(key).is_none_or(|resource| resource.uid != uid) {
            return Err(StatusError::Gone);
        }
        self.statuses.insert(key.clone(), status);
        Ok(())
    }
}
