// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The addresses of the agent's children, and which of those built for a place counts.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use obsyk_domain::ports::Local;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::state::Child;
use crate::inspect::{SenderView, WatcherView};
use crate::mail::Address;
use crate::sender::{self, SenderActor};
use crate::supervision::{ask, command};
use crate::watcher::{self, WatcherActor};

/// A child that doesn't answer within this is shown as it was last known.
const INSPECTION: Duration = Duration::from_millis(300);

/// A child that is told to stop at once has this long to say that it did. Less than the agent's own parent gives.
const STOPPING: Duration = Duration::from_millis(700);

/// A sender that drains ends by itself at the deadline; it has this long to say so.
const DRAINED: Duration = Duration::from_millis(200);

/// What the children said of themselves: those that answered in time.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    pub(super) sender: Option<SenderView>,
    pub(super) watchers: BTreeMap<ResourceKind, WatcherView>,
}

impl Views {
    /// Takes what was said later. Who didn't answer then said what it said before.
    pub(super) fn update(&mut self, later: Self) {
        self.sender = later.sender.or(self.sender.take());
        self.watchers.extend(later.watchers);
    }
}

/// See the module's page.
#[derive(Default)]
pub(super) struct Family {
    sender: Option<Address<SenderActor>>,
    watchers: BTreeMap<ResourceKind, Address<WatcherActor>>,
    generations: BTreeMap<Child, u64>,
}

impl Family {
    /// The generation of the child that is to be built: whatever was built for its place before doesn't count any more.
    pub(super) fn next_generation(&mut self, child: Child) -> u64 {
        let generation = self.generations.entry(child).or_default();
        *generation += 1;
        *generation
    }

    /// The children that live, by their generation.
    pub(super) fn living(&self) -> BTreeMap<Child, u64> {
        let watchers = self.watchers.keys().map(|kind| Child::Watcher(*kind));
        let sender = self.sender.as_ref().map(|_| Child::Sender);
        let generation = |child| self.generations.get(&child).copied().unwrap_or_default();
        sender
            .into_iter()
            .chain(watchers)
            .map(|child| (child, generation(child)))
            .collect()
    }

    /// Whether this child is the one that counts.
    pub(super) fn is_current(&self, child: Child, generation: u64) -> bool {
        let alive = match child {
            Child::Sender => self.sender.is_some(),
            Child::Watcher(kind) => self.watchers.contains_key(&kind),
        };
        alive && self.generations.get(&child) == Some(&generation)
    }

    pub(super) fn set_sender(&mut self, sender: Address<SenderActor>) {
        self.sender = Some(sender);
    }

    pub(super) fn set_watcher(&mut self, kind: ResourceKind, watcher: Address<WatcherActor>) {
        self.watchers.insert(kind, watcher);
    }

    /// A copy of the address: a message through it finds room even in a full mailbox.
    pub(super) fn sender(&self) -> Option<Address<SenderActor>> {
        self.sender.clone()
    }

    /// As [`Self::sender`].
    pub(super) fn watcher(&self, kind: ResourceKind) -> Option<Address<WatcherActor>> {
        self.watchers.get(&kind).cloned()
    }

    /// A child died.
    pub(super) fn bury(&mut self, child: Child) {
        match child {
            Child::Sender => self.sender = None,
            Child::Watcher(kind) => {
                self.watchers.remove(&kind);
            }
        }
    }

    /// Stops a watcher at once. Its last words don't count.
    pub(super) fn stop_watcher(&mut self, kind: ResourceKind) -> Option<Local<()>> {
        let watcher = self.watchers.remove(&kind)?;
        let deadline = Moment::START;
        Some(command(&watcher, watcher::Drain { deadline }, STOPPING))
    }

    /// Stops all children at once; what the sender has in flight is aborted. Done when they have, or had the time to.
    pub(super) fn stop(&mut self) -> Local<()> {
        let deadline = Moment::START;
        let watchers = std::mem::take(&mut self.watchers).into_values();
        let mut stopped: Vec<_> = watchers
            .map(|watcher| command(&watcher, watcher::Drain { deadline }, STOPPING))
            .collect();
        let sender = self.sender.take();
        stopped.extend(sender.map(|sender| command(&sender, sender::Drain { deadline }, STOPPING)));
        Box::pin(async move {
            join_all(stopped).await;
        })
    }

    /// As [`Self::stop`], when nobody is there to wait for it: the agent has ended, perhaps with its runtime.
    pub(super) fn abandon(&mut self) {
        let deadline = Moment::START;
        for watcher in std::mem::take(&mut self.watchers).into_values() {
            watcher.send_and_leave(watcher::Drain { deadline });
        }
        if let Some(sender) = self.sender.take() {
            sender.send_and_leave(sender::Drain { deadline });
        }
    }

    /// Drains all children: the watchers first, then the sender, which goes on with its ledger until `deadline`, that is
    /// for `time`.
    pub(super) fn drain(&mut self, deadline: Moment, time: Duration) -> Local<()> {
        let watchers = std::mem::take(&mut self.watchers).into_values();
        let watchers: Vec<_> = watchers
            .map(|watcher| command(&watcher, watcher::Drain { deadline }, STOPPING.min(time)))
            .collect();
        let sender = self.sender.take();
        Box::pin(async move {
            join_all(watchers).await;
            if let Some(sender) = sender {
                command(&sender, sender::Drain { deadline }, time + DRAINED).await;
            }
        })
    }

    /// Asks all children how they are.
    pub(super) fn inspect(&self) -> Local<Views> {
        let sender = self
            .sender
            .as_ref()
            .map(|sender| ask(sender, sender::Inspect, INSPECTION));
        let watchers: Vec<_> = self
            .watchers
            .values()
            .map(|watcher| ask(watcher, watcher::Inspect, INSPECTION))
            .collect();
        Box::pin(async move {
            let (sender, watchers) = join(join_all(sender), join_all(watchers)).await;
            Views {
                sender: sender.into_iter().flatten().next(),
                watchers: watchers.into_iter().flatten().map(|view| (view.kind, view)).collect(),
            }
        })
    }
}
