// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The foreign programs that tests of the chart run, of pinned versions: Helm and what checks a chart.
//!
//! `make` knows how they are built (`tests/chart_lint/tools.mk`), and is asked: what isn't there yet is built once, into a
//! cache folder that outlives a clone. That takes minutes on a new machine, so none of this is for an async thread.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a program can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no `make`, or it can't be started.
    #[error("can't run make, which builds {tool}: {source}")]
    Spawn {
        /// What was asked for.
        tool: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// `make` failed, and has said why on stderr.
    #[error("make tool-{tool} failed; what it said stands above")]
    Make {
        /// What was asked for.
        tool: &'static str,
    },
}

/// Helm, of the major version that users have.
///
/// # Errors
///
/// It can't be built.
pub fn helm() -> Result<PathBuf, Error> {
    path("helm")
}

/// A program, module folder or collection that `make tool-NAME` provides.
///
/// # Errors
///
/// It can't be had.
pub fn path(tool: &'static str) -> Result<PathBuf, Error> {
    let output = Command::new("make")
        .args(["--silent", "--no-print-directory", &format!("tool-{tool}")])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        // A make that runs the tests hands its own flags on, and its jobs: this one has nothing to do with them.
        .env_remove("MAKEFLAGS")
        .env_remove("MFLAGS")
        .env_remove("MAKELEVEL")
        // Progress and failures reach whoever waits, though a test's own output is held back.
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Spawn { tool, source })?;
    if !output.status.success() {
        return Err(Error::Make { tool });
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
