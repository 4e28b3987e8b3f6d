// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the process was asked to do.

use std::net::SocketAddr;
use std::path::PathBuf;

use obsyk_domain::agent::Policy;
use obsyk_domain::resource::KindSet;

/// Where the service account's namespace stands in a pod.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The namespace outside a cluster.
const DEFAULT_NAMESPACE: &str = "obsyk-system";

/// Whose resources are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of all namespaces.
    All,
    /// Those of one.
    Namespace(String),
}

impl Scope {
    /// The pod's own namespace; outside a cluster the default one.
    pub fn own() -> Self {
        let own = std::fs::read_to_string(NAMESPACE_FILE)
            .ok()
            .map(|text| text.trim().to_owned());
        Self::Namespace(
            own.filter(|namespace| !namespace.is_empty())
                .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        )
    }

    /// The namespace, when it is one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kubeconfig file, when one was named.
    pub kubeconfig: Option<PathBuf>,
    /// Whose resources are served.
    pub scope: Scope,
    /// What resources may ask for.
    pub policy: Policy,
    /// What is collected.
    pub kinds: KindSet,
    /// Address of the probes.
    pub probes: SocketAddr,
    /// Address of the metrics.
    pub metrics: SocketAddr,
    /// Address of the debug endpoint.
    pub debug: SocketAddr,
    /// How much is logged.
    pub log_level: String,
    /// In which form.
    pub log_format: LogFormat,
}
