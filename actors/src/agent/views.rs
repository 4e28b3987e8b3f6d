// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the children said of themselves last, and how often one in each place died.

use std::collections::BTreeMap;

use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::family::Views;
use super::state::Child;
use crate::inspect::{ActorView, Exit, Life, SenderView, WatcherView};
use crate::supervision::Deaths;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct ChildViews {
    sender: Option<SenderView>,
    watchers: BTreeMap<ResourceKind, WatcherView>,
    deaths: BTreeMap<Child, Deaths>,
}

impl ChildViews {
    /// The children were asked: those of them that live now, by their generation, and what answered in time. One that was
    /// stopped or died since doesn't count.
    pub(super) fn take(&mut self, now: Moment, living: &BTreeMap<Child, u64>, parent: &str, said: Views) {
        let is_current = |child: Child, actor: &ActorView| living.get(&child) == Some(&actor.generation);
        let sender = said.sender.filter(|view| is_current(Child::Sender, &view.actor));
        let mut watchers: BTreeMap<ResourceKind, WatcherView> = said
            .watchers
            .into_iter()
            .filter(|view| is_current(Child::Watcher(view.kind), &view.actor))
            .map(|view| (view.kind, view))
            .collect();
        // Those that are told to end aren't asked any more.
        self.each_actor(|child, actor| {
            if !living.contains_key(&child) {
                actor.silent();
            }
        });
        for (child, generation) in living {
            let unseen = || ActorView::unseen(child.actor(), format!("{parent}/{child}"), *generation, now);
            match child {
                Child::Sender => {
                    let known = self.sender.take().map(|mut view| {
                        view.actor.life = busy_or_dead(&view.actor, *generation);
                        view
                    });
                    self.sender = sender.clone().or(known).or_else(|| Some(SenderView::unseen(unseen())));
                }
                Child::Watcher(kind) => {
                    let known = self.watchers.remove(kind).map(|mut view| {
                        view.actor.life = busy_or_dead(&view.actor, *generation);
                        view
                    });
                    let view = watchers.remove(kind).or(known);
                    let view = view.unwrap_or_else(|| WatcherView::unseen(unseen(), *kind));
                    self.watchers.insert(*kind, view);
                }
            }
        }
    }

    fn each_actor(&mut self, mut tell: impl FnMut(Child, &mut ActorView)) {
        self.sender
            .iter_mut()
            .for_each(|view| tell(Child::Sender, &mut view.actor));
        self.watchers
            .iter_mut()
            .for_each(|(kind, view)| tell(Child::Watcher(*kind), &mut view.actor));
    }

    /// A child died.
    pub(super) fn died(&mut self, child: Child, exit: Exit) {
        self.deaths.entry(child).or_default().count(exit);
        let actor = match child {
            Child::Sender => self.sender.as_mut().map(|view| &mut view.actor),
            Child::Watcher(kind) => self.watchers.get_mut(&kind).map(|view| &mut view.actor),
        };
        if let Some(actor) = actor {
            actor.died();
        }
    }

    /// A child was stopped: what it said is over.
    pub(super) fn forget(&mut self, child: Child) {
        match child {
            Child::Sender => self.sender = None,
            Child::Watcher(kind) => {
                self.watchers.remove(&kind);
            }
        }
    }

    /// All of them were.
    pub(super) fn forget_all(&mut self) {
        self.sender = None;
        self.watchers.clear();
    }

    /// The sender that lives, as it said last.
    pub(super) fn sender(&self) -> Option<&SenderView> {
        self.sender.as_ref().filter(|view| view.actor.life != Life::Dead)
    }

    /// The watchers that live, as they said last.
    pub(super) fn watchers(&self) -> impl Iterator<Item = &WatcherView> {
        self.watchers.values().filter(|view| view.actor.life != Life::Dead)
    }

    /// The sender, dead ones too, with what its parent knows of it.
    pub(super) fn shown_sender(&self) -> Option<SenderView> {
        let mut view = self.sender.clone()?;
        self.tell_deaths(Child::Sender, &mut view.actor);
        Some(view)
    }

    /// The watchers, dead ones too, with what their parent knows of them.
    pub(super) fn shown_watchers(&self) -> Vec<WatcherView> {
        let mut views: Vec<WatcherView> = self.watchers.values().cloned().collect();
        for view in &mut views {
            self.tell_deaths(Child::Watcher(view.kind), &mut view.actor);
        }
        views
    }

    fn tell_deaths(&self, child: Child, actor: &mut ActorView) {
        if let Some(deaths) = self.deaths.get(&child) {
            deaths.tell(actor);
        }
    }
}

/// What is known is of a child that lives and didn't answer, or of one before it.
fn busy_or_dead(actor: &ActorView, generation: u64) -> Life {
    match actor.life {
        Life::Unseen => Life::Unseen,
        _ if actor.generation == generation => Life::Busy,
        _ => Life::Dead,
    }
}
