// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the supervisor decides. No actix here.
//!
//! The invariants:
//!
//! - An agent exists for each resource and for none other; the old agent of a key has stopped before a new one starts.
//! - At most one agent speaks for a platform's origin. Of several resources it is the oldest (then by name), and it begins
//!   only when whoever spoke before has said that it is silent.
//! - Nobody starts before all resources are known: who is the oldest isn't known earlier.

use std::collections::BTreeMap;
use std::sync::Arc;

use obsyk_domain::agent::{Policy, Settings, SettingsError};
use obsyk_domain::condition::Standing;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::time::{Chance, Moment};

use super::messages::Apply;
use crate::agent::Desired;
use crate::supervision::Restarts;

/// Agents die at most this often within five minutes. More than an agent allows its children: the end of the process ends
/// those that work too.
const MOST_RESTARTS: usize = 20;

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Start an agent; again, when the one before it died.
    Start {
        key: AgentKey,
        uid: String,
        desired: Box<Desired>,
        again: bool,
    },
    /// Give an agent its new spec or standing. With a number, say so to [`SupervisorState::on_left`] when it obeys.
    Reconfigure {
        key: AgentKey,
        desired: Box<Desired>,
        leave: Option<u64>,
    },
    /// Stop an agent, and say so to [`SupervisorState::on_left`].
    Stop { key: AgentKey, leave: u64 },
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
}

/// An agent that was told to be silent about an origin, or to stop, and hasn't said yet that it is.
#[derive(Debug)]
struct Leave {
    id: u64,
    key: AgentKey,
    origin: Option<String>,
    stops: bool,
}

/// See the module's page.
#[derive(Debug)]
pub struct SupervisorState {
    policy: Policy,
    entries: BTreeMap<AgentKey, Entry>,
    leaving: Vec<Leave>,
    last_leave: u64,
    deaths: Restarts,
    listed: bool,
    ended: bool,
}

impl SupervisorState {
    /// A supervisor that allows what `policy` allows.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            entries: BTreeMap::new(),
            leaving: Vec::new(),
            last_leave: 0,
            deaths: Restarts::at_most(MOST_RESTARTS),
            listed: false,
            ended: false,
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
                let entry = Entry {
                    apply,
                    settings,
                    told: None,
                    restart_at: None,
                };
                self.entries.insert(key, entry);
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

    /// All resources that existed were applied.
    pub fn on_all_applied(&mut self, now: Moment) -> Vec<Effect> {
        self.listed = true;
        let mut effects = Vec::new();
        self.settle(now, &mut effects);
        effects
    }

    /// An agent has stopped, or is silent as it was told.
    pub fn on_left(&mut self, now: Moment, leave: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.leaving.retain(|left| left.id != leave);
        self.settle(now, &mut effects);
        effects
    }

