// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What others see of the sender.

use std::collections::BTreeMap;

use obsyk_domain::condition::Link;
use obsyk_domain::time::Moment;

use super::{SenderState, Turn};
use crate::inspect::{Requests, SenderView};
use crate::sender::line::Stage;
use crate::sender::messages::Delivery;

impl SenderState {
    /// Tells the agent how things stand, when they stand otherwise than it was told.
    pub(super) fn tell_link(&mut self, turn: &mut Turn<'_>) {
        let link = self.link_now(turn.now);
        if link != self.link {
            self.link = link;
            turn.report(Delivery::Link(link));
        }
    }

    fn link_now(&self, now: Moment) -> Link {
        if let (None, Some(error)) = (self.token.current(now), self.token.last_error()) {
            return Link::NoToken(error);
        }
        match (self.line.stage(), self.line.last()) {
            (Stage::Denied, Some(outcome)) => Link::Denied(outcome),
            (Stage::Open { .. }, Some(outcome)) => Link::Open(outcome),
            (Stage::Trial { .. }, Some(outcome)) => Link::Trying(outcome),
            _ if self.heard => Link::Up,
            _ => Link::Fresh,
        }
    }

    /// What the platform still has to be told.
    #[cfg(feature = "sim")]
    pub fn ledger(&self) -> &obsyk_domain::ledger::Ledger {
        &self.ledger
    }

    /// The number of the open snapshot.
    #[cfg(feature = "sim")]
    pub fn open_snapshot(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.n)
    }

    /// What it holds and does.
    pub fn view(&self, now: Moment, generation: u64) -> SenderView {
        let mut set_aside = BTreeMap::new();
        for (_, kind) in self.ledger.set_aside() {
            *set_aside.entry(kind).or_default() += 1;
        }
        SenderView {
            generation,
            token: self.token.phase(now),
            tokens: self.token.fetched(),
            ledger: self.ledger.stats(),
            oldest: self.ledger.oldest(),
            last_accepted: self.tally.last_accepted,
            barrier: self.tally.barrier,
            changes: self.tally.changes,
            events: self.tally.events,
            retries: self.line.total_retries(),
            requests: self
                .tally
                .requests()
                .map(|(endpoint, class, count)| Requests {
                    endpoint: endpoint.label(),
                    class,
                    count,
                })
                .collect(),
            set_aside,
        }
    }
}
