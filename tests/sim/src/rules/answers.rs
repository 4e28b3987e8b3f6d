// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The effects of answers on the rules.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use super::parts::{Failing, ResponseClass};
use super::{Rules, place};
use crate::platform::{Event, RequestContent, Snapshot};

impl Rules {
    /// The answer to a request comes back.
    pub fn answered(&mut self, now: Moment, id: u64, said: &RequestContent, outcome: Outcome) {
        let Some(flight) = self.in_flight.remove(&id) else {
            return;
        };
        let meant = ResponseClass::by(outcome);
        match said {
            RequestContent::Heartbeat => {
                if matches!(meant, ResponseClass::Accepted | ResponseClass::Refused(404)) {
                    self.failing = None;
                }
                return;
            }
            RequestContent::Event(event) => self.event_answered(event, meant),
            RequestContent::Snapshot(snapshot) => {
                if meant == ResponseClass::Refused(413) {
                    // A kind that is too large for a snapshot goes as events, refused objects included.
                    self.in_parts = true;
                    self.refused.clear();
                }
                if meant == ResponseClass::Accepted {
                    self.snapshot_accepted(snapshot, flight.snapshot.as_ref());
                }
            }
        }
        let is_retry = |failing: &Failing| flight.order >= failing.from;
        match meant {
            ResponseClass::Failed { told_when } => {
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
            ResponseClass::Later | ResponseClass::Unauthorized => {
                if let Some(failing) = self.failing.as_mut().filter(|failing| is_retry(failing)) {
                    failing.retries = failing.retries.saturating_sub(1);
                }
            }
            ResponseClass::Forbidden => self.failing = None,
            ResponseClass::Accepted | ResponseClass::Refused(_) => {
                self.failing.take_if(|failing| is_retry(failing));
            }
        }
    }

    fn event_answered(&mut self, event: &Event, meant: ResponseClass) {
        match (meant, &event.object) {
            (ResponseClass::Accepted, _) | (ResponseClass::Refused(404 | 410), None) => {}
            (ResponseClass::Refused(_), object) => {
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
                self.deleted.insert(event.uid.clone());
            }
        }
    }

    fn snapshot_accepted(&mut self, snapshot: &Snapshot, asked: Option<&BTreeMap<ResourceKind, Moment>>) {
        self.refused.clear();
        self.carried = snapshot.lists.keys().copied().collect();
        for kind in snapshot.lists.keys() {
            let asked = asked.and_then(|asked| asked.get(kind)).copied().unwrap_or_default();
            if self.untrusted_since.get(kind).is_some_and(|since| *since <= asked) {
                self.untrusted_since.remove(kind);
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
