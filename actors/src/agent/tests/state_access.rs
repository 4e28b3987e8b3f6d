// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Before an agent can speak: its Secret, and who the cluster is.

use obsyk_domain::condition::Standing;
use obsyk_domain::credentials::CredentialsError;

use super::driver::{Driver, desired, desired_with_uid};
use super::fakes::{a_spec, credentials};
use crate::agent::Desired;

const BEGIN: [&str; 6] = [
    "start sender",
    "start Pod",
    "start Node",
    "configure",
    "identify",
    "open 1 for start",
];

/// Kinds start in the order of their table.
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

fn begin() -> Vec<String> {
    sorted(BEGIN.map(str::to_owned).to_vec())
}

#[test]
fn first_the_secret_and_the_cluster_are_read() {
    assert_eq!(Driver::new().timer(), ["follow creds", "identify"]);
}

#[test]
fn credentials_before_the_clusters_uid_start_nothing_yet() {
    let mut driver = Driver::new();
    driver.timer();
    assert!(driver.credentials("creds", Ok(credentials("client", 1))).is_empty());
    assert_eq!(sorted(driver.identity(Some("cluster"))), begin());
}

#[test]
fn credentials_after_the_clusters_uid_start_the_same() {
    let mut driver = Driver::new();
    driver.timer();
    assert!(driver.identity(Some("cluster")).is_empty());
    assert_eq!(
        sorted(driver.credentials("creds", Ok(credentials("client", 1)))),
        begin()
    );
}

#[test]
fn an_unknown_cluster_is_asked_for_again_with_backoff() {
    let mut driver = Driver::new();
    driver.timer();
    let mut waits = Vec::new();
    for _ in 0..4 {
        driver.identity(None);
        let wake = driver.state.wake().unwrap();
        waits.push(wake.since(driver.now).as_millis());
        driver.now = wake;
        assert_eq!(driver.timer(), ["identify"]);
    }
    assert_eq!(waits, [600, 1100, 2100, 4100]);
}

#[test]
fn an_unknown_cluster_is_said_in_the_condition() {
    let mut driver = Driver::new();
    driver.timer();
    driver.credentials("creds", Ok(credentials("client", 1)));
    driver.identity(None);
    assert_eq!(driver.reason("Degraded"), "ClusterUnknown");
}

#[test]
fn an_api_server_that_never_says_who_the_cluster_is_is_asked_again() {
    let mut driver = Driver::new();
    driver.timer();
    assert!(driver.at(29).is_empty());
    assert_eq!(driver.at(30), ["identify"]);
}

#[test]
fn without_kube_system_the_uid_of_the_status_counts() {
    let mut driver = Driver::of(desired_with_uid("cluster of old"));
    driver.timer();
    driver.credentials("creds", Ok(credentials("client", 1)));
    driver.identity(None);
    assert_eq!(driver.config.unwrap().cluster_uid, "cluster of old");
}

#[test]
fn a_known_uid_stays_when_the_cluster_can_not_be_asked_for_a_while() {
    let mut driver = Driver::synced();
    assert!(driver.identity(None).is_empty());
    assert_eq!(driver.state.cluster_uid().as_deref(), Some("cluster"));
}

#[test]
fn another_uid_of_the_cluster_is_another_picture() {
    let mut driver = Driver::synced();
    driver.at(100);
    let words = driver.identity(Some("restored cluster"));
    assert_eq!(words, ["configure", "identify", "open 2 for edited"]);
}

#[test]
fn a_missing_secret_is_said_and_nothing_starts() {
    let mut driver = Driver::new();
    driver.timer();
    driver.identity(Some("cluster"));
    assert!(driver.credentials("creds", Err(CredentialsError::NoSecret)).is_empty());
    assert_eq!(driver.reason("Degraded"), "SecretNotFound");
}

#[test]
fn a_bad_secret_keeps_the_last_good_credentials_and_says_so() {
    let mut driver = Driver::synced();
    driver.link(obsyk_domain::condition::Link::Up);
    assert!(driver.credentials("creds", Err(CredentialsError::Rsa)).is_empty());
    assert_eq!(driver.reason("Degraded"), "PrivateKeyInvalid");
    assert_eq!(driver.reason("Available"), "Connected");
}

#[test]
fn a_mended_secret_heals() {
    let mut driver = Driver::synced();
    driver.credentials("creds", Err(CredentialsError::Rsa));
    assert!(driver.credentials("creds", Ok(credentials("client", 1))).is_empty());
    assert_eq!(driver.reason("Degraded"), "AsExpected");
}

#[test]
fn a_refused_client_reads_its_secret_again() {
    let mut driver = Driver::synced();
    let again = driver.state.on_reread();
    assert!(matches!(&again[..], [crate::agent::Effect::FollowSecret(Some(name))] if name == "creds"));
}

#[test]
fn an_invalid_resource_starts_nothing_and_says_why() {
    let mut spec = a_spec();
    spec.platform_url = "not a url".to_owned();
    let mut driver = Driver::of(desired(&spec));
    assert!(driver.timer().is_empty());
    assert_eq!(driver.reason("Degraded"), "InvalidPlatformURL");
    assert_eq!(driver.state.wake(), None);
}

#[test]
fn a_duplicate_starts_nothing_and_names_who_speaks() {
    let mut driver = Driver::of(Desired {
        standing: Standing::Duplicate {
            of: "obsyk-system/older".to_owned(),
        },
        ..desired(&a_spec())
    });
    assert!(driver.timer().is_empty());
    assert_eq!(driver.reason("Degraded"), "DuplicatePlatform");
}

#[test]
fn what_a_secret_says_that_is_followed_no_more_does_not_count() {
    let mut driver = Driver::new();
    driver.timer();
    driver.identity(Some("cluster"));
    driver.edit(|spec| spec.credentials_secret_ref.name = "other".to_owned());
    assert!(driver.credentials("creds", Err(CredentialsError::NoSecret)).is_empty());
    assert_eq!(driver.reason("Degraded"), "AsExpected");
    assert!(driver.credentials("creds", Ok(credentials("client", 1))).is_empty());
}
