// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What one can see of a tree, and that looking changes nothing.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::resource::ResourceKind::{Node, Pod};
use obsyk_domain::snapshot::Cause;

use super::fakes::{World, an_apply, key, on_paused_time};
use super::life::Tree;
use crate::inspect::{Life, LineView, ListForm, ListWhy, Readiness, SnapshotResult, SupervisorView};
use crate::supervision::ExitCause;
use crate::supervisor::{Drain, Inspect};

/// An hour of a tree in which much goes wrong: all that it said, to the platform and to the API server, and when.
async fn an_hour(looks_every: Option<Duration>) -> Vec<String> {
    let tree = Tree::synced().await;
    if let Some(every) = looks_every {
        let supervisor = tree.supervisor.clone();
        actix::spawn(async move {
            loop {
                supervisor.send(Inspect).await.unwrap();
                tokio::time::sleep(every).await;
            }
        });
    }
    let world = &tree.world;
    for round in 0..60 {
        world.api.put(Pod, &format!("pod-{round}"));
        match round {
            5 => world.platform.answer(Outcome::status(503)),
            15 => world.platform.answer(Outcome::status(200)),
            20 => world.api.forbid(Node, true),
            25 => world.api.forbid(Node, false),
            30 => world.api.panic(Pod),
            40 => world.platform.answer(Outcome::status(400)),
            45 => world.platform.answer(Outcome::status(200)),
            _ => {}
        }
        world.pass(Duration::from_secs(60)).await;
    }
    let said = world.platform.said().into_iter();
    let said = said.map(|said| format!("{:?} {} {} {}", said.at, said.what, said.to, said.body));
    let wrote = world.api.wrote().into_iter();
    let wrote = wrote.map(|wrote| format!("{:?} {:?} {:?}", wrote.at, wrote.key, wrote.status));
    let events = world.events.recorded().into_iter();
    let events = events.map(|(uid, notice)| format!("{uid} {notice:?}"));
    said.chain(wrote).chain(events).collect()
}

#[test]
fn looking_changes_nothing_of_what_the_actors_say_and_when() {
    let hour = |looks_every| {
        let told = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let into = std::rc::Rc::clone(&told);
        on_paused_time(async move {
            *into.borrow_mut() = an_hour(looks_every).await;
        });
        told.take()
    };
    let unseen = hour(None);
    assert!(unseen.len() > 100, "{unseen:#?}");
    let seen = hour(Some(Duration::from_millis(370)));
    for (unseen, seen) in unseen.iter().zip(&seen) {
        assert_eq!(unseen, seen);
    }
    assert_eq!(unseen.len(), seen.len());
}

#[test]
fn a_tree_at_work_tells_what_it_did() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        tree.world.pass(Duration::from_secs(5)).await;
        let view = tree.view("demo").await;
        assert_eq!(view.platform.as_deref(), Some("https://one.example"));
        assert_eq!(view.credentials.secret.as_deref(), Some("creds"));
        assert_eq!(view.credentials.client_id.as_deref(), Some("client"));
        let conditions: Vec<_> = view
            .conditions
            .iter()
            .map(|known| (&*known.r#type, &*known.status))
            .collect();
        assert_eq!(
            conditions,
            [("Available", "True"), ("Syncing", "True"), ("Degraded", "False")]
        );
        assert!(view.next_heartbeat.is_some());
        let snapshots = &view.snapshots;
        assert_eq!(snapshots.by_cause.get(&Cause::Start), Some(&1));
        assert_eq!((snapshots.recent.len(), snapshots.recent[0].n), (1, 1));
        assert!(matches!(
            snapshots.recent[0].result,
            SnapshotResult::Accepted { objects: 1, .. }
        ));
        let sender = view.sender.unwrap();
        assert_eq!(sender.actor.name, "obsyk-system/demo/sender");
        assert_eq!(
            (sender.line, sender.events, sender.lag.count()),
            (LineView::Closed, 1, 1)
        );
        assert_eq!((sender.snapshots.count(), sender.barriers.count()), (1, 1));
        assert_eq!(sender.actor.messages.handled["Offer"], 1);
        assert_eq!(sender.actor.messages.waiting, 0);
        let rate = sender.rate.unwrap();
        assert_eq!((rate.tokens, rate.burst), (rate.burst, 20));
        let pods = view.watchers.iter().find(|watcher| watcher.kind == Pod).unwrap();
        assert_eq!((pods.known, pods.events, pods.lists.len()), (2, 1, 1));
        let list = pods.last_list.unwrap();
        assert_eq!((list.form, list.why), (ListForm::Stream, ListWhy::Snapshot));
        assert!(pods.last_event.is_some());
    });
}

#[test]
fn what_dies_before_anybody_looked_is_shown_as_dead() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.panic();
        tree.world.api.put(Pod, "db");
        tree.world.pass(Duration::from_millis(200)).await;
        let view = tree.view("demo").await;
        let sender = view.sender.unwrap().actor;
        assert_eq!(
            (sender.life, sender.last_exit.map(|exit| exit.cause)),
            (Life::Dead, Some(ExitCause::Panicked))
        );
    });
}

