// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an answer means for what may follow.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::parts::{Failing, Meant};
use super::{Rules, place};
use crate::platform::{Event, Said, Snapshot};

impl Rules {
    /// The answer to a request comes back.
    pub fn answered(&mut self, now: Moment, id: u64, said: &Said, outcome: Outcome) {
        let Some(flight) = self.flights.remove(&id) else { return };
        let meant = Meant::by(outcome);
        match said {
            Said::Heartbeat => {
                if matches!(meant, Meant::Accepted | Meant::Refused(404)) {
                    self.failing = None;
                }
                return;
            }
            Said::Event(event) => self.event_answered(event, meant),
            Said::Snapshot(snapshot) => {
                if meant == Meant::Refused(413) {
                    // What is too large for a snapshot goes as events, refused or not.
                    self.in_parts = true;
                    self.refused.clear();
                }
                if meant == Meant::Accepted {
                    self.snapshot_accepted(snapshot, flight.snapshot.as_ref());
                }
            }
        }
        let is_retry = |failing: &Failing| flight.order >= failing.from;
        match meant {
            Meant::Failed { told_when } => {
                let retries = match &self.failing {
                    Some(failing) if !is_retry(failing) => return,
                    Some(failing) => failing.retries,
                    None => 0,
                };
                let longest = Duration::from_secs(1 << retries.min(6)).min(Duration::from_secs(60));
                self.failing = Some(Failing {
                    from: self.failing.as_ref().map_or(self.order + 1, |failing| failing.from),
                    retries,
                    since: now,
                    // A wait that the platform asked for says nothing of jitter.
                    longest: if told_when { Duration::MAX } else { longest },
                });
            }
            // To come later, or with another token, is no failure.
            Meant::Later | Meant::Unauthorized => {
                if let Some(failing) = self.failing.as_mut().filter(|failing| is_retry(failing)) {
                    failing.retries = failing.retries.saturating_sub(1);
                }
            }
            Meant::Forbidden => self.failing = None,
            Meant::Accepted | Meant::Refused(_) => {
                self.failing.take_if(|failing| is_retry(failing));
            }
        }
    }

    fn event_answered(&mut self, event: &Event, meant: Meant) {
        match (meant, &event.object) {
            (Meant::Accepted, _) | (Meant::Refused(404 | 410), None) => {}
            (Meant::Refused(_), object) => {
                let content = object.as_ref().map(|object| object.content);
                self.refused.insert(event.uid.clone(), content);
                return;
            }
            _ => return,
        }
        self.refused.remove(&event.uid);
        if let Some(old) = self.told.remove(&event.uid) {
            self.places.remove(&place(&old));
        }
        match &event.object {
            Some(object) => {
                self.places.insert(place(object), event.uid.clone());
                self.told.insert(event.uid.clone(), object.clone());
            }
            None => {
                self.buried.insert(event.uid.clone());
            }
        }
    }

    fn snapshot_accepted(&mut self, snapshot: &Snapshot, asked: Option<&BTreeMap<ResourceKind, Moment>>) {
        self.refused.clear();
        self.carried = snapshot.lists.keys().copied().collect();
        for kind in snapshot.lists.keys() {
            let asked = asked.and_then(|asked| asked.get(kind)).copied().unwrap_or_default();
            if self.untrue.get(kind).is_some_and(|since| *since <= asked) {
                self.untrue.remove(kind);
                self.forget(|of| of == *kind);
            }
        }
        self.told.retain(|_, told| !snapshot.lists.contains_key(&told.kind));
        for (uid, object) in snapshot.lists.values().flatten() {
            self.said.insert(uid.clone(), object.content);
            self.told.insert(uid.clone(), object.clone());
        }
        self.places = self.told.iter().map(|(uid, told)| (place(told), uid.clone())).collect();
    }
}
