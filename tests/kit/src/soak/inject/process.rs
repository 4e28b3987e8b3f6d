// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! SIGTERM at a step of a send.

use std::time::Duration;

use tokio::time::sleep;

use super::super::Failure;
use super::super::fault::Step;
use super::super::world::World;
use super::platform::under_way;
use crate::platform::{Answer, Endpoint};

/// Longer than an operator drains, shorter than its requests may take.
const HELD_UP: Duration = Duration::from_secs(8);

/// From its start until it asks for a token, or has listed; from a change until it is sent.
const COMES: Duration = Duration::from_secs(20);

/// So long after its start it lists.
const LISTS: Duration = Duration::from_millis(150);

/// Terminates it there. Steps of its start are come by through a start.
pub(super) async fn terminate(world: &mut World, step: Step) -> Result<(), Failure> {
    let held_up = |endpoint: Endpoint| (endpoint, Answer::delay(HELD_UP));
    let waits = match step {
        Step::Any => None,
        Step::Listing => {
            restart(world)?;
            sleep(LISTS).await;
            None
        }
        Step::Token => Some(held_up(Endpoint::Token)),
        Step::SnapshotSent => Some(held_up(Endpoint::Snapshot)),
        Step::EventSent => Some(held_up(Endpoint::Events)),
    };
    if let Some((endpoint, answer)) = waits {
        world.platform.answer(endpoint, answer);
        if endpoint != Endpoint::Events {
            restart(world)?;
        }
        under_way(world, endpoint, COMES).await;
    }
    let ended = world.terminate_operator().await;
    world.platform.clear_answers();
    ended
}

fn restart(world: &mut World) -> Result<(), Failure> {
    world.kill_operator();
    world.start_operator()
}
