// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The protocol's kinds and their fields, as one table. It is read by the checks and by nobody else: what the double takes
//! from a cluster (`compare`) is written on its own.

use super::Type::{
    Annotations, Count, Filled, Flag, Group, GroupOfAny, Groups, OneOf, SortedTexts, Text, TextMap, Texts, Time,
};
use super::{Field, may, must};

/// A kind of object that a snapshot lists.
#[derive(Debug)]
pub(in crate::platform) struct Kind {
    /// As Kubernetes calls it.
    pub(in crate::platform) kind: &'static str,
    /// The snapshot's list of it.
    pub(in crate::platform) list: &'static str,
    /// Whether its objects are in a namespace.
    pub(in crate::platform) namespaced: bool,
    /// What every object of it has.
    pub(super) meta: &'static [Field],
    /// What is its own.
    pub(super) fields: &'static [Field],
}

/// The kinds that the protocol knows by now, in its order.
pub(in crate::platform) static KINDS: [Kind; 13] = [
    cluster_wide("Namespace", "namespaces", NAMESPACE),
    namespaced("Pod", "pods", POD),
    namespaced("Service", "services", SERVICE),
    cluster_wide("Node", "nodes", NODE),
    namespaced("Deployment", "deployments", DEPLOYMENT),
    namespaced("StatefulSet", "statefulsets", STATEFUL_SET),
    namespaced("DaemonSet", "daemonsets", DAEMON_SET),
    namespaced("Job", "jobs", JOB),
    namespaced("CronJob", "cronjobs", CRON_JOB),
    namespaced("Ingress", "ingresses", INGRESS),
    namespaced("NetworkPolicy", "network_policies", NETWORK_POLICY),
    secretive("ConfigMap", "configmaps", CONFIG_MAP),
    secretive("Secret", "secrets", SECRET),
];

/// The kind of this name.
pub(in crate::platform) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.kind == name)
}

/// The fields of a snapshot beside its lists.
pub(super) const SNAPSHOT: &[Field] = &[
    must("cluster_uid", Filled),
    must("cluster_name", Filled),
    may("kubernetes_version", Text),
    may("platform", Text),
    may("region", Text),
    may("agent_version", Text),
];

/// The fields of a heartbeat.
pub(super) const HEARTBEAT: &[Field] = &[must("cluster_uid", Filled), may("agent_version", Text)];

/// The fields of an event but its object.
pub(super) const EVENT: &[Field] = &[
    must("cluster_uid", Filled),
    must(
        "type",
        OneOf(&["ADDED", "UPDATED", "DELETED", "added", "modified", "deleted"]),
    ),
    must("kind", Filled),
    must("uid", Filled),
    must("name", Filled),
    may("namespace", Text),
];

const fn cluster_wide(kind: &'static str, list: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        kind,
        list,
        namespaced: false,
        meta: CLUSTER_WIDE,
        fields,
    }
}

const fn namespaced(kind: &'static str, list: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        kind,
        list,
        namespaced: true,
        meta: NAMESPACED,
        fields,
    }
}

/// A namespaced kind of which no annotation may leave the cluster.
const fn secretive(kind: &'static str, list: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        kind,
        list,
        namespaced: true,
        meta: SECRETIVE,
        fields,
    }
}

const CLUSTER_WIDE: &[Field] = &[
    must("uid", Filled),
    must("name", Filled),
    may("labels", TextMap),
    may("annotations", Annotations),
    may("k8s_created_at", Time),
];

const NAMESPACED: &[Field] = &[
    must("uid", Filled),
    must("name", Filled),
    must("namespace", Filled),
    may("labels", TextMap),
    may("annotations", Annotations),
    may("k8s_created_at", Time),
];

const SECRETIVE: &[Field] = &[
    must("uid", Filled),
    must("name", Filled),
    must("namespace", Filled),
    may("labels", TextMap),
    may("k8s_created_at", Time),
];

const NAMESPACE: &[Field] = &[may("phase", Text)];

const POD: &[Field] = &[
    may("node_name", Text),
    may("service_account", Text),
    may("phase", Text),
    may("qos_class", Text),
    may("priority_class_name", Text),
    may("host_ip", Text),
    may("pod_ip", Text),
    may("conditions", Groups(&[must("type", Text), must("status", Text)])),
    may("containers", Groups(CONTAINER)),
    may("init_containers", Groups(CONTAINER)),
    may("volumes", Groups(VOLUME)),
];

