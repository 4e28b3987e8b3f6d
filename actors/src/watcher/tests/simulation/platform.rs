// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform is told, when it accepts all at once.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::cluster::Cluster;

/// Which rules hold just now.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Versions never went back.
    pub(super) ordered: bool,
    /// No event was lost, and no offer refused, since the last whole list.
    pub(super) complete: bool,
}

#[derive(Default)]
pub(super) struct Platform {
    /// By uid: the name, and what it says.
    pub(super) objects: BTreeMap<String, (String, u64)>,
    said: BTreeMap<String, u64>,
    gone: BTreeSet<String>,
}

impl Platform {
    pub(super) fn tell(&mut self, change: &Change, refused: bool, cluster: &Cluster, rules: Rules) {
        let uid = change.uid.to_string();
        let (What::Added(json) | What::Updated(json)) = &change.what else {
            let lives = cluster.now().contains_key(&uid);
            assert!(!rules.ordered || !lives, "a delete of {uid}, which lives");
            self.gone.insert(uid.clone());
            if !refused {
                self.objects.remove(&uid);
            }
            return;
        };
        let (name, says) = read(json);
        self.order(&uid, says, rules);
        if refused {
            return;
        }
        let namesake = self.objects.iter().any(|(other, it)| *other != uid && it.0 == name);
        assert!(
            !(rules.ordered && rules.complete && namesake),
            "{name} is added before it is deleted"
        );
        self.objects.insert(uid, (name, says));
    }

    /// A snapshot.
    pub(super) fn replace(&mut self, spool: &Spool, rules: Rules) {
        self.objects.clear();
        let mut reader = spool.read();
        while let Some(record) = reader.next_record() {
            let record = record.unwrap();
            let (name, says) = read(record.json);
            self.order(record.uid, says, rules);
            let twice = self.objects.insert(record.uid.to_owned(), (name, says));
            assert!(twice.is_none(), "an object is twice in a snapshot");
        }
    }

    /// Nothing goes back in time, and nothing follows a delete.
    fn order(&mut self, uid: &str, says: u64, rules: Rules) {
        if !rules.ordered {
            return;
        }
        assert!(!self.gone.contains(uid), "{uid} follows its delete");
        let before = self.said.insert(uid.to_owned(), says).unwrap_or_default();
        assert!(before <= says, "{uid} goes back from {before} to {says}");
    }

    pub(super) fn compare(&self, cluster: &Cluster) {
        let cluster = cluster.now();
        for (uid, event) in cluster.iter().filter(|(_, event)| !event.undecodable) {
            let told = self.objects.get(uid);
            assert_eq!(told, Some(&(event.name.clone(), event.says.unwrap())), "{uid}");
        }
        for uid in self.objects.keys() {
            assert!(cluster.contains_key(uid), "{uid} is a ghost");
        }
    }
}

fn read(json: &[u8]) -> (String, u64) {
    let (name, says) = std::str::from_utf8(json).unwrap().split_once('@').unwrap();
    (name.to_owned(), says.parse().unwrap())
}
