// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Helm, as a user runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::shell::run;
use crate::{Failure, stage};

/// What `--wait` may take. A pod is ready within 20 s; a hook's is another one.
const WAIT: &str = "180s";

/// Helm itself ends by then.
const LIMIT: Duration = Duration::from_secs(240);

/// A version of Helm, and the release that it looks after.
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    chart: PathBuf,
    release: &'static str,
}

impl Helm {
    /// Helm at this path.
    pub fn new(program: &Path, kubeconfig: &Path, chart: &Path, release: &'static str) -> Self {
        Self {
            program: program.to_path_buf(),
            kubeconfig: kubeconfig.to_path_buf(),
            chart: chart.to_path_buf(),
            release,
        }
    }

    /// Its version.
    pub async fn version(&self) -> Result<String, Failure> {
        self.run(&["version", "--short"]).await
    }

    /// `helm install --wait` with these values.
    pub async fn install(&self, values: &Value) -> Result<String, Failure> {
        self.with_values("install", values).await
    }

    /// `helm upgrade --wait` with these values.
    pub async fn upgrade(&self, values: &Value) -> Result<String, Failure> {
        self.with_values("upgrade", values).await
    }

    /// `helm test`; what it says, with what the chart's tests have written.
    pub async fn test(&self) -> Result<String, Failure> {
        self.run(&["test", self.release, "--timeout", WAIT]).await
    }

    /// `helm uninstall --wait`.
    pub async fn uninstall(&self) -> Result<String, Failure> {
        self.run(&["uninstall", self.release, "--wait", "--timeout", WAIT])
            .await
    }

    async fn with_values(&self, verb: &str, values: &Value) -> Result<String, Failure> {
        // JSON is YAML.
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        file.write_all(values.to_string().as_bytes())?;
        let path = file.path().to_string_lossy();
        let chart = self.chart.to_string_lossy();
        let arguments = [
            verb,
            self.release,
            &chart,
            "--wait",
            "--timeout",
            WAIT,
            "--values",
            &path,
        ];
        self.run(&arguments).await
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let what = format!("helm {}", arguments.first().unwrap_or(&""));
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .args(["--namespace", stage::NAMESPACE])
            .env("KUBECONFIG", &self.kubeconfig);
        run(&what, &mut command, LIMIT).await
    }
}
