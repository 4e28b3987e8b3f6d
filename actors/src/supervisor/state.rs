// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the supervisor decides. No actix here.
//!
//! The invariants: an agent exists for each resource and for none other; the old agent of a key has stopped before a new
//! one starts; and of several resources for one platform's origin the oldest (then by name) speaks, and the next only
//! when that one has stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use obsyk_domain::agent::{Policy, Settings, SettingsError};
use obsyk_domain::condition::Standing;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::retry::Backoff;
use obsyk_domain::time::{Chance, Moment};

use super::messages::Apply;
use crate::agent::Desired;
use crate::supervision::Intensity;

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Start an agent.
    Start {
        key: AgentKey,
        uid: String,
        desired: Box<Desired>,
    },
    /// Give an agent its new spec or standing.
    Reconfigure { key: AgentKey, desired: Box<Desired> },
    /// Stop an agent, and say so to [`SupervisorState::on_stopped`].
    Stop(AgentKey),
    /// Agents died too often: the process ends.
    GiveUp,
}

#[derive(Debug)]
struct Entry {
    apply: Apply,
    settings: Result<Settings, SettingsError>,
    /// What its agent was told last; none while there is no agent.
    told: Option<Desired>,
    restart_at: Option<Moment>,
    restarts: u64,
}

/// See the module's page.
#[derive(Debug)]
pub struct SupervisorState {
    policy: Policy,
    entries: BTreeMap<AgentKey, Entry>,
    /// Agents that were told to stop and haven't yet, with the origin for which they may still speak.
    stopping: BTreeMap<AgentKey, Option<String>>,
    intensity: Intensity,
    backoff: Backoff,
    restarts: u64,
    listed: bool,
}

impl SupervisorState {
    /// A supervisor that allows what `policy` allows.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            entries: BTreeMap::new(),
            stopping: BTreeMap::new(),
            intensity: Intensity::default(),
            backoff: Backoff::RESTART,
            restarts: 0,
            listed: false,
        }
    }

    /// A resource is there, or changed.
    pub fn on_apply(&mut self, now: Moment, apply: Apply) -> Vec<Effect> {
        let mut effects = Vec::new();
        let key = apply.key.clone();
        if self.entries.get(&key).is_some_and(|entry| entry.apply.uid != apply.uid) {
            self.drop_entry(&key, &mut effects);
        }
        let settings = Settings::from_spec(&apply.spec, &self.policy);
        match self.entries.get_mut(&key) {
            Some(entry) => {
                entry.apply = apply;
                entry.settings = settings;
            }
            None => {
                self.entries.insert(
                    key,
                    Entry {
                        apply,
                        settings,
                        told: None,
                        restart_at: None,
                        restarts: 0,
                    },
                );
            }
        }
        self.settle(now, &mut effects);
        effects
    }

    /// A resource is gone.
    pub fn on_remove(&mut self, now: Moment, key: &AgentKey, uid: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.entries.get(key).is_some_and(|entry| entry.apply.uid == uid) {
            self.drop_entry(key, &mut effects);
            self.settle(now, &mut effects);
        }
        effects
    }

    fn drop_entry(&mut self, key: &AgentKey, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.remove(key) else { return };
        if let Some(told) = entry.told {
            let origin = told.settings.ok().filter(|_| told.standing == Standing::Speaks);
            self.stopping.insert(
                key.clone(),
                origin.map(|settings| settings.platform.origin().to_owned()),
            );
            effects.push(Effect::Stop(key.clone()));
        }
    }

    /// An agent has stopped.
    pub fn on_stopped(&mut self, now: Moment, key: &AgentKey) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.stopping.remove(key);
        self.settle(now, &mut effects);
        effects
    }

    /// An agent died.
    pub fn on_exited(&mut self, now: Moment, key: &AgentKey, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.intensity.is_exceeded(now) {
            effects.push(Effect::GiveUp);
            return effects;
        }
        if let Some(entry) = self.entries.get_mut(key) {
            entry.told = None;
            entry.restarts += 1;
            self.restarts += 1;
            entry.restart_at = Some(now + self.backoff.next(chance));
        }
        effects
    }

    /// A moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.settle(now, &mut effects);
        effects
    }

    /// All resources that existed were applied.
    pub fn on_all_applied(&mut self) {
        self.listed = true;
    }

    /// Who should speak for this origin: the oldest, then by name.
    fn speaker(&self, origin: &str) -> Option<&AgentKey> {
        if let Some((key, _)) = self.stopping.iter().find(|(_, held)| held.as_deref() == Some(origin)) {
            return Some(key);
        }
        self.entries
            .iter()
            .filter(|(_, entry)| {
                entry
                    .settings
                    .as_ref()
                    .is_ok_and(|settings| settings.platform.origin() == origin)
            })
            .min_by_key(|(key, entry)| (entry.apply.created, &key.name, &key.namespace))
            .map(|(key, _)| key)
    }

    fn desired(&self, key: &AgentKey, entry: &Entry) -> Desired {
        let standing = match &entry.settings {
            Ok(settings) => match self.speaker(settings.platform.origin()) {
                Some(speaker) if speaker != key || self.stopping.contains_key(key) => Standing::Duplicate {
                    of: speaker.to_string(),
                },
                _ => Standing::Speaks,
            },
            Err(_) => Standing::Speaks,
        };
        Desired {
            settings: entry.settings.clone(),
            platform_text: entry.apply.spec.platform_url.clone(),
            standing,
            generation: entry.apply.generation,
            status: entry.apply.status.as_deref().cloned().map(Arc::new),
        }
    }

    /// Starts and tells whoever isn't as it should be. Those that fall silent are told before those that begin to speak.
    fn settle(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let mut news = Vec::new();
        for (key, entry) in &self.entries {
            if self.stopping.contains_key(key) || entry.restart_at.is_some_and(|at| at > now) {
                continue;
            }
            let desired = self.desired(key, entry);
            let same = entry.told.as_ref().is_some_and(|told| {
                (&told.settings, &told.standing, told.generation)
                    == (&desired.settings, &desired.standing, desired.generation)
            });
            if !same {
                news.push((key.clone(), desired));
            }
        }
        news.sort_by_key(|(_, desired)| desired.standing == Standing::Speaks);
        for (key, desired) in news {
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.restart_at = None;
            let started = entry.told.replace(desired.clone()).is_some();
            effects.push(if started {
                Effect::Reconfigure {
                    key,
                    desired: Box::new(desired),
                }
            } else {
                Effect::Start {
                    key,
                    uid: entry.apply.uid.clone(),
                    desired: Box::new(desired),
                }
            });
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        self.entries.values().filter_map(|entry| entry.restart_at).min()
    }

    /// Whether the resources were listed.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// How often an agent was restarted.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }
}
