// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Edits change what they name, and nothing else.

use obsyk_domain::agent::EventTypes;
use obsyk_domain::condition::{Link, Standing};
use obsyk_domain::credentials::CredentialsError;

use super::driver::{Driver, desired};
use super::fakes::{a_spec, credentials};
use crate::agent::Desired;

const ANEW: [&str; 3] = ["configure", "identify", "open 2 for edited"];

#[test]
fn another_platform_begins_anew_with_a_snapshot() {
    let mut driver = Driver::synced();
    driver.link(Link::Up);
    driver.at(5);
    let words = driver.edit(|spec| spec.platform_url = "https://two.example".to_owned());
    assert_eq!(words, ANEW);
    assert!(!driver.state.is_accepted());
    assert_eq!(driver.reason("Available"), "Connecting");
}

#[test]
fn another_name_of_the_cluster_begins_anew_with_a_snapshot() {
    let mut driver = Driver::synced();
    assert_eq!(driver.edit(|spec| spec.cluster_name = "mall".to_owned()), ANEW);
}

#[test]
fn another_client_begins_anew_with_a_snapshot() {
    let mut driver = Driver::synced();
    assert_eq!(driver.credentials("creds", Ok(credentials("another", 1))), ANEW);
}

#[test]
fn another_key_is_given_to_the_sender_and_nothing_else_happens() {
    let mut driver = Driver::synced();
    assert_eq!(driver.credentials("creds", Ok(credentials("client", 2))), ["configure"]);
    assert!(driver.state.is_accepted());
}

#[test]
fn another_rate_and_another_spelling_are_given_to_the_sender_and_nothing_else_happens() {
    let mut driver = Driver::synced();
    assert_eq!(
        driver.edit(|spec| spec.rate_limit.events_per_second = 100),
        ["configure"]
    );
    assert_eq!(driver.edit(|spec| spec.event_types = EventTypes::Lower), ["configure"]);
    let config = driver.config.unwrap();
    assert_eq!((config.per_second, config.case), (100, EventTypes::Lower));
}

#[test]
fn another_generation_alone_changes_nothing() {
    let mut driver = Driver::synced();
    let words = driver.reconfigure(Desired {
        generation: Some(2),
        ..desired(&a_spec())
    });
    assert!(words.is_empty());
    assert_eq!(driver.state.desired().generation, Some(2));
}

#[test]
fn an_edit_in_mid_snapshot_gives_that_one_up() {
    let mut driver = Driver::started();
    driver.opened(1);
    driver.edit(|spec| spec.cluster_name = "mall".to_owned());
    for kind in super::fakes::KINDS {
        assert!(driver.listed(1, kind).is_empty());
    }
    assert!(driver.ended(1, &super::driver::accepted()).is_empty());
    assert!(!driver.state.is_accepted());
}

#[test]
fn an_edit_while_the_sender_is_being_restarted_begins_anew_too() {
    let mut driver = Driver::synced();
    driver.exited(crate::agent::Child::Sender);
    assert!(driver.edit(|spec| spec.cluster_name = "mall".to_owned()).is_empty());
    let words = driver.at(3);
    assert!(words.contains(&"open 2 for edited".to_owned()), "{words:?}");
}

#[test]
fn an_invalid_edit_stops_the_children_once() {
    let mut driver = Driver::synced();
    let words = driver.edit(|spec| spec.sync_interval = "soon".to_owned());
    assert_eq!(words, ["follow nothing", "stop children"]);
    assert!(driver.timer().is_empty());
    assert_eq!(driver.reason("Degraded"), "InvalidSyncInterval");
}

#[test]
fn a_mended_edit_starts_as_if_new() {
    let mut driver = Driver::synced();
    driver.edit(|spec| spec.sync_interval = "soon".to_owned());
    let words = driver.edit(|spec| spec.sync_interval = "1m".to_owned());
    assert_eq!(words, ["follow creds"]);
    let words = driver.credentials("creds", Ok(credentials("client", 1)));
    assert!(words.contains(&"start sender".to_owned()), "{words:?}");
    assert!(words.contains(&"open 2 for start".to_owned()), "{words:?}");
}

#[test]
fn one_that_becomes_a_duplicate_stops_and_forgets_its_credentials() {
    let mut driver = Driver::synced();
    let words = driver.reconfigure(Desired {
        standing: Standing::Duplicate {
            of: "obsyk-system/older".to_owned(),
        },
        ..desired(&a_spec())
    });
    assert_eq!(words, ["follow nothing", "stop children"]);
    assert_eq!(driver.reason("Syncing"), "NotStarted");
}

#[test]
fn late_words_of_stopped_children_change_nothing() {
    let mut driver = Driver::synced();
    driver.edit(|spec| spec.sync_interval = "soon".to_owned());
    driver.link(Link::Up);
    driver.due(obsyk_domain::snapshot::Cause::Backlog, 1);
    driver.unreadable(1, obsyk_domain::resource::ResourceKind::Pod);
    driver.edit(|spec| spec.sync_interval = "1m".to_owned());
    let words = driver.credentials("creds", Ok(credentials("client", 1)));
    assert!(words.contains(&"open 2 for start".to_owned()), "{words:?}");
    assert_eq!(driver.reason("Available"), "Connecting");
    assert_eq!(driver.reason("Degraded"), "AsExpected");
}

#[test]
fn another_secret_with_the_same_content_changes_nothing_else() {
    let mut driver = Driver::synced();
    let words = driver.edit(|spec| spec.credentials_secret_ref.name = "other".to_owned());
    assert_eq!(words, ["follow other"]);
    assert!(driver.credentials("other", Ok(credentials("client", 1))).is_empty());
}

#[test]
fn another_secret_that_is_missing_leaves_the_old_credentials_in_use_and_says_so() {
    let mut driver = Driver::synced();
    driver.edit(|spec| spec.credentials_secret_ref.name = "other".to_owned());
    assert!(driver.credentials("other", Err(CredentialsError::NoSecret)).is_empty());
    assert_eq!(driver.reason("Degraded"), "SecretNotFound");
    assert_eq!(driver.reason("Syncing"), "Streaming");
}

#[test]
fn credentials_of_the_old_secret_are_never_shown_to_another_platform() {
    let mut driver = Driver::synced();
    let words = driver.edit(|spec| {
        spec.platform_url = "https://two.example".to_owned();
        spec.credentials_secret_ref.name = "other".to_owned();
    });
    assert_eq!(words, ["follow other", "stop children"]);
    assert!(driver.credentials("other", Err(CredentialsError::NoSecret)).is_empty());
    assert_eq!(driver.reason("Available"), "SecretNotFound");
    let words = driver.credentials("other", Ok(credentials("other-client", 1)));
    assert!(words.contains(&"configure".to_owned()), "{words:?}");
    assert_eq!(driver.config.unwrap().credentials.client_id(), "other-client");
}
