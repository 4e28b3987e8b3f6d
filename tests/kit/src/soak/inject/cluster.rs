// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What happens on the cluster's side.

use std::time::Duration;

use serde_json::json;

use super::super::Failure;
use super::super::fault::{Edit, Leg, Spoil};
use super::super::world::{AGENT, WRITTEN, World, manifest};
use super::platform::under_way;
use crate::controlplane::{Backup, Guard};
use crate::operator::{self, SECRET};
use crate::platform::{Answer, Endpoint, KeyPair};
use crate::proxy::Mode;

/// What waits while an edit comes in between.
const HELD_UP: Duration = Duration::from_secs(2);

/// The operator's watches are down while history is thrown away, and the API server is started anew: it would have kept it.
pub(super) async fn compact(world: &mut World) -> Result<(), Failure> {
    world.leg(Leg::Cluster).set(Mode::Refuse).await?;
    world.leg(Leg::Cluster).cut().await?;
    // What happens now is only in the history that goes.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.control_plane.kill_api_server();
    world.control_plane.compact_etcd().await?;
    world.control_plane.start_api_server().await?;
    Ok(world.leg(Leg::Cluster).set(Mode::Pass).await?)
}

/// Everything as it was, and what the world has changed since is written again: it is the world's, not the backup's.
pub(super) async fn restore(world: &mut World, backup: &Backup) -> Result<(), Failure> {
    world.control_plane.restore_etcd(backup).await?;
    world.control_plane.start_api_server().await?;
    world.control_plane.restart_controllers()?;
    world.write_everything().await
}

/// A watch that is open isn't asked again what it may see: it is cut.
pub(super) async fn take_rights(world: &World, kind: &str) -> Result<(), Failure> {
    let mut role = manifest("clusterrole")?;
    for rule in role["rules"].as_array_mut().into_iter().flatten() {
        if let Some(resources) = rule["resources"].as_array_mut() {
            resources.retain(|resource| resource != kind);
        }
    }
    world
        .apply("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .await?;
    Ok(world.leg(Leg::Cluster).cut().await?)
}

pub(super) async fn give_rights(world: &World) -> Result<(), Failure> {
    let role = manifest("clusterrole")?;
    world
        .apply("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .await
}

/// While an event or a snapshot is on its way.
pub(super) async fn edit(world: &mut World, edit: Edit) -> Result<(), Failure> {
    hold_up(world).await?;
    let now = world.edits;
    match edit {
        Edit::ClusterName => rename(world).await,
        Edit::Rate => {
            let rate = json!({ "eventsPerSecond": 50 + now % 100, "burstSize": 50 + now % 50 });
            world.edit_agent("rateLimit", rate).await
        }
        Edit::Interval => {
            world
                .edit_agent("syncInterval", json!(format!("{}s", 10 + now % 3)))
                .await
        }
    }
}

/// Another name for the cluster: a snapshot is due at once.
pub(super) async fn rename(world: &mut World) -> Result<(), Failure> {
    let name = format!("soak-{}", world.edits);
    world.edit_agent("clusterName", json!(name)).await
}

pub(super) async fn delete_agent(world: &World) -> Result<(), Failure> {
    hold_up(world).await?;
    until_gone("the agent", async || operator::delete_agent(&world.client, AGENT).await).await
}

/// Deletes something, as often as it takes.
async fn until_gone(what: &str, delete: impl AsyncFn() -> Result<(), kube::Error>) -> Result<(), Failure> {
    let guard = Guard::new(format!("{what} is deleted"), WRITTEN);
    loop {
        match delete().await {
            Ok(()) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => guard.again(error.to_string()).await?,
        }
    }
}

/// Has an event wait for its answer; nothing is waited for if none comes.
async fn hold_up(world: &World) -> Result<(), Failure> {
    world.platform.answer(Endpoint::Events, Answer::delay(HELD_UP));
    under_way(world, Endpoint::Events, HELD_UP).await;
    Ok(())
}

pub(super) async fn spoil(world: &World, how: Spoil) -> Result<(), Failure> {
    match how {
        Spoil::Deleted => {
            let delete = async || operator::delete_secret(&world.client, SECRET).await;
            until_gone("the Secret", delete).await?;
        }
        Spoil::Garbage => {
            let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
            world.write_secret_with(key).await?;
        }
        Spoil::Foreign => world.write_secret_with(KeyPair::generate().pkcs8_pem()).await?,
    }
    world.platform.revoke_tokens();
    Ok(())
}
