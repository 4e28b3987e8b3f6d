// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The command lines: what each program is told, in one place.

use std::path::Path;

use super::identity::Authority;

/// Of services; the first address is the API server's own.
const SERVICE_RANGE: &str = "10.96.0.0/16";
/// Of pods: wide enough for any number of simulated ones.
const POD_RANGE: &str = "10.128.0.0/9";

/// etcd for tests: it doesn't wait for the disk, because what it holds ends with the folder.
pub(super) fn etcd(folder: &Path, port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{port}");
    arguments([
        ("name", "testkit"),
        ("data-dir", &text(&folder.join("etcd"))),
        ("listen-client-urls", &client),
        ("advertise-client-urls", &client),
        // There are no peers: any port that is free.
        ("listen-peer-urls", "http://127.0.0.1:0"),
        ("unsafe-no-fsync", "true"),
        ("quota-backend-bytes", "8589934592"),
        ("log-level", "warn"),
    ])
}

/// The API server, with RBAC. Without a controller manager (`controllers`) nobody makes service accounts, so pods aren't
/// asked for one.
pub(super) fn api_server(
    folder: &Path,
    authority: &Authority,
    etcd_endpoint: &str,
    port: u16,
    controllers: bool,
) -> Vec<String> {
    let mut arguments = arguments([
        ("etcd-servers", etcd_endpoint),
        ("bind-address", "127.0.0.1"),
        ("advertise-address", "127.0.0.1"),
        ("secure-port", &port.to_string()),
        ("cert-dir", &text(&folder.join("apiserver"))),
        ("tls-cert-file", &text(&authority.server_certificate_file())),
        ("tls-private-key-file", &text(&authority.server_key_file())),
        ("client-ca-file", &text(&authority.ca_file())),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
        (
            "service-account-key-file",
            &text(&authority.service_account_public_key_file()),
        ),
        (
            "service-account-signing-key-file",
            &text(&authority.service_account_key_file()),
        ),
        ("service-cluster-ip-range", SERVICE_RANGE),
        ("authorization-mode", "RBAC"),
        ("allow-privileged", "true"),
        // Else an API server that is asked to end holds its watches open for a minute.
        ("shutdown-watch-termination-grace-period", "1s"),
        // A loopback address is no endpoint of the service kubernetes.
        ("endpoint-reconciler-type", "none"),
    ]);
    if !controllers {
        arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    arguments
}

/// The controller manager, serving nothing.
pub(super) fn controller_manager(kubeconfig: &Path, authority: &Authority) -> Vec<String> {
    arguments([
        ("kubeconfig", text(kubeconfig).as_str()),
        ("secure-port", "0"),
        ("leader-elect", "false"),
        (
            "service-account-private-key-file",
            &text(&authority.service_account_key_file()),
        ),
        ("root-ca-file", &text(&authority.ca_file())),
        ("use-service-account-credentials", "true"),
    ])
}

/// The scheduler, serving nothing.
pub(super) fn scheduler(kubeconfig: &Path) -> Vec<String> {
    arguments([
        ("kubeconfig", text(kubeconfig).as_str()),
        ("secure-port", "0"),
        ("leader-elect", "false"),
    ])
}

/// kwok as the kubelet of every node, serving nothing.
pub(super) fn kwok(kubeconfig: &Path, stages: &[impl AsRef<Path>]) -> Vec<String> {
    let mut arguments = arguments([
        ("kubeconfig", text(kubeconfig).as_str()),
        ("manage-all-nodes", "true"),
        ("cidr", POD_RANGE),
        ("node-port", "0"),
    ]);
    arguments.extend(stages.iter().map(|stage| format!("--config={}", text(stage.as_ref()))));
    arguments
}

fn arguments<const N: usize>(flags: [(&str, &str); N]) -> Vec<String> {
    flags.map(|(flag, value)| format!("--{flag}={value}")).into()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
