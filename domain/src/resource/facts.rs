// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the head of a snapshot says of the cluster: its platform and region, from its nodes.

use std::collections::BTreeMap;

use super::Metadata;

/// What one node says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// The platform that it names.
    pub platform: Option<&'static str>,
    /// Its region.
    pub region: Option<Box<str>>,
}

/// Labels by whose prefix a platform is known. The most specific first: OpenShift and others run on clouds.
const LABELS: [(&str, &str); 12] = [
    ("node.openshift.io/", "openshift"),
    ("eks.amazonaws.com/", "eks"),
    ("alpha.eksctl.io/", "eks"),
    ("cloud.google.com/gke-", "gke"),
    ("kubernetes.azure.com/", "aks"),
    ("doks.digitalocean.com/", "doks"),
    ("oci.oraclecloud.com/", "oke"),
    ("oke.oraclecloud.com/", "oke"),
    ("ibm-cloud.kubernetes.io/", "ibm"),
    ("minikube.k8s.io/", "minikube"),
    ("lke.linode.com/", "lke"),
    ("k8s.scaleway.com/", "kapsule"),
];

/// Prefixes of `spec.providerID`. A cloud's own (`aws://`, `gce://`, `azure://`) says where a node runs, not what runs
/// the cluster, so they aren't here.
const PROVIDERS: [(&str, &str); 6] = [
    ("kind://", "kind"),
    ("k3s://", "k3s"),
    ("rke2://", "rke2"),
    ("digitalocean://", "doks"),
    ("ibm://", "ibm"),
    ("ocid1.instance.", "oke"),
];

/// Parts of the API server's version.
const VERSIONS: [(&str, &str); 5] = [
    ("+k3s", "k3s"),
    ("+rke2", "rke2"),
    ("-eks-", "eks"),
    ("-gke.", "gke"),
    ("+IKS", "ibm"),
];

impl NodeFacts {
    /// From a node's labels and its provider's id.
    pub fn read(metadata: &Metadata, provider_id: Option<&str>) -> Self {
        let labelled = LABELS
            .iter()
            .find(|(prefix, _)| metadata.labels.keys().any(|key| key.starts_with(prefix)));
        let provided = || {
            PROVIDERS
                .iter()
                .find(|(prefix, _)| provider_id.is_some_and(|id| id.starts_with(prefix)))
        };
        Self {
            platform: labelled.or_else(provided).map(|(_, platform)| *platform),
            region: metadata
                .labels
                .get("topology.kubernetes.io/region")
                .filter(|region| !region.is_empty())
                .map(|region| region.as_str().into()),
        }
    }
}

/// What all nodes say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    platforms: BTreeMap<&'static str, u64>,
    regions: BTreeMap<Box<str>, u64>,
}

impl ClusterFacts {
    /// Counts a node.
    pub fn add(&mut self, node: &NodeFacts) {
        if let Some(platform) = node.platform {
            *self.platforms.entry(platform).or_default() += 1;
        }
        if let Some(region) = &node.region {
            *self.regions.entry(region.clone()).or_default() += 1;
        }
    }

    /// Adds what others counted.
    pub fn merge(&mut self, other: &Self) {
        for (platform, count) in &other.platforms {
            *self.platforms.entry(platform).or_default() += count;
        }
        for (region, count) in &other.regions {
            *self.regions.entry(region.clone()).or_default() += count;
        }
    }

    /// The platform: what most nodes name, else what the API server's version names.
    pub fn platform(&self, git_version: &str) -> Option<&'static str> {
        most_common(&self.platforms).copied().or_else(|| {
            VERSIONS
                .iter()
                .find(|(part, _)| git_version.contains(part))
                .map(|(_, platform)| *platform)
        })
    }

    /// The most common region; of several the first by name.
    pub fn region(&self) -> Option<&str> {
        most_common(&self.regions).map(AsRef::as_ref)
    }
}

fn most_common<K: Ord>(counts: &BTreeMap<K, u64>) -> Option<&K> {
    counts.iter().rev().max_by_key(|(_, count)| **count).map(|(key, _)| key)
}
