// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Pod.

use serde_json::{Value, json};

use super::{assert_sent, object, sent};
use crate::resource::Pod;

fn realistic() -> Value {
    json!({
        "spec": {
            "nodeName": "node-1", "serviceAccountName": "web", "priorityClassName": "high", "restartPolicy": "Always",
            "initContainers": [{"name": "init", "image": "busybox:1", "command": ["sh", "-c", "MARKER"], "resources": {}}],
            "containers": [{
                "name": "app", "image": "shop/web:1.2", "args": ["--password=MARKER"],
                "env": [
                    {"name": "PLAIN", "value": "MARKER"},
                    {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
                ],
                "livenessProbe": {"httpGet": {"path": "/", "httpHeaders": [{"name": "Authorization", "value": "MARKER"}]}},
                "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}, {"containerPort": 53}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi", "nvidia.com/gpu": 1}, "limits": {"cpu": 2, "memory": "1Gi"}},
                "securityContext": {"privileged": false, "runAsUser": 1000, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
                "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": true}, {"name": "tmp", "mountPath": "/tmp"}]
            }, {"name": "sidecar", "image": "shop/proxy:3"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}, {"name": "tmp", "emptyDir": {}}]
        },
        "status": {
            "phase": "Running", "qosClass": "Burstable", "hostIP": "10.0.0.1", "podIP": "10.1.0.7",
            "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null}, {"type": "Custom/New", "status": "Maybe"}],
            "initContainerStatuses": [
                {"name": "init", "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "message": "MARKER"}}}
            ],
            "containerStatuses": [
                {"name": "sidecar", "ready": false, "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                {"name": "app", "ready": true, "restartCount": 1, "state": {"running": {"startedAt": "2026-01-15T10:31:00Z"}}}
            ]
        }
    })
}

#[test]
fn a_pod_is_where_it_runs_and_its_containers_and_volumes() {
    let expected = json!({
        "node_name": "node-1", "service_account": "web", "phase": "Running", "qos_class": "Burstable",
        "priority_class_name": "high", "host_ip": "10.0.0.1", "pod_ip": "10.1.0.7",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Custom/New", "status": "Maybe"}],
        "containers": [{
            "name": "app", "image": "shop/web:1.2", "state": "running", "ready": true, "restart_count": 1,
            "resources": {"cpu_request": "100m", "cpu_limit": "2", "memory_request": "64Mi", "memory_limit": "1Gi"},
            "ports": [{"container_port": 8080, "protocol": "TCP", "name": "http"}, {"container_port": 53}],
            "volume_mounts": [
                {"name": "data", "mount_path": "/data", "read_only": true},
                {"name": "tmp", "mount_path": "/tmp", "read_only": false}
            ],
            "env_var_names": ["PLAIN", "REF"],
            "security_context": {"privileged": false, "run_as_root": false, "capabilities": ["NET_ADMIN"]}
        }, {
            "name": "sidecar", "image": "shop/proxy:3", "state": "waiting", "ready": false, "restart_count": 7,
            "resources": {}
        }],
        "init_containers": [{
            "name": "init", "image": "busybox:1", "state": "terminated", "ready": true, "restart_count": 0, "resources": {}
        }],
        "volumes": [{"name": "data", "type": "pvc", "source": "data-0"}, {"name": "tmp", "type": "emptyDir"}]
    });
    assert_sent::<Pod>(&realistic(), &expected, &json!({}));
    assert!(
        !sent::<Pod>(&object(Some("shop"), &realistic()))
            .to_string()
            .contains("MARKER")
    );
}

#[test]
fn a_container_without_a_status_has_no_state() {
    let pod = object(
        Some("shop"),
        &json!({"spec": {"containers": [{"name": "a", "image": "i"}]}}),
    );
    let expected = json!([{"name": "a", "image": "i", "ready": false, "restart_count": 0, "resources": {}}]);
    assert_eq!(sent::<Pod>(&pod)["containers"], expected);
}

#[test]
fn a_container_runs_as_root_when_it_says_so() {
    for (context, expected) in [
        (json!({}), json!({})),
        (json!({"runAsUser": 0}), json!({"run_as_root": true})),
        (
            json!({"runAsUser": 0, "runAsNonRoot": true}),
            json!({"run_as_root": true}),
        ),
        (json!({"runAsUser": 1000}), json!({"run_as_root": false})),
        (json!({"runAsNonRoot": false}), json!({"run_as_root": true})),
        (json!({"runAsNonRoot": true}), json!({"run_as_root": false})),
        (
            json!({"runAsUser": 1000, "runAsNonRoot": true}),
            json!({"run_as_root": false}),
        ),
        (
            json!({"runAsUser": 1000, "runAsNonRoot": false}),
            json!({"run_as_root": false}),
        ),
        (json!({"privileged": true}), json!({"privileged": true})),
        (json!({"capabilities": {"add": [], "drop": ["ALL"]}}), json!({})),
    ] {
        let container = json!({"name": "a", "image": "i", "securityContext": context});
        let pod = object(Some("shop"), &json!({"spec": {"containers": [container]}}));
        assert_eq!(
            sent::<Pod>(&pod)["containers"][0]["security_context"],
            expected,
            "{context}"
        );
    }
    let pod = object(
        Some("shop"),
        &json!({"spec": {"containers": [{"name": "a", "securityContext": null}]}}),
    );
    assert_eq!(sent::<Pod>(&pod)["containers"][0].get("security_context"), None);
}

#[test]
fn each_volume_has_its_type_and_source() {
    for (volume, expected) in [
        (json!({"emptyDir": {"medium": "Memory"}}), json!({"type": "emptyDir"})),
        (
            json!({"configMap": {"name": "cm", "items": []}}),
            json!({"type": "configMap", "source": "cm"}),
        ),
        (
            json!({"secret": {"secretName": "s"}}),
            json!({"type": "secret", "source": "s"}),
        ),
        (
            json!({"persistentVolumeClaim": {"claimName": "c"}}),
            json!({"type": "pvc", "source": "c"}),
        ),
        (
            json!({"hostPath": {"path": "/var"}}),
            json!({"type": "hostPath", "source": "/var"}),
        ),
        (json!({"projected": {"sources": []}}), json!({"type": "projected"})),
        (json!({"downwardAPI": {"items": []}}), json!({"type": "downwardAPI"})),
        (
            json!({"csi": {"driver": "ebs.csi.aws.com"}}),
            json!({"type": "csi", "source": "ebs.csi.aws.com"}),
        ),
        (
            json!({"nfs": {"server": "nas", "path": "/export"}}),
            json!({"type": "nfs", "source": "nas:/export"}),
        ),
        (
            json!({"ephemeral": {"volumeClaimTemplate": {}}}),
            json!({"type": "ephemeral"}),
        ),
        (json!({"iscsi": {"iqn": "x"}}), json!({"type": "unknown"})),
    ] {
        let (mut volume, mut expected) = (volume, expected);
        volume["name"] = "v".into();
        expected["name"] = "v".into();
        let pod = object(Some("shop"), &json!({"spec": {"volumes": [volume]}}));
        assert_eq!(sent::<Pod>(&pod)["volumes"], json!([expected]));
    }
}
