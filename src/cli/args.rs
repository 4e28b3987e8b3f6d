// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The flags of each command.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use obsyk_domain::agent::Policy;
use obsyk_domain::resource::{KindSet, ResourceKind};

use super::values::{Format, Output, address, log_level, origin};
use crate::commands::Asked;
use crate::settings::{Preview, Scope, Service, Settings};

/// Loopback, so that only the pod itself can reach it.
const DEBUG_ADDRESS: &str = "127.0.0.1:6060";

/// The way to the cluster.
#[derive(Args, Debug)]
pub(super) struct ClusterArgs {
    /// Kubeconfig file to use. Without it: KUBECONFIG, ~/.kube/config, or the pod's service account
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
}

/// What `run` and `check` have in common.
#[derive(Args, Debug)]
pub(super) struct ServiceArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Namespace whose ObsykAgent resources are served. Default: the pod's own; outside a cluster obsyk-system
    #[arg(
        long,
        env = "OBSYK_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        conflicts_with = "watch_all_namespaces"
    )]
    watch_namespace: Option<String>,
    /// Serve the ObsykAgent resources of all namespaces
    #[arg(long, env = "OBSYK_WATCH_ALL_NAMESPACES")]
    watch_all_namespaces: bool,
    /// Allow http to platforms on other hosts. The credentials' assertion and the cluster's data then go unencrypted
    #[arg(long, env = "OBSYK_ALLOW_INSECURE_PLATFORM")]
    allow_insecure_platform: bool,
    /// Origin that ObsykAgents may report to, such as https://platform.example.com. Repeat it for several; without it
    /// any https origin is allowed
    #[arg(long = "allowed-platform", env = "OBSYK_ALLOWED_PLATFORM", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    allowed_platforms: Vec<String>,
    /// File with CA certificates (PEM) that are trusted for the platform, besides the system's. A change of the file holds
    /// for new connections, without a restart
    #[arg(long, env = "OBSYK_PLATFORM_CA_FILE", value_name = "FILE")]
    platform_ca_file: Option<PathBuf>,
    /// Kinds to collect, separated by commas, such as pods,nodes,secrets. Default: all
    #[arg(long, env = "OBSYK_KINDS", value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<ResourceKind>,
}

/// Of `run`.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Address of the probes /healthz and /readyz
    #[arg(long, env = "OBSYK_HEALTH_PROBE_BIND_ADDRESS", value_name = "ADDRESS", default_value = "[::]:8081", value_parser = address)]
    health_probe_bind_address: SocketAddr,
    /// Address of /metrics
    #[arg(long, env = "OBSYK_METRICS_BIND_ADDRESS", value_name = "ADDRESS", default_value = "[::]:8080", value_parser = address)]
    metrics_bind_address: SocketAddr,
    /// Address of /debug/actors. Loopback by default: it is for kubectl port-forward and exec. It answers who asks by an
    /// address or localhost, and no other name
    #[arg(long, env = "OBSYK_DEBUG_BIND_ADDRESS", value_name = "ADDRESS", default_value = DEBUG_ADDRESS, value_parser = address)]
    debug_bind_address: SocketAddr,
    /// How much is logged: error, warn, info, debug or trace, or a filter such as obsyk_actors=debug. Libraries see
    /// objects and credentials, and never log below error
    #[arg(long, env = "OBSYK_LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    log_level: String,
    /// Form of the log lines
    #[arg(long, env = "OBSYK_LOG_FORMAT", value_enum, default_value_t = Format::Auto)]
    log_format: Format,
}

/// Of `status`.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// Address of the operator's debug endpoint
    #[arg(long, env = "OBSYK_DEBUG_BIND_ADDRESS", value_name = "ADDRESS", default_value = DEBUG_ADDRESS, value_parser = address)]
    address: SocketAddr,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Show it again every two seconds, until it is interrupted
    #[arg(short, long)]
    watch: bool,
}

/// Of `preview`.
#[derive(Args, Debug)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Kinds to read and show, separated by commas or given again, such as pods,secrets. Default: all. Without nodes the
    /// snapshot's head says less of the platform, and nothing of the region, as with the operator's --kinds
    #[arg(long = "kind", value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<ResourceKind>,
    /// Show only what is in this namespace, and the Namespace itself. Nodes are left out then, and with them platform and
    /// region in the snapshot's head. The cluster is read as a whole all the same
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// What to print
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Name of the cluster in the snapshot's head: what spec.clusterName of the ObsykAgent will be
    #[arg(long, value_name = "NAME", default_value = "<spec.clusterName>")]
    cluster_name: String,
}

/// Of `crd`.
#[derive(Subcommand, Debug)]
pub(super) enum CrdCommand {
    /// Print the definition as YAML, for GitOps and kubectl
    Print,
    /// Install the definition or bring it up to date, and wait until it is established
    Apply(ClusterArgs),
}

/// No kind that is named means all.
fn or_all(kinds: Vec<ResourceKind>) -> KindSet {
    if kinds.is_empty() {
        KindSet::ALL
    } else {
        kinds.into_iter().collect()
    }
}

impl From<PreviewArgs> for Preview {
    fn from(args: PreviewArgs) -> Self {
        Self {
            kubeconfig: args.cluster.kubeconfig,
            kinds: or_all(args.kinds),
            namespace: args.namespace,
            form: args.output.into(),
            cluster_name: args.cluster_name,
        }
    }
}

impl From<ServiceArgs> for Service {
    fn from(args: ServiceArgs) -> Self {
        let named = args.watch_namespace.filter(|namespace| !namespace.is_empty());
        let scope = match (args.watch_all_namespaces, named) {
            (true, _) => Scope::All,
            (false, Some(namespace)) => Scope::Namespace(namespace),
            (false, None) => Scope::own(),
        };
        Self {
            kubeconfig: args.cluster.kubeconfig,
            scope,
            policy: Policy {
                allow_insecure_platform: args.allow_insecure_platform,
                allowed_platforms: args.allowed_platforms,
            },
            kinds: or_all(args.kinds),
            platform_ca_file: args.platform_ca_file,
        }
    }
}

impl From<RunArgs> for Settings {
    fn from(args: RunArgs) -> Self {
        Self {
            service: args.service.into(),
            probes: args.health_probe_bind_address,
            metrics: args.metrics_bind_address,
            debug: args.debug_bind_address,
            log_level: args.log_level,
            log_format: args.log_format.into(),
        }
    }
}

impl From<StatusArgs> for Asked {
    fn from(args: StatusArgs) -> Self {
        Self {
            address: args.address,
            output: args.output.into(),
            watch: args.watch,
        }
    }
}
