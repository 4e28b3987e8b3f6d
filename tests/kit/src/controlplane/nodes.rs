// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Nodes without machines: created through the API as a kubelet would register them, and from then on played by kwok, which
//! keeps them ready and lets the pods that are bound to them run.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeStatus, NodeSystemInfo};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

use super::Error;

/// As many requests side by side as the client's connection takes without queueing for long.
const AT_ONCE: usize = 16;

const REGION: &str = "eu-central-1";

/// Creates node-1 to node-`count`.
pub(super) async fn create(client: &Client, count: usize, kubelet_version: &str) -> Result<(), Error> {
    let api = Api::<Node>::all(client.clone());
    stream::iter(1..=count)
        .map(|number| {
            let (api, node) = (api.clone(), node(number, kubelet_version));
            async move { api.create(&PostParams::default(), &node).await.map(|_| ()) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// What is still to come until `count` nodes are Ready and, when a controller manager is there to do it (`untainted`),
/// nothing keeps pods off them.
pub(super) async fn not_ready(client: &Client, count: usize, untainted: bool) -> Result<Option<String>, Error> {
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?;
    let usable = |node: &&Node| is_ready(node) && !(untainted && is_tainted(node));
    let ready = nodes.iter().filter(usable).count();
    let seen = || format!("{ready} of {} are", nodes.items.len());
    Ok((ready < count).then(seen))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_deref());
    let is_ready = |c: &k8s_openapi::api::core::v1::NodeCondition| c.type_ == "Ready" && c.status == "True";
    conditions.unwrap_or_default().iter().any(is_ready)
}

fn is_tainted(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref());
    !taints.unwrap_or_default().is_empty()
}

/// A worker as one of a cloud looks: four cores, 16 GiB, spread over three zones.
fn node(number: usize, kubelet_version: &str) -> Node {
    let name = format!("node-{number}");
    let zone = ["a", "b", "c"][(number - 1) % 3];
    let labels = [
        ("kubernetes.io/hostname", name.clone()),
        ("kubernetes.io/os", "linux".to_owned()),
        ("kubernetes.io/arch", "amd64".to_owned()),
        ("node.kubernetes.io/instance-type", "m6i.xlarge".to_owned()),
        ("node-role.kubernetes.io/worker", String::new()),
        ("topology.kubernetes.io/region", REGION.to_owned()),
        ("topology.kubernetes.io/zone", format!("{REGION}{zone}")),
    ];
    let capacity = [
        ("cpu", "4"),
        ("memory", "16Gi"),
        ("ephemeral-storage", "80Gi"),
        ("pods", "110"),
    ];
    let allocatable = [
        ("cpu", "3920m"),
        ("memory", "15Gi"),
        ("ephemeral-storage", "72Gi"),
        ("pods", "110"),
    ];
    let address = |type_: &str, address: String| NodeAddress {
        type_: type_.to_owned(),
        address,
    };
    let mut node = Node::default();
    node.metadata.name = Some(name.clone());
    node.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value)).into());
    node.status = Some(NodeStatus {
        addresses: Some(vec![
            address(
                "InternalIP",
                format!(
                    "10.{}.{}.{}",
                    64 + number / 62_500,
                    number / 250 % 250,
                    number % 250 + 1
                ),
            ),
            address("Hostname", name),
        ]),
        capacity: Some(quantities(&capacity)),
        allocatable: Some(quantities(&allocatable)),
        node_info: Some(NodeSystemInfo {
            architecture: "amd64".to_owned(),
            container_runtime_version: "containerd://2.1.4".to_owned(),
            kernel_version: "6.8.0-1031-aws".to_owned(),
            kubelet_version: kubelet_version.to_owned(),
            operating_system: "linux".to_owned(),
            os_image: "Ubuntu 24.04.3 LTS".to_owned(),
            ..NodeSystemInfo::default()
        }),
        ..NodeStatus::default()
    });
    node
}

fn quantities(values: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    let quantity = |(name, value): &(&str, &str)| ((*name).to_owned(), Quantity((*value).to_owned()));
    values.iter().map(quantity).collect()
}
