// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The access token: when to fetch one, when to use it, and what a refusal of it means.
//!
//! It owns the token and every rule about it: renewed at 80 % of its life, at most one renewal in flight, at most one
//! planned renewal in 10 s, one new token for a 401. It promises that a token is used only for the origin that issued
//! it: whoever changes the origin, the client or the key calls [`TokenKeeper::forget`].
//! It doesn't sign, send or sleep.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::answer::{Fault, Meaning, Outcome};
use crate::retry::Backoff;
use crate::time::{Chance, Moment};

/// A token this young that is refused counts as a second refusal: a platform that issues tokens which it then refuses
/// must not be asked for one with every request.
const YOUNG: Duration = Duration::from_secs(10);

/// Planned renewals are at least this far apart, however short the life that the platform gives.
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
    /// Whether the platform refused us, rather than failed: any 4xx but those that ask to come later.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
            Some(held) if now < held.expires => now >= self.renewal(held),
            _ => wanted,
        }
    }

    /// When [`Self::should_fetch`] may next turn true without anything else happening.
    pub fn wake(&self, wanted: bool) -> Option<Moment> {
        if self.fetching {
            return None;
        }
        let at = match &self.held {
            Some(held) => self.renewal(held).min(held.expires),
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
        if self.held.as_ref().is_some_and(|held| now < held.expires) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    struct Half;

    impl Chance for Half {
        fn fraction(&mut self) -> f64 {
            0.5
        }
    }

    fn at(secs: u64) -> Moment {
        Moment::at(Duration::from_secs(secs))
    }

    fn hour() -> Issued {
        lasting(3600)
    }

    fn lasting(secs: u64) -> Issued {
        Issued {
            token: AccessToken::new("secret".into()),
            lifetime: Duration::from_secs(secs),
        }
    }

    fn holding(issued: Issued, now: Moment) -> TokenKeeper {
        let mut keeper = TokenKeeper::default();
        keeper.begin(now);
        keeper.issued(now, issued);
        keeper
    }

    #[test]
    fn a_token_is_fetched_only_when_wanted() {
        let keeper = TokenKeeper::default();
        assert!(!keeper.should_fetch(at(0), false));
        assert!(keeper.should_fetch(at(0), true));
    }

    #[test]
    fn one_fetch_at_a_time() {
        let mut keeper = TokenKeeper::default();
        keeper.begin(at(0));
        assert!(!keeper.should_fetch(at(100), true));
    }

    #[test]
    fn renewed_at_eighty_percent_and_used_until_its_end() {
        let keeper = holding(hour(), at(0));
        assert!(!keeper.should_fetch(at(2879), true));
        assert!(keeper.should_fetch(at(2880), false));
        assert!(keeper.current(at(3599)).is_some());
        assert!(keeper.current(at(3600)).is_none());
        assert_eq!(keeper.wake(false), Some(at(2880)));
    }

    #[test]
    fn planned_renewals_are_ten_seconds_apart() {
        let mut keeper = holding(lasting(5), at(0));
        assert!(keeper.should_fetch(at(4), true));
        keeper.begin(at(4));
        keeper.issued(at(4), lasting(5));
        assert!(
            !keeper.should_fetch(at(8), true),
            "the next planned renewal is due at 14 s"
        );
        assert!(
            keeper.should_fetch(at(9), true),
            "an expired token is replaced when wanted"
        );
    }

    #[test]
    fn first_refusal_fetches_at_once_and_the_second_backs_off() {
        let mut keeper = holding(hour(), at(0));
        assert_eq!(keeper.refused(at(60), 1, &mut Half), Refusal::First);
        assert!(keeper.should_fetch(at(60), true));
        keeper.begin(at(60));
        keeper.issued(at(61), hour());
        assert_eq!(keeper.refused(at(100), 2, &mut Half), Refusal::Second);
        assert!(!keeper.should_fetch(at(100), true));
        assert!(keeper.should_fetch(at(110), true));
    }

    #[test]
    fn a_refused_young_token_counts_as_the_second() {
        let mut keeper = holding(hour(), at(0));
        assert_eq!(keeper.refused(at(9), 1, &mut Half), Refusal::Second);
    }

    #[test]
    fn a_late_refusal_of_a_replaced_token_is_stale() {
        let mut keeper = holding(hour(), at(0));
        keeper.refused(at(60), 1, &mut Half);
        keeper.begin(at(60));
        keeper.issued(at(61), hour());
        assert_eq!(keeper.refused(at(62), 1, &mut Half), Refusal::Stale);
        assert!(keeper.current(at(62)).is_some());
    }

    #[test]
    fn an_accepted_request_clears_the_suspicion() {
        let mut keeper = holding(hour(), at(0));
        keeper.refused(at(60), 1, &mut Half);
        keeper.begin(at(60));
        keeper.issued(at(61), hour());
        keeper.accepted(2);
        assert_eq!(keeper.refused(at(200), 2, &mut Half), Refusal::First);
    }

    #[test]
    fn any_4xx_of_the_token_endpoint_is_a_denial_and_5xx_is_not() {
        assert!(TokenError::Answer(Outcome::status(400)).is_denied());
        assert!(TokenError::Answer(Outcome::status(404)).is_denied());
        assert!(!TokenError::Answer(Outcome::status(503)).is_denied());
        assert!(!TokenError::NotAToken.is_denied());
    }

    #[test]
    fn a_failed_renewal_leaves_the_token_in_use() {
        let mut keeper = holding(hour(), at(0));
        keeper.begin(at(2880));
        keeper.failed(at(2880), TokenError::NotAToken, &mut Half);
        assert!(keeper.current(at(2881)).is_some());
        assert!(
            !keeper.should_fetch(at(2889), false),
            "planned renewals are ten seconds apart, failed ones too"
        );
        assert!(keeper.should_fetch(at(2890), false));
    }

    #[test]
    fn a_denied_token_is_tried_at_once_with_other_credentials() {
        let mut keeper = TokenKeeper::default();
        keeper.begin(at(0));
        keeper.failed(at(0), TokenError::Answer(Outcome::status(401)), &mut Half);
        assert!(!keeper.should_fetch(at(1), true));
        keeper.forget();
        assert!(keeper.should_fetch(at(1), true));
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", holding(hour(), at(0))).contains("secret"));
    }
}
