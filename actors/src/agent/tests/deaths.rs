// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Actors that panic, under actix as it is.

use std::time::Duration;

use actix::Actor;
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind::{self, Node, Pod};
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;

use super::fakes::{World, Wrote, an_agent, key, on_paused_time};
use super::life::Tree;
use crate::agent::family::Views;
use crate::agent::{Child, Inspect};
use crate::inspect::{ActorKind, ActorView, Life, WatcherView};
use crate::mail::Address;
use crate::supervision::{ExitCause, Exited};

async fn watcher(tree: &Tree, kind: ResourceKind) -> WatcherView {
    let view = tree.view("demo").await;
    view.watchers.into_iter().find(|watcher| watcher.kind == kind).unwrap()
}

#[test]
fn a_panicking_watcher_is_restarted_with_the_next_generation_and_a_snapshot_follows() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        assert_eq!(watcher(&tree, Pod).await.actor.generation, 1);
        tree.world.api.panic(Pod);
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let restarted = watcher(&tree, Pod).await;
        assert_eq!((restarted.actor.generation, restarted.actor.restarts), (2, 1));
        assert_eq!(watcher(&tree, Node).await.actor.generation, 1);
        assert_eq!(tree.view("demo").await.snapshots.by_cause[&Cause::WatcherLost], 1);
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
        assert_eq!(view.sender.unwrap().actor.generation, 2);
        assert!(view.watchers.iter().all(|watcher| watcher.actor.generation == 2));
        assert_eq!(view.snapshots.by_cause[&Cause::SenderLost], 1);
        let snapshot = tree.world.platform.all("snapshot").remove(1).body;
        assert_eq!(snapshot["pods"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_sender_that_panics_while_it_sends_the_first_snapshot_is_followed_by_one_that_does() {
    on_paused_time(async {
        let world = World::new();
        world.platform.panic();
        let tree = Tree::planted(world).await;
        tree.until_synced().await;
        assert_eq!(tree.world.platform.count("snapshot"), 2);
    });
}

#[test]
fn a_sender_that_dies_again_and_again_ends_the_agent_which_says_so_and_is_built_anew() {
    on_paused_time(async {
        let world = World::new();
        world.platform.panic_at_tokens(true);
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(1)).await;
        let before = tree.view("demo").await.actor.generation;
        tree.world.pass(Duration::from_secs(280)).await;
        let wrote = tree.world.api.wrote();
        let is_said = |wrote: &Wrote| {
            let conditions = &wrote.status.conditions;
            conditions.iter().any(|known| known.reason == "Restarting")
        };
        assert!(wrote.iter().any(is_said));
        tree.world.platform.panic_at_tokens(false);
        tree.until_synced().await;
        assert!(tree.view("demo").await.actor.generation > before);
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

#[test]
fn a_late_word_of_a_child_that_was_replaced_changes_nothing() {
    on_paused_time(async {
        let world = World::new();
        let agent = an_agent(&world).start();
        world
            .until("synced", |world| world.platform.count("snapshot") == 1)
            .await;
        for child in [Child::Sender, Child::Watcher(Pod)] {
            let late = Exited {
                child,
                generation: 0,
                cause: ExitCause::Panicked,
            };
            agent.send(late).await.unwrap();
        }
        world.pass(Duration::from_secs(60)).await;
        let view = agent.send(Inspect).await.unwrap();
        assert_eq!(view.sender.unwrap().actor.generation, 1);
        assert!(view.watchers.iter().all(|watcher| watcher.actor.restarts == 0));
        assert_eq!(world.platform.count("snapshot"), 1);
    });
}

#[test]
fn an_agent_whose_child_hangs_answers_in_time_and_says_that_it_knows_less() {
    on_paused_time(async {
        let world = World::new();
        world.secret("creds", Err(CredentialsError::NoSecret));
        let mut agent = an_agent(&world);
        let (hung, _mailbox) = actix::dev::channel::channel(16);
        agent.family.set_watcher(Pod, Address::of(actix::Addr::new(hung)));
        let agent = agent.start();
        for _ in 0..40 {
            let before = world.now();
            let view = agent.send(Inspect).await.unwrap();
            assert_eq!(view.watchers[0].actor.life, Life::Unseen);
            assert!(world.now().since(before) < Duration::from_millis(400));
        }
    });
}

#[test]
fn a_late_word_of_an_agent_that_was_replaced_changes_nothing() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let late = Exited {
            child: key("demo"),
            generation: 0,
            cause: ExitCause::Panicked,
        };
        tree.supervisor.send(late).await.unwrap();
        tree.world.pass(Duration::from_secs(60)).await;
        assert_eq!(tree.world.platform.count("snapshot"), 1);
        assert_eq!(tree.view("demo").await.actor.generation, 1);
    });
}

#[test]
fn a_dead_agent_is_built_anew_and_its_children_are_silent() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        // Who writes the status is the agent itself.
        tree.world.api.panic_at_writes(true);
        tree.edit(|_| {}).await;
        tree.world.pass(Duration::from_millis(50)).await;
        assert_eq!(tree.world.api.open_streams(), 0);
        tree.world.api.panic_at_writes(false);
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let view = tree.supervisor.send(crate::supervisor::Inspect).await.unwrap();
        let agent = &view.agents[0].actor;
        assert_eq!((agent.restarts, agent.generation, agent.life), (1, 2, Life::Running));
        assert_eq!(agent.last_exit.map(|exit| exit.cause), Some(ExitCause::Panicked));
        assert_eq!(agent.restart_causes.get(&ExitCause::Panicked), Some(&1));
    });
}

#[test]
fn what_a_child_said_that_was_stopped_since_is_not_shown() {
    on_paused_time(async {
        let mut agent = an_agent(&World::new());
        let actor = ActorView::unseen(ActorKind::Watcher, String::new(), 1, Moment::START);
        agent.take_views(Views {
            sender: None,
            watchers: [(Pod, WatcherView::unseen(actor, Pod))].into(),
        });
        assert!(agent.view().watchers.is_empty());
    });
}
