// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The command line.

mod args;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use obsyk_domain::wire;

use crate::commands::Command;
use args::{CrdCommand, PreviewArgs, RunArgs, ServiceArgs, StatusArgs};

/// Keeps a platform's picture of this Kubernetes cluster true.
///
/// For each ObsykAgent resource the operator sends its platform a snapshot of the cluster, then every change, then
/// heartbeats. Of ConfigMaps and Secrets only metadata and key names leave the cluster, never a value.
#[derive(Parser, Debug)]
#[command(name = "obsyk-operator", version = version(), max_term_width = 100)]
// A flag before a command would be that of `run`, and not counted.
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand, Debug)]
enum CliCommand {
    /// Run the operator, in a cluster or against a kubeconfig (the default)
    Run(RunArgs),
    /// Check permissions, resources, credentials and the way to the platform, and say what to mend
    ///
    /// It asks what the operator would ask, with the same account and flags, changes nothing and sends nothing of the
    /// cluster; of the platform it wants a token. The exit code is 1 if anything fails.
    Check(ServiceArgs),
    /// Show what a running operator is doing: each agent, what it sends, what it waits for
    ///
    /// It asks the operator's debug endpoint, which by default only the operator's own pod can reach:
    /// kubectl exec -n obsyk-system deploy/obsyk-operator -- /obsyk-operator status
    Status(StatusArgs),
    /// Print completions for a shell, such as: source <(obsyk-operator completions bash)
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Show what would be sent, from your kubeconfig, and send nothing
    ///
    /// It reads the cluster and builds the snapshot with the very code that the operator sends it with. It needs the right to
    /// list these kinds in the whole cluster, and nothing else: no platform, no credentials, no ObsykAgent, nothing
    /// installed. The summary has objects, bytes and what is held back by which rule, a line for each kind; with -o json it
    /// is the whole snapshot, to search with jq or grep. The exit code is 1 if a kind can't be read.
    #[command(after_long_help = EXAMPLES)]
    Preview(PreviewArgs),
    /// Print or apply the custom resource definition of ObsykAgent
    #[command(subcommand)]
    Crd(CrdCommand),
}

/// Of `preview`.
const EXAMPLES: &str = "\
Examples:
  obsyk-operator preview
  obsyk-operator preview --kind secrets,configmaps -n shop
  obsyk-operator preview -o json | jq '.secrets[0]'
  obsyk-operator preview -o json | grep -c 'a password that must not be there'";

/// `0.1.0 (a969b96…)`: the release, and the commit that it was built from where `make release` named it.
fn version() -> String {
    match option_env!("OBSYK_REVISION") {
        Some(revision) if !revision.is_empty() => format!("{} ({revision})", wire::VERSION),
        _ => wire::VERSION.to_owned(),
    }
}

/// What a shell reads to complete this program's command lines.
fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "obsyk-operator", &mut script);
    script
}

/// Reads the command line and the environment. What can't be used is explained on stderr.
pub fn parse() -> Result<Command, ExitCode> {
    match Cli::try_parse() {
        Ok(cli) => Ok(cli.into()),
        Err(error) => {
            // A closed stdout or stderr is nobody to tell.
            let _told = error.print();
            Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
        }
    }
}

