// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What others see of the watcher.

use obsyk_domain::resource::ResourceKind;

use super::{Stage, WatcherState};
use crate::inspect::{ActorView, ListWhy, MOST_NAMED, SetAside, WatcherView};
use crate::watcher::Phase;
#[cfg(test)]
use crate::watcher::known::Known;

impl WatcherState {
    /// What it is doing.
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Idle => Phase::Idle,
            Stage::Listing(_) => Phase::Listing,
            Stage::Watching => Phase::Watching,
            Stage::Waiting { .. } if self.unreadable.is_some() => Phase::Unreadable,
            Stage::Waiting { .. } => Phase::Waiting,
            Stage::Stopped => Phase::Stopped,
        }
    }

    /// The kind that it watches.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// Objects known.
    #[cfg(test)]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Why nothing is read just now.
    fn problem(&self) -> Option<String> {
        match (self.unreadable, &self.stage) {
            (Some(why), _) => Some(why.to_string()),
            (None, Stage::Waiting { why: ListWhy::Gap, .. }) => Some(
                "the watch told of an object that may be older than its delete; the kind is listed again".to_owned(),
            ),
            (None, Stage::Waiting { .. }) => self.failure.map(|error| error.to_string()),
            (None, _) => None,
        }
    }

    /// What it knows and does.
    pub fn view(&self, actor: ActorView) -> WatcherView {
        let undecodable = |object: (Option<&str>, &str, String)| SetAside {
            kind: self.kind,
            namespace: object.0.map(str::to_owned),
            name: object.1.to_owned(),
            uid: object.2,
            reason: "it can't be decoded: something in it isn't of the type that the API promises".to_owned(),
        };
        WatcherView {
            actor,
            kind: self.kind,
            phase: self.phase(),
            unreadable: self.unreadable,
            problem: self.problem(),
            next_try: match self.stage {
                Stage::Waiting { at, .. } => Some(at),
                Stage::Idle | Stage::Listing(_) | Stage::Watching | Stage::Stopped => None,
            },
            known: self.known.len() as u64,
            version: self.newest,
            lists: self.tally.lists().collect(),
            last_list: self.tally.last,
            list_durations: self.tally.durations.clone(),
            events: self.tally.events,
            last_event: self.tally.last_event,
            withheld: self.withheld.iter().collect(),
            undecodable: self.known.undecodable() as u64,
            set_aside_objects: self.known.undecodable_objects(MOST_NAMED).map(undecodable).collect(),
        }
    }
}
