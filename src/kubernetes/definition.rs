// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Applies our custom resource definition, by patch alone: an account that may patch it by name needs no other right, as
//! long as it is there. One that isn't there takes the right to create, which may be given by name, too.
//!
//! A server-side apply by force makes the versions exactly ours, whoever wrote them before: their list is atomic, in every
//! Kubernetes that is supported. Labels and annotations of others stay.

use std::fmt;
use std::time::Duration;

use http::Request;
use http::header::CONTENT_TYPE;
use kube::Client;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::failure::{Failure, answer};
use super::status::FIELD_MANAGER;
use crate::text::printable;

/// Its name.
pub const DEFINITION: &str = "obsykagents.obsyk.io";

/// The API server establishes a definition within a second; an overloaded one takes longer.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// Between two looks at whether it is established.
const PAUSE: Duration = Duration::from_millis(250);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What was done.
    pub change: Change,
    /// The versions of the resource that the definition has.
    pub versions: Vec<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It wasn't there.
    Created,
    /// It was another one.
    Configured,
    /// It was as it should be.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        })
    }
}

/// It couldn't be applied. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The account may not patch it.
    #[error(
        "this account may not patch the custom resource definition {DEFINITION}; grant it the verb patch on that name, or \
         run `obsyk-operator crd print | kubectl apply --server-side -f -` with an account that may"
    )]
    MayNotPatch(#[source] Failure),
    /// It isn't there, and the account may not create it.
    #[error(
        "the custom resource definition {DEFINITION} isn't there, and this account may not create it; run \
         `obsyk-operator crd print | kubectl apply --server-side -f -` with an account that may"
    )]
    MayNotCreate(#[source] Failure),
    /// It isn't established in time.
    #[error(
        "the custom resource definition {DEFINITION} was applied, and isn't established after {} s; \
         `kubectl describe crd {DEFINITION}` shows why",
        ESTABLISHED.as_secs()
    )]
    NotEstablished,
    /// Another failure.
    #[error("the custom resource definition {DEFINITION} can't be applied; {}", .0.hint())]
    Failed(#[source] Failure),
}

impl From<Failure> for DefinitionError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Refused { code: 403, message } if message.contains("cannot create") => Self::MayNotCreate(failure),
            Failure::Refused { code: 403, .. } => Self::MayNotPatch(failure),
            _ => Self::Failed(failure),
        }
    }
}

/// Installs this definition or brings the one that is there up to date, and waits until it is established.
pub async fn apply_definition(client: &Client, yaml: &str) -> Result<Applied, DefinitionError> {
    // A dry run answers with the version that is there now, which nothing else that needs no further right tells.
    let before = apply(client, yaml, "&dryRun=All").await?;
    let mut now = apply(client, yaml, "").await?;
    let change = match (version(&before), version(&now)) {
        (None, _) => Change::Created,
        (before, now) if before == now => Change::Unchanged,
        _ => Change::Configured,
    };
    let deadline = Instant::now() + ESTABLISHED;
    while !is_established(&now) {
        if Instant::now() >= deadline {
            return Err(DefinitionError::NotEstablished);
        }
        sleep(PAUSE).await;
        // It changes nothing any more; the answer is the definition with its status.
        now = apply(client, yaml, "").await?;
    }
    let versions = now.pointer("/spec/versions").and_then(Value::as_array);
    let name = |version: &Value| version["name"].as_str().map(printable);
    Ok(Applied {
        change,
        versions: versions.into_iter().flatten().filter_map(name).collect(),
    })
}

async fn apply(client: &Client, yaml: &str, how: &str) -> Result<Value, Failure> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let query = format!("fieldManager={FIELD_MANAGER}&force=true{how}");
    let request = Request::patch(format!("{path}/{DEFINITION}?{query}"))
        .header(CONTENT_TYPE, "application/apply-patch+yaml")
        .body(yaml.as_bytes().to_vec())
        .map_err(|_| Failure::Garbled)?;
    answer(client.request(request)).await
}

/// Its resource version; none of one that isn't stored yet.
fn version(definition: &Value) -> Option<&str> {
    let version = definition.pointer("/metadata/resourceVersion")?.as_str()?;
    (!version.is_empty()).then_some(version)
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    let is_it = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_named_as_the_type_has_it() {
        assert_eq!(obsyk_domain::agent::crd().metadata.name.as_deref(), Some(DEFINITION));
    }

    #[test]
    fn a_refusal_says_which_right_is_missing() {
        let refused = |message: &str| {
            DefinitionError::from(Failure::Refused {
                code: 403,
                message: message.to_owned(),
            })
            .to_string()
        };
        assert!(refused("User \"u\" cannot create resource").contains("isn't there"));
        assert!(refused("User \"u\" cannot patch resource").contains("grant it the verb patch"));
        let busy = DefinitionError::from(Failure::Refused {
            code: 503,
            message: String::new(),
        });
        assert!(busy.to_string().contains("try again"));
    }
}
