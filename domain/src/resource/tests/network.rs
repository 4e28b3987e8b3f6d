// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Service, Ingress, NetworkPolicy.

use serde_json::json;

use super::assert_sent;
use crate::resource::{Ingress, NetworkPolicy, Service};

#[test]
fn a_service_is_its_type_address_ports_and_selector() {
    assert_sent::<Service>(
        &json!({"spec": {
            "type": "LoadBalancer", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "selector": {"app": "web"},
            "ports": [
                {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080, "nodePort": 30080},
                {"protocol": "UDP", "port": 53, "targetPort": "dns"},
                {"port": 443}
            ]
        }}),
        &json!({
            "service_type": "LoadBalancer", "cluster_ip": "10.96.0.1", "selector": {"app": "web"},
            "ports": [
                {"name": "http", "protocol": "TCP", "port": 80, "targetPort": "8080"},
                {"protocol": "UDP", "port": 53, "targetPort": "dns"},
                {"protocol": "TCP", "port": 443}
            ]
        }),
        &json!({}),
    );
}

#[test]
fn an_ingress_is_its_class_rules_tls_and_addresses() {
    let backend = |port| json!({"service": {"name": "web", "port": port}});
    assert_sent::<Ingress>(
        &json!({
            "spec": {
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["b.example", "a.example"], "secretName": "tls"}, {}],
                "rules": [
                    {"host": "a.example", "http": {"paths": [
                        {"path": "/", "pathType": "Prefix", "backend": backend(json!({"number": 80}))},
                        {"path": "/named", "pathType": "Exact", "backend": backend(json!({"name": "http"}))},
                        {"pathType": "Prefix", "backend": {"resource": {"kind": "Bucket", "name": "b"}}}
                    ]}},
                    {}
                ]
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "hostname": "x"}, {"hostname": "lb.example"}, {}]}}
        }),
        &json!({
            "ingress_class_name": "nginx",
            "tls": [{"hosts": ["b.example", "a.example"], "secret_name": "tls"}, {}],
            "rules": [
                {"host": "a.example", "paths": [
                    {"path": "/", "path_type": "Prefix", "service_name": "web", "service_port": 80},
                    {"path": "/named", "path_type": "Exact", "service_name": "web"},
                    {"path_type": "Prefix"}
                ]},
                {}
            ],
            "load_balancer_ips": ["1.2.3.4", "lb.example"]
        }),
        &json!({}),
    );
}

#[test]
fn a_network_policy_is_whom_it_selects_and_how_many_rules() {
    assert_sent::<NetworkPolicy>(
        &json!({"spec": {
            "podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, {}], "egress": [{}]
        }}),
        &json!({
            "pod_selector": {"app": "web"}, "policy_types": ["Ingress", "Egress"], "ingress_rules": 2, "egress_rules": 1
        }),
        &json!({"ingress_rules": 0, "egress_rules": 0}),
    );
}
