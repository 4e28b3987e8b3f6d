// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator as a process, and what it needs of a cluster: its custom resource definition, credentials, resources.

mod needs;

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::controlplane::{Error, Guard, Keeper, Process};

pub use self::needs::*;

/// The namespace of the operator's resources in tests and the demo.
pub const NAMESPACE: &str = "obsyk-system";

/// The Secret with the credentials.
pub const SECRET: &str = "obsyk-credentials";

/// What a test waits for at most; machines are shared and noisy.
pub const SOON: Duration = Duration::from_secs(60);

/// A running operator.
pub struct Operator {
    process: Process,
    probes: u16,
    metrics: u16,
    debug: u16,
}

/// How an operator is started.
#[derive(Debug, Default)]
pub struct OperatorOptions {
    /// Flags beside those that the kit gives.
    pub args: Vec<String>,
    /// Variables in its environment.
    pub environment: Vec<(String, String)>,
}

impl Operator {
    /// Starts the operator `binary` against the cluster of a kubeconfig, with endpoints on free ports.
    ///
    /// # Errors
    ///
    /// It can't be started.
    pub fn start(keeper: &Keeper, binary: &Path, kubeconfig: &Path, options: &OperatorOptions) -> Result<Self, Error> {
        let [probes, metrics, debug] = [free_port(), free_port(), free_port()];
        let mut args = vec![
            "run".to_owned(),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--health-probe-bind-address=127.0.0.1:{probes}"),
            format!("--metrics-bind-address=127.0.0.1:{metrics}"),
            format!("--debug-bind-address=127.0.0.1:{debug}"),
        ];
        args.extend_from_slice(&options.args);
        let process = keeper.spawn_with("operator", binary, &args, &options.environment)?;
        Ok(Self {
            process,
            probes,
            metrics,
            debug,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Where its log is.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// Where its actors can be looked at.
    #[must_use]
    pub fn debug_url(&self) -> String {
        format!("http://127.0.0.1:{}/debug/actors", self.debug)
    }

    /// How it ended, if it did.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Sends it a signal by its name, without SIG.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        self.process.signal(name)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// It hasn't within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus, Error> {
        let guard = Guard::new("the operator has ended", limit);
        loop {
            if let Some(status) = self.exit_status() {
                return Ok(status);
            }
            guard.again(self.process.log()).await?;
        }
    }

    /// Waits until its log has a line with all of these.
    ///
    /// # Errors
    ///
    /// It hasn't within [`SOON`].
    pub async fn logged(&self, parts: &[&str]) -> Result<(), Error> {
        let guard = Guard::new(format!("the operator logs {parts:?}"), SOON);
        loop {
            let log = self.log();
            if log.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
                return Ok(());
            }
            guard.again(log).await?;
        }
    }

    /// What one of its endpoints answers: status and body. `path` is `/healthz`, `/readyz`, `/metrics` or `/debug/actors`.
    ///
    /// # Errors
    ///
    /// Nothing answers.
    pub async fn get(&self, path: &str) -> std::io::Result<(u16, String)> {
        self.get_as(path, "*/*").await
    }

    /// As [`Self::get`], in a form such as `text/html`.
    ///
    /// # Errors
    ///
    /// Nothing answers.
    pub async fn get_as(&self, path: &str, accept: &str) -> std::io::Result<(u16, String)> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let port = match path {
            "/metrics" => self.metrics,
            "/debug/actors" => self.debug,
            _ => self.probes,
        };
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        Ok((status, body.to_owned()))
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
