// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Pods.

use serde_json::Value;

use super::{Said, each, elements, flag, number};

/// How the protocol calls a volume whose source has this name in Kubernetes, and which field of the source it tells.
const VOLUMES: [(&str, &str, Option<&str>); 9] = [
    ("emptyDir", "emptyDir", None),
    ("configMap", "configMap", Some("name")),
    ("secret", "secret", Some("secretName")),
    ("persistentVolumeClaim", "pvc", Some("claimName")),
    ("hostPath", "hostPath", Some("path")),
    ("projected", "projected", None),
    ("downwardAPI", "downwardAPI", None),
    ("csi", "csi", Some("driver")),
    ("ephemeral", "ephemeral", None),
];

pub(super) fn pod(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    said.copy("node_name", &spec["nodeName"]);
    said.copy("service_account", &spec["serviceAccountName"]);
    said.copy("phase", &status["phase"]);
    said.copy("qos_class", &status["qosClass"]);
    said.copy("priority_class_name", &spec["priorityClassName"]);
    said.copy("host_ip", &status["hostIP"]);
    said.copy("pod_ip", &status["podIP"]);
    let conditions = each(&status["conditions"], |said, condition| {
        said.always("type", condition["type"].clone());
        said.always("status", condition["status"].clone());
    });
    said.if_any("conditions", conditions);
    for (name, containers, statuses) in [
        ("containers", "containers", "containerStatuses"),
        ("init_containers", "initContainers", "initContainerStatuses"),
    ] {
        let statuses = &status[statuses];
        said.if_any(
            name,
            each(&spec[containers], |said, spec| container(said, spec, statuses)),
        );
    }
    said.if_any("volumes", each(&spec["volumes"], volume));
}

fn container(said: &mut Said, container: &Value, statuses: &Value) {
    let nothing = Value::Null;
    let status = elements(statuses)
        .find(|status| status["name"] == container["name"])
        .unwrap_or(&nothing);
    said.always("name", container["name"].clone());
    said.always("image", container["image"].as_str().unwrap_or_default());
    let states = ["running", "waiting", "terminated"];
    let state = states.into_iter().find(|state| status["state"][*state].is_object());
    said.if_any("state", state);
    said.always("ready", flag(&status["ready"]));
    said.always("restart_count", number(&status["restartCount"], 0));

    let mut resources = Said::default();
    for (name, side, resource) in [
        ("cpu_request", "requests", "cpu"),
        ("cpu_limit", "limits", "cpu"),
        ("memory_request", "requests", "memory"),
        ("memory_limit", "limits", "memory"),
    ] {
        resources.copy(name, &container["resources"][side][resource]);
    }
    said.always("resources", resources);

    let ports = each(&container["ports"], |said, port| {
        said.always("container_port", port["containerPort"].clone());
        said.copy("protocol", &port["protocol"]);
        said.copy("name", &port["name"]);
    });
    said.if_any("ports", ports);
    let mounts = each(&container["volumeMounts"], |said, mount| {
        said.always("name", mount["name"].clone());
        said.always("mount_path", mount["mountPath"].clone());
        said.always("read_only", flag(&mount["readOnly"]));
    });
    said.if_any("volume_mounts", mounts);
    let names: Value = elements(&container["env"])
        .map(|variable| variable["name"].clone())
        .collect();
    said.if_any("env_var_names", names);

    let context = &container["securityContext"];
    if context.is_object() {
        // There even when it says nothing that is collected.
        said.always("security_context", security(context));
    }
}

fn security(context: &Value) -> Said {
    let mut said = Said::default();
    said.copy("privileged", &context["privileged"]);
    let by_user = context["runAsUser"].as_i64().map(|user| user == 0);
    let by_rule = context["runAsNonRoot"].as_bool().map(|non_root| !non_root);
    said.if_any("run_as_root", by_user.or(by_rule));
    said.copy("capabilities", &context["capabilities"]["add"]);
    said
}

fn volume(said: &mut Said, volume: &Value) {
    said.always("name", volume["name"].clone());
    if let Some(nfs) = volume["nfs"].as_object() {
        let text = |field: &str| nfs.get(field).and_then(Value::as_str).unwrap_or_default();
        said.always("type", "nfs");
        said.always("source", format!("{}:{}", text("server"), text("path")));
        return;
    }
    let known = VOLUMES.iter().find(|(source, _, _)| volume[*source].is_object());
    said.always("type", known.map_or("unknown", |(_, called, _)| *called));
    if let Some((source, _, Some(field))) = known {
        said.copy("source", &volume[*source][*field]);
    }
}