    /// An agent died.
    pub fn on_exited(&mut self, now: Moment, key: &AgentKey, chance: &mut dyn Chance) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(entry) = self.entries.get_mut(key).filter(|_| !self.ended) else {
            return effects;
        };
        entry.told = None;
        entry.restart_at = self.deaths.next(now, chance);
        if entry.restart_at.is_none() {
            self.ended = true;
            effects.push(Effect::GiveUp);
        }
        self.settle(now, &mut effects);
        effects
    }

    /// A moment that [`Self::wake`] named has come.
    pub fn on_timer(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.settle(now, &mut effects);
        effects
    }

    /// Ends: nobody starts or is told anything any more.
    pub fn on_end(&mut self) {
        self.ended = true;
    }

    fn drop_entry(&mut self, key: &AgentKey, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.remove(key) else { return };
        if let Some(told) = entry.told
            && !self.ended
        {
            let leave = self.leave(key, speaks_for(&told), true);
            effects.push(Effect::Stop {
                key: key.clone(),
                leave,
            });
        }
    }

    fn leave(&mut self, key: &AgentKey, origin: Option<&str>, stops: bool) -> u64 {
        self.last_leave += 1;
        self.leaving.push(Leave {
            id: self.last_leave,
            key: key.clone(),
            origin: origin.map(str::to_owned),
            stops,
        });
        self.last_leave
    }

    fn is_stopping(&self, key: &AgentKey) -> bool {
        self.leaving.iter().any(|leave| leave.stops && leave.key == *key)
    }

    /// Who should speak for this origin: the oldest, then by name.
    fn heir(&self, origin: &str) -> Option<&AgentKey> {
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

    /// Who else may speak for this origin just now: it was told to, or hasn't said yet that it is silent.
    fn holder(&self, origin: &str, but: &AgentKey) -> Option<&AgentKey> {
        let leaving = self
            .leaving
            .iter()
            .filter(|leave| leave.origin.as_deref() == Some(origin))
            .map(|leave| &leave.key);
        let told = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.told.as_ref().and_then(speaks_for) == Some(origin))
            .map(|(key, _)| key);
        leaving.chain(told).find(|key| *key != but)
    }

    fn desired(&self, key: &AgentKey, entry: &Entry) -> Desired {
        let another = entry.settings.as_ref().ok().and_then(|settings| {
            let origin = settings.platform.origin();
            let heir = self.heir(origin).filter(|heir| *heir != key);
            heir.or_else(|| self.holder(origin, key))
        });
        let standing = another.map_or(Standing::Speaks, |another| Standing::Duplicate {
            of: another.to_string(),
        });
        Desired {
            settings: entry.settings.clone(),
            platform_text: entry.apply.spec.platform_url.clone(),
            standing,
            generation: entry.apply.generation,
            status: entry.apply.status.as_deref().cloned().map(Arc::new),
        }
    }

    /// Starts and tells whoever isn't as it should be.
    fn settle(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.listed || self.ended {
            return;
        }
        let keys: Vec<AgentKey> = self.entries.keys().cloned().collect();
        for key in keys {
            let Some(entry) = self.entries.get(&key) else { continue };
            if self.is_stopping(&key) || entry.restart_at.is_some_and(|at| at > now) {
                continue;
            }
            let desired = self.desired(&key, entry);
            let left = match &entry.told {
                Some(told) if is_same(told, &desired) => continue,
                Some(told) => speaks_for(told).filter(|origin| speaks_for(&desired) != Some(*origin)),
                None => None,
            };
            let (left, uid) = (left.map(str::to_owned), entry.apply.uid.clone());
            let leave = left.map(|origin| self.leave(&key, Some(&origin), false));
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            let again = entry.restart_at.take().is_some();
            let is_new = entry.told.replace(desired.clone()).is_none();
            let desired = Box::new(desired);
            effects.push(if is_new {
                Effect::Start {
                    key,
                    uid,
                    desired,
                    again,
                }
            } else {
                Effect::Reconfigure { key, desired, leave }
            });
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub fn wake(&self) -> Option<Moment> {
        let waiting = self.entries.iter().filter(|(key, _)| !self.is_stopping(key));
        waiting
            .filter_map(|(_, entry)| entry.restart_at)
            .min()
            .filter(|_| self.listed && !self.ended)
    }

    /// The resources.
    pub fn keys(&self) -> impl Iterator<Item = &AgentKey> {
        self.entries.keys()
    }

    /// Whether the resources were listed.
    pub fn is_listed(&self) -> bool {
        self.listed
    }
}

/// The origin that an agent speaks for which was told this.
fn speaks_for(desired: &Desired) -> Option<&str> {
    let settings = desired.settings.as_ref().ok()?;
    (desired.standing == Standing::Speaks).then(|| settings.platform.origin())
}

/// Whether an agent has nothing to learn from it. What the operator wrote into the status itself is no news.
fn is_same(told: &Desired, desired: &Desired) -> bool {
    (&told.settings, &told.standing, told.generation) == (&desired.settings, &desired.standing, desired.generation)
        && told.platform_text == desired.platform_text
}
