// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! etcd and its API servers.

use std::collections::BTreeMap;

use obsyk_domain::ports::Signal;

use super::super::Pod;

/// One state of one object, or its end.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) uid: String,
    pub(super) name: String,
    /// What it says (the version of its content), unless it is gone.
    pub(super) says: Option<u64>,
    pub(super) undecodable: bool,
}

impl Event {
    pub(super) fn signal(&self, in_list: bool) -> Signal {
        let pod = Pod {
            name: self.name.clone(),
            uid: self.uid.clone(),
            version: self.version,
            says: self.says.map(|says| says.to_string()),
            undecodable: self.undecodable,
            withheld: Default::default(),
        };
        match self.says {
            None => pod.gone(),
            Some(_) if in_list => pod.listed(),
            Some(_) => pod.put(),
        }
    }
}

/// etcd, and what the API servers make of it.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) version: u64,
    pub(super) floor: u64,
    pub(super) lag: u64,
    pub(super) uids: u64,
    pub(super) history: Vec<Event>,
}

impl Cluster {
    pub(super) fn at(&self, version: u64) -> BTreeMap<String, Event> {
        let mut objects = BTreeMap::new();
        for event in self.history.iter().take_while(|event| event.version <= version) {
            if event.says.is_some() {
                objects.insert(event.uid.clone(), event.clone());
            } else {
                objects.remove(&event.uid);
            }
        }
        objects
    }

    /// The objects that live.
    pub(super) fn now(&self) -> BTreeMap<String, Event> {
        self.at(self.version)
    }

    fn living(&self, name: u8) -> Option<Event> {
        let name = format!("pod-{name}");
        self.now().into_values().find(|event| event.name == name)
    }

    pub(super) fn put(&mut self, name: u8, touch: bool, undecodable: bool) {
        self.version += 1;
        let living = self.living(name);
        let says = match &living {
            Some(event) if touch => event.says,
            _ => Some(self.version),
        };
        let uid = living.map_or_else(
            || {
                self.uids += 1;
                format!("uid-{}", self.uids)
            },
            |event| event.uid,
        );
        self.history.push(Event {
            version: self.version,
            uid,
            name: format!("pod-{name}"),
            says,
            undecodable,
        });
    }

    pub(super) fn delete(&mut self, name: u8) {
        if let Some(event) = self.living(name) {
            self.version += 1;
            self.history.push(Event {
                version: self.version,
                says: None,
                ..event
            });
        }
    }

    pub(super) fn restore(&mut self, back: u64) {
        self.version = self.version.saturating_sub(back);
        self.history.retain(|event| event.version <= self.version);
        self.floor = self.floor.min(self.version);
    }
}