const CONTAINER: &[Field] = &[
    must("name", Filled),
    must("image", Text),
    may("state", OneOf(&["running", "waiting", "terminated"])),
    must("ready", Flag),
    must("restart_count", Count),
    must(
        "resources",
        Group(&[
            may("cpu_request", Text),
            may("cpu_limit", Text),
            may("memory_request", Text),
            may("memory_limit", Text),
        ]),
    ),
    may(
        "ports",
        Groups(&[must("container_port", Count), may("protocol", Text), may("name", Text)]),
    ),
    may(
        "volume_mounts",
        Groups(&[must("name", Filled), must("mount_path", Text), must("read_only", Flag)]),
    ),
    may("env_var_names", Texts),
    may(
        "security_context",
        GroupOfAny(&[
            may("privileged", Flag),
            may("run_as_root", Flag),
            may("capabilities", Texts),
        ]),
    ),
];

const VOLUME: &[Field] = &[
    must("name", Filled),
    must(
        "type",
        OneOf(&[
            "emptyDir",
            "configMap",
            "secret",
            "pvc",
            "hostPath",
            "projected",
            "downwardAPI",
            "csi",
            "nfs",
            "ephemeral",
            "unknown",
        ]),
    ),
    may("source", Text),
];

const SERVICE: &[Field] = &[
    may("service_type", Text),
    may("cluster_ip", Text),
    may(
        "ports",
        Groups(&[
            may("name", Text),
            must("protocol", Text),
            must("port", Count),
            may("targetPort", Text),
        ]),
    ),
    may("selector", TextMap),
];

const NODE: &[Field] = &[
    must("status", OneOf(&["Ready", "NotReady"])),
    may("roles", SortedTexts),
    may("kubelet_version", Text),
    may("container_runtime", Text),
    may("os_image", Text),
    may("architecture", Text),
    // Each "0" when the node reports none: so they are always there.
    must("cpu_capacity", Filled),
    must("memory_capacity", Filled),
    must("pod_capacity", Filled),
];

const DEPLOYMENT: &[Field] = &[
    must("replicas", Count),
    must("ready_replicas", Count),
    must("available_replicas", Count),
    must("updated_replicas", Count),
    may("strategy", Text),
    may("selector", TextMap),
    may("image", Text),
];

const STATEFUL_SET: &[Field] = &[
    must("replicas", Count),
    must("ready_replicas", Count),
    must("current_replicas", Count),
    may("update_strategy", Text),
    may("service_name", Text),
    may("selector", TextMap),
    may("image", Text),
];

const DAEMON_SET: &[Field] = &[
    must("desired_number_scheduled", Count),
    must("current_number_scheduled", Count),
    must("number_ready", Count),
    must("number_available", Count),
    may("update_strategy", Text),
    may("selector", TextMap),
    may("node_selector", TextMap),
    may("image", Text),
];

const JOB: &[Field] = &[
    must("completions", Count),
    must("parallelism", Count),
    must("succeeded", Count),
    must("failed", Count),
    must("active", Count),
    may("start_time", Time),
    may("completion_time", Time),
    may("owner_ref", Text),
];

const CRON_JOB: &[Field] = &[
    must("schedule", Text),
    must("suspend", Flag),
    may("concurrency_policy", Text),
    may("last_schedule_time", Time),
    must("active_jobs", Count),
];

const INGRESS: &[Field] = &[
    may("ingress_class_name", Text),
    may(
        "rules",
        Groups(&[
            may("host", Text),
            may(
                "paths",
                Groups(&[
                    may("path", Text),
                    may("path_type", Text),
                    may("service_name", Text),
                    may("service_port", Count),
                ]),
            ),
        ]),
    ),
    may("tls", Groups(&[may("hosts", Texts), may("secret_name", Text)])),
    may("load_balancer_ips", Texts),
];

const NETWORK_POLICY: &[Field] = &[
    may("pod_selector", TextMap),
    may("policy_types", Texts),
    must("ingress_rules", Count),
    must("egress_rules", Count),
];

const CONFIG_MAP: &[Field] = &[
    may("data_keys", SortedTexts),
    may("binary_keys", SortedTexts),
    must("immutable", Flag),
];

const SECRET: &[Field] = &[
    may("type", Text),
    may("data_keys", SortedTexts),
    must("immutable", Flag),
];
