// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A thousand changes a second, on ten thousand objects, at the default limit of ten events: how old is what the platform holds?
//!
//! A sample is one object at one moment. Its staleness is the age of the oldest change that the platform doesn't hold then.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Failure;
use super::changes::{Changes, LABEL, config_maps};
use super::figures::{Bound, Figures, percentile};
use super::stage::Stage;

/// Changes a second that are tried for.
const RATE: u32 = 1000;

/// Objects.
const OBJECTS: usize = 10_000;

/// Changes go on for so long; the first minute doesn't count, as nothing can be as old yet.
const LASTS: Duration = Duration::from_secs(300);
const WARM_UP: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(3);

/// Measures at the default limit, with a platform that holds what it is told.
pub async fn measure(stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
    let paths = config_maps(&stage.client, "storm", OBJECTS).await?;
    let started = stage.start().await?;
    let since = Instant::now();
    let changes = Changes::start(&stage.client, paths, RATE);
    let (mut ages, mut snapshots) = (Vec::new(), stage.snapshots());
    let events = stage.platform.look(|view| view.counts().events);
    while since.elapsed() < LASTS {
        sleep(LOOK).await;
        if since.elapsed() >= WARM_UP {
            ages.extend(sample(stage, &changes.made()));
        }
    }
    let rate = changes.rate();
    snapshots = stage.snapshots() - snapshots;
    let events = stage.platform.look(|view| view.counts().events) - events;
    changes.stop().await;
    ages.sort_by(f64::total_cmp);
    let name = format!("{rate:.0} changes/s on {OBJECTS} objects, 10 events/s:");
    figures.add(format!("{name} staleness, p50"), percentile(&ages, 50), "s", None);
    figures.add(
        format!("{name} staleness, p99"),
        percentile(&ages, 99),
        "s",
        Some(Bound::AtMost(90.0)),
    );
    figures.add(
        format!("{name} snapshots in {} s", LASTS.as_secs()),
        snapshots as f64,
        "",
        None,
    );
    figures.add(
        format!("{name} events in {} s", LASTS.as_secs()),
        events as f64,
        "",
        None,
    );
    stage.stop(started).await
}

/// The staleness of every object now, in seconds.
fn sample(stage: &Stage, made: &[Option<Instant>]) -> Vec<f64> {
    let now = Instant::now();
    let held: HashMap<usize, usize> = stage.platform.look(|view| {
        let labelled = view.all("ConfigMap").filter_map(|object| {
            let number = object["name"].as_str()?.strip_prefix("storm-")?.parse().ok()?;
            Some((
                number,
                object["labels"][LABEL]
                    .as_str()
                    .map_or(0, |label| label.parse().unwrap_or(0)),
            ))
        });
        labelled.collect()
    });
    (0..OBJECTS)
        .map(|object| {
            let from = held.get(&object).copied();
            // Its changes are the numbers object, object + OBJECTS, and so on; the oldest beyond what is held counts.
            let mut later = (object..made.len())
                .step_by(OBJECTS)
                .filter(|number| Some(*number) > from.filter(|n| *n > 0));
            let oldest = later.find_map(|number| made.get(number).copied().flatten());
            oldest.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64())
        })
        .collect()
}
