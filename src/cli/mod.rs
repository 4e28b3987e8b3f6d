// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use obsyk_domain::agent::{PlatformUrl, Policy};
use obsyk_domain::resource::{KindSet, ResourceKind};
use obsyk_domain::wire;

use crate::settings::{LogFormat, Scope, Settings};
use crate::telemetry;

/// Keeps a platform's picture of this Kubernetes cluster true.
///
/// For each ObsykAgent resource the operator sends its platform a snapshot of the cluster, then every change, then
/// heartbeats. Of ConfigMaps and Secrets only metadata and key names leave the cluster, never a value.
#[derive(Parser, Debug)]
#[command(name = "obsyk-operator", version = version(), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the operator, in a cluster or against a kubeconfig (the default)
    Run(RunArgs),
}

#[derive(Args, Debug)]
struct RunArgs {
    /// Kubeconfig file to use. Without it: KUBECONFIG, ~/.kube/config, or the pod's service account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
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
    /// Kinds to collect, separated by commas, such as pods,nodes,secrets. Default: all
    #[arg(long, env = "OBSYK_KINDS", value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<ResourceKind>,
    /// Address of the probes /healthz and /readyz
    #[arg(long, env = "OBSYK_HEALTH_PROBE_BIND_ADDRESS", value_name = "ADDRESS", default_value = "[::]:8081", value_parser = address)]
    health_probe_bind_address: SocketAddr,
    /// Address of /metrics
    #[arg(long, env = "OBSYK_METRICS_BIND_ADDRESS", value_name = "ADDRESS", default_value = "[::]:8080", value_parser = address)]
    metrics_bind_address: SocketAddr,
    /// Address of /debug/actors. Loopback by default: it is for kubectl port-forward and exec
    #[arg(long, env = "OBSYK_DEBUG_BIND_ADDRESS", value_name = "ADDRESS", default_value = "127.0.0.1:6060", value_parser = address)]
    debug_bind_address: SocketAddr,
    /// How much is logged: error, warn, info, debug or trace, or a filter such as obsyk_actors=debug. Libraries that see
    /// objects or credentials never log below error
    #[arg(long, env = "OBSYK_LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    log_level: String,
    /// Form of the log lines
    #[arg(long, env = "OBSYK_LOG_FORMAT", value_enum, default_value_t = Format::Auto)]
    log_format: Format,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// Text on a terminal, else JSON
    Auto,
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

/// `0.1.0 (a969b96…)`: the release, and the commit that it was built from where `make release` named it.
fn version() -> String {
    match option_env!("OBSYK_REVISION") {
        Some(revision) if !revision.is_empty() => format!("{} ({revision})", wire::VERSION),
        _ => wire::VERSION.to_owned(),
    }
}

/// `:8081`, `127.0.0.1:8081` or `[::1]:8081`. A port alone means all addresses, of both families where there are two.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => text.to_owned(),
    };
    whole
        .parse()
        .map_err(|_| "write an address and a port, such as 127.0.0.1:8081, or :8081 for all addresses".to_owned())
}

fn log_level(text: &str) -> Result<String, String> {
    telemetry::parse_filter(text).map(|_| text.to_owned()).ok_or_else(|| {
        "write error, warn, info, debug or trace, or a filter such as info,obsyk_actors=debug".to_owned()
    })
}

fn origin(text: &str) -> Result<String, String> {
    PlatformUrl::parse_origin(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("{error}; write an origin such as https://platform.example.com"))
}

/// Reads the command line and the environment. What can't be used is explained on stderr.
pub fn parse() -> Result<Settings, ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stdout or stderr is nobody to tell.
            let _told = error.print();
            return Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    let args = match cli.command {
        Some(Command::Run(args)) => args,
        None => cli.run,
    };
    Ok(args.into())
}

impl From<RunArgs> for Settings {
    fn from(args: RunArgs) -> Self {
        let scope = match (args.watch_all_namespaces, args.watch_namespace) {
            (true, _) => Scope::All,
            (false, Some(namespace)) => Scope::Namespace(namespace),
            (false, None) => Scope::own(),
        };
        Self {
            kubeconfig: args.kubeconfig,
            scope,
            policy: Policy {
                allow_insecure_platform: args.allow_insecure_platform,
                allowed_platforms: args.allowed_platforms,
            },
            kinds: if args.kinds.is_empty() {
                KindSet::ALL
            } else {
                args.kinds.into_iter().collect()
            },
            probes: args.health_probe_bind_address,
            metrics: args.metrics_bind_address,
            debug: args.debug_bind_address,
            log_level: args.log_level,
            log_format: match args.log_format {
                Format::Auto => LogFormat::Auto,
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use clap::CommandFactory;

    use super::*;

    fn settings(args: &[&str]) -> Settings {
        let cli = Cli::try_parse_from(std::iter::once(&"obsyk-operator").chain(args)).unwrap();
        cli.run.into()
    }

    fn refusal(args: &[&str]) -> String {
        Cli::try_parse_from(std::iter::once(&"obsyk-operator").chain(args))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_run_has_its_environment_variable() {
        let command = Cli::command();
        for arg in command
            .get_arguments()
            .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version" | "kubeconfig"))
        {
            assert!(arg.get_env().is_some(), "{} has none", arg.get_id());
        }
    }

    #[test]
    fn a_port_alone_means_all_addresses() {
        assert_eq!(
            settings(&["--metrics-bind-address", ":9"]).metrics,
            "[::]:9".parse().unwrap()
        );
    }

    #[test]
    fn kinds_are_named_as_people_name_them() {
        let kinds = settings(&["--kinds", "pods,Node,networkpolicies"]).kinds;
        assert_eq!(kinds.to_string(), "Pod, Node, NetworkPolicy");
        assert_eq!(settings(&[]).kinds, KindSet::ALL);
    }

    #[test]
    fn what_is_wrong_with_a_flag_is_said() {
        assert!(refusal(&["--kinds", "pots"]).contains("take from: namespaces, pods"));
        assert!(refusal(&["--metrics-bind-address", "8080"]).contains(":8081 for all addresses"));
        assert!(refusal(&["--log-level", "inof"]).contains("write error, warn, info"));
        assert!(refusal(&["--log-level", "obsyk_actors=loud"]).contains("write error, warn, info"));
        assert!(refusal(&["--allowed-platform", "platform"]).contains("https://platform.example.com"));
    }
}
