// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What of us is in the cluster, of whatever kind: to see that nothing is left.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::{Discovery, verbs};
use kube::{Api, Client};
use obsyk_testkit::controlplane::Guard;

use crate::Failure;
use crate::stage::{self, DEFINITION, NAMESPACE};

/// What is in the metadata of everything that a release makes: in its name, its labels, or its namespace.
const OURS: &str = "obsyk";

/// Events go by themselves, an hour after what they tell of. An APIService is what an API server makes of a definition.
const NOT_COUNTED: [&str; 2] = ["Event", "APIService"];

/// What `helm uninstall` starts to delete is gone within this: a pod has 30 s.
const GONE: Duration = Duration::from_secs(90);

/// Kinds, namespaces and names.
#[derive(Default)]
pub struct Inventory(BTreeSet<String>);

impl Inventory {
    /// What is there now.
    pub async fn take(client: &Client) -> Result<Self, Failure> {
        let mut found = BTreeSet::new();
        let discovery = Discovery::new(client.clone()).run().await?;
        for group in discovery.groups() {
            for (resource, capabilities) in group.recommended_resources() {
                if !capabilities.supports_operation(verbs::LIST) || NOT_COUNTED.contains(&resource.kind.as_str()) {
                    continue;
                }
                let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                for object in api.list_metadata(&ListParams::default()).await? {
                    let metadata = serde_json::to_string(&object.metadata)?;
                    if metadata.contains(OURS) {
                        let namespace = object.metadata.namespace.unwrap_or_default();
                        let name = object.metadata.name.unwrap_or_default();
                        found.insert(format!("{} {namespace}/{name}", resource.kind));
                    }
                }
            }
        }
        Ok(Self(found))
    }

    /// Waits until nothing is there that wasn't there before, but the definition, which Helm leaves because the resources of
    /// all users would go with it.
    pub async fn nothing_else(&self, client: &Client) -> Result<(), Failure> {
        let definition = format!("CustomResourceDefinition /{DEFINITION}");
        let guard = Guard::new("nothing of the release is left", GONE);
        loop {
            let now = Self::take(client).await?;
            let left: Vec<_> = now
                .0
                .difference(&self.0)
                .filter(|left| **left != definition)
                .cloned()
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            stage::look_again(&guard, left.join("\n")).await?;
        }
    }
}

/// Removes what a release that failed may have left outside of its namespace, and the definition.
pub async fn remove_cluster_wide(client: &Client) -> Result<(), Failure> {
    for (group, kind) in [
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
    ] {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        for object in api.list_metadata(&ListParams::default()).await? {
            let name = object.metadata.name.unwrap_or_default();
            if name == DEFINITION || (name.contains(OURS) && name.ends_with(&format!(":{NAMESPACE}"))) {
                api.delete(&name, &DeleteParams::default()).await?;
            }
        }
    }
    Ok(())
}
