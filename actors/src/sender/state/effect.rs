// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the state asks the actor to do.

use std::rc::Rc;

use obsyk_domain::answer::Outcome;
use obsyk_domain::ports::{Payload, Target};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::{AFTER_AMBIGUOUS, Cause};
use obsyk_domain::time::{Chance, Moment};

use crate::sender::flight::Subject;
use crate::sender::messages::{Config, Delivery};

/// What the actor is to do, in this order.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are named as in the messages and requests that carry them"
)]
pub enum Effect {
    /// Fetch a token; the answer goes to [`super::SenderState::on_token`] with this number.
    FetchToken { fetch: u64, config: Rc<Config> },
    /// Send this; the answer goes to [`super::SenderState::on_answer`] with this number.
    Send { id: u64, target: Target, payload: Payload },
    /// Drop these requests: their answers don't matter any more.
    Abort(Vec<u64>),
    /// Drop the fetch of a token.
    AbortToken,
    /// Reply to `OpenSnapshot { n }`.
    Opened(u64),
    /// Reply to `OpenSnapshot { n }` that it won't open.
    Overtaken(u64),
    /// Tell the agent that a snapshot is due.
    Due { why: Cause, at: Moment },
    /// Report to the agent.
    Report(Delivery),
    /// Say in the log that the platform refused this object, and with what.
    Refused {
        kind: ResourceKind,
        namespace: Option<Box<str>>,
        name: Box<str>,
        outcome: Outcome,
        set_aside: bool,
    },
    /// Reply to `Drain`.
    Drained,
}

/// One thing that happened: when, with which chance, and what it leads to.
pub(super) struct Turn<'a> {
    pub(super) now: Moment,
    pub(super) chance: &'a mut dyn Chance,
    pub(super) effects: Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(now: Moment, chance: &'a mut dyn Chance) -> Self {
        Self {
            now,
            chance,
            effects: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn report(&mut self, delivery: Delivery) {
        self.push(Effect::Report(delivery));
    }

    /// A snapshot is due at once.
    pub(super) fn due(&mut self, why: Cause) {
        self.push(Effect::Due { why, at: self.now });
    }

    /// Something may still arrive late: a snapshot is due when it has.
    pub(super) fn due_after_ambiguous(&mut self) {
        let wait = self.chance.between(AFTER_AMBIGUOUS.0, AFTER_AMBIGUOUS.1);
        self.push(Effect::Due {
            why: Cause::Ambiguous,
            at: self.now + wait,
        });
    }

    pub(super) fn refused(&mut self, subject: Subject, outcome: Outcome, set_aside: bool) {
        self.push(Effect::Refused {
            kind: subject.kind,
            namespace: subject.namespace,
            name: subject.name,
            outcome,
            set_aside,
        });
    }
}
