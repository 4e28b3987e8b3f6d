// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is offered, and when a list is handed over.

use std::collections::VecDeque;

use bytes::Bytes;
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::resource::{Body, ClusterFacts, Sighting};

use super::{Effect, MOST_IN_OFFER, WatcherState};
use crate::watcher::known::{Gone, Seen};

impl WatcherState {
    /// Takes what was seen into what is known: what is to be offered, when it is a change.
    pub(super) fn learn(&mut self, sighting: Sighting) -> Option<Change> {
        let Sighting {
            uid,
            namespace,
            name,
            version,
            body,
            facts: _,
            withheld,
        } = sighting;
        self.withheld.add(withheld);
        self.newest = self.newest.max(version);
        let json = match body {
            Body::Object(json) => Some(json),
            Body::Undecodable => None,
        };
        let seen = self
            .known
            .see(&uid, namespace.as_deref(), &name, version, json.as_deref());
        let what = match (seen, json) {
            (Seen::New, Some(json)) => What::Added(Bytes::from(json)),
            (Seen::Changed, Some(json)) => What::Updated(Bytes::from(json)),
            (Seen::Same, _) | (_, None) => return None,
        };
        // Until a first list is whole its objects are told by the snapshot alone.
        self.baseline.then_some(Change {
            uid,
            namespace,
            name,
            what,
        })
    }

    /// Offers what waits; when nothing does, hands over the list that is whole. Whether there may be more to do at once.
    pub(super) fn push_out(&mut self, effects: &mut Vec<Effect>) -> bool {
        if !self.outbox.is_empty() {
            let most = self.outbox.len().min(MOST_IN_OFFER);
            let changes = self.outbox.drain(..most).collect();
            if self.outbox.is_empty() {
                // What 10,000 deletes took isn't kept for the next three changes.
                self.outbox.shrink_to(MOST_IN_OFFER);
            }
            self.offering = Some(self.n);
            effects.push(Effect::Offer { n: self.n, changes });
            return false;
        }
        let Some(mut list) = self.finished.take() else {
            return false;
        };
        self.outbox = std::mem::take(&mut list.after);
        let (facts, spool) = list.into_parts();
        match spool {
            Some(spool) => {
                effects.push(Effect::Spool { n: self.n, spool });
                self.spooling = Some((self.n, facts));
            }
            None => {
                let report = self.report(self.n, facts);
                effects.push(report);
            }
        }
        true
    }

    pub(super) fn report(&self, n: u64, facts: ClusterFacts) -> Effect {
        Effect::Listed {
            n,
            count: self.known.len() as u64,
            facts,
        }
    }
}

/// Offers a delete, of an object that was told. Until a first list is whole nothing was.
pub(super) fn tombstone(outbox: &mut VecDeque<Change>, baseline: bool, gone: Gone) {
    if gone.told && baseline {
        outbox.push_back(Change {
            uid: gone.uid,
            namespace: gone.namespace,
            name: gone.name,
            what: What::Deleted,
        });
    }
}
