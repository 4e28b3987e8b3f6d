// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

use super::*;
use crate::agent::SettingsError;
use crate::answer::Fault;
use crate::token::TokenError;

const NONE: [&str; 0] = [];

#[test]
fn what_stands_as_it_stood_is_not_told() {
    let mut stood = settled();
    assert_eq!(reasons(&mut stood, &well()), NONE);
}

#[test]
fn a_connection_is_told_as_it_comes_and_goes_but_not_while_a_request_is_tried_again() {
    let mut stood = settled();
    let with = |link| Situation { link, ..well() };
    assert_eq!(reasons(&mut stood, &with(Link::Trying(BUSY))), NONE);
    assert_eq!(reasons(&mut stood, &well()), NONE);
    assert_eq!(reasons(&mut stood, &with(Link::Open(BUSY))), ["Disconnected"]);
    let dns = Outcome::Lost {
        fault: Fault::Dns,
        ambiguous: false,
    };
    assert_eq!(
        reasons(&mut stood, &with(Link::Open(dns))),
        NONE,
        "it is down as before"
    );
    assert_eq!(reasons(&mut stood, &with(Link::Trying(dns))), NONE);
    assert_eq!(reasons(&mut stood, &well()), ["Connected"]);
}

#[test]
fn a_refusal_of_the_credentials_is_told_apart_from_an_outage() {
    let mut stood = settled();
    let with = |link| Situation { link, ..well() };
    assert_eq!(
        reasons(&mut stood, &with(Link::Denied(Outcome::status(403)))),
        ["CredentialsRefused"]
    );
    let token = |outcome| Link::NoToken(TokenError::Answer(outcome));
    assert_eq!(reasons(&mut stood, &with(token(Outcome::status(401)))), NONE);
    assert_eq!(reasons(&mut stood, &with(token(BUSY))), ["Disconnected"]);
    assert_eq!(reasons(&mut stood, &well()), ["Connected"]);
}

#[test]
fn a_new_sender_and_an_edit_that_leaves_the_platform_make_no_new_connection() {
    let mut stood = settled();
    assert_eq!(reasons(&mut stood, &starting()), NONE);
    assert_eq!(reasons(&mut stood, &well()), NONE);
}

#[test]
fn another_platform_is_connected_to_anew() {
    let mut stood = settled();
    let elsewhere = |now| Situation {
        platform: "https://other.example.com",
        ..now
    };
    assert_eq!(reasons(&mut stood, &elsewhere(starting())), NONE);
    assert_eq!(reasons(&mut stood, &elsewhere(well())), ["Connected"]);
}

#[test]
fn a_resource_that_can_not_be_served_is_told_and_so_is_its_return() {
    let mut stood = settled();
    let error = SettingsError::InvalidClusterName;
    let invalid = Situation {
        settings_error: Some(&error),
        ..starting()
    };
    assert_eq!(reasons(&mut stood, &invalid), ["InvalidSpec"]);
    assert_eq!(reasons(&mut stood, &invalid), NONE);
    let standing = Standing::Duplicate {
        of: "obsyk-system/first".to_owned(),
    };
    let duplicate = Situation {
        standing: &standing,
        ..starting()
    };
    let told = turn(&mut stood, &duplicate);
    assert_eq!(told[0].reason(), "DuplicatePlatform");
    assert!(told[0].message().contains("obsyk-system/first"));
    assert_eq!(reasons(&mut stood, &starting()), NONE);
    assert_eq!(reasons(&mut stood, &well()), ["Connected"]);
}

#[test]
fn an_unknown_cluster_is_told() {
    let mut stood = Stood::default();
    let unknown = Situation {
        cluster_known: Some(false),
        ..starting()
    };
    assert_eq!(reasons(&mut stood, &unknown), ["ClusterUnknown"]);
    assert_eq!(reasons(&mut stood, &unknown), NONE);
}

#[test]
fn a_secret_that_breaks_and_is_mended_is_told() {
    let (mut stood, key) = (settled(), credentials("one"));
    let mut secret = |error| {
        let now = Situation {
            credentials_error: error,
            ..well()
        };
        let told = stood.turn(&now, Some(&key), &BTreeMap::new());
        told.iter().map(Notice::reason).collect::<Vec<_>>()
    };
    assert_eq!(secret(None), NONE, "the first credentials are no transition");
    assert_eq!(secret(Some(CredentialsError::Rsa)), ["CredentialsInvalid"]);
    assert_eq!(secret(Some(CredentialsError::Unreachable)), NONE);
    assert_eq!(secret(Some(CredentialsError::Rsa)), NONE);
    assert_eq!(secret(Some(CredentialsError::NotPem)), ["CredentialsInvalid"]);
    assert_eq!(secret(None), ["CredentialsValid"]);
}

