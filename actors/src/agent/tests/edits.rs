// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Edits, as the platform sees them.

use std::time::Duration;

use obsyk_domain::agent::EventTypes;
use obsyk_domain::resource::ResourceKind::Pod;

use super::fakes::{credentials, on_paused_time};
use super::life::Tree;

#[test]
fn another_key_gives_a_new_token_and_no_snapshot() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.secret("creds", Ok(credentials("client", 2)));
        tree.world.pass(Duration::from_secs(60)).await;
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        assert_eq!(tree.world.platform.count("token"), 2);
        assert_eq!(tree.world.platform.count("snapshot"), 1);
    });
}

#[test]
fn another_platform_gets_a_token_and_a_snapshot_within_ten_seconds_and_the_old_one_nothing_more() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let before = tree.world.now();
        tree.edit(|apply| apply.spec.platform_url = "https://two.example".to_owned())
            .await;
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let second = tree.world.platform.all("snapshot").remove(1);
        assert_eq!(second.to, "https://two.example");
        assert!(second.at.since(before) < Duration::from_secs(10));
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        let later = tree.world.platform.said().into_iter().filter(|said| said.at > before);
        assert!(later.into_iter().all(|said| said.to == "https://two.example"));
    });
}

#[test]
fn another_client_gets_a_snapshot_within_ten_seconds() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let before = tree.world.now();
        tree.world.secret("creds", Ok(credentials("another", 1)));
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        assert!(tree.world.now().since(before) < Duration::from_secs(10));
        assert_eq!(tree.world.platform.all("token")[1].body, "another");
    });
}

#[test]
fn another_spelling_counts_from_the_next_event_and_makes_no_snapshot() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.edit(|apply| apply.spec.event_types = EventTypes::Lower).await;
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        assert_eq!(tree.world.platform.all("event")[0].body["type"], "added");
        assert_eq!(tree.world.platform.count("snapshot"), 1);
        assert_eq!(tree.world.platform.count("token"), 1);
    });
}

#[test]
fn another_interval_counts_from_the_edit_on() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.pass(Duration::from_secs(100)).await;
        let edited = tree.world.now();
        tree.edit(|apply| apply.spec.sync_interval = "20s".to_owned()).await;
        tree.world
            .until("a heartbeat", |world| world.platform.count("heartbeat") == 1)
            .await;
        let after = tree.world.platform.all("heartbeat")[0].at.since(edited);
        assert!((20_000..20_100).contains(&after.as_millis()), "{after:?}");
        assert_eq!(tree.world.platform.count("snapshot"), 1);
    });
}

#[test]
fn an_edit_is_observed_in_the_status() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.edit(|apply| apply.spec.rate_limit.burst_size = 7).await;
        let generation = || tree.world.status("demo").unwrap().observed_generation;
        tree.world.until("observed", |_| generation() == Some(2)).await;
    });
}

#[test]
fn an_invalid_edit_is_silent_at_once_and_said() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.takes(Duration::from_secs(30));
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        tree.edit(|apply| apply.spec.platform_url = "https://".to_owned()).await;
        tree.world.until("aborted", |world| world.platform.aborted() == 1).await;
        let reason = || tree.world.reason("demo", "Degraded");
        tree.world
            .until("said", |_| reason().as_deref() == Some("InvalidPlatformURL"))
            .await;
        assert_eq!(tree.world.api.open_streams(), 0);
    });
}
