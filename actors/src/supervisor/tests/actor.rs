// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Several resources side by side, under actix as it is.

use std::time::Duration;

use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind::Pod;

use crate::agent::fakes::{World, an_apply, credentials, on_paused_time};
use crate::agent::life::Tree;
use crate::inspect::{Life, Readiness, SupervisorView};
use crate::mail::Address;
use crate::supervisor::{Apply, Inspect, Ping, SupervisorActor};

/// A younger resource for the same platform.
fn a_younger(name: &str) -> Apply {
    let mut apply = an_apply(name);
    apply.created += 1;
    apply
}

#[test]
fn a_duplicate_is_silent_and_says_so() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.apply(a_younger("second")).await;
        tree.world.pass(Duration::from_secs(30)).await;
        assert_eq!(
            tree.world.reason("second", "Degraded").as_deref(),
            Some("DuplicatePlatform")
        );
        assert_eq!(tree.world.platform.count("snapshot"), 1);
        assert_eq!(tree.view("second").await.readiness, Readiness::Idle);
        assert_eq!(tree.view("demo").await.readiness, Readiness::Synced);
    });
}

#[test]
fn a_duplicate_takes_over_when_the_older_one_is_gone() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.apply(a_younger("second")).await;
        tree.world.pass(Duration::from_secs(1)).await;
        tree.remove("demo").await;
        let reason = || tree.world.reason("second", "Syncing");
        tree.world
            .until("taken over", |_| reason().as_deref() == Some("Streaming"))
            .await;
        assert_eq!(tree.world.platform.count("snapshot"), 2);
        assert_eq!(tree.world.reason("second", "Degraded").as_deref(), Some("AsExpected"));
    });
}

#[test]
fn two_resources_for_two_platforms_both_report_and_editing_one_leaves_the_other_alone() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let mut second = an_apply("second");
        second.spec.platform_url = "https://two.example".to_owned();
        tree.apply(second.clone()).await;
        let reason = |name: &str| tree.world.reason(name, "Syncing");
        tree.world
            .until("both", |_| reason("second").as_deref() == Some("Streaming"))
            .await;
        tree.edit(|apply| apply.spec.cluster_name = "mall".to_owned()).await;
        tree.world
            .until("anew", |world| world.platform.count("snapshot") == 3)
            .await;
        tree.world.pass(Duration::from_secs(60)).await;
        let to_second = tree.world.platform.all("snapshot");
        let to_second = to_second.iter().filter(|said| said.to == "https://two.example");
        assert_eq!(to_second.count(), 1);
    });
}

#[test]
fn a_resource_that_can_not_start_does_not_hold_up_another() {
    on_paused_time(async {
        let world = World::new();
        world.secret("none", Err(CredentialsError::NoSecret));
        let tree = Tree::empty(world).await;
        let mut waiting = an_apply("waiting");
        waiting.spec.platform_url = "https://two.example".to_owned();
        waiting.spec.credentials_secret_ref.name = "none".to_owned();
        tree.apply(waiting).await;
        tree.apply(an_apply("demo")).await;
        tree.until_synced().await;
        let readiness = tree.view("waiting").await.readiness;
        assert!(matches!(readiness, Readiness::Waits { .. }), "{readiness:?}");
    });
}

#[test]
fn the_view_has_every_resource_by_name() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.apply(a_younger("a")).await;
        let view = tree.supervisor.send(Inspect).await.unwrap();
        assert!(view.listed);
        let names: Vec<_> = view.agents.iter().map(|agent| agent.name.as_str()).collect();
        assert_eq!(names, ["a", "demo"]);
        assert!(view.agents.iter().all(|agent| agent.actor.life == Life::Running));
    });
}

#[test]
fn an_agent_that_gives_no_answer_is_shown_as_it_was_last_known() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let known = tree.view("demo").await;
        let mut supervisor = SupervisorActor::new(
            crate::agent::fakes::kinds(),
            Default::default(),
            tree.world.ports(),
            None,
        );
        supervisor.state.on_all_applied(tree.world.now());
        supervisor.state.on_apply(tree.world.now(), an_apply("demo"));
        let key = crate::agent::fakes::key("demo");
        let shown = |view: SupervisorView| (view.agents[0].actor.life, view.agents[0].readiness.clone());
        assert_eq!(shown(supervisor.view(Vec::new())), (Life::Unseen, Readiness::Starting));
        supervisor.agents.insert(
            key.clone(),
            crate::supervisor::Running {
                generation: known.actor.generation,
                addr: Address::of(actix::Addr::new(actix::dev::channel::channel(16).0)),
            },
        );
        let seen = known.actor.seen;
        supervisor.view(vec![(key.clone(), known)]);
        let view = supervisor.view(Vec::new());
        assert_eq!(view.agents[0].actor.seen, seen);
        assert_eq!(shown(view), (Life::Busy, Readiness::Synced));
    });
}

#[test]
fn a_supervisor_answers_pings_whatever_its_agents_wait_for() {
    on_paused_time(async {
        let world = World::new();
        world.platform.takes(Duration::from_secs(3600));
        world.secret("creds", Ok(credentials("client", 1)));
        world.api.put(Pod, "web");
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(1)).await;
        let before = tree.world.now();
        tree.supervisor.send(Ping).await.unwrap();
        assert_eq!(tree.world.now(), before);
    });
}
