// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What this account may do, and what there is to serve: the questions of `check`.
//!
//! Any account that has signed in may ask what it may do itself: Kubernetes grants that to `system:authenticated`.

use http::Request;
use http::header::CONTENT_TYPE;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use obsyk_domain::agent::{ObsykAgent, ObsykAgentSpec};
use obsyk_domain::rbac;
use obsyk_domain::resource::ResourceKind;
use serde::Deserialize;
use serde_json::json;

use super::failure::{Failure, answer};

/// Something that an account may do or not.
#[derive(Clone, Debug)]
pub struct Right {
    group: String,
    resource: String,
    subresource: &'static str,
    verb: &'static str,
    /// Everywhere, without one.
    namespace: Option<String>,
}

impl Right {
    /// To do this with a collected kind, in the whole cluster.
    pub fn of_kind(kind: ResourceKind, verb: &'static str) -> Self {
        Self {
            group: kind.spec().group.to_owned(),
            resource: kind.spec().plural.to_owned(),
            subresource: "",
            verb,
            namespace: None,
        }
    }

    /// To do this with ObsykAgents, or a part of them, in a namespace or everywhere.
    pub fn of_agents(subresource: &'static str, verb: &'static str, namespace: Option<&str>) -> Self {
        Self {
            group: ObsykAgent::group(&()).into_owned(),
            resource: ObsykAgent::plural(&()).into_owned(),
            subresource,
            verb,
            namespace: namespace.map(str::to_owned),
        }
    }

    /// To record Kubernetes Events in a namespace or everywhere.
    pub fn of_events(verb: &'static str, namespace: Option<&str>) -> Self {
        Self {
            group: rbac::EVENTS_GROUP.to_owned(),
            resource: rbac::EVENTS.to_owned(),
            subresource: "",
            verb,
            namespace: namespace.map(str::to_owned),
        }
    }

    /// The verb.
    pub const fn verb(&self) -> &'static str {
        self.verb
    }
}

#[derive(Deserialize)]
struct Review {
    status: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    allowed: bool,
}

/// Whether this account has the right.
pub async fn may(client: &Client, right: &Right) -> Result<bool, Failure> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
            "verb": right.verb,
            "namespace": right.namespace,
        } },
    });
    let request = Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .header(CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes())
        .map_err(|_| Failure::Garbled)?;
    let review: Review = answer(client.request(request)).await?;
    Ok(review.status.allowed)
}

/// The API server's version, as it names itself.
pub async fn server_version(client: &Client) -> Result<String, Failure> {
    answer(client.apiserver_version()).await.map(|info| info.git_version)
}

/// A resource that is there.
#[derive(Debug)]
pub struct FoundAgent {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it asks for; nothing when it doesn't have the form of its definition.
    pub spec: Option<ObsykAgentSpec>,
}

/// The resources of a namespace, or of all, but those that are being deleted.
pub async fn find_agents(client: &Client, namespace: Option<&str>) -> Result<Vec<FoundAgent>, Failure> {
    let api: Api<DeserializeGuard<ObsykAgent>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let list = answer(api.list(&ListParams::default())).await?;
    let is_there = |agent: &DeserializeGuard<ObsykAgent>| agent.meta().deletion_timestamp.is_none();
    let found = list.items.into_iter().filter(is_there).map(|agent| FoundAgent {
        namespace: agent.namespace().unwrap_or_default(),
        name: agent.name_any(),
        spec: agent.0.ok().map(|agent| agent.spec),
    });
    Ok(found.collect())
}
