// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What helps to find out why, before everything is cleared away.

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::ListParams;

use crate::stage::{NAMESPACE, Stage};
use crate::{agent, operator};

/// Shows the agent's status, the pods', the events of the namespace, and the end of the operator's log. What can't be had is
/// left out.
pub async fn show(stage: &Stage) {
    eprintln!("\n--- what the cluster says");
    if let Ok(agent) = agent::api(&stage.client).get(agent::NAME).await {
        eprintln!("ObsykAgent: {}", agent.data["status"]);
    }
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), NAMESPACE);
    for pod in pods.list(&ListParams::default()).await.into_iter().flatten() {
        let name = operator::name(&pod).to_owned();
        let status = pod.status.as_ref().map(serde_json::to_string);
        eprintln!("pod {name}: {}", status.and_then(Result::ok).unwrap_or_default());
        match stage.pods.log(&name).await {
            Ok(log) => eprintln!("{log}"),
            Err(error) => eprintln!("its log can't be read: {error}"),
        }
    }
    let events: Api<Event> = Api::namespaced(stage.client.clone(), NAMESPACE);
    for event in events.list(&ListParams::default()).await.into_iter().flatten() {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let about = text(&event.involved_object.name);
        eprintln!("event {about}: {} {}", text(&event.reason), text(&event.message));
    }
    eprintln!("---");
}
