// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the process was asked to do.

use std::fmt;
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

impl fmt::Display for Scope {
    /// As a sentence has it after "in".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
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

/// Which resources are served, and how: the same for the operator and for its check.
#[derive(Clone, Debug)]
pub struct Service {
    /// The kubeconfig file, when one was named.
    pub kubeconfig: Option<PathBuf>,
    /// Whose resources are served.
    pub scope: Scope,
    /// What resources may ask for.
    pub policy: Policy,
    /// What is collected.
    pub kinds: KindSet,
    /// A file with CA certificates that are trusted for the platform besides the system's.
    pub platform_ca_file: Option<PathBuf>,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What people read.
    Text,
    /// What programs read.
    Json,
}

/// What is to be shown of what would be sent.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The kubeconfig file, when one was named.
    pub kubeconfig: Option<PathBuf>,
    /// The kinds that are shown.
    pub kinds: KindSet,
    /// The namespace whose objects are shown; all, without one.
    pub namespace: Option<String>,
    /// What is printed.
    pub form: Form,
    /// The name in the snapshot's head.
    pub cluster_name: String,
}

/// All that the operator runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which resources are served, and how.
    pub service: Service,
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
