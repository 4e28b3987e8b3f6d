// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `crd print` and `crd apply`: the custom resource definition for GitOps, and for the chart's hook.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use obsyk_domain::wire;

use super::failed;
use crate::kubernetes::{self, Applied, DEFINITION};
use crate::text::with_causes;

/// The generated file; a test holds it in step with the Rust types.
pub(super) const YAML: &str = include_str!("../../manifests/crd/obsykagents.yaml");

/// Applies the definition, and says what came of it.
pub(super) async fn apply(kubeconfig: Option<PathBuf>) -> ExitCode {
    let client = match kubernetes::connect(kubeconfig).await {
        Ok(client) => client,
        Err(error) => return failed(with_causes(&error)),
    };
    match kubernetes::apply_definition(&client, YAML).await {
        Ok(Applied { change, versions }) => {
            // A closed stdout is nobody to tell.
            let _told = writeln!(
                std::io::stdout(),
                "customresourcedefinition {DEFINITION} {change} (versions: {}; obsyk-operator {})",
                versions.join(", "),
                wire::VERSION
            );
            ExitCode::SUCCESS
        }
        Err(error) => failed(with_causes(&error)),
    }
}
