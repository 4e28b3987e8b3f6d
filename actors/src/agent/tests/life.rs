// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A supervisor with one resource in a world, and the whole tree's way from there to an event.

use std::time::Duration;

use actix::{Actor, Addr};
use obsyk_domain::agent::Policy;
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind::{Node, Pod};

use super::fakes::{World, an_apply, credentials, key, kinds, on_paused_time};
use crate::inspect::{AgentView, Readiness};
use crate::supervisor::{AllApplied, Apply, Drain, Inspect, Remove, SupervisorActor};

/// See the module's page.
pub(crate) struct Tree {
    pub(crate) world: World,
    pub(crate) supervisor: Addr<SupervisorActor>,
    pub(crate) alive: tokio::sync::oneshot::Receiver<()>,
}

impl Tree {
    /// A supervisor that knows all resources: none yet.
    pub(crate) async fn empty(world: World) -> Self {
        let (alive, ended) = tokio::sync::oneshot::channel();
        let supervisor = SupervisorActor::new(kinds(), Policy::default(), world.ports(), Some(alive)).start();
        supervisor.send(AllApplied).await.unwrap();
        Self {
            world,
            supervisor,
            alive: ended,
        }
    }

    /// One with resource `demo`.
    pub(crate) async fn planted(world: World) -> Self {
        let tree = Self::empty(world).await;
        tree.apply(an_apply("demo")).await;
        tree
    }

    /// One whose first snapshot was accepted, with a Pod `web`.
    pub(crate) async fn synced() -> Self {
        let world = World::new();
        world.api.put(Pod, "web");
        let tree = Self::planted(world).await;
        tree.until_synced().await;
        tree
    }

    pub(crate) async fn until_synced(&self) {
        let until = || self.world.reason("demo", "Syncing");
        self.world
            .until("synced", |_| until().as_deref() == Some("Streaming"))
            .await;
    }

    pub(crate) async fn apply(&self, apply: Apply) {
        self.supervisor.send(apply).await.unwrap();
    }

    pub(crate) async fn edit(&self, edit: impl FnOnce(&mut Apply)) {
        let mut apply = an_apply("demo");
        apply.generation = Some(2);
        edit(&mut apply);
        self.apply(apply).await;
    }

    pub(crate) async fn remove(&self, name: &str) {
        let uid = format!("uid-of-{name}");
        self.supervisor.send(Remove { key: key(name), uid }).await.unwrap();
    }

    pub(crate) async fn drain(&self, time: Duration) {
        let deadline = self.world.now() + time;
        self.supervisor.send(Drain { deadline }).await.unwrap();
    }

    pub(crate) async fn view(&self, name: &str) -> AgentView {
        let view = self.supervisor.send(Inspect).await.unwrap();
        view.agents.into_iter().find(|agent| agent.name == name).unwrap()
    }
}

#[test]
fn a_resource_leads_to_an_accepted_snapshot_with_every_kind() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let snapshot = tree.world.platform.all("snapshot").remove(0);
        assert_eq!(snapshot.to, "https://one.example");
        assert_eq!(snapshot.body["cluster_uid"], super::fakes::KUBE_SYSTEM);
        assert_eq!(snapshot.body["cluster_name"], "shop");
        assert_eq!(snapshot.body["kubernetes_version"], "1.35.0");
        assert_eq!(snapshot.body["pods"][0]["name"], "web");
        assert_eq!(snapshot.body["nodes"].as_array().unwrap().len(), 0);
        assert_eq!(tree.view("demo").await.readiness, Readiness::Synced);
    });
}

#[test]
fn a_change_after_it_is_an_event() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        let event = tree.world.platform.all("event").remove(0).body;
        assert_eq!((&event["type"], &event["name"]), (&"ADDED".into(), &"db".into()));
        assert_eq!(tree.world.platform.count("snapshot"), 1);
    });
}

#[test]
fn the_status_tells_of_the_accepted_snapshot() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let status = tree.world.status("demo").unwrap();
        assert_eq!(status.cluster_uid.as_deref(), Some(super::fakes::KUBE_SYSTEM));
        assert_eq!(status.observed_generation, Some(1));
        assert!(status.last_snapshot_time.is_some() && status.last_sync_time.is_some());
        let counts = serde_json::to_value(&status.resource_counts).unwrap();
        assert_eq!(counts, serde_json::json!({ "pods": 1, "nodes": 0 }));
        let wrote = tree.world.api.wrote();
        assert!(wrote.iter().all(|wrote| wrote.uid == "uid-of-demo"));
    });
}

#[test]
fn a_missing_secret_is_waited_for_and_said() {
    on_paused_time(async {
        let world = World::new();
        world.secret("creds", Err(CredentialsError::NoSecret));
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(60)).await;
        assert_eq!(tree.world.reason("demo", "Degraded").as_deref(), Some("SecretNotFound"));
        assert!(tree.world.platform.said().is_empty());
        let readiness = tree.view("demo").await.readiness;
        assert!(matches!(readiness, Readiness::Waits { reason, .. } if reason == "SecretNotFound"));
        tree.world.secret("creds", Ok(credentials("client", 1)));
        tree.until_synced().await;
    });
}

#[test]
fn an_unknown_cluster_is_waited_for_and_said() {
    on_paused_time(async {
        let world = World::new();
        world.api.identity(None);
        let tree = Tree::planted(world).await;
        let reason = || tree.world.reason("demo", "Degraded");
        tree.world
            .until("said", |_| reason().as_deref() == Some("ClusterUnknown"))
            .await;
        tree.world.api.identity(Some("cluster"));
        tree.until_synced().await;
    });
}

#[test]
fn a_platform_that_is_down_at_the_start_is_waited_for_and_said() {
    on_paused_time(async {
        let world = World::new();
        world.platform.answer(Outcome::status(503));
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(120)).await;
        assert_eq!(
            tree.world.reason("demo", "Degraded").as_deref(),
            Some("PlatformUnavailable")
        );
        tree.world.platform.answer(Outcome::status(200));
        tree.world.pass(Duration::from_secs(120)).await;
        assert_eq!(tree.world.reason("demo", "Syncing").as_deref(), Some("Streaming"));
    });
}

#[test]
fn a_forbidden_kind_is_left_out_and_named_and_heals_when_it_may_be_read() {
    on_paused_time(async {
        let world = World::new();
        world.api.forbid(Node, true);
        let tree = Tree::planted(world).await;
        tree.until_synced().await;
        let first = tree.world.platform.all("snapshot").remove(0).body;
        assert!(first.get("nodes").is_none() && first.get("pods").is_some());
        assert_eq!(tree.world.reason("demo", "Degraded").as_deref(), Some("KindUnreadable"));
        tree.world.api.forbid(Node, false);
        tree.world
            .until("a second snapshot", |world| world.platform.count("snapshot") == 2)
            .await;
        let second = tree.world.platform.all("snapshot").remove(1).body;
        assert!(second.get("nodes").is_some());
    });
}
