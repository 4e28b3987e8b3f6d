// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Actors that panic, under actix as it is.

use std::time::Duration;

use obsyk_domain::resource::ResourceKind::{Node, Pod};

use super::fakes::on_paused_time;
use super::life::Tree;
use crate::inspect::WatcherView;

async fn watcher(tree: &Tree, kind: obsyk_domain::resource::ResourceKind) -> WatcherView {
    let view = tree.view("demo").await;
    view.watchers.into_iter().find(|watcher| watcher.kind == kind).unwrap()
}

#[test]
fn a_panicking_watcher_is_restarted_with_the_next_generation_and_a_snapshot_follows() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        assert_eq!(watcher(&tree, Pod).await.generation, 1);
        tree.world.api.panic(Pod);
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let restarted = watcher(&tree, Pod).await;
        assert_eq!((restarted.generation, restarted.restarts), (2, 1));
        assert_eq!(watcher(&tree, Node).await.generation, 1);
        assert_eq!(tree.view("demo").await.snapshots["watcher_lost"], 1);
    });
}

#[test]
fn a_panicking_sender_restarts_all_and_a_snapshot_follows() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.panic();
        tree.world.api.put(Pod, "db");
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let view = tree.view("demo").await;
        assert_eq!(view.sender.unwrap().generation, 2);
        assert!(view.watchers.iter().all(|watcher| watcher.generation == 2));
        assert_eq!(view.snapshots["sender_lost"], 1);
        let snapshot = tree.world.platform.all("snapshot").remove(1).body;
        assert_eq!(snapshot["pods"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_sender_that_panics_while_it_sends_the_first_snapshot_is_followed_by_one_that_does() {
    on_paused_time(async {
        let world = super::fakes::World::new();
        world.platform.panic();
        let tree = Tree::planted(world).await;
        tree.until_synced().await;
        assert_eq!(tree.world.platform.count("snapshot"), 2);
    });
}

#[test]
fn a_sender_that_dies_again_and_again_ends_the_agent_which_says_so_and_is_built_anew() {
    on_paused_time(async {
        let world = super::fakes::World::new();
        world.platform.panic_at_tokens(true);
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(1)).await;
        let before = tree.view("demo").await.generation;
        tree.world.pass(Duration::from_secs(280)).await;
        let wrote = tree.world.api.wrote();
        let is_said = |wrote: &super::fakes::Wrote| {
            let conditions = &wrote.status.conditions;
            conditions.iter().any(|known| known.reason == "Restarting")
        };
        assert!(wrote.iter().any(is_said));
        tree.world.platform.panic_at_tokens(false);
        tree.until_synced().await;
        assert!(tree.view("demo").await.generation > before);
    });
}

#[test]
fn a_supervisor_that_ends_says_so_to_the_process() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let Tree { supervisor, alive, .. } = tree;
        drop(supervisor);
        // Agents hold only a weak address of their supervisor.
        assert!(tokio::time::timeout(Duration::from_secs(60), alive).await.is_ok());
    });
}
