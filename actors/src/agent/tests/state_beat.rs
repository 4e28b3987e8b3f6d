// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The heartbeat keeps its time.

use super::driver::Driver;
use crate::agent::Child;

#[test]
fn a_heartbeat_goes_out_each_interval() {
    let mut driver = Driver::synced();
    assert!(driver.at(299).is_empty());
    assert_eq!(driver.at(300), ["beat"]);
    assert_eq!(driver.at(899), ["beat"]);
}

#[test]
fn after_a_pause_of_the_process_one_goes_out_and_not_a_burst() {
    let mut driver = Driver::synced();
    driver.now = obsyk_domain::time::Moment::at(std::time::Duration::from_secs(3000));
    assert_eq!(driver.timer(), ["beat"]);
    assert!(driver.timer().is_empty());
    assert!(driver.at(3299).is_empty());
    assert_eq!(driver.at(3300), ["beat"]);
}

#[test]
fn another_interval_counts_from_the_edit_on() {
    let mut driver = Driver::synced();
    driver.at(100);
    assert!(driver.edit(|spec| spec.sync_interval = "1m".to_owned()).is_empty());
    assert!(driver.at(159).is_empty());
    assert_eq!(driver.at(160), ["beat"]);
}

#[test]
fn another_edit_does_not_delay_the_heartbeat() {
    let mut driver = Driver::synced();
    driver.at(100);
    driver.edit(|spec| spec.rate_limit.burst_size = 5);
    assert_eq!(driver.at(300), ["beat"]);
}

#[test]
fn a_heartbeat_that_falls_into_the_senders_restart_follows_it_and_nothing_spins_until_then() {
    let mut driver = Driver::synced();
    driver.at(299);
    for _ in 0..4 {
        driver.exited(Child::Sender);
    }
    // The fourth restart waits some 2 s. The driver checks that nothing wakes in vain in between.
    assert!(driver.at(300).is_empty());
    let words = driver.at(303);
    assert_eq!(words[3..5], ["configure", "beat"]);
}

#[test]
fn no_heartbeat_before_the_sender_has_a_config() {
    let mut driver = Driver::new();
    driver.timer();
    driver.identity(Some("cluster"));
    assert!(driver.at(1000).is_empty());
}
