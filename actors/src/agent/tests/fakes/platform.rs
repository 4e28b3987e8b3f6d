// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform: it notes what it is told, and answers as it was told to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ports::{self, Clock, Local, Payload, Target};
use obsyk_domain::time::Moment;
use obsyk_domain::token::{AccessToken, Issued, TokenError};
use serde_json::Value;

use super::FakeClock;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: Moment,
    /// `token`, `snapshot`, `event` or `heartbeat`.
    pub(crate) what: &'static str,
    /// To which platform.
    pub(crate) to: String,
    /// Its body; of a token the client.
    pub(crate) body: Value,
}

/// See the module's page.
pub(crate) struct Platform {
    clock: Rc<FakeClock>,
    said: RefCell<Vec<Said>>,
    answer: Cell<Outcome>,
    takes: Cell<Duration>,
    panics: Cell<bool>,
    panics_at_tokens: Cell<bool>,
    aborted: Rc<Cell<u64>>,
}

/// A request that counts itself when it is dropped before it was answered.
struct Underway {
    aborted: Rc<Cell<u64>>,
    answered: bool,
}

impl Underway {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if !self.answered {
            self.aborted.set(self.aborted.get() + 1);
        }
    }
}

impl Platform {
    pub(super) fn new(clock: Rc<FakeClock>) -> Self {
        Self {
            clock,
            said: RefCell::default(),
            answer: Cell::new(Outcome::status(200)),
            takes: Cell::new(Duration::from_millis(10)),
            panics: Cell::new(false),
            panics_at_tokens: Cell::new(false),
            aborted: Rc::default(),
        }
    }

    /// All requests so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said.borrow().clone()
    }

    /// Those of one sort.
    pub(crate) fn all(&self, what: &str) -> Vec<Said> {
        let said = self.said.borrow();
        said.iter().filter(|said| said.what == what).cloned().collect()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.all(what).len()
    }

    /// How everything but tokens is answered from here on.
    pub(crate) fn answer(&self, outcome: Outcome) {
        self.answer.set(outcome);
    }

    /// How long answers take from here on.
    pub(crate) fn takes(&self, time: Duration) {
        self.takes.set(time);
    }

    /// The next request kills whoever waits for its answer.
    pub(crate) fn panic(&self) {
        self.panics.set(true);
    }

    /// Whoever asks for a token dies, from here on or no more.
    pub(crate) fn panic_at_tokens(&self, is: bool) {
        self.panics_at_tokens.set(is);
    }

    /// Requests that were dropped.
    pub(crate) fn aborted(&self) -> u64 {
        self.aborted.get()
    }

    fn note(&self, what: &'static str, to: &PlatformUrl, body: Value) {
        self.said.borrow_mut().push(Said {
            at: self.clock.now(),
            what,
            to: to.to_string(),
            body,
        });
    }
}

impl ports::Platform for Platform {
    fn token(&self, platform: PlatformUrl, credentials: Credentials) -> Local<Result<Issued, TokenError>> {
        self.note("token", &platform, Value::from(credentials.client_id()));
        let panics = self.panics_at_tokens.get();
        Box::pin(async move {
            assert!(!panics, "planted: whoever asks for a token dies");
            Ok(Issued {
                token: AccessToken::new("token".to_owned().into()),
                lifetime: Duration::from_secs(3600),
            })
        })
    }

    fn send(&self, target: Target, payload: Payload) -> Local<Outcome> {
        let (what, body) = match payload {
            Payload::Event(body) => ("event", body.to_vec()),
            Payload::Heartbeat(body) => ("heartbeat", body.to_vec()),
            Payload::Snapshot(body) => {
                let pieces: Result<Vec<_>, _> = body.pieces().collect();
                ("snapshot", pieces.unwrap().concat())
            }
        };
        self.note(what, &target.platform, serde_json::from_slice(&body).unwrap());
        let (answer, takes, panics) = (self.answer.get(), self.takes.get(), self.panics.take());
        let underway = Underway {
            aborted: Rc::clone(&self.aborted),
            answered: false,
        };
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            assert!(!panics, "planted: whoever waits for this dies");
            underway.answered();
            answer
        })
    }

    fn proxy(&self, _: &PlatformUrl) -> Option<String> {
        None
    }

    fn thumbprint(&self, _: &Credentials) -> Option<String> {
        None
    }
}
