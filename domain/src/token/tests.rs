// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

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
    assert!(!keeper.should_fetch(at(13), true), "though the token has ended");
    assert_eq!(keeper.wake(true), Some(at(14)));
    assert!(keeper.should_fetch(at(14), true));
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
    assert!(TokenError::Answer(Outcome::status(429)).is_denied());
    assert!(!TokenError::Answer(Outcome::status(302)).is_denied());
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

#[test]
fn an_ended_token_is_replaced_only_when_wanted() {
    let keeper = holding(hour(), at(0));
    assert!(!keeper.should_fetch(at(3600), false));
    assert!(keeper.should_fetch(at(3600), true));
}

#[test]
fn a_platform_whose_tokens_end_at_once_is_not_asked_in_a_loop() {
    let mut keeper = TokenKeeper::default();
    let mut fetches = 0;
    for millis in 0..60_000 {
        let now = Moment::at(Duration::from_millis(millis));
        if keeper.should_fetch(now, true) {
            fetches += 1;
            keeper.begin(now);
            keeper.issued(
                now,
                Issued {
                    lifetime: Duration::from_nanos(1),
                    ..hour()
                },
            );
        }
    }
    assert_eq!(fetches, 1 + 6, "the first, and one in ten seconds");
}

/// P4: 401 to everything, with whatever token.
#[test]
fn a_storm_of_refusals_backs_off_up_to_five_minutes() {
    let mut keeper = holding(hour(), at(0));
    let mut now = at(60);
    assert_eq!(keeper.refused(now, 1, &mut Half), Refusal::First);
    let mut waits = Vec::new();
    for generation in 2..10 {
        assert!(keeper.should_fetch(now, true));
        keeper.begin(now);
        assert!(!keeper.should_fetch(now, true), "one in flight");
        keeper.issued(now, hour());
        assert_eq!(keeper.refused(now, generation, &mut Half), Refusal::Second);
        assert_eq!(keeper.refused(now, generation, &mut Half), Refusal::Stale);
        let next = keeper.wake(true).unwrap();
        assert!(!keeper.should_fetch(Moment::at(next.elapsed() - Duration::from_millis(1)), true));
        waits.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 150, 150, 150], "half of what is drawn from");
}

#[test]
fn a_denial_by_403_drops_the_token_and_the_next_comes_after_a_backoff() {
    let mut keeper = holding(hour(), at(0));
    keeper.deny(at(60), &mut Half);
    assert!(keeper.current(at(60)).is_none());
    assert_eq!(keeper.phase(at(60)), TokenPhase::Denied);
    assert!(!keeper.should_fetch(at(60), true));
    assert!(keeper.should_fetch(keeper.wake(true).unwrap(), true));
}

#[test]
fn what_the_token_endpoint_asks_for_is_waited_for() {
    for (code, retry_after, least) in [
        (429, None, 30),
        (429, Some(100), 100),
        (503, Some(200), 200),
        (503, Some(9999), 300),
    ] {
        let mut keeper = TokenKeeper::default();
        keeper.begin(at(0));
        let outcome = Outcome::Status {
            code,
            retry_after: retry_after.map(Duration::from_secs),
        };
        keeper.failed(at(0), TokenError::Answer(outcome), &mut Half);
        assert_eq!(keeper.wake(true), Some(at(least)), "{code} {retry_after:?}");
    }
}

#[test]
fn the_phase_tells_how_it_stands() {
    let mut keeper = TokenKeeper::default();
    assert_eq!(keeper.phase(at(0)), TokenPhase::Absent);
    keeper.begin(at(0));
    assert_eq!(keeper.phase(at(0)), TokenPhase::Fetching);
    keeper.failed(at(0), TokenError::NotAToken, &mut Half);
    assert_eq!(keeper.phase(at(0)), TokenPhase::Failing);
    keeper.begin(at(1));
    keeper.failed(at(1), TokenError::Answer(Outcome::status(400)), &mut Half);
    assert_eq!(keeper.phase(at(1)), TokenPhase::Denied);
    keeper.begin(at(2));
    keeper.issued(at(2), hour());
    assert_eq!(keeper.phase(at(2)), TokenPhase::Held);
    assert_eq!(keeper.last_error(), None);
}
