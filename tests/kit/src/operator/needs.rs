// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the operator needs of a cluster: its custom resource definition, credentials, resources.

use http::Request;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{NAMESPACE, SECRET, SOON};
use crate::controlplane::{Error, Guard};

/// The field manager of what tests write.
const FIELD_MANAGER: &str = "obsyk-testkit";

fn agents(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("obsyk.io", "v1", "ObsykAgent"));
    Api::namespaced_with(client.clone(), namespace, &kind)
}

/// Installs the custom resource definition, and makes the namespace.
///
/// # Errors
///
/// The API server refuses it, or doesn't serve it in time.
pub async fn install(client: &Client) -> Result<(), kube::Error> {
    install_definition(client).await?;
    make_namespace(client, NAMESPACE).await
}

/// Whether the custom resource definition is there.
///
/// # Errors
///
/// The API server doesn't say.
pub async fn has_definition(client: &Client) -> Result<bool, kube::Error> {
    match agents(client, NAMESPACE).list(&Default::default()).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Installs the custom resource definition of `manifests/`, and waits until it is served.
///
/// # Errors
///
/// The API server refuses it, or doesn't serve it in time.
pub async fn install_definition(client: &Client) -> Result<(), kube::Error> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests/crd/obsykagents.yaml");
    let text = std::fs::read_to_string(path).expect("manifests/crd/obsykagents.yaml is there; run make manifests");
    let definition: Value = serde_yaml_ng::from_str(&text).expect("the manifest is YAML");
    let request = Request::patch(format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/obsykagents.obsyk.io?fieldManager={FIELD_MANAGER}&force=true"
    ))
    .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
    .body(definition.to_string().into_bytes())
    .expect("a path of the API is a URI");
    client.request_text(request).await?;
    let guard = Guard::new("ObsykAgents are served", SOON);
    while let Err(error) = agents(client, NAMESPACE).list(&Default::default()).await {
        if guard.again(error.to_string()).await.is_err() {
            return Err(error);
        }
    }
    Ok(())
}

/// Deletes a namespace, and says so to nobody when it is gone already. What is in it is deleted first: where no controller
/// does it, it would stay.
///
/// # Errors
///
/// The API server refuses it.
pub async fn remove_namespace(client: &Client, name: &str) -> Result<(), kube::Error> {
    let (how, all) = (DeleteParams::default(), ListParams::default());
    agents(client, name).delete_collection(&how, &all).await?;
    let secrets = Api::<Secret>::namespaced(client.clone(), name);
    secrets.delete_collection(&how, &all).await?;
    match Api::<Namespace>::all(client.clone()).delete(name, &how).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Makes a namespace, if it isn't there.
///
/// # Errors
///
/// The API server refuses it.
pub async fn make_namespace(client: &Client, name: &str) -> Result<(), kube::Error> {
    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).expect("a namespace");
    match Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Writes the Secret with these values, whatever it had before.
///
/// # Errors
///
/// The API server refuses it.
pub async fn write_secret(client: &Client, name: &str, values: &[(&str, &str)]) -> Result<(), kube::Error> {
    write_secret_in(client, NAMESPACE, name, values).await
}

/// As [`write_secret`], in this namespace.
///
/// # Errors
///
/// The API server refuses it.
pub async fn write_secret_in(
    client: &Client,
    namespace: &str,
    name: &str,
    values: &[(&str, &str)],
) -> Result<(), kube::Error> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let values: serde_json::Map<String, Value> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let secret: Secret =
        serde_json::from_value(json!({ "metadata": { "name": name }, "stringData": values })).expect("a Secret");
    match secrets.create(&PostParams::default(), &secret).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            secrets.replace(name, &PostParams::default(), &secret).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

/// Deletes a Secret.
///
/// # Errors
///
/// The API server refuses it.
pub async fn delete_secret(client: &Client, name: &str) -> Result<(), kube::Error> {
    Api::<Secret>::namespaced(client.clone(), NAMESPACE)
        .delete(name, &DeleteParams::default())
        .await
        .map(|_| ())
}

/// The spec of an agent for this platform, with short times.
#[must_use]
pub fn agent_spec(platform_url: &str) -> Value {
    json!({
        "platformURL": platform_url,
        "clusterName": "test",
        "credentialsSecretRef": { "name": SECRET },
        "syncInterval": "10s",
    })
}

/// Creates an agent.
///
/// # Errors
///
/// The API server refuses it: its sentence is in the error.
pub async fn create_agent(client: &Client, name: &str, spec: &Value) -> Result<(), kube::Error> {
    let agent: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "obsyk.io/v1", "kind": "ObsykAgent", "metadata": { "name": name }, "spec": spec,
    }))
    .expect("an object");
    agents(client, NAMESPACE)
        .create(&PostParams::default(), &agent)
        .await
        .map(|_| ())
}

/// Creates an agent, or gives one that is there this spec.
///
/// # Errors
///
/// The API server refuses it.
pub async fn apply_agent(client: &Client, namespace: &str, name: &str, spec: &Value) -> Result<(), kube::Error> {
    let agent =
        json!({ "apiVersion": "obsyk.io/v1", "kind": "ObsykAgent", "metadata": { "name": name }, "spec": spec });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    agents(client, namespace)
        .patch(name, &params, &Patch::Apply(&agent))
        .await
        .map(|_| ())
}

/// Changes fields of an agent's spec.
///
/// # Errors
///
/// The API server refuses it.
pub async fn edit_agent(client: &Client, name: &str, spec: &Value) -> Result<(), kube::Error> {
    let patch = json!({ "spec": spec });
    agents(client, NAMESPACE)
        .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .map(|_| ())
}

/// Deletes an agent.
///
/// # Errors
///
/// The API server refuses it.
pub async fn delete_agent(client: &Client, name: &str) -> Result<(), kube::Error> {
    agents(client, NAMESPACE)
        .delete(name, &DeleteParams::default())
        .await
        .map(|_| ())
}

/// An agent's status, and an empty one when it has none.
///
/// # Errors
///
/// It isn't there.
pub async fn agent_status(client: &Client, name: &str) -> Result<Value, kube::Error> {
    let agent = agents(client, NAMESPACE).get(name).await?;
    Ok(agent.data.get("status").cloned().unwrap_or_else(|| json!({})))
}

/// Waits until a condition of an agent has this status and reason; its message.
///
/// # Errors
///
/// It hasn't within [`SOON`].
pub async fn condition(client: &Client, name: &str, kind: &str, status: &str, reason: &str) -> Result<String, Error> {
    let guard = Guard::new(format!("{kind} of {name} is {status} with reason {reason}"), SOON);
    loop {
        let seen = agent_status(client, name).await.unwrap_or_default();
        let conditions = seen["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions
            .iter()
            .find(|c| c["type"] == kind && c["status"] == status && c["reason"] == reason);
        if let Some(found) = found {
            return Ok(found["message"].as_str().unwrap_or_default().to_owned());
        }
        guard.again(seen.to_string()).await?;
    }
}
