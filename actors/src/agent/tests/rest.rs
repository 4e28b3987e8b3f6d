// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! An agent with nothing to do does nothing.

use std::time::Duration;

use obsyk_domain::answer::Outcome;
use obsyk_domain::ports::StatusError;

use super::fakes::on_paused_time;
use super::life::Tree;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn an_idle_agent_writes_its_status_once_a_heartbeat_and_asks_the_api_server_nothing_else() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.pass(Duration::from_secs(30)).await;
        let (wrote, asked) = (tree.world.api.wrote().len(), tree.world.api.identified().len());
        let followed = tree.world.api.followed();
        tree.world.pass(HOUR).await;
        assert_eq!(tree.world.platform.count("heartbeat"), 12);
        assert_eq!(tree.world.api.wrote().len() - wrote, 12);
        assert_eq!(tree.world.api.identified().len(), asked);
        assert_eq!(tree.world.api.followed(), followed);
        assert_eq!(tree.world.platform.count("snapshot"), 1);
    });
}

#[test]
fn an_idle_agent_sleeps() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.pass(Duration::from_secs(30)).await;
        let before = tree.world.clock_reads();
        tree.world.pass(HOUR).await;
        let reads = tree.world.clock_reads() - before;
        // 360 looks at three children, each with a few readings and those by which work is timed, and 12 heartbeats.
        assert!(reads < 360 * 3 * 12, "{reads}");
    });
}

#[test]
fn conditions_keep_the_time_of_their_last_transition() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.pass(Duration::from_secs(30)).await;
        let times = |tree: &Tree| -> Vec<_> {
            let conditions = tree.world.status("demo").unwrap().conditions;
            conditions.into_iter().map(|known| known.last_transition_time).collect()
        };
        let before = times(&tree);
        tree.world.pass(HOUR).await;
        assert_eq!(times(&tree), before);
    });
}

#[test]
fn a_status_that_can_not_be_written_is_tried_again_now_and_then() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.pass(Duration::from_secs(30)).await;
        let wrote = tree.world.api.wrote().len();
        tree.world
            .api
            .answer_writes([Err(StatusError::Failed), Err(StatusError::Gone)]);
        tree.edit(|_| {}).await;
        tree.world.pass(Duration::from_secs(60)).await;
        let writes = tree.world.api.wrote().split_off(wrote);
        assert_eq!(writes.len(), 3);
        let apart: Vec<_> = writes.windows(2).map(|two| two[1].at.since(two[0].at)).collect();
        assert!(apart.iter().all(|time| time.as_secs() >= 5), "{apart:?}");
    });
}

#[test]
fn a_write_that_is_never_answered_is_given_up() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        tree.world.api.writes_take(HOUR * 24);
        tree.edit(|_| {}).await;
        tree.world.pass(Duration::from_secs(1)).await;
        let wrote = tree.world.api.wrote().len();
        tree.world.pass(Duration::from_secs(60)).await;
        assert_eq!(tree.world.api.wrote().len(), wrote + 1);
    });
}

#[test]
fn a_refused_client_has_its_secret_read_again_but_not_in_a_storm() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let followed = tree.world.api.followed();
        tree.world.platform.answer(Outcome::status(403));
        tree.world.api.put(obsyk_domain::resource::ResourceKind::Pod, "db");
        tree.world.pass(HOUR).await;
        let again = tree.world.api.followed() - followed;
        assert!((1..120).contains(&again), "{again}");
        assert_eq!(
            tree.world.reason("demo", "Degraded").as_deref(),
            Some("CredentialsRefused")
        );
    });
}
