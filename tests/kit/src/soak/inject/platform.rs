// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform and the ways do.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::Failure;
use super::super::fault::{Cut, Leg, Reply};
use super::super::world::World;
use crate::platform::{Answer, Endpoint, Outcome};
use crate::proxy::Mode;

/// Between two revocations: longer and shorter than a token has to live to count as an old one (10 s).
const REVOKED: Duration = Duration::from_secs(4);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// How long an answer that is ordered may stay unused: heartbeats come every 10 to 12 s, the rest sooner. Retries of the same
/// request wait longer and longer, and aren't waited for.
const USED: Duration = Duration::from_secs(13);

pub(super) async fn spoil_way(world: &World, leg: Leg, mode: Mode, cut: Cut) -> Result<(), Failure> {
    let leg = world.leg(leg);
    leg.set(mode).await?;
    if cut == Cut::All {
        leg.cut().await?;
    }
    Ok(())
}

pub(super) async fn answer(world: &mut World, endpoint: Endpoint, reply: Reply, times: usize) -> Result<(), Failure> {
    let before = world.platform.look(|view| view.requests_to(endpoint).count());
    world.platform.answer(endpoint, ordered(reply).times(times));
    match endpoint {
        // Somebody has to ask: an edit of the cluster's name makes a snapshot due at once.
        Endpoint::Token => world.platform.revoke_tokens(),
        Endpoint::Snapshot => super::cluster::rename(world).await?,
        Endpoint::Events | Endpoint::Heartbeat => {}
    }
    let until = Instant::now() + USED;
    while world.platform.look(|view| view.requests_to(endpoint).count()) < before + times && Instant::now() < until {
        sleep(LOOK).await;
    }
    Ok(())
}

fn ordered(reply: Reply) -> Answer {
    match reply {
        Reply::Status(status) => Answer::status(status),
        Reply::TooMany => Answer::status(429).retry_after("1"),
        Reply::Html => Answer::status(200).body("text/html", "<html>MARKER-OF-A-VALUE</html>"),
        Reply::Half => Answer::half(),
        Reply::Hang => Answer::hang(),
        Reply::Slow => Answer::delay(Duration::from_secs(2)),
        Reply::ResetBeforeBody => Answer::reset_before_body(),
        Reply::ResetAfterBody => Answer::reset_after_body(),
        Reply::LostAnswer => Answer::apply_then(Answer::reset_after_body()),
        Reply::Redirect => Answer::redirect("http://127.0.0.1:1/"),
        Reply::Huge => Answer::huge(1 << 30),
    }
}

pub(super) async fn revoke(world: &World, times: u32) {
    for n in 0..times {
        if n > 0 {
            sleep(REVOKED).await;
        }
        world.platform.revoke_tokens();
    }
}

/// Waits until a request is under way, as long as this. Whether one is.
pub(super) async fn under_way(world: &World, endpoint: Endpoint, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let is_so = world.platform.look(|view| {
            let mut last = view.requests_to(endpoint).rev().take(100);
            last.any(|request| request.outcome == Outcome::UnderWay)
        });
        if is_so || Instant::now() >= until {
            return is_so;
        }
        sleep(LOOK).await;
    }
}
