// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `check`: whether an operator with these settings and this account would work, and what to mend if not.
//!
//! It asks what the operator would ask, through the same adapters: it reads resources and Secrets with the same code, goes
//! the same way to the platform and gets a token as the operator does. It changes nothing, sends nothing of the cluster,
//! and prints nothing that is secret and nothing of what the platform sent but a status, its clock, and who issued its
//! certificate. Every step ends within seconds; what depends on a step that failed is skipped, and that is said.

mod agent;
mod cluster;
mod report;
mod way;

use std::process::ExitCode;

use crate::platform::{CaFile, HttpPlatform};
use crate::settings::Service;
use crate::text::with_causes;
use agent::Outside;
use report::Report;

/// Checks everything, and prints it.
pub(super) async fn check(service: Service) -> ExitCode {
    let mut report = Report::to_stdout();
    let outside = outside(&mut report, &service);
    if let Some(client) = cluster::reach(&mut report, &service).await {
        cluster::permissions(&mut report, &client, &service).await;
        for found in cluster::agents(&mut report, &client, &service).await {
            agent::check(&mut report, &client, &service.policy, outside.as_ref(), found).await;
        }
    }
    report.end()
}

/// What the way to any platform needs; nothing when the operator wouldn't start for want of it.
fn outside(report: &mut Report<impl std::io::Write>, service: &Service) -> Option<Outside> {
    let file = service.platform_ca_file.clone();
    let subject = "certificate authorities";
    match HttpPlatform::new(file.clone()) {
        Ok(platform) => {
            // It was read a moment ago.
            let extra = file.as_ref().and_then(|file| CaFile::new(file.clone()).read().ok());
            let extra = extra.unwrap_or_default();
            match file {
                Some(file) => report.ok(
                    subject,
                    format_args!("the system's, and {} of {}", extra.len(), file.display()),
                ),
                None => report.ok(subject, "the system's"),
            }
            Some(Outside { platform, extra })
        }
        Err(error) => {
            report.fail(
                "settings of the way to the platform",
                "the operator doesn't start with them",
                with_causes(&error),
            );
            None
        }
    }
}
