// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Events a second, with a platform that takes its time for each.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Request;
use obsyk_testkit::platform::{Answer, Endpoint};
use serde_json::json;

use super::Failure;
use super::figures::{Bound, Figures};
use super::stage::Stage;

/// From a request to its answer.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// Changed objects: four seconds' worth, and small enough for the ledger to hold them all.
const CHANGES: usize = 4000;

/// Requests to the API server side by side.
const AT_ONCE: usize = 24;

/// The first ones don't count: the connections are only being made.
const WARM_UP: usize = 500;

/// Measures at the highest limit. The changes are made while the limit is at its lowest, since no API server on the same
/// machine makes a thousand of them a second; then the limit is raised.
pub async fn measure(stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
    stage
        .spec(json!({ "rateLimit": { "eventsPerSecond": 1, "burstSize": 1 } }))
        .await?;
    let started = stage.start().await?;
    let since = Instant::now();
    let requests = (0..CHANGES).map(|n| {
        let body = json!({ "metadata": { "name": format!("bench-{n:04}") }, "data": { "key": "value" } });
        Request::post("/api/v1/namespaces/default/configmaps").body(body.to_string().into_bytes())
    });
    stream::iter(requests)
        .map(|request| async { Ok::<_, Failure>(stage.client.request_text(request?).await?) })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    eprintln!("{CHANGES} objects made in {:.1} s", since.elapsed().as_secs_f64());
    stage
        .platform
        .answer(Endpoint::Events, Answer::delay(ROUND_TRIP).forever());
    let ours = |name: &str| name.starts_with("bench-");
    stage
        .spec(json!({ "rateLimit": { "eventsPerSecond": 1000, "burstSize": 1000 } }))
        .await?;
    let all = move |view: &obsyk_testkit::platform::View<'_>| {
        view.events().filter(|event| ours(&event.name)).count() >= CHANGES
    };
    stage.platform.wait(Duration::from_secs(120), "all events", all).await;
    let times: Vec<Instant> = stage.platform.look(|view| {
        let events = view
            .requests()
            .filter(|request| request.event().is_some_and(|event| ours(&event.name)));
        events.map(|request| request.arrived).collect()
    });
    let counted = times.get(WARM_UP..).unwrap_or_default();
    let (Some(first), Some(last)) = (counted.first(), counted.last()) else {
        return Err("no events arrived".into());
    };
    let rate = (counted.len() - 1) as f64 / last.duration_since(*first).as_secs_f64();
    figures.add(
        "events a second, 50 ms from request to answer",
        rate,
        "/s",
        Some(Bound::AtLeast(950.0)),
    );
    stage.platform.clear_answers();
    stage.spec(json!({})).await?;
    stage.stop(started).await
}
