// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Namespaces, nodes, ConfigMaps and Secrets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Said, elements, flag, keys};

pub(super) fn namespace(said: &mut Said, object: &Value) {
    said.copy("phase", &object["status"]["phase"]);
}

pub(super) fn node(said: &mut Said, object: &Value) {
    let status = &object["status"];
    let is_ready = elements(&status["conditions"]).any(|c| c["type"] == "Ready" && c["status"] == "True");
    said.always("status", if is_ready { "Ready" } else { "NotReady" });

    let labels = object["metadata"]["labels"].as_object();
    let names = labels.into_iter().flatten().map(|(key, _)| key.as_str());
    let roles: BTreeSet<&str> = names
        .filter_map(|key| key.strip_prefix("node-role.kubernetes.io/"))
        .map(|role| if role == "master" { "control-plane" } else { role })
        .collect();
    said.if_any("roles", roles.into_iter().collect::<Value>());

    let info = &status["nodeInfo"];
    said.copy("kubelet_version", &info["kubeletVersion"]);
    said.copy("container_runtime", &info["containerRuntimeVersion"]);
    said.copy("os_image", &info["osImage"]);
    said.copy("architecture", &info["architecture"]);
    for (name, resource) in [
        ("cpu_capacity", "cpu"),
        ("memory_capacity", "memory"),
        ("pod_capacity", "pods"),
    ] {
        said.always(name, status["capacity"][resource].as_str().unwrap_or("0"));
    }
}

pub(super) fn config_map(said: &mut Said, object: &Value) {
    said.if_any("data_keys", keys(&object["data"]));
    said.if_any("binary_keys", keys(&object["binaryData"]));
    said.always("immutable", flag(&object["immutable"]));
}

pub(super) fn secret(said: &mut Said, object: &Value) {
    said.copy("type", &object["type"]);
    said.if_any("data_keys", keys(&object["data"]));
    said.always("immutable", flag(&object["immutable"]));
}
