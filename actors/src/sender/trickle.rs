// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A kind that is too large for the platform by itself, told as events.
//!
//! Its spool is read at the pace of the ledger: the next object is taken when the ledger has nothing else to send, so
//! that nothing but the compressed spool is held. An object that was offered since is newer than its record, and the
//! record is passed over.

use std::collections::HashSet;

use bytes::Bytes;
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::resource::{ResourceKind, Uid};
use obsyk_domain::spool::{Spool, SpoolReader};
use serde::Deserialize;

/// The records of one kind that are still to be told.
#[derive(Debug)]
pub(super) struct Trickle {
    pub(super) kind: ResourceKind,
    reader: SpoolReader,
    newer: HashSet<Uid>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<std::borrow::Cow<'a, str>>,
}

impl Trickle {
    pub(super) fn new(kind: ResourceKind, spool: &Spool) -> Self {
        Self {
            kind,
            reader: spool.read(),
            newer: HashSet::new(),
        }
    }

    /// The watcher offered this object: what the spool has of it is old.
    pub(super) fn supersede(&mut self, uid: &Uid) {
        self.newer.insert(uid.clone());
    }

    /// The next object that is still as the spool has it.
    pub(super) fn next(&mut self) -> Option<Change> {
        loop {
            let record = self.reader.next_record()?.ok()?;
            let uid = Uid::from(record.uid);
            if self.newer.contains(&uid) {
                continue;
            }
            let Ok(head) = serde_json::from_slice::<Head<'_>>(record.json) else {
                continue;
            };
            return Some(Change {
                uid,
                namespace: head.namespace.as_deref().map(Into::into),
                name: head.name.as_ref().into(),
                what: What::Updated(Bytes::copy_from_slice(record.json)),
            });
        }
    }
}
