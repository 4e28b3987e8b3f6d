// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Writes statuses: by server-side apply, so that nobody else's fields are touched.

use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use obsyk_domain::agent::{ObsykAgent, ObsykAgentStatus};
use obsyk_domain::ports::{AgentKey, Local, StatusError, StatusSink};
use serde_json::{Value, json};

/// The field manager of everything that the operator writes.
pub(super) const FIELD_MANAGER: &str = "obsyk-operator";

/// Writes through the API server.
pub struct StatusApi {
    client: Client,
}

impl StatusApi {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl StatusSink for StatusApi {
    fn write(&self, key: &AgentKey, uid: &str, status: ObsykAgentStatus) -> Local<Result<(), StatusError>> {
        let api: Api<ObsykAgent> = Api::namespaced(self.client.clone(), &key.namespace);
        let name = key.name.to_string();
        let patch = patch(&name, uid, &status);
        Box::pin(async move {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            let written = api.patch_status(&name, &params, &Patch::Apply(&patch)).await;
            written.map(|_| ()).map_err(|error| refusal(&error))
        })
    }
}

/// The uid makes the API server refuse a status for a resource that was deleted and created again.
fn patch(name: &str, uid: &str, status: &ObsykAgentStatus) -> Value {
    json!({
        "apiVersion": "obsyk.io/v1",
        "kind": "ObsykAgent",
        "metadata": { "name": name, "uid": uid },
        "status": status,
    })
}

/// What a refused write means. Another uid is a conflict (409) to some API servers and an invalid change of an immutable
/// field (422) to others; other conflicts pass.
fn refusal(error: &kube::Error) -> StatusError {
    let kube::Error::Api(status) = error else {
        return StatusError::Failed;
    };
    let names_uid = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .any(|cause| cause.field == "metadata.uid");
    match status.code {
        404 => StatusError::Gone,
        409 if status.message.contains("uid mismatch") || status.message.contains("UID in precondition") => {
            StatusError::Gone
        }
        422 if names_uid => StatusError::Gone,
        _ => StatusError::Failed,
    }
}

#[cfg(test)]
mod tests;
