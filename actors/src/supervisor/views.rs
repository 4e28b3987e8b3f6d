// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the agents said of themselves last, and how often one for each resource died.

use std::collections::BTreeMap;

use obsyk_domain::ports::AgentKey;
use obsyk_domain::time::Moment;

use crate::inspect::{ActorKind, ActorView, AgentView, Exit};
use crate::supervision::Deaths;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct AgentViews {
    views: BTreeMap<AgentKey, AgentView>,
    deaths: BTreeMap<AgentKey, Deaths>,
}

impl AgentViews {
    /// The agents were asked: those of them that live now, by their generation, and what answered in time.
    pub(super) fn take(&mut self, now: Moment, living: BTreeMap<AgentKey, u64>, answers: Vec<(AgentKey, AgentView)>) {
        // One that is told to end isn't asked any more.
        let unasked = self.views.iter_mut().filter(|(key, _)| !living.contains_key(*key));
        unasked.for_each(|(_, view)| view.silent());
        let mut answers: BTreeMap<AgentKey, AgentView> = answers
            .into_iter()
            .filter(|(key, view)| living.get(key) == Some(&view.actor.generation))
            .collect();
        for (key, generation) in living {
            if let Some(view) = answers.remove(&key) {
                self.views.insert(key, view);
                continue;
            }
            let view = self
                .views
                .entry(key.clone())
                .or_insert_with(|| unseen(&key, generation, now));
            // One that is shown of its forerunner died.
            if view.actor.generation == generation {
                view.silent();
            }
        }
    }

    /// The resource is gone, or another one has its name.
    pub(super) fn forget(&mut self, key: &AgentKey) {
        self.views.remove(key);
        self.deaths.remove(key);
    }

    /// An agent died.
    pub(super) fn died(&mut self, key: &AgentKey, generation: u64, exit: Exit) {
        self.deaths.entry(key.clone()).or_default().count(exit);
        let view = self.views.entry(key.clone());
        view.or_insert_with(|| unseen(key, generation, exit.at)).died();
    }

    /// The agents of these resources; those of others are forgotten.
    pub(super) fn shown<'a>(&mut self, now: Moment, keys: impl Iterator<Item = &'a AgentKey>) -> Vec<AgentView> {
        let mut kept = BTreeMap::new();
        let shown = keys.map(|key| {
            let known = self.views.remove(key);
            // One that isn't built yet has nobody to say anything.
            let mut view = known.unwrap_or_else(|| unseen(key, 0, now));
            kept.insert(key.clone(), view.clone());
            if let Some(deaths) = self.deaths.get(key) {
                deaths.tell(&mut view.actor);
            }
            view
        });
        let shown = shown.collect();
        self.deaths.retain(|key, _| kept.contains_key(key));
        self.views = kept;
        shown
    }
}

/// An agent that hasn't said anything yet.
fn unseen(key: &AgentKey, generation: u64, now: Moment) -> AgentView {
    let actor = ActorView::unseen(ActorKind::Agent, key.to_string(), generation, now);
    AgentView::unseen(actor, key)
}
