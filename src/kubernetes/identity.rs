// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who the cluster is: the uid of kube-system, and the API server's version.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Client};
use obsyk_domain::ports::{Cluster, ClusterIdentity, Local};
use tokio::time::timeout;

/// What isn't answered by then isn't known. The agent asks again every half minute, and questions mustn't pile up.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

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
            let listed = timeout(LONGEST_ANSWER, namespaces.list_metadata(&only)).await;
            let uid = listed
                .ok()
                .and_then(Result::ok)
                .and_then(|list| list.items.into_iter().next())
                .and_then(|namespace: PartialObjectMeta<Namespace>| namespace.metadata.uid);
            let version = timeout(LONGEST_ANSWER, client.apiserver_version()).await;
            let git_version = version.ok().and_then(Result::ok).map(|info| info.git_version);
            ClusterIdentity { uid, git_version }
        })
    }
}
