// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The access token: when to fetch one, when to use it, and what a refusal of it means.
//!
//! It owns the token and every rule about it: renewed at 80 % of its life, at most one renewal in flight, at most one
//! planned renewal in 10 s, one new token for a 401. It promises that a token is used only for the origin that issued
//! it: whoever changes the origin, the client or the key calls [`TokenKeeper::forget`].
//! It doesn't sign, send or sleep.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::answer::{Fault, Meaning, Outcome};
use crate::retry::Backoff;
use crate::time::{Chance, Moment};

/// A token this young that is refused counts as a second refusal: a platform that issues tokens which it then refuses
/// must not be asked for one with every request.
const YOUNG: Duration = Duration::from_secs(10);

/// Renewals that no refusal asked for are at least this far apart, however short the life that the platform gives: a
/// token that ends sooner is missing for a while, rather than fetched in a loop.
const RENEWALS_APART: Duration = Duration::from_secs(10);

/// An access token; it wipes itself and prints nothing.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Takes the text of a token.
    pub fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// The text, for the Authorization header and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// A token and how long it lives.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token.
    pub token: AccessToken,
    /// Its life from now.
    pub lifetime: Duration,
}

/// Why no token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// An answer other than 2xx, or none.
    Answer(Outcome),
    /// A 2xx that holds no token: HTML, nothing, a life that isn't a number above zero, more than we read.
    NotAToken,
    /// The assertion couldn't be signed with this key.
    Unsigned,
}

impl TokenError {
    /// Whether the platform refused us, rather than failed: any 4xx, as the protocol has it.
    pub fn is_denied(self) -> bool {
        match self {
            Self::Answer(Outcome::Status { code, .. }) => (400..500).contains(&code),
            Self::Answer(Outcome::Lost { .. }) | Self::NotAToken => false,
            Self::Unsigned => true,
        }
    }

    /// What went wrong between us and the platform, when it was the way there.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Answer(Outcome::Lost { fault, .. }) => Some(fault),
            _ => None,
        }
    }

    /// The answer's class, for metrics.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Answer(outcome) => outcome.class(),
            Self::NotAToken => "not_a_token",
            Self::Unsigned => "unsigned",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(outcome) => write!(f, "the token endpoint: {outcome}"),
            Self::NotAToken => f.write_str("the token endpoint's answer isn't a token"),
            Self::Unsigned => f.write_str("the assertion can't be signed with this key"),
        }
    }
}

/// What a 401 means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The token was already replaced: try with the new one.
    Stale,
    /// The first: a new token, one more try.
    First,
    /// The second: the credentials are refused.
    Second,
}

/// What a token is at the moment, for the status and the debug endpoint.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum TokenPhase {
    /// None, and none asked for.
    Absent,
    /// One is being fetched.
    Fetching,
    /// There is one.
    Held,
    /// The platform refuses to issue one.
    Denied,
    /// The last try failed for a reason that may pass.
    Failing,
}

#[derive(Debug)]
struct Held {
    token: AccessToken,
    generation: u64,
    obtained: Moment,
    renew: Moment,
    expires: Moment,
}

/// The token and its rules.
#[derive(Debug)]
pub struct TokenKeeper {
    held: Option<Held>,
    generation: u64,
    fetching: bool,
    /// The token in hand was fetched because its forerunner was refused, and nothing has accepted it yet.
    suspect: bool,
    last_error: Option<TokenError>,
    not_before: Moment,
    planned: Option<Moment>,
    failures: Backoff,
    denials: Backoff,
    fetched: u64,
}

impl Default for TokenKeeper {
    fn default() -> Self {
        Self {
            held: None,
            generation: 0,
            fetching: false,
            suspect: false,
            last_error: None,
            not_before: Moment::START,
            planned: None,
            failures: Backoff::REQUEST,
            denials: Backoff::DENIED,
            fetched: 0,
        }
    }
}

impl TokenKeeper {
    /// The token to use now, with its generation.
    pub fn current(&self, now: Moment) -> Option<(AccessToken, u64)> {
        self.held
            .as_ref()
            .filter(|held| now < held.expires)
            .map(|held| (held.token.clone(), held.generation))
    }

    /// Whether a token should be fetched now. `wanted` says whether somebody waits for one.
    pub fn should_fetch(&self, now: Moment, wanted: bool) -> bool {
        if self.fetching || now < self.not_before {
            return false;
        }
        match &self.held {
            Some(held) => now >= self.renewal(held) && (wanted || now < held.expires),
            None => wanted,
        }
    }

