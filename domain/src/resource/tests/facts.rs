// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the head of a snapshot says of the cluster.

use serde_json::json;

use super::{bare, sighting};
use crate::resource::{ClusterFacts, Node, NodeFacts};

/// What a node with this label and provider's id says.
fn facts(label: &str, provider_id: &str) -> NodeFacts {
    let mut node = bare(None);
    node["metadata"]["labels"] = json!({ label: "x", "kubernetes.io/os": "linux" });
    node["spec"] = json!({"providerID": provider_id});
    sighting::<Node>(&node).facts.expect("a node has facts")
}

#[test]
fn a_platform_is_known_by_its_nodes_labels_or_their_provider() {
    for (label, provider_id, expected) in [
        ("eks.amazonaws.com/nodegroup", "aws:///eu-west-1a/i-0", Some("eks")),
        ("alpha.eksctl.io/cluster-name", "aws:///eu-west-1a/i-0", Some("eks")),
        ("cloud.google.com/gke-nodepool", "gce://p/z/n", Some("gke")),
        ("kubernetes.azure.com/cluster", "azure:///subscriptions/s", Some("aks")),
        ("node.openshift.io/os_id", "aws:///eu-west-1a/i-0", Some("openshift")),
        ("doks.digitalocean.com/node-pool", "digitalocean://1", Some("doks")),
        ("oci.oraclecloud.com/fault-domain", "ocid1.instance.oc1", Some("oke")),
        ("ibm-cloud.kubernetes.io/worker-id", "ibm://a", Some("ibm")),
        ("minikube.k8s.io/name", "", Some("minikube")),
        ("a", "kind://docker/kind/kind-control-plane", Some("kind")),
        ("a", "k3s://node", Some("k3s")),
        ("a", "rke2://node", Some("rke2")),
        ("a", "digitalocean://1", Some("doks")),
        ("a", "ibm://a", Some("ibm")),
        ("a", "ocid1.instance.oc1", Some("oke")),
        ("a", "aws:///eu-west-1a/i-0", None),
        ("a", "", None),
        ("xeks.amazonaws.com/nodegroup", "xkind://", None),
    ] {
        assert_eq!(facts(label, provider_id).platform, expected, "{label} {provider_id}");
    }
}

#[test]
fn a_platform_that_no_node_names_is_known_by_the_version() {
    for (version, expected) in [
        ("v1.33.1+k3s1", Some("k3s")),
        ("v1.33.1+rke2r1", Some("rke2")),
        ("v1.33.1-eks-5c6c6b8", Some("eks")),
        ("v1.33.1-gke.1234", Some("gke")),
        ("v1.33.1+IKS", Some("ibm")),
        ("v1.37.2", None),
        ("", None),
    ] {
        assert_eq!(ClusterFacts::default().platform(version), expected, "{version}");
    }
    let mut cluster = ClusterFacts::default();
    cluster.add(&facts("minikube.k8s.io/name", ""));
    assert_eq!(cluster.platform("v1.33.1+k3s1"), Some("minikube"));
}

#[test]
fn the_most_common_region_counts_and_of_several_the_first_by_name() {
    let count = |regions: &[&str]| {
        let mut cluster = ClusterFacts::default();
        for region in regions {
            cluster.add(&NodeFacts {
                platform: None,
                region: Some((*region).into()),
            });
        }
        cluster
    };
    assert_eq!(count(&[]).region(), None);
    assert_eq!(count(&["b", "a", "b"]).region(), Some("b"));
    assert_eq!(count(&["c", "b", "a", "b", "a"]).region(), Some("a"));
    let mut merged = count(&["b", "b"]);
    merged.merge(&count(&["a", "a", "a"]));
    assert_eq!(merged.region(), Some("a"));
}
