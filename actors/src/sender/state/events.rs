// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Events: when one starts, and which.

use bytes::Bytes;
use obsyk_domain::ledger::{Change, Dispatch};
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::wire;

use super::{MOST_IN_FLIGHT, SenderState, Turn};
use crate::sender::flight::Aboard;
use crate::sender::messages::Config;

impl SenderState {
    /// Starts one event, if one may start.
    pub(super) fn event(&mut self, turn: &mut Turn<'_>, config: &Config, target: &Target, token: u64) -> bool {
        let blocked = self.open.is_some() || !self.accepted || self.ledger.is_lossy();
        if blocked || !self.line.admits(turn.now, self.sending(), MOST_IN_FLIGHT) {
            return false;
        }
        if !self.ledger.has_ready() {
            let Some((kind, change)) = self.next_of_trickle() else {
                return false;
            };
            self.ledger.offer(turn.now, kind, change);
            return true;
        }
        let Some(bucket) = &self.bucket else { return false };
        if let Err(at) = bucket.take(turn.now) {
            self.refill = Some(at);
            self.tally.limited(turn.now, at);
            return false;
        }
        self.refill = None;
        let culprit = self.line.culprit().filter(|uid| self.ledger.is_ready(uid)).cloned();
        let dispatch = match culprit {
            Some(uid) => self.ledger.dispatch(&uid),
            None => self.ledger.next(),
        };
        let Some(dispatch) = dispatch else { return false };
        let body = event_body(config, &dispatch);
        self.launch(
            turn,
            target,
            token,
            Aboard::Event(dispatch.into()),
            Payload::Event(body),
        );
        true
    }

    fn next_of_trickle(&mut self) -> Option<(ResourceKind, Change)> {
        while let Some(trickle) = self.trickles.front_mut() {
            if let Some(change) = trickle.next() {
                return Some((trickle.kind, change));
            }
            self.trickles.pop_front();
        }
        None
    }
}

fn event_body(config: &Config, dispatch: &Dispatch) -> Bytes {
    wire::Event {
        cluster_uid: &config.cluster_uid,
        event: dispatch.event,
        kind: dispatch.kind,
        uid: &dispatch.uid,
        name: &dispatch.name,
        namespace: dispatch.namespace.as_deref(),
        object: dispatch.object.as_deref(),
    }
    .encode(config.case)
    .into()
}
