// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What others see of the sender.

use std::collections::BTreeMap;

use obsyk_domain::condition::Link;
use obsyk_domain::ledger::Refused;
use obsyk_domain::time::Moment;
use obsyk_domain::wire::Endpoint;

use super::{SenderState, Turn};
use crate::inspect::{ActorView, MOST_NAMED, RateView, Requests, SenderView, SetAside, TokenView};
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

    /// What it holds and does.
    pub fn view(&self, now: Moment, actor: ActorView) -> SenderView {
        let mut set_aside = BTreeMap::new();
        for (_, kind) in self.ledger.set_aside() {
            *set_aside.entry(kind).or_default() += 1;
        }
        SenderView {
            actor,
            token: TokenView {
                phase: self.token.phase(now),
                expires: self.token.expires(),
                issued: self.token.fetched(),
                problem: self.token.last_error().map(|error| error.to_string()),
            },
            rate: self.bucket.as_ref().map(|bucket| RateView {
                per_second: bucket.per_second(),
                burst: bucket.burst(),
                tokens: bucket.tokens(now),
            }),
            rate_limited: self.tally.rate_limited,
            line: self.line.view(),
            ledger: self.ledger.stats(),
            oldest: self.ledger.oldest(),
            last_accepted: self.tally.last_accepted,
            changes: self.tally.changes,
            events: self.tally.lag.count(),
            retries: self.line.total_retries(),
            requests: self.tally.requests().map(request).collect(),
            lag: self.tally.lag.clone(),
            snapshots: self.tally.snapshots.clone(),
            barriers: self.tally.barriers.clone(),
            set_aside,
            set_aside_objects: self.ledger.refused().take(MOST_NAMED).map(set_aside_object).collect(),
        }
    }
}

fn request((endpoint, class, count): (Endpoint, &'static str, u64)) -> Requests {
    Requests {
        endpoint: endpoint.label().to_owned(),
        class: class.to_owned(),
        count,
    }
}

fn set_aside_object(refused: Refused<'_>) -> SetAside {
    SetAside {
        kind: refused.kind,
        namespace: refused.namespace.map(str::to_owned),
        name: refused.name.to_owned(),
        uid: refused.uid.to_string(),
        reason: match refused.answer {
            Some(answer) => format!("the platform answered {answer}"),
            None => "the platform refused it".to_owned(),
        },
    }
}
