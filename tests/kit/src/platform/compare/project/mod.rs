// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the protocol makes of an object: protocol.md, *Objects*, line by line, over plain JSON.

mod core;
mod network;
mod pod;
mod workloads;

use serde_json::{Map, Value};

use crate::platform::schema::must_stay;

/// What snapshots and events say of this object of the Kubernetes API, or none of a kind that the protocol doesn't have.
#[must_use]
pub fn project(kind: &str, object: &Value) -> Option<Value> {
    let mut said = Said::default();
    meta(&mut said, kind, &object["metadata"]);
    match kind {
        "Namespace" => core::namespace(&mut said, object),
        "Pod" => pod::pod(&mut said, object),
        "Service" => network::service(&mut said, object),
        "Node" => core::node(&mut said, object),
        "Deployment" => workloads::deployment(&mut said, object),
        "StatefulSet" => workloads::stateful_set(&mut said, object),
        "DaemonSet" => workloads::daemon_set(&mut said, object),
        "Job" => workloads::job(&mut said, object),
        "CronJob" => workloads::cron_job(&mut said, object),
        "Ingress" => network::ingress(&mut said, object),
        "NetworkPolicy" => network::network_policy(&mut said, object),
        "ConfigMap" => core::config_map(&mut said, object),
        "Secret" => core::secret(&mut said, object),
        _ => return None,
    }
    Some(said.into())
}

/// The fields of an object of the protocol.
#[derive(Default)]
struct Said(Map<String, Value>);

impl Said {
    /// A field that is always there.
    fn always(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// A field that is there when it has a value.
    fn if_any(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let has_value = match &value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        };
        if has_value {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// A field as it stands in Kubernetes, when it has a value.
    fn copy(&mut self, name: &str, source: &Value) {
        self.if_any(name, source.clone());
    }
}

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        Self::Object(said.0)
    }
}

fn meta(said: &mut Said, kind: &str, meta: &Value) {
    said.always("uid", meta["uid"].clone());
    said.always("name", meta["name"].clone());
    said.copy("namespace", &meta["namespace"]);
    said.copy("labels", &meta["labels"]);
    said.if_any("k8s_created_at", meta["creationTimestamp"].clone());
    if kind != "ConfigMap" && kind != "Secret" {
        let all = meta["annotations"].as_object().into_iter().flatten();
        let may_leave = all.filter(|(key, value)| must_stay(key, value.as_str().unwrap_or_default()).is_none());
        let annotations: Map<String, Value> = may_leave.map(|(key, value)| (key.clone(), value.clone())).collect();
        said.if_any("annotations", annotations);
    }
}

/// A list of the objects that something makes of each element.
fn each(list: &Value, make: impl Fn(&mut Said, &Value)) -> Value {
    let made = elements(list).map(|element| {
        let mut said = Said::default();
        make(&mut said, element);
        Value::from(said)
    });
    made.collect()
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A number, or what Kubernetes means when there is none.
fn number(value: &Value, otherwise: i64) -> Value {
    value.as_i64().unwrap_or(otherwise).into()
}

fn flag(value: &Value) -> Value {
    value.as_bool().unwrap_or_default().into()
}

/// The keys of a map, sorted by their bytes.
fn keys(map: &Value) -> Value {
    let mut keys: Vec<&String> = map.as_object().into_iter().flatten().map(|(key, _)| key).collect();
    keys.sort();
    keys.into_iter().map(String::as_str).collect()
}
