// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The Kubernetes Events of the agent, as `kubectl describe` finds them.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::NAMESPACE;

use super::{AGENT, SOON, Stage};

/// All of them, the oldest first.
pub async fn events(stage: &Stage) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let of_agent = format!("involvedObject.kind=ObsykAgent,involvedObject.name={AGENT}");
    let mut found = api.list(&ListParams::default().fields(&of_agent)).await.unwrap().items;
    found.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
    found
}

/// Their reasons.
pub async fn reasons(stage: &Stage) -> Vec<String> {
    let found = events(stage).await.into_iter();
    found.map(|event| event.reason.unwrap_or_default()).collect()
}

/// How often it was told: a series counts what happened again.
pub fn count(event: &Event) -> i32 {
    event.series.as_ref().and_then(|series| series.count).unwrap_or(1)
}

/// Waits until one with this reason was told at least so often, and gives the newest of this reason.
pub async fn told(stage: &Stage, reason: &str, times: i32) -> Event {
    let guard = Guard::new(format!("an Event {reason} that was told {times} times"), SOON);
    loop {
        let found = events(stage).await;
        let mine = found.iter().rfind(|event| event.reason.as_deref() == Some(reason));
        match mine.filter(|event| count(event) >= times) {
            Some(event) => return event.clone(),
            None => guard
                .again(format!("{found:?}"))
                .await
                .unwrap_or_else(|error| panic!("{error}")),
        }
    }
}
