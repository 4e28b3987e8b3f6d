// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Writes statuses: by server-side apply, so that nobody else's fields are touched.

use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use obsyk_domain::agent::{ObsykAgent, ObsykAgentStatus};
use obsyk_domain::ports::{AgentKey, Local, StatusError, StatusSink};
use serde_json::json;

/// The field manager of everything that the operator writes.
const FIELD_MANAGER: &str = "obsyk-operator";

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
        // The uid makes the API server refuse (409) a status for a resource that was deleted and created again.
        let patch = json!({
            "apiVersion": "obsyk.io/v1",
            "kind": "ObsykAgent",
            "metadata": { "name": name, "uid": uid },
            "status": status,
        });
        Box::pin(async move {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            match api.patch_status(&name, &params, &Patch::Apply(&patch)).await {
                Ok(_) => Ok(()),
                Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Err(StatusError::Gone),
                Err(_) => Err(StatusError::Failed),
            }
        })
    }
}
