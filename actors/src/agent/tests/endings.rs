// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How an agent ends: at once with its resource, and in time with the process.

use std::time::Duration;

use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::resource::ResourceKind::Pod;

use super::fakes::{an_apply, on_paused_time};
use super::life::Tree;

#[test]
fn a_deleted_resource_aborts_what_is_in_flight_within_a_second_and_is_silent() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.takes(Duration::from_secs(30));
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        tree.remove("demo").await;
        tree.world.pass(Duration::from_secs(1)).await;
        assert_eq!(tree.world.platform.aborted(), 1);
        assert_eq!(tree.world.api.open_streams(), 0);
        let (said, wrote) = (tree.world.platform.said().len(), tree.world.api.wrote().len());
        tree.world.pass(Duration::from_secs(3600)).await;
        assert_eq!(tree.world.platform.said().len(), said);
        assert_eq!(tree.world.api.wrote().len(), wrote);
    });
}

#[test]
fn a_deleted_resource_whose_status_is_being_written_stops_all_the_same() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.api.writes_take(Duration::from_secs(3600));
        tree.edit(|_| {}).await;
        tree.world.pass(Duration::from_millis(100)).await;
        let wrote = tree.world.api.wrote().len();
        tree.remove("demo").await;
        tree.world.pass(Duration::from_secs(60)).await;
        assert_eq!(tree.world.api.wrote().len(), wrote);
        assert_eq!(tree.world.api.open_streams(), 0);
    });
}

#[test]
fn a_resource_that_is_created_again_gets_a_new_agent_when_the_old_one_is_silent() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let old = tree.view("demo").await.generation;
        let mut again = an_apply("demo");
        again.uid = "another".to_owned();
        tree.apply(again).await;
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        tree.until_synced().await;
        assert!(tree.view("demo").await.generation > old);
        let wrote = tree.world.api.wrote();
        assert_eq!(wrote.last().unwrap().uid, "another");
    });
}

#[test]
fn a_drain_sends_what_the_ledger_holds_and_then_ends() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let names: Vec<String> = (0..40).map(|n| format!("pod-{n}")).collect();
        names.iter().for_each(|name| tree.world.api.put(Pod, name));
        tree.world.pass(Duration::from_millis(1)).await;
        let before = tree.world.now();
        tree.drain(Duration::from_secs(5)).await;
        let took = tree.world.now().since(before);
        assert_eq!(tree.world.platform.count("event"), 40);
        // 20 at once and 10 a second.
        assert!((1900..3000).contains(&took.as_millis()), "{took:?}");
        assert_eq!(tree.world.api.open_streams(), 0);
    });
}

#[test]
fn a_drain_ends_at_its_deadline_whatever_is_left() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.takes(Duration::from_secs(3600));
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        let before = tree.world.now();
        tree.drain(Duration::from_secs(5)).await;
        let took = tree.world.now().since(before);
        assert!((4900..5100).contains(&took.as_millis()), "{took:?}");
        assert_eq!(tree.world.platform.aborted(), 1);
    });
}

#[test]
fn a_drain_in_mid_snapshot_aborts_it() {
    on_paused_time(async {
        let world = super::fakes::World::new();
        world.platform.takes(Duration::from_secs(3600));
        let tree = Tree::planted(world).await;
        tree.world
            .until("a snapshot", |world| world.platform.count("snapshot") == 1)
            .await;
        let before = tree.world.now();
        tree.drain(Duration::from_secs(5)).await;
        assert!(tree.world.now().since(before) < Duration::from_secs(1));
        assert_eq!(tree.world.platform.aborted(), 1);
    });
}

#[test]
fn nothing_starts_during_a_drain() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.answer(Outcome::Lost {
            fault: Fault::Connect,
            ambiguous: false,
        });
        tree.drain(Duration::from_secs(5)).await;
        let said = tree.world.platform.said().len();
        tree.apply(an_apply("another")).await;
        tree.remove("demo").await;
        tree.world.pass(Duration::from_secs(600)).await;
        assert_eq!(tree.world.platform.said().len(), said);
    });
}
