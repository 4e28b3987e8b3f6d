// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From what happens to an agent to the notice of it, under actix as it is.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind::{Node, Pod};

use super::fakes::{World, an_apply, credentials, on_paused_time};
use super::life::Tree;
use crate::supervisor::{Apply, Inspect};

const HOUR: Duration = Duration::from_secs(3600);

/// One that has told of its start.
async fn settled() -> Tree {
    let tree = Tree::synced().await;
    tree.told(2).await;
    tree
}

impl Tree {
    /// Waits until this many notices were told, in all.
    async fn told(&self, count: usize) {
        let what = format!("{count} notices");
        self.world
            .until(&what, |world| world.events.recorded().len() >= count)
            .await;
    }

    /// The reasons of the notices after those of the start.
    fn reasons(&self) -> Vec<&'static str> {
        self.world.events.reasons().split_off(2)
    }

    fn last_message(&self) -> String {
        self.world.events.recorded().last().unwrap().1.message()
    }
}

#[test]
fn a_start_is_told_on_the_resource_with_its_uid_and_nothing_is_while_nothing_changes() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.pass(HOUR).await;
        let told = tree.world.events.recorded();
        assert!(told.iter().all(|(uid, _)| uid == "uid-of-demo"));
        assert_eq!(tree.world.events.reasons(), ["Connected", "SnapshotSent"]);
        assert!(told[1].1.message().contains("a snapshot of 1 objects"));
        assert!(told[1].1.message().contains("because the agent starts"));
    });
}

#[test]
fn an_outage_is_told_when_retries_are_used_up_and_when_it_is_over() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.platform.answer(Outcome::status(503));
        tree.world.api.put(Pod, "db");
        tree.world.pass(Duration::from_secs(300)).await;
        assert_eq!(tree.reasons(), ["Disconnected"]);
        assert!(tree.last_message().contains("status 503"));
        tree.world.platform.answer(Outcome::status(200));
        tree.told(5).await;
        assert_eq!(tree.reasons(), ["Disconnected", "Connected", "SnapshotSent"]);
    });
}

#[test]
fn an_object_that_is_set_aside_is_told_with_the_answer() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.platform.answer(Outcome::status(422));
        tree.world.api.put(Pod, "db");
        tree.told(3).await;
        assert_eq!(tree.reasons(), ["ObjectSetAside"]);
        assert!(
            tree.last_message()
                .contains("events of Pod, at last with status 422: 1 set aside")
        );
    });
}

#[test]
fn a_secret_that_changes_is_told() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.secret("creds", Err(CredentialsError::Rsa));
        tree.told(3).await;
        tree.world.secret("creds", Ok(credentials("client", 2)));
        tree.told(4).await;
        assert_eq!(tree.reasons(), ["CredentialsInvalid", "CredentialsRotated"]);
    });
}

#[test]
fn a_kind_is_told_when_it_may_not_be_read_and_when_it_may_again() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.api.forbid(Node, true);
        tree.told(3).await;
        tree.world.api.forbid(Node, false);
        tree.told(4).await;
        assert_eq!(tree.reasons(), ["KindForbidden", "KindReadable"]);
    });
}

#[test]
fn an_actor_that_died_is_told() {
    on_paused_time(async {
        let tree = settled().await;
        tree.world.api.panic(Pod);
        tree.told(4).await;
        assert_eq!(tree.reasons(), ["ActorRestarted", "SnapshotSent"]);
        let told = tree.world.events.recorded();
        assert!(told[2].1.message().contains("the watcher of Pod"));
        assert!(told[3].1.message().contains("because a watcher was restarted"));
    });
}

#[test]
fn an_agent_that_died_is_told_by_the_next() {
    on_paused_time(async {
        let world = World::new();
        world.platform.panic_at_tokens(true);
        let tree = Tree::planted(world).await;
        tree.world.pass(Duration::from_secs(280)).await;
        tree.world.platform.panic_at_tokens(false);
        tree.until_synced().await;
        let told = tree.world.events.recorded();
        let messages: Vec<String> = told.iter().map(|(_, notice)| notice.message()).collect();
        assert!(
            messages
                .iter()
                .any(|message| message.starts_with("the agent died and is restarted")),
            "{messages:#?}"
        );
    });
}

#[test]
fn a_start_of_the_operator_tells_nothing_again_that_the_status_shows() {
    on_paused_time(async {
        let world = World::new();
        world.api.forbid(Node, true);
        let first = Tree::planted(world).await;
        first.until_synced().await;
        first.told(3).await;
        first.drain(Duration::from_secs(5)).await;
        let status = first.world.status("demo").map(Box::new);
        let before = first.world.events.reasons();
        assert_eq!(before.iter().filter(|reason| **reason == "KindForbidden").count(), 1);

        let second = Tree::empty(first.world.clone()).await;
        let apply = an_apply("demo");
        second.apply(Apply { status, ..apply }).await;
        second.told(before.len() + 1).await;
        second.world.pass(HOUR).await;
        assert_eq!(second.world.events.reasons().split_off(before.len()), ["SnapshotSent"]);
    });
}

#[test]
fn an_api_server_that_takes_no_notices_changes_nothing_else() {
    on_paused_time(async {
        let world = World::new();
        world.events.takes(HOUR * 24);
        let tree = Tree::planted(world).await;
        tree.until_synced().await;
        tree.world.api.put(Pod, "db");
        tree.world
            .until("an event", |world| world.platform.count("event") == 1)
            .await;
        assert_eq!(tree.world.events.reasons(), ["Connected"], "one at a time");
        // It is given up, and the next has its turn.
        tree.told(2).await;
        assert!(tree.world.now().elapsed() < Duration::from_secs(15));
        tree.remove("demo").await;
        let view = tree.supervisor.send(Inspect).await.unwrap();
        assert!(view.agents.is_empty(), "nothing waits for a notice");
    });
}
