// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Services, Ingresses and NetworkPolicies.

use serde_json::Value;

use super::{Said, each, elements};

pub(super) fn service(said: &mut Said, object: &Value) {
    let spec = &object["spec"];
    said.copy("service_type", &spec["type"]);
    said.copy("cluster_ip", &spec["clusterIP"]);
    let ports = each(&spec["ports"], |said, port| {
        said.copy("name", &port["name"]);
        said.always("protocol", port["protocol"].clone());
        said.always("port", port["port"].clone());
        // A number or a name in Kubernetes, a text here.
        let target = match &port["targetPort"] {
            Value::Number(number) => number.to_string().into(),
            other => other.clone(),
        };
        said.if_any("targetPort", target);
    });
    said.if_any("ports", ports);
    said.copy("selector", &spec["selector"]);
}

pub(super) fn ingress(said: &mut Said, object: &Value) {
    let spec = &object["spec"];
    said.copy("ingress_class_name", &spec["ingressClassName"]);
    let rules = each(&spec["rules"], |said, rule| {
        said.copy("host", &rule["host"]);
        let paths = each(&rule["http"]["paths"], |said, path| {
            let service = &path["backend"]["service"];
            said.copy("path", &path["path"]);
            said.copy("path_type", &path["pathType"]);
            said.copy("service_name", &service["name"]);
            said.copy("service_port", &service["port"]["number"]);
        });
        said.if_any("paths", paths);
    });
    said.if_any("rules", rules);
    let tls = each(&spec["tls"], |said, tls| {
        said.copy("hosts", &tls["hosts"]);
        said.copy("secret_name", &tls["secretName"]);
    });
    said.if_any("tls", tls);
    let addresses = elements(&object["status"]["loadBalancer"]["ingress"]).filter_map(|point| {
        let filled = |name: &str| point[name].as_str().filter(|text| !text.is_empty());
        filled("ip").or_else(|| filled("hostname"))
    });
    said.if_any("load_balancer_ips", addresses.collect::<Value>());
}

pub(super) fn network_policy(said: &mut Said, object: &Value) {
    let spec = &object["spec"];
    said.copy("pod_selector", &spec["podSelector"]["matchLabels"]);
    said.copy("policy_types", &spec["policyTypes"]);
    said.always("ingress_rules", elements(&spec["ingress"]).count());
    said.always("egress_rules", elements(&spec["egress"]).count());
}
