// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How a fault begins, how long it stays, and how it ends. After its end nothing of it is left but what the operator makes
//! of it.

mod cluster;
mod platform;
mod process;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Failure;
use super::fault::Fault;
use super::plan::Faults;
use super::world::World;
use crate::controlplane::Backup;

/// Between the beginnings of two faults that are there at the same time.
const APART: Duration = Duration::from_millis(300);

/// What a fault that has begun leaves to its end.
enum Begun {
    Plainly,
    /// What is to be restored.
    With(Backup),
}

/// Carries out a step: all its faults have begun and ended when it returns.
pub(super) async fn carry_out(world: &mut World, step: &Faults) -> Result<(), Failure> {
    let mut there = Vec::new();
    for fault in &step.faults {
        if !there.is_empty() {
            tokio::time::sleep(APART).await;
        }
        let begun = begin(world, fault)
            .await
            .map_err(|error| named(fault, "begin", &error))?;
        there.push((Instant::now() + lasts(fault), fault, begun));
    }
    there.sort_by_key(|(until, ..)| *until);
    for (until, fault, begun) in there {
        sleep_until(until).await;
        end(world, fault, begun)
            .await
            .map_err(|error| named(fault, "end", &error))?;
    }
    Ok(())
}

fn named(fault: &Fault, what: &str, error: &Failure) -> Failure {
    format!("{fault}: it can't {what}: {error}").into()
}

/// How long it stays after it has begun.
fn lasts(fault: &Fault) -> Duration {
    match fault {
        Fault::ApiServerKilled(time)
        | Fault::ApiServerStopped(time)
        | Fault::EtcdRestored(time)
        | Fault::RightsTaken(_, time)
        | Fault::AgentRecreated(time)
        | Fault::SecretSpoilt(_, time)
        | Fault::Way(_, _, _, time)
        | Fault::PlatformDown(time)
        | Fault::Killed(time)
        | Fault::Stopped(time) => *time,
        Fault::EtcdCompacted
        | Fault::ServiceAccountTokenRotated
        | Fault::AgentEdited(_)
        | Fault::SecretRotated
        | Fault::Answered(..)
        | Fault::TokensRevoked(_)
        | Fault::Terminated(_) => Duration::ZERO,
    }
}

async fn begin(world: &mut World, fault: &Fault) -> Result<Begun, Failure> {
    match fault {
        Fault::ApiServerKilled(_) => world.control_plane.kill_api_server(),
        Fault::ApiServerStopped(_) => world.control_plane.pause_api_server()?,
        Fault::EtcdCompacted => cluster::compact(world).await?,
        Fault::EtcdRestored(_) => return Ok(Begun::With(world.back_up_etcd()?)),
        Fault::RightsTaken(kind, _) => cluster::take_rights(world, kind).await?,
        Fault::ServiceAccountTokenRotated => world.rotate_token().await?,
        Fault::AgentEdited(edit) => cluster::edit(world, *edit).await?,
        Fault::AgentRecreated(_) => cluster::delete_agent(world).await?,
        Fault::SecretRotated => {
            world.new_key();
            world.write_secret().await?;
        }
        Fault::SecretSpoilt(how, _) => cluster::spoil(world, *how).await?,
        Fault::Way(leg, mode, cut, _) => platform::spoil_way(world, *leg, *mode, *cut).await?,
        Fault::Answered(endpoint, reply, times) => platform::answer(world, *endpoint, *reply, *times).await?,
        Fault::PlatformDown(_) => world.platform.down().await?,
        Fault::TokensRevoked(times) => platform::revoke(world, *times).await,
        Fault::Killed(_) => world.kill_operator(),
        Fault::Stopped(_) => world.signal_operator("STOP")?,
        Fault::Terminated(step) => process::terminate(world, *step).await?,
    }
    Ok(Begun::Plainly)
}

async fn end(world: &mut World, fault: &Fault, begun: Begun) -> Result<(), Failure> {
    match fault {
        Fault::ApiServerKilled(_) => world.control_plane.start_api_server().await?,
        Fault::ApiServerStopped(_) => world.control_plane.resume_api_server()?,
        Fault::EtcdRestored(_) => {
            if let Begun::With(backup) = begun {
                cluster::restore(world, &backup).await?;
            }
        }
        Fault::RightsTaken(..) => cluster::give_rights(world).await?,
        Fault::AgentRecreated(_) => world.write_agent().await?,
        Fault::SecretSpoilt(..) => world.write_secret().await?,
        Fault::Way(leg, ..) => world.leg(*leg).set(crate::proxy::Mode::Pass).await?,
        Fault::PlatformDown(_) => world.platform.up().await?,
        Fault::Killed(_) => world.start_operator()?,
        Fault::Stopped(_) => world.signal_operator("CONT")?,
        Fault::Terminated(_) => world.start_operator()?,
        Fault::EtcdCompacted
        | Fault::ServiceAccountTokenRotated
        | Fault::AgentEdited(_)
        | Fault::SecretRotated
        | Fault::Answered(..)
        | Fault::TokensRevoked(_) => {}
    }
    Ok(())
}
