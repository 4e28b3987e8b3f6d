// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an admin is told of each situation: statuses, reasons, and messages to act on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod blocked;
mod troubles;

use std::collections::BTreeMap;

use super::*;

pub(crate) const PLATFORM: &str = "https://platform.example.com";
const NOTHING: &BTreeMap<ResourceKind, u64> = &BTreeMap::new();
const READABLE: &BTreeMap<ResourceKind, Unreadability> = &BTreeMap::new();

/// An agent with which all is well.
pub(crate) fn well() -> Situation<'static> {
    Situation {
        settings_error: None,
        standing: &Standing::Speaks,
        secret: "obsyk-credentials",
        has_credentials: true,
        credentials_error: None,
        secret_seen: true,
        cluster_known: Some(true),
        platform: PLATFORM,
        proxy: None,
        link: Link::Up,
        accepted: true,
        refused: None,
        unreadable: READABLE,
        too_large: KindSet::EMPTY,
        set_aside: NOTHING,
        undecodable: NOTHING,
        failing: false,
    }
}

/// How a message says what to do, or that nothing is.
const ADVICE: [&str; 20] = [
    "add it",
    "allow ",
    "by itself",
    "check ",
    "create ",
    "delete ",
    "give ",
    "grant ",
    "it must ",
    "leave ",
    "make ",
    "nothing is to be done",
    "put ",
    "raise ",
    "report it",
    "serve ",
    "store ",
    "use ",
    "write ",
    "correct it",
];

/// Whether somebody who reads the message knows what to do.
pub(crate) fn says_what_to_do(message: &str) -> bool {
    ADVICE.iter().any(|advice| message.contains(advice))
}

fn now() -> Timestamp {
    "2026-01-15T10:30:00Z".parse().unwrap()
}

/// Status and reason of Available, Syncing and Degraded, and the message of Degraded.
fn told(situation: &Situation<'_>) -> ([(String, String); 3], String) {
    let conditions = situation.conditions(&[], Some(7), now());
    let kinds: Vec<&str> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(kinds, ["Available", "Syncing", "Degraded"]);
    for condition in &conditions {
        assert!(!condition.message.is_empty(), "{} has no message", condition.type_);
        let reason = &condition.reason;
        let camel =
            reason.starts_with(|c: char| c.is_ascii_uppercase()) && reason.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(camel, "{reason} isn't CamelCase");
        assert_eq!(condition.observed_generation, Some(7));
    }
    let message = conditions[2].message.clone();
    let is_wrong = conditions[2].status == "True";
    assert!(!is_wrong || says_what_to_do(&message), "what is to be done? {message}");
    let words = conditions
        .into_iter()
        .map(|condition| (condition.status, condition.reason))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    (words, message)
}

/// Checks statuses and reasons, and what the message of Degraded must have in it.
fn assert_told(situation: &Situation<'_>, expected: [(&str, &str); 3], says: &[&str]) {
    let (words, message) = told(situation);
    let words = words
        .each_ref()
        .map(|(status, reason)| (status.as_str(), reason.as_str()));
    assert_eq!(words, expected, "{message}");
    for part in says {
        assert!(message.contains(part), "{part:?} isn't in {message:?}");
    }
}

#[test]
fn all_is_well_when_the_platform_accepts_and_a_snapshot_was_accepted() {
    assert_told(
        &well(),
        [("True", "Connected"), ("True", "Streaming"), ("False", "AsExpected")],
        &["nothing is wrong"],
    );
}

#[test]
fn an_agent_that_starts_is_not_degraded() {
    let starting = [("False", "Starting"), ("False", "NotStarted"), ("False", "AsExpected")];
    let reading = Situation {
        has_credentials: false,
        secret_seen: false,
        ..well()
    };
    assert_told(&reading, starting, &["Secret obsyk-credentials is being read"]);
    let asking = Situation {
        cluster_known: None,
        ..well()
    };
    assert_told(&asking, starting, &["the cluster's uid is being read"]);
    assert_eq!((reading.waits_for(), asking.waits_for()), (None, None));
    let connecting = Situation {
        link: Link::Fresh,
        accepted: false,
        ..well()
    };
    assert_told(
        &connecting,
        [
            ("False", "Connecting"),
            ("False", "SnapshotPending"),
            ("False", "AsExpected"),
        ],
        &[],
    );
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let later: Timestamp = "2026-01-15T11:00:00Z".parse().unwrap();
    let before = well().conditions(&[], Some(1), now());
    let unreadable = BTreeMap::from([(ResourceKind::Secret, Unreadability::Forbidden)]);
    let changed = Situation {
        unreadable: &unreadable,
        ..well()
    };
    let after = changed.conditions(&before, Some(2), later);
    let times: Vec<Timestamp> = after.iter().map(|condition| condition.last_transition_time.0).collect();
    assert_eq!(times, [now(), now(), later]);
    let again = changed.conditions(&after, Some(2), "2026-01-15T12:00:00Z".parse().unwrap());
    assert_eq!(again, after, "another reason or message alone is no transition");
}