impl From<Cli> for Command {
    fn from(cli: Cli) -> Self {
        match cli.command {
            None => Self::Run(cli.run.into()),
            Some(CliCommand::Run(args)) => Self::Run(args.into()),
            Some(CliCommand::Check(args)) => Self::Check(args.into()),
            Some(CliCommand::Status(args)) => Self::Status(args.into()),
            Some(CliCommand::Completions { shell }) => Self::PrintCompletions(completions(shell)),
            Some(CliCommand::Preview(args)) => Self::Preview(args.into()),
            Some(CliCommand::Crd(CrdCommand::Print)) => Self::PrintDefinition,
            Some(CliCommand::Crd(CrdCommand::Apply(args))) => Self::ApplyDefinition {
                kubeconfig: args.kubeconfig,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use obsyk_domain::resource::{KindSet, ResourceKind};

    use super::*;
    use crate::settings::{Form, Scope, Service, Settings};

    fn command(args: &[&str]) -> Command {
        Cli::try_parse_from(std::iter::once(&"obsyk-operator").chain(args))
            .unwrap()
            .into()
    }

    fn settings(args: &[&str]) -> Settings {
        match command(args) {
            Command::Run(settings) => settings,
            other => panic!("{other:?}"),
        }
    }

    fn checked(args: &[&str]) -> Service {
        match command(args) {
            Command::Check(service) => service,
            other => panic!("{other:?}"),
        }
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
    fn a_namespace_that_is_empty_is_none() {
        let scope = |args: &[&str]| settings(args).service.scope;
        assert_eq!(scope(&["--watch-namespace", ""]), scope(&[]));
        assert_ne!(scope(&["--watch-namespace", "x"]), scope(&[]));
    }

    #[test]
    fn kinds_are_named_as_people_name_them() {
        let kinds = settings(&["--kinds", "pods,Node,networkpolicies"]).service.kinds;
        assert_eq!(kinds.to_string(), "Pod, Node, NetworkPolicy");
        assert_eq!(settings(&[]).service.kinds, KindSet::ALL);
    }

    #[test]
    fn check_takes_the_flags_that_say_what_run_serves() {
        let flags = ["--watch-all-namespaces", "--kinds=pods", "--platform-ca-file=ca.pem"];
        let service = checked(&[&["check"], &flags[..]].concat());
        let run = settings(&[&["run"], &flags[..]].concat()).service;
        assert_eq!(service.scope, Scope::All);
        assert_eq!(
            (service.kinds, run.kinds),
            ([ResourceKind::Pod].into_iter().collect(), service.kinds)
        );
        assert_eq!(service.platform_ca_file, Some("ca.pem".into()));
        assert_eq!(run.platform_ca_file, service.platform_ca_file);
        assert!(refusal(&["check", "--metrics-bind-address", ":9"]).contains("unexpected argument"));
        for args in [
            &["--kubeconfig", "x", "crd", "apply"][..],
            &["--watch-all-namespaces", "run"],
        ] {
            assert!(
                refusal(args).contains("cannot be used with"),
                "a flag before a command isn't lost: {args:?}"
            );
        }
    }

    #[test]
    fn preview_shows_all_kinds_in_a_table_unless_it_is_told_otherwise() {
        let preview = |args: &[&str]| match command(&[&["preview"], args].concat()) {
            Command::Preview(preview) => preview,
            other => panic!("{other:?}"),
        };
        let all = preview(&[]);
        assert_eq!((all.kinds, all.namespace, all.form), (KindSet::ALL, None, Form::Text));
        assert_eq!(all.cluster_name, "<spec.clusterName>");
        let some = preview(&["--kind=pods,Node", "--kind", "secrets", "-n", "shop", "-o", "json"]);
        assert_eq!(some.kinds.to_string(), "Pod, Node, Secret");
        assert_eq!((some.namespace.as_deref(), some.form), (Some("shop"), Form::Json));
        assert!(refusal(&["preview", "--kind", "pots"]).contains("take from: namespaces, pods"));
    }

    #[test]
    fn the_definition_is_printed_or_applied() {
        assert!(matches!(command(&["crd", "print"]), Command::PrintDefinition));
        let applied = command(&["crd", "apply", "--kubeconfig", "config"]);
        assert!(
            matches!(&applied, Command::ApplyDefinition { kubeconfig: Some(path) } if path.ends_with("config")),
            "{applied:?}"
        );
        assert!(refusal(&["crd"]).contains("Print or apply"));
    }

    #[test]
    fn shells_complete_commands_and_flags() {
        for shell in ["bash", "zsh", "fish"] {
            let Command::PrintCompletions(script) = command(&["completions", shell]) else {
                panic!("{shell}");
            };
            let script = String::from_utf8(script).unwrap();
            for word in ["obsyk-operator", "status", "preview", "watch-all-namespaces"] {
                assert!(script.contains(word), "no {word} for {shell}");
            }
        }
        assert!(refusal(&["completions", "csh"]).contains("bash"));
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
