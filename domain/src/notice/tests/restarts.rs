// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

use jiff::Timestamp;

use super::*;
use crate::agent::{ObsykAgentStatus, SettingsError};

/// The status that an operator leaves which saw this.
fn left_by(now: &Situation<'_>) -> ObsykAgentStatus {
    ObsykAgentStatus {
        observed_generation: Some(1),
        conditions: now.conditions(&[], Some(1), Timestamp::UNIX_EPOCH),
        ..ObsykAgentStatus::default()
    }
}

/// What an operator that starts after one that saw `before` tells when it sees `now` as well.
fn told_again(before: &Situation<'_>, now: &Situation<'_>) -> Vec<&'static str> {
    let mut stood = Stood::new(Some(&left_by(before)), Some(1));
    let mut told = reasons(&mut stood, &starting());
    told.extend(reasons(&mut stood, now));
    told
}

#[test]
fn what_the_status_shows_already_is_not_told_again() {
    let unreadable = BTreeMap::from([
        (ResourceKind::Pod, Unreadability::Forbidden),
        (ResourceKind::Node, Unreadability::Stalled),
    ]);
    let undecodable = BTreeMap::from([(ResourceKind::Secret, 2)]);
    let troubled = Situation {
        unreadable: &unreadable,
        undecodable: &undecodable,
        refused: Some(Outcome::status(404)),
        too_large: KindSet::from_iter([ResourceKind::Pod]),
        credentials_error: Some(CredentialsError::Rsa),
        ..well()
    };
    let error = SettingsError::InvalidClusterName;
    let invalid = Situation {
        settings_error: Some(&error),
        ..starting()
    };
    let standing = Standing::Duplicate {
        of: "obsyk-system/first".to_owned(),
    };
    let duplicate = Situation {
        standing: &standing,
        ..starting()
    };
    let down = Situation {
        link: Link::Open(BUSY),
        ..well()
    };
    let denied = Situation {
        link: Link::Denied(Outcome::status(403)),
        ..well()
    };
    let unknown = Situation {
        cluster_known: Some(false),
        ..starting()
    };
    for now in [well(), troubled, invalid, duplicate, down, denied, unknown] {
        assert_eq!(told_again(&now, &now), [] as [&str; 0], "{now:?}");
    }
}

#[test]
fn what_another_kind_or_another_trouble_had_is_told() {
    let forbidden = |kind| BTreeMap::from([(kind, Unreadability::Forbidden)]);
    let (cron_jobs, jobs) = (forbidden(ResourceKind::CronJob), forbidden(ResourceKind::Job));
    let lacks = |unreadable| Situation { unreadable, ..well() };
    assert_eq!(told_again(&lacks(&cron_jobs), &lacks(&jobs)), ["KindForbidden"]);
    let two = BTreeMap::from([(ResourceKind::Pod, 2)]);
    let refused = Situation {
        set_aside: &two,
        ..well()
    };
    let broken = Situation {
        undecodable: &two,
        ..well()
    };
    assert_eq!(told_again(&refused, &broken), ["ObjectUndecodable"]);
}

#[test]
fn what_has_changed_since_the_status_was_written_is_told() {
    let down = Situation {
        link: Link::Open(BUSY),
        ..well()
    };
    assert_eq!(told_again(&down, &well()), ["Connected"]);
    assert_eq!(told_again(&well(), &down), ["Disconnected"]);
    let unreadable = BTreeMap::from([(ResourceKind::Pod, Unreadability::Forbidden)]);
    let missing = Situation {
        unreadable: &unreadable,
        ..well()
    };
    assert_eq!(told_again(&well(), &missing), ["KindForbidden"]);
}

#[test]
fn what_the_status_showed_is_told_when_it_comes_back_after_a_good_time() {
    let unreadable = BTreeMap::from([(ResourceKind::Pod, Unreadability::Forbidden)]);
    let missing = Situation {
        unreadable: &unreadable,
        ..well()
    };
    let mut stood = Stood::new(Some(&left_by(&missing)), Some(1));
    assert_eq!(reasons(&mut stood, &well()), [] as [&str; 0]);
    assert_eq!(reasons(&mut stood, &missing), ["KindForbidden"]);
}

#[test]
fn a_cause_that_the_status_showed_is_not_told_again_but_its_return_is() {
    let unreadable = BTreeMap::from([(ResourceKind::Pod, Unreadability::Forbidden)]);
    let missing = Situation {
        unreadable: &unreadable,
        ..starting()
    };
    let mut stood = Stood::new(Some(&left_by(&missing)), Some(1));
    assert_eq!(reasons(&mut stood, &missing), [] as [&str; 0]);
    assert_eq!(reasons(&mut stood, &starting()), ["KindReadable"]);
    assert_eq!(reasons(&mut stood, &missing), ["KindForbidden"]);
}

#[test]
fn a_status_of_another_generation_says_nothing() {
    let mut stood = Stood::new(Some(&left_by(&well())), Some(2));
    assert_eq!(reasons(&mut stood, &well()), ["Connected"]);
}
