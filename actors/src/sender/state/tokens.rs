// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! As whom the sender speaks, and what happens when it may not.

use std::rc::Rc;

use obsyk_domain::answer::Outcome;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{AccessToken, Issued, Refusal, TokenError};
use obsyk_domain::wire::Endpoint;

use super::{Effect, SenderState, Turn};
use crate::sender::line::Stage;
use crate::sender::messages::{Config, Delivery};

/// The token that was refused last. Heartbeats go on with it while sending is paused: they say that the agent is alive,
/// and a platform may take them from a client whose reports it refuses.
#[derive(Debug)]
pub(super) struct Spare {
    token: AccessToken,
    generation: u64,
    expires: Moment,
}

impl SenderState {
    /// A fetch of a token ended.
    pub fn on_token(
        &mut self,
        now: Moment,
        fetch: u64,
        result: Result<Issued, TokenError>,
        chance: &mut dyn Chance,
    ) -> Vec<Effect> {
        if fetch != self.fetch {
            return Vec::new();
        }
        self.turn(now, chance, |state, turn| match result {
            Ok(issued) => state.issued(turn, issued),
            Err(error) => state.not_issued(turn, error),
        })
    }

    fn issued(&mut self, turn: &mut Turn<'_>, issued: Issued) {
        self.tally.request(Endpoint::Token, "2xx");
        self.token.issued(turn.now, issued);
        self.renew = false;
        self.spare = None;
        if self.line.resume() {
            turn.due(Cause::Resumed);
        }
    }

    fn not_issued(&mut self, turn: &mut Turn<'_>, error: TokenError) {
        // What couldn't be signed wasn't asked for.
        if error != TokenError::Unsigned {
            self.tally.request(Endpoint::Token, error.class());
        }
        self.token.failed(turn.now, error, turn.chance);
        if !error.is_denied() {
            return;
        }
        turn.report(Delivery::RereadSecret);
        // While the old token lives, requests go on with it.
        if let (TokenError::Answer(outcome), None) = (error, self.token.current(turn.now)) {
            self.line.deny(outcome);
            self.distrusted = true;
            self.interrupt(turn);
        }
    }

    pub(super) fn fetch_token(&mut self, turn: &mut Turn<'_>, config: &Rc<Config>) {
        if self.token.should_fetch(turn.now, self.wants_token(turn.now)) {
            self.token.begin(turn.now);
            self.fetch += 1;
            turn.push(Effect::FetchToken {
                fetch: self.fetch,
                config: Rc::clone(config),
            });
        }
    }

    /// Whether something waits for a token.
    pub(super) fn wants_token(&self, now: Moment) -> bool {
        let waits = || self.open.is_some() || self.ledger.has_ready() || !self.trickles.is_empty();
        let may_send = match self.line.stage() {
            Stage::Up => waits(),
            Stage::Trial { at, .. } => now >= *at && waits(),
            Stage::Open { probe, .. } => now >= *probe,
            // A refused client asks again by itself: whether it is let in is what everything waits for.
            Stage::Denied => true,
        };
        may_send || self.beat || self.renew
    }

    /// The token for heartbeats: the one in hand, or else the one that was refused.
    pub(super) fn token_for_heartbeats(&self, now: Moment) -> Option<(AccessToken, u64)> {
        let spare = self.spare.as_ref().filter(|spare| now < spare.expires);
        self.token
            .current(now)
            .or_else(|| spare.map(|spare| (spare.token.clone(), spare.generation)))
    }

    /// An event or a snapshot with this token was accepted.
    pub(super) fn trust(&mut self, now: Moment, generation: u64) {
        if self
            .token
            .current(now)
            .is_some_and(|(_, current)| current == generation)
        {
            self.token.accepted(generation);
            self.distrusted = false;
        }
    }

    /// A heartbeat with this token was accepted. After a pause that says too little: a platform may take heartbeats and
    /// refuse everything else, and the backoff must grow then.
    pub(super) fn trust_by_heartbeat(&mut self, generation: u64) {
        if !self.distrusted {
            self.token.accepted(generation);
        }
    }

    /// 401.
    pub(super) fn unauthorized(&mut self, turn: &mut Turn<'_>, token: u64, outcome: Outcome) {
        let spare = self.spare_of(turn.now);
        match self.token.refused(turn.now, token, turn.chance) {
            Refusal::Stale => {}
            Refusal::First => self.renew = true,
            Refusal::Second => {
                self.spare = spare;
                self.pause(turn, outcome);
            }
        }
    }

    /// 403.
    pub(super) fn forbidden(&mut self, turn: &mut Turn<'_>, token: u64, outcome: Outcome) {
        // An answer to a token that was replaced, or refused already, says nothing of the next one.
        let current = self.token.current(turn.now);
        let is_stale = self.line.is_denied()
            || self.token.expires().is_none()
            || current.is_some_and(|(_, generation)| generation != token);
        if !is_stale {
            self.spare = self.spare_of(turn.now);
            self.token.deny(turn.now, turn.chance);
            self.pause(turn, outcome);
        }
    }

    fn spare_of(&self, now: Moment) -> Option<Spare> {
        let (token, generation) = self.token.current(now)?;
        let expires = self.token.expires()?;
        Some(Spare {
            token,
            generation,
            expires,
        })
    }

    /// The credentials are refused: sending pauses until a new token comes.
    fn pause(&mut self, turn: &mut Turn<'_>, outcome: Outcome) {
        self.line.deny(outcome);
        self.distrusted = true;
        self.interrupt(turn);
        turn.report(Delivery::RereadSecret);
    }
}
