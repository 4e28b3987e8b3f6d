// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! An object of each kind, for tests: as an API server tells it, and as the protocol has it.

use serde_json::Value;

/// An object of each kind as an API server tells it, and what the protocol makes of it.
pub(in crate::platform) const SAMPLES: [(&str, &str); 13] = [
    ("Namespace", include_str!("namespace.json")),
    ("Pod", include_str!("pod.json")),
    ("Service", include_str!("service.json")),
    ("Node", include_str!("node.json")),
    ("Deployment", include_str!("deployment.json")),
    ("StatefulSet", include_str!("statefulset.json")),
    ("DaemonSet", include_str!("daemonset.json")),
    ("Job", include_str!("job.json")),
    ("CronJob", include_str!("cronjob.json")),
    ("Ingress", include_str!("ingress.json")),
    ("NetworkPolicy", include_str!("networkpolicy.json")),
    ("ConfigMap", include_str!("configmap.json")),
    ("Secret", include_str!("secret.json")),
];

/// A sample of a kind: what Kubernetes has, and what the platform has.
pub(in crate::platform) fn sample(kind: &str) -> (Value, Value) {
    let (_, text) = SAMPLES.into_iter().find(|(of, _)| *of == kind).unwrap();
    let mut both: Value = serde_json::from_str(text).unwrap();
    (both["kubernetes"].take(), both["platform"].take())
}
