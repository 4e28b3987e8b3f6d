// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

use super::*;
use crate::condition::tests::says_what_to_do;

/// One of each, with fields as they come.
fn one_of_each() -> Vec<Notice> {
    let trouble = || "check it".to_owned();
    let secret = || "creds".to_owned();
    let mut notices = vec![
        Notice::Connected {
            platform: condition::tests::PLATFORM.to_owned(),
        },
        Notice::Disconnected { trouble: trouble() },
        Notice::CredentialsRefused { trouble: trouble() },
        Notice::CredentialsInvalid {
            secret: secret(),
            error: CredentialsError::NoSecret,
            in_use: false,
        },
        Notice::CredentialsValid { secret: secret() },
        Notice::CredentialsRotated { secret: secret() },
        Notice::SnapshotSent {
            objects: 28,
            bytes: 12_345,
            took: Duration::from_millis(1234),
            why: vec![Cause::Start, Cause::KindReadable],
        },
        Notice::SnapshotRefused { trouble: trouble() },
        Notice::SnapshotTooLarge { trouble: trouble() },
        Notice::KindReadable {
            kind: ResourceKind::Pod,
        },
        Notice::ObjectSetAside {
            kind: ResourceKind::Pod,
            count: 1,
            answer: None,
        },
        Notice::ObjectUndecodable {
            kind: ResourceKind::Pod,
            count: 1,
        },
        Notice::ActorRestarted { part: Part::Agent },
        Notice::ActorRestarted { part: Part::Sender },
        Notice::ActorRestarted {
            part: Part::Watcher(ResourceKind::Pod),
        },
        Notice::DuplicatePlatform { trouble: trouble() },
        Notice::InvalidSpec { trouble: trouble() },
        Notice::ClusterUnknown { trouble: trouble() },
    ];
    let kinds = ResourceKind::ALL.into_iter().flat_map(|kind| {
        [Unreadability::Forbidden, Unreadability::Absent, Unreadability::Stalled]
            .map(|why| Notice::KindUnreadable { kind, why })
    });
    notices.extend(kinds);
    notices
}

#[test]
fn every_message_says_what_to_do() {
    for notice in one_of_each() {
        let message = notice.message();
        assert!(says_what_to_do(&message), "what is to be done? {message}");
    }
}

#[test]
fn every_notice_is_within_the_bounds_of_an_event() {
    for notice in one_of_each() {
        for word in [notice.reason(), notice.action()] {
            let is_camel = word.starts_with(|c: char| c.is_ascii_uppercase());
            assert!(is_camel && word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
            assert!(word.len() <= 100, "{word}");
        }
        assert!(notice.message().len() <= LONGEST_MESSAGE);
    }
}

#[test]
fn a_message_that_is_too_long_is_cut_between_characters() {
    for spare in 0..4 {
        let trouble = format!("{}{}", "a".repeat(spare), "ü".repeat(2000));
        let message = Notice::Disconnected { trouble }.message();
        assert!(message.len() <= LONGEST_MESSAGE && message.len() > LONGEST_MESSAGE - 4);
        assert!(message.ends_with("ü…"));
    }
}

#[test]
fn a_snapshot_is_told_with_its_size_its_time_and_why_it_was_sent() {
    let sent = one_of_each()
        .into_iter()
        .find(|notice| notice.reason() == "SnapshotSent");
    assert_eq!(
        sent.unwrap().message(),
        "the platform accepted a snapshot of 28 objects, 12.3 kB, after 1.2 s; sent because the agent starts, a kind can be \
         read again; nothing is to be done"
    );
}

#[test]
fn a_forbidden_kind_is_told_with_what_to_grant() {
    let forbidden = |kind| Notice::KindUnreadable {
        kind,
        why: Unreadability::Forbidden,
    };
    let notice = forbidden(ResourceKind::Deployment);
    assert_eq!(notice.reason(), "KindForbidden");
    assert!(notice.message().contains("list and watch on deployments (group apps)"));
    let core = forbidden(ResourceKind::Pod).message();
    assert!(core.contains("list and watch on pods (group core)"));
}