#[test]
fn other_credentials_are_told() {
    let (old, new) = (credentials("one"), credentials("other"));
    let mut stood = settled();
    for (now, told) in [(&old, &NONE[..]), (&new, &["CredentialsRotated"]), (&new, &[])] {
        let notices = stood.turn(&well(), Some(now), &BTreeMap::new());
        assert_eq!(notices.iter().map(Notice::reason).collect::<Vec<_>>(), told);
    }
    let broken = Situation {
        credentials_error: Some(CredentialsError::Malformed),
        ..well()
    };
    stood.turn(&broken, Some(&new), &BTreeMap::new());
    let mended = stood.turn(&well(), Some(&old), &BTreeMap::new());
    let rotated = Notice::CredentialsRotated {
        secret: "creds".to_owned(),
    };
    assert_eq!(mended, [rotated], "that they are others says that they can be used");
}

#[test]
fn kinds_are_told_one_by_one_as_they_go_and_come_back() {
    let mut stood = settled();
    let unreadable = BTreeMap::from([
        (ResourceKind::Pod, Unreadability::Forbidden),
        (ResourceKind::Ingress, Unreadability::Absent),
    ]);
    let missing = Situation {
        unreadable: &unreadable,
        ..well()
    };
    let mut told = reasons(&mut stood, &missing);
    told.sort_unstable();
    assert_eq!(told, ["KindForbidden", "KindUnreadable"]);
    assert_eq!(reasons(&mut stood, &missing), NONE);
    assert_eq!(reasons(&mut stood, &well()), ["KindReadable", "KindReadable"]);
}

#[test]
fn kinds_whose_watchers_are_stopped_do_not_become_readable() {
    let mut stood = settled();
    let unreadable = BTreeMap::from([(ResourceKind::Pod, Unreadability::Forbidden)]);
    let missing = Situation {
        unreadable: &unreadable,
        ..well()
    };
    assert_eq!(reasons(&mut stood, &missing), ["KindForbidden"]);
    let error = SettingsError::InvalidClusterName;
    let stopped = Situation {
        settings_error: Some(&error),
        ..starting()
    };
    assert_eq!(reasons(&mut stood, &stopped), ["InvalidSpec"]);
    assert_eq!(reasons(&mut stood, &starting()), NONE, "it isn't listed yet");
    assert_eq!(reasons(&mut stood, &missing), ["Connected", "KindForbidden"]);
}

#[test]
fn a_refused_snapshot_is_told_until_one_is_accepted() {
    let mut stood = settled();
    let refused = |code| Situation {
        refused: Some(Outcome::status(code)),
        ..well()
    };
    assert_eq!(reasons(&mut stood, &refused(400)), ["SnapshotRefused"]);
    assert_eq!(reasons(&mut stood, &refused(422)), NONE);
    assert_eq!(reasons(&mut stood, &well()), NONE);
    assert_eq!(reasons(&mut stood, &refused(400)), ["SnapshotRefused"]);
}

#[test]
fn kinds_that_become_too_large_are_told() {
    let mut stood = settled();
    let large = |kinds: &[ResourceKind]| Situation {
        too_large: kinds.iter().copied().collect(),
        ..well()
    };
    let (pods, both) = ([ResourceKind::Pod], [ResourceKind::Pod, ResourceKind::Secret]);
    assert_eq!(reasons(&mut stood, &large(&pods)), ["SnapshotTooLarge"]);
    assert_eq!(reasons(&mut stood, &large(&both)), ["SnapshotTooLarge"]);
    assert_eq!(reasons(&mut stood, &large(&pods)), NONE);
}

#[test]
fn objects_are_told_as_their_number_doubles() {
    let mut stood = settled();
    let mut told = Vec::new();
    for count in 1..=1000 {
        let objects = BTreeMap::from([(ResourceKind::Pod, count)]);
        let now = Situation {
            set_aside: &objects,
            undecodable: &objects,
            ..well()
        };
        told.extend(turn(&mut stood, &now));
    }
    let counts = told.iter().filter_map(|notice| match notice {
        Notice::ObjectSetAside { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    assert_eq!(told.len(), 20, "those that can't be decoded as well");
    assert_eq!(reasons(&mut stood, &well()), NONE);
    let one = BTreeMap::from([(ResourceKind::Pod, 1)]);
    let again = Situation {
        set_aside: &one,
        ..well()
    };
    assert_eq!(reasons(&mut stood, &again), ["ObjectSetAside"]);
}

#[test]
fn the_last_answer_to_an_object_that_is_set_aside_is_told() {
    let objects = BTreeMap::from([(ResourceKind::Pod, 1)]);
    let now = Situation {
        set_aside: &objects,
        ..well()
    };
    let answers = BTreeMap::from([(ResourceKind::Pod, Outcome::status(422))]);
    let told = settled().turn(&now, None, &answers);
    assert!(
        told[0]
            .message()
            .contains("events of Pod, at last with status 422: 1 set aside")
    );
}
