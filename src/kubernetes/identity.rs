// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who the cluster is: the uid of kube-system, and the API server's version.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Client};
use obsyk_domain::ports::{Cluster, ClusterIdentity, Local};

/// Asks the API server.
pub struct ClusterApi {
    client: Client,
}

impl ClusterApi {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Cluster for ClusterApi {
    fn identify(&self) -> Local<ClusterIdentity> {
        let client = self.client.clone();
        Box::pin(async move {
            // A list with a field selector: the permission to list is there already, one to get isn't asked for.
            let namespaces: Api<Namespace> = Api::all(client.clone());
            let only = ListParams::default().fields("metadata.name=kube-system");
            let listed = namespaces.list_metadata(&only).await;
            let uid = listed
                .ok()
                .and_then(|list| list.items.into_iter().next())
                .and_then(|namespace: PartialObjectMeta<Namespace>| namespace.metadata.uid);
            let git_version = client.apiserver_version().await.ok().map(|info| info.git_version);
            ClusterIdentity { uid, git_version }
        })
    }
}
