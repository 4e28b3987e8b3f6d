// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator as a process, and what it needs of a cluster: its custom resource definition, credentials, resources.

mod needs;

use std::net::SocketAddr;
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
pub const SOON: Duration = Duration::from_secs(120);

/// A running operator.
pub struct Operator {
    process: Process,
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
    /// Starts the operator `binary` against the cluster of a kubeconfig, with endpoints on ports that it chooses and tells in
    /// its log (one that is looked for beforehand may be taken when it is wanted).
    ///
    /// # Errors
    ///
    /// It can't be started.
    pub fn start(keeper: &Keeper, binary: &Path, kubeconfig: &Path, options: &OperatorOptions) -> Result<Self, Error> {
        let mut args = vec![
            "run".to_owned(),
            format!("--kubeconfig={}", kubeconfig.display()),
            "--health-probe-bind-address=127.0.0.1:0".to_owned(),
            "--metrics-bind-address=127.0.0.1:0".to_owned(),
            "--debug-bind-address=127.0.0.1:0".to_owned(),
        ];
        args.extend_from_slice(&options.args);
        let process = keeper.spawn_with("operator", binary, &args, &options.environment)?;
        Ok(Self { process })
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

    /// Where its debug endpoint listens.
    ///
    /// # Errors
    ///
    /// It doesn't say within [`SOON`].
    pub async fn debug_address(&self) -> Result<SocketAddr, Error> {
        self.address("debug").await
    }

    /// Where one of its endpoints listens, by the line that it logs at its start.
    async fn address(&self, endpoint: &str) -> Result<SocketAddr, Error> {
        let guard = Guard::new(format!("the operator logs the address of its {endpoint}"), SOON);
        loop {
            let log = self.log();
            let mut lines = log.split_inclusive('\n');
            let started = lines.find(|line| line.contains("obsyk-operator started"));
            if let Some(address) = started.and_then(|line| address_in(line, endpoint)) {
                return Ok(address);
            }
            guard.again(log).await?;
        }
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
        let endpoint = match path {
            "/metrics" => "metrics",
            "/debug/actors" => "debug",
            _ => "probes",
        };
        let address = self.address(endpoint).await.map_err(std::io::Error::other)?;
        let mut stream = tokio::net::TcpStream::connect(address).await?;
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

/// The address in a field of a log line, in either form: `"debug":"127.0.0.1:4711"` or `debug=127.0.0.1:4711`.
fn address_in(line: &str, field: &str) -> Option<SocketAddr> {
    let json = format!("\"{field}\":\"");
    let text = format!(" {field}=");
    let (_, rest) = line.split_once(&json).or_else(|| line.split_once(&text))?;
    // A line that is being written may end in the middle of it.
    let (address, _) = rest.split_once(['"', ' ', '\n'])?;
    address.parse().ok()
}
