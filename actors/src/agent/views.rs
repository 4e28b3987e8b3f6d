// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the children said of themselves last to whoever asked, and how often one in each place died.

use std::collections::BTreeMap;

use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::family::Views;
use super::state::Child;
use crate::inspect::{ActorView, Exit, SenderView, WatcherView};
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
        // Of those that don't answer, or that are told to end and aren't asked any more, it is what they said last; of one that
        // another has the place of, it is what a dead one said.
        self.each_actor(|child, actor| match living.get(&child) {
            Some(generation) if *generation != actor.generation => actor.died(),
            Some(_) | None => actor.silent(),
        });
        if let Some(view) = said.sender.filter(|view| is_current(Child::Sender, &view.actor)) {
            self.sender = Some(view);
        }
        let watchers = said.watchers.into_iter();
        let watchers = watchers.filter(|(kind, view)| is_current(Child::Watcher(*kind), &view.actor));
        self.watchers.extend(watchers);
        for (child, generation) in living {
            self.show(*child, *generation, parent, now);
        }
    }

    /// Shows one of which nothing is known yet.
    fn show(&mut self, child: Child, generation: u64, parent: &str, now: Moment) {
        let unseen = || ActorView::unseen(child.actor(), format!("{parent}/{child}"), generation, now);
        match child {
            Child::Sender => {
                self.sender.get_or_insert_with(|| SenderView::unseen(unseen()));
            }
            Child::Watcher(kind) => {
                let watcher = self.watchers.entry(kind);
                watcher.or_insert_with(|| WatcherView::unseen(unseen(), kind));
            }
        }
    }

    fn each_actor(&mut self, mut tell: impl FnMut(Child, &mut ActorView)) {
        if let Some(view) = &mut self.sender {
            tell(Child::Sender, &mut view.actor);
        }
        for (kind, view) in &mut self.watchers {
            tell(Child::Watcher(*kind), &mut view.actor);
        }
    }

    /// A child died.
    pub(super) fn died(&mut self, child: Child, generation: u64, parent: &str, exit: Exit) {
        self.deaths.entry(child).or_default().count(exit);
        self.show(child, generation, parent, exit.at);
        self.ended(child);
    }

    /// A child ended, and another one will take its place.
    pub(super) fn ended(&mut self, child: Child) {
        self.each_actor(|known, actor| {
            if known == child {
                actor.died();
            }
        });
    }

    /// All of them were stopped: what they said is over.
    pub(super) fn forget_all(&mut self) {
        self.sender = None;
        self.watchers.clear();
    }

    /// The sender and the watchers, dead ones too, with what their parent knows of them.
    pub(super) fn shown(&self) -> (Option<SenderView>, Vec<WatcherView>) {
        let mut sender = self.sender.clone();
        if let Some(view) = &mut sender {
            self.tell_deaths(Child::Sender, &mut view.actor);
        }
        let mut watchers: Vec<WatcherView> = self.watchers.values().cloned().collect();
        for view in &mut watchers {
            self.tell_deaths(Child::Watcher(view.kind), &mut view.actor);
        }
        (sender, watchers)
    }

    fn tell_deaths(&self, child: Child, actor: &mut ActorView) {
        if let Some(deaths) = self.deaths.get(&child) {
            deaths.tell(actor);
        }
    }
}
