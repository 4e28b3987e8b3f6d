// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Tokens: 401 and 403, and what the token endpoint answers.

use obsyk_domain::answer::Outcome;
use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::token::{TokenError, TokenPhase};

use super::harness::Scene;
use super::samples::{Fixed, NO_CONNECTION, OK, added, config, other_key, secs, status, updated};
use crate::sender::{Config, SnapshotEnd};

#[test]
fn a_401_gets_one_new_token_and_one_more_try() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(401));
    assert_eq!(scene.said(), [""; 0]);
    scene.token();
    let again = scene.next();
    assert_eq!(
        (again.text().as_str(), again.token.as_str()),
        ("UPDATED a 1", "token-2")
    );
    scene.answer(&again, OK);
    assert_eq!(scene.rereads(), 0);
    assert!(scene.dues.is_empty());
}

#[test]
fn a_storm_of_401_fetches_one_token() {
    let mut scene = Scene::synced();
    let changes: Vec<_> = (0..64).map(|n| added(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    scene.forget();
    scene.answer_all(status(401));
    scene.token();
    assert_eq!(scene.fetches, 2);
    assert!(!scene.is_fetching());
    assert_eq!(scene.in_flight().len(), 64, "each gets its one more try");
    assert_eq!(scene.rereads(), 0);
}

/// Sends an event that is answered 401, and 401 again with a new token.
fn twice_refused() -> Scene {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(401));
    scene.token();
    scene.pass(secs(5));
    scene.answer_all(status(401));
    scene.said();
    scene
}

#[test]
fn a_second_401_pauses_all_but_the_heartbeat() {
    let mut scene = twice_refused();
    assert_eq!(scene.rereads(), 1, "the Secret is read again");
    assert_eq!(scene.link(), Some(Link::Denied(status(401))));
    assert!(!scene.is_fetching(), "the next token comes after a backoff");
    scene.offer(&[updated("b", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
    scene.beat();
    assert_eq!(scene.said(), ["heartbeat"]);
}

#[test]
fn after_a_pause_a_token_comes_within_five_minutes_and_then_a_snapshot() {
    let mut scene = twice_refused();
    scene.pass(secs(300));
    assert!(scene.is_fetching());
    assert!(scene.dues.is_empty());
    scene.token();
    assert_eq!(scene.causes(), [Cause::Resumed]);
    assert_eq!(scene.said(), ["UPDATED a 1"]);
    scene.answer_all(OK);
    assert_eq!(scene.link(), Some(Link::Up));
}

#[test]
fn refused_young_token_counts_as_the_second() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(401));
    scene.token();
    scene.answer_all(OK);
    scene.pass(secs(9));
    scene.forget();
    let event = scene.send(updated("a", 2));
    scene.answer(&event, status(401));
    assert!(!scene.is_fetching());
    assert_eq!(scene.rereads(), 1);
}

#[test]
fn a_403_pauses_at_once() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.answer(&event, status(403));
    assert_eq!(scene.link(), Some(Link::Denied(status(403))));
    assert_eq!(scene.rereads(), 1);
    assert!(!scene.is_fetching());
    scene.offer(&[updated("b", 1)]).unwrap();
    scene.pass(secs(1));
    assert_eq!(scene.said(), [""; 0]);
    scene.beat();
    assert_eq!(scene.said(), ["heartbeat"]);
}

#[test]
fn a_storm_of_403_is_one_refusal() {
    let mut scene = Scene::synced();
    scene.chance = Box::new(Fixed(0.999_999));
    let changes: Vec<_> = (0..64).map(|n| added(&format!("o{n}"), 1)).collect();
    scene.offer(&changes).unwrap();
    scene.forget();
    scene.answer_all(status(403));
    assert_eq!(scene.rereads(), 1);
    scene.pass(secs(10));
    assert!(scene.is_fetching(), "the first backoff is at most 10 s");
}

#[test]
fn backoff_of_refusals_doubles_to_five_minutes_although_heartbeats_are_accepted() {
    let mut scene = Scene::synced();
    scene.chance = Box::new(Fixed(0.999_999));
    scene.send(updated("a", 1));
    let mut waits = Vec::new();
    for _ in 0..7 {
        scene.answer_all(status(403));
        scene.beat();
        scene.answer_all(OK);
        let refused = scene.now;
        while !scene.is_fetching() {
            scene.pass(secs(1));
        }
        waits.push(scene.now.since(refused).as_secs());
        scene.token();
        scene.beat();
        let beat = scene.in_flight().into_iter().find(|said| said.what == "heartbeat");
        scene.answer(&beat.unwrap(), OK);
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn answers_of_requests_from_before_dont_end_a_pause() {
    let mut scene = Scene::synced();
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    let (a, b) = (scene.next(), scene.next());
    scene.answer(&a, status(403));
    scene.answer(&b, OK);
    assert_eq!(scene.link(), Some(Link::Denied(status(403))));
    scene.offer(&[updated("c", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn a_403_from_a_token_that_was_replaced_says_nothing() {
    let mut scene = Scene::synced();
    scene
        .offer(&[updated("a", 1), updated("b", 1), updated("c", 1)])
        .unwrap();
    let (a, b, c) = (scene.next(), scene.next(), scene.next());
    scene.answer(&a, status(401));
    scene.answer(&b, status(403));
    assert!(scene.is_fetching(), "the new token is still awaited");
    scene.token();
    scene.answer(&c, status(403));
    assert_eq!(scene.rereads(), 0);
    assert_eq!(scene.said(), ["UPDATED a 1", "UPDATED b 1", "UPDATED c 1"]);
}

#[test]
fn a_4xx_of_the_token_endpoint_is_as_403() {
    for code in [400, 401, 403, 404] {
        let mut scene = Scene::configured();
        scene.open(1);
        scene.no_token(TokenError::Answer(status(code)));
        assert_eq!(scene.rereads(), 1, "{code}");
        assert!(!scene.is_fetching(), "{code}");
        scene.pass(secs(300));
        scene.token();
        assert_eq!(scene.causes(), [Cause::Resumed], "{code}");
        assert_eq!(scene.opened, [1], "{code}");
    }
}

#[test]
fn refused_client_asks_again_at_once_when_its_key_changes() {
    let mut scene = Scene::configured();
    scene.open(1);
    scene.no_token(TokenError::Answer(status(401)));
    assert!(!scene.is_fetching());
    scene.configure(Config {
        credentials: other_key("client-1"),
        ..config()
    });
    assert!(scene.is_fetching());
    scene.token();
    assert_eq!(scene.opened, [1]);
}

#[test]
fn failing_token_endpoint_is_asked_again_after_a_backoff() {
    for error in [
        TokenError::Answer(status(500)),
        TokenError::Answer(NO_CONNECTION),
        TokenError::NotAToken,
    ] {
        let mut scene = Scene::configured();
        scene.open(1);
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            scene.no_token(error);
            assert_eq!(scene.link(), Some(Link::NoToken(error)));
            scene.pass(secs(wait) / 2 - secs(1) / 1000);
            assert!(!scene.is_fetching(), "{error:?}: {wait}");
            scene.pass(secs(1) / 1000);
            assert!(scene.is_fetching(), "{error:?}: {wait}");
        }
        assert_eq!(scene.rereads(), 0);
        scene.token();
        assert_eq!(scene.opened, [1]);
        assert_eq!(scene.view().retries, 0, "no event's retries are counted");
    }
}

#[test]
fn token_is_renewed_at_eighty_percent_of_its_life_beside_what_flies() {
    let mut scene = Scene::synced();
    scene.pass(secs(2779));
    assert!(!scene.is_fetching());
    scene.pass(secs(1));
    assert!(scene.is_fetching());
    let event = scene.send(updated("a", 1));
    assert_eq!(event.token, "token-1");
    scene.token();
    scene.answer(&event, OK);
    assert_eq!(scene.send(updated("a", 2)).token, "token-2");
}

#[test]
fn refused_renewal_leaves_the_old_token_in_use() {
    let mut scene = Scene::synced();
    scene.pass(secs(2780));
    scene.no_token(TokenError::Answer(status(403)));
    assert_eq!(scene.rereads(), 1);
    let event = scene.send(updated("a", 1));
    scene.answer(&event, OK);
    assert_eq!(scene.view().token.phase, TokenPhase::Held);
}

#[test]
fn expired_token_isnt_used() {
    let mut scene = Scene::synced();
    scene.pass(secs(2780));
    scene.no_token(TokenError::NotAToken);
    scene.pass(secs(900));
    if scene.is_fetching() {
        scene.no_token(TokenError::NotAToken);
    }
    scene.offer(&[updated("a", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn heartbeat_that_is_refused_twice_ends_the_snapshot_that_is_sent() {
    let mut scene = Scene::synced();
    scene.beat();
    scene.answer_all(status(401));
    scene.token();
    scene.pass(secs(20));
    scene.forget();
    let snapshot = scene.snapshot(2, &[(ResourceKind::Pod, &["a"])]);
    scene.beat();
    let beat = scene.next();
    scene.answer(&beat, status(401));
    assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)));
    assert_eq!(scene.aborted, [snapshot.text()]);
    assert_eq!(scene.causes(), [Cause::Ambiguous], "it may arrive all the same");
}

#[test]
fn token_that_cant_be_signed_for_is_no_answer_of_the_platform() {
    let mut scene = Scene::configured();
    scene.open(1);
    scene.no_token(TokenError::Unsigned);
    assert_eq!(scene.link(), Some(Link::NoToken(TokenError::Unsigned)));
    assert_eq!(scene.rereads(), 1);
}

#[test]
fn outcome_of_a_token_is_counted() {
    let mut scene = Scene::configured();
    scene.open(1);
    scene.no_token(TokenError::Answer(Outcome::status(503)));
    scene.pass(secs(10));
    scene.token();
    let requests = scene.view().requests;
    let counts: Vec<_> = requests.iter().map(|r| (&*r.endpoint, &*r.class, r.count)).collect();
    assert_eq!(counts, [("token", "2xx", 1), ("token", "5xx", 1)]);
}
