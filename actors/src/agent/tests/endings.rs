// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How an agent ends: at once with its resource, and in time with the process.

use std::time::Duration;

use actix::Actor;
use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::resource::ResourceKind::Pod;

use super::driver::desired;
use super::fakes::{Fixed, World, a_spec, an_agent, an_apply, credentials, on_paused_time};
use super::life::Tree;
use crate::agent::{AgentActor, Desired, Reconfigure, Stop};
use crate::mail::Address;

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
        let old = tree.view("demo").await.actor.generation;
        let mut again = an_apply("demo");
        again.uid = "another".to_owned();
        tree.apply(again).await;
        tree.world
            .until("another snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        tree.until_synced().await;
        assert!(tree.view("demo").await.actor.generation > old);
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
        let world = World::new();
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

/// A world in which the platform takes its time, up to the moment when it has a snapshot in hand.
async fn a_slow_world() -> (World, actix::Addr<AgentActor>) {
    let world = World::new();
    world.platform.takes(Duration::from_secs(3600));
    let agent = an_agent(&world).start();
    world
        .until("a snapshot", |world| world.platform.count("snapshot") == 1)
        .await;
    (world, agent)
}

#[test]
fn an_agent_says_that_it_has_stopped_when_nothing_is_in_flight_any_more() {
    on_paused_time(async {
        let (world, agent) = a_slow_world().await;
        agent.send(Stop).await.unwrap();
        assert_eq!(world.platform.aborted(), 1);
        assert_eq!(world.api.open_streams(), 0);
    });
}

/// An agent whose sender and watchers run as far as its state knows, and of which one hangs.
fn an_agent_with_a_hanging_child(world: &World) -> (AgentActor, impl Sized) {
    let mut agent = an_agent(world);
    let (now, uid) = (world.now(), Some("cluster".to_owned()));
    let identity = ClusterIdentity { uid, git_version: None };
    agent.state.on_timer(now);
    agent.state.on_identity(now, identity, &mut Fixed(0.5));
    agent.state.on_credentials(now, "creds", Ok(credentials("client", 1)));
    let (hung, mailbox) = actix::dev::channel::channel(16);
    agent.family.set_watcher(Pod, Address::of(actix::Addr::new(hung)));
    (agent, mailbox)
}

#[test]
fn an_agent_says_that_it_is_silent_when_its_children_are_or_had_the_time_to() {
    on_paused_time(async {
        let world = World::new();
        let (agent, _mailbox) = an_agent_with_a_hanging_child(&world);
        let agent = agent.start();
        let mut spec = a_spec();
        spec.platform_url = "not a url".to_owned();
        let before = world.now();
        agent.send(Reconfigure(Box::new(desired(&spec)))).await.unwrap();
        let took = world.now().since(before);
        assert!((600..1000).contains(&took.as_millis()), "{took:?}");
    });
}

#[test]
fn an_agent_that_is_stopping_writes_no_status_any_more() {
    on_paused_time(async {
        let world = World::new();
        let (agent, _mailbox) = an_agent_with_a_hanging_child(&world);
        let agent = agent.start();
        world.pass(Duration::from_secs(30)).await;
        let wrote = world.api.wrote().len();
        let stopped = agent.send(Stop);
        let edited = Desired {
            generation: Some(2),
            ..desired(&a_spec())
        };
        agent.send(Reconfigure(Box::new(edited))).await.unwrap();
        stopped.await.unwrap();
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(world.api.wrote().len(), wrote);
    });
}

#[test]
fn an_agent_stops_when_its_children_have_and_within_a_second_if_one_hangs() {
    on_paused_time(async {
        let world = World::new();
        let (agent, _mailbox) = an_agent_with_a_hanging_child(&world);
        let agent = agent.start();
        let before = world.now();
        agent.send(Stop).await.unwrap();
        let took = world.now().since(before);
        assert!((600..1000).contains(&took.as_millis()), "{took:?}");
        assert!(!agent.connected());
    });
}
