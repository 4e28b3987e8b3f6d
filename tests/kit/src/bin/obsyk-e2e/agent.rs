// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The `ObsykAgent`, and what its status says.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use obsyk_testkit::controlplane::Guard;
use serde_json::Value;

use crate::{Failure, stage};

/// From a ready pod to an accepted snapshot it takes some seconds.
const SYNCED: Duration = Duration::from_secs(120);

/// The one that the chart makes.
pub const NAME: &str = "main";

/// Those of the stage's namespace.
pub fn api(client: &Client) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("obsyk.io", "v1", "ObsykAgent"));
    Api::namespaced_with(client.clone(), stage::NAMESPACE, &kind)
}

/// Waits until its conditions are those of an agent that is well, and the platform has accepted something after `since`.
pub async fn synced(client: &Client, since: Timestamp) -> Result<(), Failure> {
    let guard = Guard::new(
        "the ObsykAgent is Available and Syncing, with a lastSyncTime of now",
        SYNCED,
    );
    let agents = api(client);
    loop {
        let status = match agents.get(NAME).await {
            Ok(agent) => agent.data.get("status").cloned().unwrap_or_default(),
            Err(error) => Value::String(error.to_string()),
        };
        // Times in a status are whole seconds.
        let synced = status["lastSyncTime"]
            .as_str()
            .and_then(|time| time.parse::<Timestamp>().ok());
        let is_new = synced.is_some_and(|synced| synced.as_second() >= since.as_second());
        if is_new
            && is(&status, "Available", "True")
            && is(&status, "Syncing", "True")
            && !is(&status, "Degraded", "True")
        {
            return Ok(());
        }
        stage::look_again(&guard, status.to_string()).await?;
    }
}

fn is(status: &Value, condition: &str, wanted: &str) -> bool {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.any(|c| c["type"] == condition && c["status"] == wanted)
}