    /// When [`Self::should_fetch`] may next turn true without anything else happening.
    pub fn wake(&self, wanted: bool) -> Option<Moment> {
        if self.fetching {
            return None;
        }
        let at = match &self.held {
            Some(held) => self.renewal(held),
            None if wanted => Moment::START,
            None => return None,
        };
        Some(at.max(self.not_before))
    }

    fn renewal(&self, held: &Held) -> Moment {
        match self.planned {
            Some(last) => held.renew.max(last + RENEWALS_APART),
            None => held.renew,
        }
    }

    /// A fetch begins.
    pub fn begin(&mut self, now: Moment) {
        self.fetching = true;
        // A refused token isn't held any more.
        if self.held.is_some() {
            self.planned = Some(now);
        }
    }

    /// A fetch ended well.
    pub fn issued(&mut self, now: Moment, issued: Issued) {
        self.fetching = false;
        self.failures.reset();
        self.last_error = None;
        self.not_before = Moment::START;
        self.generation += 1;
        self.fetched += 1;
        self.held = Some(Held {
            token: issued.token,
            generation: self.generation,
            obtained: now,
            renew: now + issued.lifetime.mul_f64(0.8),
            expires: now + issued.lifetime,
        });
    }

    /// A fetch failed. A token in hand that still lives stays in use.
    pub fn failed(&mut self, now: Moment, error: TokenError, chance: &mut dyn Chance) {
        self.fetching = false;
        self.last_error = Some(error);
        let wait = if error.is_denied() {
            self.denials.next(chance)
        } else {
            self.failures.next(chance)
        };
        let at_least = match error {
            TokenError::Answer(outcome) => match outcome.meaning() {
                Meaning::Later { wait } => wait,
                Meaning::Unavailable { at_least, .. } => at_least.unwrap_or_default(),
                _ => Duration::ZERO,
            },
            TokenError::NotAToken | TokenError::Unsigned => Duration::ZERO,
        };
        self.not_before = now + wait.max(at_least);
    }

    /// A request with the token of `generation` was answered 401.
    pub fn refused(&mut self, now: Moment, generation: u64, chance: &mut dyn Chance) -> Refusal {
        let Some(held) = self.held.as_ref().filter(|held| held.generation == generation) else {
            return Refusal::Stale;
        };
        let second = self.suspect || now.since(held.obtained) < YOUNG;
        self.held = None;
        self.suspect = true;
        if second {
            self.deny(now, chance);
            Refusal::Second
        } else {
            Refusal::First
        }
    }

    /// The platform refuses what the credentials may do (403, or a second 401): the next token after a backoff.
    pub fn deny(&mut self, now: Moment, chance: &mut dyn Chance) {
        self.held = None;
        self.suspect = true;
        self.not_before = now + self.denials.next(chance);
    }

    /// A request with the token in hand was answered 2xx: it is good.
    pub fn accepted(&mut self, generation: u64) {
        if self.held.as_ref().is_some_and(|held| held.generation == generation) {
            self.suspect = false;
            self.denials.reset();
        }
    }

    /// Other credentials, or another origin: nothing of the old token, nor of its failures, counts any more.
    /// An answer to a fetch that is under way must be dropped by the caller.
    pub fn forget(&mut self) {
        *self = Self {
            generation: self.generation,
            fetched: self.fetched,
            ..Self::default()
        };
    }

    /// Whether the platform refused us last, and what it said.
    pub fn last_error(&self) -> Option<TokenError> {
        self.last_error
    }

    /// What it is at the moment.
    pub fn phase(&self, now: Moment) -> TokenPhase {
        match (&self.held, self.fetching, self.last_error) {
            (Some(held), _, _) if now < held.expires => TokenPhase::Held,
            (_, true, _) => TokenPhase::Fetching,
            (_, _, Some(error)) if error.is_denied() => TokenPhase::Denied,
            (_, _, Some(_)) => TokenPhase::Failing,
            _ if now < self.not_before => TokenPhase::Denied,
            _ => TokenPhase::Absent,
        }
    }

    /// When the token in hand ends.
    pub fn expires(&self) -> Option<Moment> {
        self.held.as_ref().map(|held| held.expires)
    }

    /// How many tokens were issued so far.
    pub fn fetched(&self) -> u64 {
        self.fetched
    }
}
