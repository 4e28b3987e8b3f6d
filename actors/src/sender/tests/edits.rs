// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Edits of the resource and the Secret: what changed takes effect, and nothing else.

use obsyk_domain::agent::{EventTypes, PlatformUrl};
use obsyk_domain::condition::Link;
use obsyk_domain::resource::ResourceKind::Pod;

use super::harness::Scene;
use super::samples::{NO_CONNECTION, OK, config, credentials, other_key, secs, status, updated};
use crate::sender::{Config, SnapshotEnd};

fn elsewhere() -> [Config; 4] {
    [
        Config {
            platform: PlatformUrl::parse("https://other.example").unwrap(),
            ..config()
        },
        Config {
            cluster_name: "staging".to_owned(),
            ..config()
        },
        Config {
            credentials: credentials("client-2"),
            ..config()
        },
        Config {
            cluster_uid: "c-2".to_owned(),
            ..config()
        },
    ]
}

#[test]
fn another_platform_name_or_client_begins_anew() {
    for config in elsewhere() {
        let mut scene = Scene::synced();
        scene
            .offer(&[updated("a", 1), updated("a", 2), updated("b", 1)])
            .unwrap();
        scene.beat();
        scene.forget();
        scene.configure(config.clone());
        let mut aborted = std::mem::take(&mut scene.aborted);
        aborted.sort();
        assert_eq!(aborted, ["UPDATED a 1", "UPDATED b 1", "heartbeat"], "{config:?}");
        assert_eq!(scene.ledger().dirty, 0);
        assert_eq!(scene.link(), Some(Link::Fresh), "nothing was said there yet");
        scene.offer(&[updated("c", 1)]).unwrap();
        if scene.is_fetching() {
            scene.token();
        }
        assert_eq!(scene.said(), [""; 0], "no event goes before a snapshot");
        scene.open(2);
        if scene.is_fetching() {
            scene.token();
        }
        let snapshot = scene.send_listed(2, &[(Pod, &["c"])]);
        assert_eq!(snapshot.token, "token-2", "the old token was dropped");
        scene.answer(&snapshot, OK);
        assert_eq!(scene.link(), Some(Link::Up));
    }
}

#[test]
fn edit_during_an_open_snapshot_ends_it() {
    for step in 0..3 {
        let mut scene = Scene::synced();
        if step == 0 {
            scene.send(updated("a", 1));
        }
        scene.open(2);
        if step == 2 {
            scene.send_listed(2, &[(Pod, &["a"])]);
        }
        let [config, ..] = elsewhere();
        scene.configure(config);
        assert!(scene.in_flight().is_empty(), "{step}");
        assert_eq!(scene.ended(), Some((2, SnapshotEnd::Unfinished)), "{step}");
        assert_eq!(scene.overtaken.len(), usize::from(step == 0), "{step}");
        scene.open(3);
        scene.token();
        assert_eq!(scene.opened.last(), Some(&3), "{step}");
    }
}

#[test]
fn token_that_comes_for_the_old_platform_is_dropped() {
    let mut scene = Scene::configured();
    scene.open(1);
    assert!(scene.is_fetching());
    let [config, ..] = elsewhere();
    scene.configure(config);
    assert!(!scene.is_fetching(), "the fetch was dropped");
    scene.late_token(1);
    scene.open(2);
    assert_eq!(scene.opened, [0; 0]);
    scene.token();
    scene.send_listed(2, &[(Pod, &[])]);
}

#[test]
fn failures_at_the_old_platform_dont_count_at_the_new_one() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    for _ in 0..6 {
        scene.answer_all(NO_CONNECTION);
        scene.pass(secs(60));
    }
    let [config, ..] = elsewhere();
    scene.configure(config);
    scene.open(2);
    scene.token();
    assert_eq!(scene.opened, [2]);
    assert_eq!(scene.view().retries, 5, "counters only rise");
}

#[test]
fn a_snapshot_that_an_edit_ends_counts_for_the_time_that_it_was_open() {
    let mut scene = Scene::synced();
    let before = scene.view().barriers.total();
    scene.open(2);
    scene.pass(secs(4));
    let [config, ..] = elsewhere();
    scene.configure(config);
    assert_eq!(scene.view().barriers.total() - before, secs(4));
}

#[test]
fn key_only_gets_a_new_token_and_nothing_else() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    scene.configure(Config {
        credentials: other_key("client-1"),
        ..config()
    });
    assert!(scene.aborted.is_empty());
    scene.offer(&[updated("b", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0], "the old token isn't used any more");
    scene.token();
    scene.answer(&event, OK);
    let next = scene.next();
    assert_eq!((next.text().as_str(), next.token.as_str()), ("UPDATED b 1", "token-2"));
    assert!(scene.dues.is_empty());
    assert_eq!(scene.ended(), None);
}

#[test]
fn key_that_changes_while_a_snapshot_is_sent_doesnt_end_it() {
    let mut scene = Scene::synced();
    let snapshot = scene.snapshot(2, &[(Pod, &[])]);
    scene.configure(Config {
        credentials: other_key("client-1"),
        ..config()
    });
    scene.answer(&snapshot, OK);
    assert!(matches!(scene.ended(), Some((2, SnapshotEnd::Accepted { .. }))));
}

#[test]
fn answer_to_the_old_keys_token_says_nothing_of_the_new_one() {
    for code in [401, 403] {
        let mut scene = Scene::synced();
        let event = scene.send(updated("a", 1));
        scene.configure(Config {
            credentials: other_key("client-1"),
            ..config()
        });
        scene.answer(&event, status(code));
        assert_eq!(scene.rereads(), 0, "{code}");
        scene.token();
        assert_eq!(scene.said(), ["UPDATED a 1"], "{code}");
    }
}

#[test]
fn another_rate_begins_with_an_empty_bucket() {
    let mut scene = Scene::synced();
    scene.configure(Config {
        per_second: 1,
        burst: 5,
        ..config()
    });
    scene.offer(&[updated("a", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
    scene.pass(secs(1));
    assert_eq!(scene.said(), ["UPDATED a 1"]);
}

#[test]
fn another_platform_grants_no_second_burst() {
    let slow = |platform: &str| Config {
        platform: PlatformUrl::parse(platform).unwrap(),
        per_second: 1,
        burst: 2,
        ..config()
    };
    let mut scene = Scene::synced_with(slow("https://one.example"));
    scene.offer(&[updated("a", 1), updated("b", 1)]).unwrap();
    scene.configure(slow("https://two.example"));
    scene.forget();
    scene.open(2);
    scene.token();
    scene.send_listed(2, &[(Pod, &[])]);
    scene.answer_all(OK);
    scene.offer(&[updated("c", 1)]).unwrap();
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn spelling_of_events_changes_with_the_next_one() {
    let mut scene = Scene::synced();
    let event = scene.send(updated("a", 1));
    assert_eq!(event.text(), "UPDATED a 1");
    scene.configure(Config {
        case: EventTypes::Lower,
        ..config()
    });
    assert_eq!(scene.send(updated("b", 1)).text(), "modified b 1");
    assert!(scene.aborted.is_empty());
}

#[test]
fn same_config_changes_nothing() {
    let mut scene = Scene::synced();
    scene.send(updated("a", 1));
    scene.configure(config());
    assert!(scene.aborted.is_empty());
    assert!(scene.reports.is_empty());
    assert!(!scene.is_fetching());
}
