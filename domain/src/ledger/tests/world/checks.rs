// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What must be so of ledger, platform and cluster: always, after a flush, and at the end.

use super::{Answer, End, KINDS, World};

impl World {
    /// What the ledger says of itself is so.
    pub(in crate::ledger::tests) fn check(&self) {
        assert_eq!(self.ledger.verify(), Ok(()));
        assert_eq!(self.ledger.in_flight(), self.flights.len());
    }

    /// Sends all that may be sent, and has it accepted. What is refused for good stays.
    pub(in crate::ledger::tests) fn flush(&mut self) {
        loop {
            while self.send() {}
            if self.flights.is_empty() {
                break;
            }
            while !self.flights.is_empty() {
                self.answer(0, Answer::Accepted);
                self.check();
            }
        }
        assert!(self.ledger.is_idle() || self.open.is_some() || self.ledger.is_lossy());
    }

    /// A snapshot of all that is readable is accepted.
    pub(in crate::ledger::tests) fn snapshot(&mut self) {
        self.open();
        for kind in KINDS {
            self.list(kind);
        }
        self.end(End::Accepted);
    }

    /// After a flush, of each kind of which nothing was dropped or refused: the platform has what the watcher knows.
    pub(in crate::ledger::tests) fn expect_told(&self) {
        if self.open.is_some() || self.ledger.is_lossy() {
            return;
        }
        for (kind, of) in &self.kinds {
            let refused = self.ledger.uids_of(*kind).next().is_some();
            if !of.tainted && !refused {
                assert_eq!(of.platform, of.known, "{kind}: something is lost");
            }
            let ghost = of.kept.iter().find(|uid| of.platform.contains_key(uid));
            assert!(
                ghost.is_none() || refused,
                "{kind}: a delete of an unreadable kind was dropped at the bound"
            );
        }
    }

    /// The platform has what the cluster has, and the ledger holds nothing.
    pub(in crate::ledger::tests) fn expect_true(&self) {
        for (kind, of) in &self.kinds {
            assert_eq!(of.platform, of.cluster, "{kind}");
        }
        assert!(
            self.ledger.is_empty() && !self.ledger.is_lossy(),
            "{:?}",
            self.ledger.stats()
        );
    }
}
