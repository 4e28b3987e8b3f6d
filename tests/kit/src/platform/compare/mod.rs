// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a cluster holds against what the platform holds.
//!
//! The cluster's objects are read as the API server tells them, as plain JSON, and turned into what protocol.md makes of
//! them (`project`): neither with the operator's types nor with its code.

mod project;
#[cfg(test)]
pub(in crate::platform) mod samples;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use http::Request;
use kube::Client;
use serde_json::Value;

use super::Error;
use super::cluster::Cluster;
use super::schema::KINDS;

pub use self::project::project;

/// How many objects a page has: as much as anybody's memory stands.
const PAGE: usize = 500;

/// How many objects of each sort are shown; the rest are counted.
const SHOWN: usize = 10;

/// Where each kind is listed.
const PATHS: [(&str, &str); 13] = [
    ("Namespace", "/api/v1/namespaces"),
    ("Pod", "/api/v1/pods"),
    ("Service", "/api/v1/services"),
    ("Node", "/api/v1/nodes"),
    ("Deployment", "/apis/apps/v1/deployments"),
    ("StatefulSet", "/apis/apps/v1/statefulsets"),
    ("DaemonSet", "/apis/apps/v1/daemonsets"),
    ("Job", "/apis/batch/v1/jobs"),
    ("CronJob", "/apis/batch/v1/cronjobs"),
    ("Ingress", "/apis/networking.k8s.io/v1/ingresses"),
    ("NetworkPolicy", "/apis/networking.k8s.io/v1/networkpolicies"),
    ("ConfigMap", "/api/v1/configmaps"),
    ("Secret", "/api/v1/secrets"),
];

/// What a cluster holds, as the protocol tells it.
pub(super) struct Picture {
    /// The uid of namespace kube-system.
    pub(super) uid: String,
    /// By kind and uid.
    kinds: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

impl Picture {
    /// Reads these kinds (all, if there is none).
    pub(super) async fn read(client: &Client, only: &[&str]) -> Result<Self, Error> {
        let kube_system: Value = client.request(get("/api/v1/namespaces/kube-system")).await?;
        let uid = kube_system["metadata"]["uid"].as_str().ok_or(Error::ClusterUnknown)?;
        let mut kinds = BTreeMap::new();
        for (kind, path) in PATHS {
            if only.is_empty() || only.contains(&kind) {
                kinds.insert(kind, list(client, kind, path).await?);
            }
        }
        Ok(Self {
            uid: uid.to_owned(),
            kinds,
        })
    }

    /// Compares it with what the platform holds of this cluster, if it holds anything.
    pub(super) fn compare(&self, cluster: Option<&Cluster>) -> Comparison {
        let mut comparison = Comparison::default();
        let Some(cluster) = cluster else {
            comparison.unknown = Some(self.uid.clone());
            return comparison;
        };
        for (&kind, objects) in &self.kinds {
            if !cluster.has_list(kind) {
                comparison.absent.push(kind);
                continue;
            }
            comparison.compared += objects.len();
            for (uid, object) in objects {
                match cluster.object(kind, uid) {
                    None => comparison.missing.push(Named::of(kind, object)),
                    Some(held) => {
                        let differences = differences(object, &held.object());
                        if !differences.is_empty() {
                            comparison.stale.push((Named::of(kind, object), differences));
                        }
                    }
                }
            }
            let ghosts = cluster.objects(kind).filter(|(uid, _)| !objects.contains_key(*uid));
            comparison
                .ghosts
                .extend(ghosts.map(|(_, held)| Named::of(kind, &held.object())));
        }
        comparison
    }
}

fn get(path: &str) -> Request<Vec<u8>> {
    Request::get(path).body(Vec::new()).expect("a path of the API is a URI")
}

async fn list(client: &Client, kind: &str, path: &str) -> Result<BTreeMap<String, Value>, Error> {
    let mut objects = BTreeMap::new();
    let mut next = String::new();
    loop {
        let page: Value = client.request(get(&format!("{path}?limit={PAGE}{next}"))).await?;
        for object in page["items"].as_array().into_iter().flatten() {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            objects.insert(uid.to_owned(), project(kind, object).unwrap_or_default());
        }
        match page["metadata"]["continue"].as_str() {
            // The token is base64url: nothing in it has to be escaped.
            Some(token) if !token.is_empty() => next = format!("&continue={token}"),
            _ => return Ok(objects),
        }
    }
}

/// An object's kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As Kubernetes calls it.
    pub kind: &'static str,
    /// Empty for kinds that have none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Named {
    fn of(kind: &'static str, object: &Value) -> Self {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        Self {
            kind,
            namespace: text("namespace"),
            name: text("name"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// How what the platform holds differs from what the cluster holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The cluster's uid, when no snapshot of it was accepted.
    pub unknown: Option<String>,
    /// How many of the cluster's objects were compared.
    pub compared: usize,
    /// Kinds that no snapshot has listed.
    pub absent: Vec<&'static str>,
    /// In the cluster, not in the platform.
    pub missing: Vec<Named>,
    /// In both, and not the same; with the fields that differ.
    pub stale: Vec<(Named, Vec<String>)>,
    /// In the platform, not in the cluster.
    pub ghosts: Vec<Named>,
}

impl Comparison {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        let Self {
            unknown,
            compared: _,
            absent,
            missing,
            stale,
            ghosts,
        } = self;
        unknown.is_none() && absent.is_empty() && missing.is_empty() && stale.is_empty() && ghosts.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(uid) = &self.unknown {
            return write!(f, "no snapshot of cluster {uid} was accepted");
        }
        if self.is_equal() {
            return write!(f, "{} objects, all the same", self.compared);
        }
        writeln!(f, "{} objects compared", self.compared)?;
        for kind in &self.absent {
            writeln!(f, "  never listed: {kind}")?;
        }
        let stale = |(named, fields): &(Named, Vec<String>)| format!("{named}: {}", fields.join("; "));
        show(f, "missing", self.missing.iter().map(Named::to_string))?;
        show(f, "stale", self.stale.iter().map(stale))?;
        show(f, "ghost", self.ghosts.iter().map(Named::to_string))
    }
}

fn show(f: &mut fmt::Formatter<'_>, what: &str, objects: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let more = objects.len().saturating_sub(SHOWN);
    for object in objects.take(SHOWN) {
        writeln!(f, "  {what}: {object}")?;
    }
    if more > 0 {
        writeln!(f, "  {what}: and {more} more")?;
    }
    Ok(())
}

/// The fields in which two values differ, each with both sides.
fn differences(cluster: &Value, platform: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", Some(cluster), Some(platform), &mut found);
    found
}

fn walk(path: &str, cluster: Option<&Value>, platform: Option<&Value>, found: &mut Vec<String>) {
    match (cluster, platform) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let only_b = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(only_b) {
                let dot = if path.is_empty() { "" } else { "." };
                walk(&format!("{path}{dot}{name}"), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for n in 0..a.len().max(b.len()) {
                walk(&format!("{path}[{n}]"), a.get(n), b.get(n), found);
            }
        }
        (a, b) if a != b => {
            let side = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
            found.push(format!(
                "{path} is {} in the cluster, {} in the platform",
                side(a),
                side(b)
            ));
        }
        _ => {}
    }
}

/// That each kind of the protocol is compared.
const _: () = assert!(PATHS.len() == KINDS.len());
