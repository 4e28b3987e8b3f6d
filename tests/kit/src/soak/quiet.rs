// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The quiet point: churn and faults are over, and what the operator owes is waited for and checked.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Failure;
use super::churn::MARKER;
use super::world::{World, tail};

/// The promise. Usually it takes seconds, or until the next snapshot may be sent.
pub(super) const LIMIT: Duration = Duration::from_secs(600);

/// Between two comparisons: each costs the API server a list of every kind.
const PAUSE: Duration = Duration::from_millis(400);

/// One comparison, with an API server that answers.
const COMPARED: Duration = Duration::from_secs(30);

/// What must not be in a log beside what churn marks: assertions and service accounts' tokens, by how they begin, and a value
/// in base64.
const SECRETS: [&str; 3] = ["Bearer ", "eyJ", "TUFSS0VSLU9GLUEtVkFMVUU"];

/// How the platform's tokens begin, and how many digits follow.
const TOKEN: (&str, usize) = ("token-", 32);

/// What was found at a quiet point.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// From the end of faults and churn until the platform held what the cluster holds.
    pub took: Duration,
    /// Objects that were compared.
    pub objects: usize,
}

/// Waits until the platform holds what the cluster holds, twice in a row, and checks everything else.
pub(super) async fn reach(world: &mut World) -> Result<Quiet, Failure> {
    let since = Instant::now();
    let mut equal_since: Option<(Instant, usize)> = None;
    loop {
        world.check_operator()?;
        let compared = tokio::time::timeout(COMPARED, world.platform.compare(&world.client)).await;
        let seen = match compared {
            Ok(Ok(comparison)) if comparison.is_equal() => {
                if let Some((at, objects)) = equal_since {
                    let took = at.duration_since(since);
                    check(world)?;
                    return Ok(Quiet { took, objects });
                }
                equal_since = Some((Instant::now(), comparison.compared));
                String::new()
            }
            Ok(Ok(comparison)) => {
                equal_since = None;
                comparison.to_string()
            }
            Ok(Err(error)) => {
                equal_since = None;
                error.to_string()
            }
            Err(_) => format!("the API server didn't answer within {COMPARED:?}"),
        };
        if since.elapsed() >= LIMIT {
            return Err(diverged(world, &seen).await);
        }
        sleep(PAUSE).await;
    }
}

/// What does not depend on time.
fn check(world: &mut World) -> Result<(), Failure> {
    world.measure();
    let violations = world.platform.take_violations();
    if !violations.is_empty() {
        let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
        return Err(format!("the protocol was broken:\n  {}", lines.join("\n  ")).into());
    }
    let log = world.log()?;
    for secret in SECRETS.into_iter().chain([MARKER, world.key.piece()]) {
        if let Some(line) = log.lines().find(|line| line.contains(secret)) {
            return Err(format!("{secret:?} is in the operator's log: {line}").into());
        }
    }
    let is_token = |rest: &str| rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= TOKEN.1;
    if log.split(TOKEN.0).skip(1).any(is_token) {
        return Err("a token of the platform is in the operator's log".into());
    }
    if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
        return Err(format!("something panicked in the operator: {line}").into());
    }
    Ok(())
}

/// Everything that helps to find out why.
async fn diverged(world: &World, seen: &str) -> Failure {
    let actors = match world.operator() {
        Ok(operator) => operator
            .get("/debug/actors")
            .await
            .map_or_else(|error| error.to_string(), |(_, body)| body),
        Err(error) => error.to_string(),
    };
    let log = world.log().unwrap_or_default();
    format!(
        "the platform doesn't hold what the cluster holds {} s after everything was quiet:\n{seen}\nactors:\n{actors}\nthe end \
         of the log:\n{}",
        LIMIT.as_secs(),
        tail(&log)
    )
    .into()
}
