// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Judges requests by the cluster as it is: deletes of living objects, snapshots with the wrong kinds, two speakers.

use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::{ActorId, World};
use crate::coverage::Reached;
use crate::platform::{Event, Snapshot};

impl World {
    /// A snapshot under another name begins everything anew.
    pub(super) fn renamed(&mut self, id: ActorId, snapshot: &Snapshot) {
        let sender = self.sender(id);
        if sender
            .cluster_name
            .as_ref()
            .is_some_and(|name| *name != snapshot.cluster_name)
        {
            sender.rules.begin_anew();
        }
        sender.cluster_name = Some(snapshot.cluster_name.clone());
        let is_new = |kind: &ResourceKind| sender.last_lists.as_ref().is_some_and(|last| !last.contains_key(kind));
        if snapshot.lists.len() > 1 && snapshot.lists.keys().any(is_new) {
            self.coverage.reach(Reached::KindReadableLater);
        }
    }

    /// Two must not speak to one platform.
    pub(super) fn judge_speech(&mut self, id: ActorId, origin: &str) {
        let mut others = self.wire.requests.values();
        if others.any(|other| other.is_awaited() && other.origin == origin && other.sender != id) {
            self.blame(format!("two senders speak to {origin} at once"));
        }
    }

    pub(super) fn judge_event(&mut self, event: &Event) {
        if event.object.is_none() && !self.cluster.was_gone(&event.uid) {
            self.blame(format!("{} is reported as gone, which it never was", event.uid));
        }
    }

    /// A snapshot has the kinds that can be read, and no other.
    pub(super) fn judge_snapshot(&mut self, id: ActorId, snapshot: &Snapshot) {
        let Some(sender) = self.senders.get_mut(&id) else {
            return;
        };
        // A body that is sent again was judged.
        let again = sender.last_lists.as_ref() == Some(&snapshot.lists);
        sender.last_lists = Some(snapshot.lists.clone());
        if again || sender.rules.is_in_parts() || self.resources.len() > 1 {
            return;
        }
        let unread = |kind: &&ResourceKind| self.lists.of(**kind).and_then(|times| times.whole).is_none();
        if let Some(kind) = snapshot.lists.keys().find(unread) {
            self.blame(format!(
                "a snapshot has a list of {kind}, which was not read to its end"
            ));
            return;
        }
        // One kind by itself is a part.
        if snapshot.lists.len() < 2 {
            return;
        }
        let asked = self.inspection.snapshot_opened_after();
        let wrong = self.plan.kinds.iter().find_map(|kind| {
            let in_it = snapshot.lists.contains_key(kind);
            let before = |since: Option<Moment>| since.is_some_and(|since| since <= asked);
            if in_it && before(self.cluster.unreadable_since(*kind)) {
                Some(format!("a snapshot has a list of {kind}, which can't be read"))
            } else if !in_it && before(self.cluster.readable_since(*kind)) {
                Some(format!("a snapshot has no list of {kind}, which can be read"))
            } else {
                None
            }
        });
        if let Some(wrong) = wrong {
            self.blame(wrong);
        }
    }

    /// From here on watchers may see something wrong.
    pub(crate) fn mistrust_all(&mut self) {
        let (now, kinds) = (self.now(), self.kinds());
        for sender in self.senders.values_mut() {
            sender.rules.mistrust(now, kinds.iter().copied());
        }
    }
}