#[test]
fn watchers_that_end_with_their_sender_keep_their_place() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let known = tree.view("demo").await.watchers;
        tree.world.platform.panic();
        tree.world.api.put(Pod, "db");
        tree.world.pass(Duration::from_millis(200)).await;
        let ended = tree.view("demo").await.watchers;
        assert_eq!(ended.len(), known.len());
        for (ended, known) in ended.iter().zip(&known) {
            assert_eq!((ended.kind, ended.actor.life), (known.kind, Life::Dead));
            assert_eq!(ended.actor.restarts, 0, "it didn't die by itself");
        }
        tree.world.pass(Duration::from_secs(60)).await;
        let living = tree.view("demo").await.watchers;
        assert!(living.iter().all(|watcher| watcher.actor.life == Life::Running));
    });
}

#[test]
fn an_actor_that_died_is_shown_with_its_last_known_state_until_its_successor_answers() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let known = tree.view("demo").await.watchers[0].clone();
        assert_eq!((known.kind, known.known), (Pod, 1));
        tree.world.api.panic(Pod);
        tree.world.pass(Duration::from_millis(50)).await;
        let dead = tree.view("demo").await.watchers[0].clone();
        assert_eq!(
            (dead.actor.life, dead.known, dead.actor.seen),
            (Life::Dead, 1, known.actor.seen)
        );
        assert_eq!(dead.actor.last_exit.map(|exit| exit.cause), Some(ExitCause::Panicked));
        tree.world.pass(Duration::from_secs(60)).await;
        let living = tree.view("demo").await.watchers[0].clone();
        assert_eq!(
            (living.actor.life, living.actor.generation, living.actor.restarts),
            (Life::Running, 2, 1)
        );
    });
}

#[test]
fn nobody_is_shown_as_running_who_was_told_to_end_or_whose_agent_died() {
    on_paused_time(async {
        let lives = |view: &SupervisorView| {
            let agent = &view.agents[0];
            let sender = agent.sender.iter().map(|sender| sender.actor.life);
            let watchers = agent.watchers.iter().map(|watcher| watcher.actor.life);
            std::iter::once(agent.actor.life)
                .chain(sender)
                .chain(watchers)
                .collect::<Vec<_>>()
        };
        let tree = Tree::synced().await;
        let look = async || tree.supervisor.send(Inspect).await.unwrap();
        assert_eq!(lives(&look().await), [Life::Running; 4]);
        tree.world.api.panic_at_writes(true);
        tree.edit(|_| {}).await;
        tree.world.pass(Duration::from_millis(50)).await;
        assert_eq!(lives(&look().await), [Life::Dead; 4]);
        tree.world.api.panic_at_writes(false);
        tree.world.pass(Duration::from_secs(60)).await;
        assert_eq!(lives(&look().await), [Life::Running; 4]);
        tree.world.platform.takes(Duration::from_secs(30));
        tree.world.api.put(Pod, "db");
        tree.world.pass(Duration::from_secs(1)).await;
        let supervisor = tree.supervisor.clone();
        let deadline = tree.world.now() + Duration::from_secs(5);
        actix::spawn(async move { supervisor.send(Drain { deadline }).await });
        tree.world.pass(Duration::from_secs(1)).await;
        assert_eq!(lives(&look().await), [Life::Busy; 4]);
    });
}

#[test]
fn another_resource_under_a_known_name_is_not_shown_as_the_one_before() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        assert_eq!(tree.view("demo").await.readiness, Readiness::Synced);
        tree.world.platform.takes(Duration::from_secs(30));
        tree.remove("demo").await;
        let mut another = an_apply("demo");
        another.uid = "another".to_owned();
        tree.apply(another).await;
        let view = tree.view("demo").await;
        assert_ne!(view.readiness, Readiness::Synced, "{view:?}");
    });
}

#[test]
fn what_the_platform_refuses_is_named_with_its_answer() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.platform.answer(Outcome::status(422));
        tree.world.api.put(Pod, "db");
        tree.world.pass(Duration::from_secs(5)).await;
        let sender = tree.view("demo").await.sender.unwrap();
        assert_eq!(sender.set_aside[&Pod], 1);
        let object = &sender.set_aside_objects[0];
        assert_eq!(
            (&*object.name, &*object.reason),
            ("db", "the platform answered status 422")
        );
    });
}

#[test]
fn only_ten_snapshots_are_kept_the_newest_first() {
    on_paused_time(async {
        let tree = Tree::planted(World::new()).await;
        tree.until_synced().await;
        for round in 2..=15 {
            tree.world.api.panic(Pod);
            tree.world
                .until("another snapshot", |world| world.platform.count("snapshot") == round)
                .await;
            tree.world.pass(Duration::from_secs(300)).await;
        }
        let recent = tree.view("demo").await.snapshots.recent;
        let numbers: Vec<u64> = recent.iter().map(|snapshot| snapshot.n).collect();
        assert_eq!(numbers, [15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
    });
}

#[test]
fn a_resource_that_is_gone_is_not_shown_any_more() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.view("demo").await;
        tree.remove("demo").await;
        let view = tree.supervisor.send(Inspect).await.unwrap();
        assert!(view.agents.iter().all(|agent| agent.name != *key("demo").name));
    });
}
