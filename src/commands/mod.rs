// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The commands. Each ends with an exit code: 0 when all went well, 1 when something failed and was explained.
//!
//! `run` goes on until a signal comes and logs; the others are for people and Jobs, print lines, and end within bounded
//! time whatever doesn't answer.

mod check;
mod crd;
mod paint;
mod preview;
mod status;

pub use status::Asked;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use obsyk_domain::resource::ResourceKind;

use crate::settings::{Preview, Service, Settings};
use crate::{telemetry, wiring};

/// What the process is to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Be the operator.
    Run(Settings),
    /// Find out whether an operator with these settings would work.
    Check(Service),
    /// Show what the actors of a running operator are doing.
    Status(Asked),
    /// Print what a shell reads to complete command lines.
    PrintCompletions(Vec<u8>),
    /// Show what would be sent, and send nothing.
    Preview(Preview),
    /// Print the custom resource definition.
    PrintDefinition,
    /// Apply the custom resource definition.
    ApplyDefinition {
        /// The kubeconfig file, when one was named.
        kubeconfig: Option<PathBuf>,
    },
}

impl Command {
    /// Does it.
    pub fn execute(self) -> ExitCode {
        telemetry::hide_panics();
        // One crypto provider for all TLS; an error means that there is one already.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        match self {
            Self::Run(settings) => {
                telemetry::init(&settings);
                match wiring::run(settings) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => telemetry::complain(error.as_ref()),
                }
            }
            Self::Check(service) => to_its_end(check::check(service)),
            Self::Status(asked) => to_its_end(status::show(asked)),
            Self::PrintCompletions(script) => print(&script),
            Self::Preview(asked) => to_its_end(preview::preview(asked)),
            Self::PrintDefinition => print(crd::YAML.as_bytes()),
            Self::ApplyDefinition { kubeconfig } => to_its_end(crd::apply(kubeconfig)),
        }
    }
}

/// Prints what a file or another program takes: half of it is a failure.
fn print(text: &[u8]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(format_args!("it can't be printed: {error}")),
    }
}

/// Runs a command that ends by itself.
fn to_its_end(command: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(format_args!("the runtime can't be started: {error}")),
    };
    let exit = runtime.block_on(command);
    // A name server that doesn't answer holds a thread up, which nobody waits for any more.
    runtime.shutdown_background();
    exit
}

/// What to do when the cluster's uid can't be read.
const NO_UID_HINT: &str =
    "check that the API server answers, and grant list on namespaces, at least for the name kube-system";

/// Says why a command failed.
fn failed(why: impl Display) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}

/// What to do when these verbs on a kind are forbidden; `flag` is the one that leaves kinds out.
fn grant(kind: ResourceKind, verbs: &str, flag: &str) -> String {
    let spec = kind.spec();
    let group = if spec.group.is_empty() {
        "the core group"
    } else {
        spec.group
    };
    format!(
        "grant {verbs} on {} of {group} in the whole cluster, as the chart and manifests/rbac do, or leave the kind out with \
         {flag}",
        spec.plural
    )
}
