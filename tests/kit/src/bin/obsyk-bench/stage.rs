// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A filled control plane, a platform that only counts, and the operator when it is asked for.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use kube::Client;
use obsyk_testkit::controlplane::{Builder, ControlPlane};
use obsyk_testkit::load::{Amounts, fill};
use obsyk_testkit::operator::{self, NAMESPACE, Operator, OperatorOptions, SECRET};
use obsyk_testkit::platform::{KeyPair, Outcome, Platform};
use serde_json::{Value, json};

use super::Failure;
use obsyk_testkit::process::Measured;

/// The client that the platform knows.
const CLIENT_ID: &str = "bench";

/// The agent.
const AGENT: &str = "bench";

/// The user that the operator is to the API server: the audit log knows it by this name.
const USER: &str = "bench-operator";

/// Filling with 100,000 pods and reading them takes minutes.
const LONG: Duration = Duration::from_secs(600);

/// Which requests the API server notes: the operator's watches, and nothing else, since each costs it a line.
const AUDIT: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [ResponseStarted, ResponseComplete, Panic]
rules:
- level: Metadata
  users: [bench-operator]
  verbs: [watch]
- level: None
";

/// See the module's page.
pub struct Stage {
    /// The platform.
    pub platform: Platform,
    /// The administrator.
    pub client: Client,
    /// The control plane.
    pub control_plane: ControlPlane,
    binary: PathBuf,
    kubeconfig: PathBuf,
    audit: tempfile::TempDir,
}

/// An operator that has sent its first snapshot.
pub struct Started {
    /// The process.
    pub operator: Operator,
    /// Its figures.
    pub process: Measured,
    /// From its start until the snapshot was accepted.
    pub snapshot: Duration,
    /// CPU time until then.
    pub cpu: Duration,
    /// From its start until the API server had its first watch request.
    pub first_watch: Option<Duration>,
}

impl Stage {
    /// Starts a control plane and a platform, and fills the one.
    pub async fn new(control_plane: Builder, amounts: Amounts, binary: PathBuf) -> Result<Self, Failure> {
        Self::with(control_plane, amounts, binary, Platform::builder().lean()).await
    }

    /// The same with this platform.
    pub async fn with(
        control_plane: Builder,
        amounts: Amounts,
        binary: PathBuf,
        platform: obsyk_testkit::platform::Builder,
    ) -> Result<Self, Failure> {
        let audit = tempfile::tempdir()?;
        let policy = audit.path().join("policy.yaml");
        std::fs::write(&policy, AUDIT)?;
        let control_plane = control_plane
            .api_server_arg(format!("--audit-policy-file={}", policy.display()))
            .api_server_arg(format!("--audit-log-path={}", audit.path().join("audit.log").display()))
            .start()
            .await?;
        let client = control_plane.client();
        let since = Instant::now();
        fill(&client, amounts, |done, total| {
            progress(&format!("{done} of {total} objects written"))
        })
        .await?;
        progress(&format!(
            "{} objects written in {} s\n",
            amounts.total(),
            since.elapsed().as_secs()
        ));
        operator::install(&client).await?;
        let key = KeyPair::generate();
        let platform = platform.client(CLIENT_ID, key.public_pem()).start().await?;
        operator::write_secret(
            &client,
            SECRET,
            &[("client_id", CLIENT_ID), ("private_key", key.pkcs8_pem())],
        )
        .await?;
        let kubeconfig = control_plane.user_kubeconfig(USER, &["system:masters"])?;
        let stage = Self {
            platform,
            client,
            control_plane,
            binary,
            kubeconfig,
            audit,
        };
        stage.spec(json!({})).await?;
        Ok(stage)
    }

    /// Gives the agent its defaults, but for these fields.
    pub async fn spec(&self, fields: Value) -> Result<(), Failure> {
        let mut spec = json!({
            "platformURL": self.platform.url(),
            "clusterName": "bench",
            "credentialsSecretRef": { "name": SECRET },
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        operator::apply_agent(&self.client, NAMESPACE, AGENT, &spec).await?;
        Ok(())
    }

    /// How many snapshots the platform has accepted.
    pub fn snapshots(&self) -> usize {
        self.platform.look(|view| view.snapshots().count())
    }

    /// Waits until the platform has accepted so many.
    pub async fn wait_for_snapshots(&self, count: usize) {
        self.platform
            .wait(LONG, "an accepted snapshot", |view| view.snapshots().count() >= count)
            .await;
    }

    /// Starts the operator, and waits for its first snapshot.
    pub async fn start(&self) -> Result<Started, Failure> {
        let before = self.snapshots();
        std::fs::write(self.audit.path().join("audit.log"), "")?;
        let (wall, since) = (SystemTime::now(), Instant::now());
        let keeper = self.control_plane.keeper();
        let operator = Operator::start(keeper, &self.binary, &self.kubeconfig, &OperatorOptions::default())?;
        let process = Measured::new(operator.pid());
        self.wait_for_snapshots(before + 1).await;
        let cpu = process.cpu();
        let accepted = self.platform.look(|view| {
            let mut accepted = view.requests().filter(|request| request.snapshot().is_some());
            accepted
                .rfind(|request| matches!(request.outcome, Outcome::Answered(200..=299)))
                .and_then(|request| request.ended)
        });
        let snapshot = accepted.map_or(since.elapsed(), |at| at.duration_since(since));
        Ok(Started {
            operator,
            process,
            snapshot,
            cpu,
            first_watch: self.first_watch(wall)?,
        })
    }

    /// Ends an operator in good order.
    pub async fn stop(&self, mut started: Started) -> Result<(), Failure> {
        started.operator.signal("TERM")?;
        started.operator.ended(Duration::from_secs(30)).await?;
        Ok(())
    }

    /// Ends everything.
    pub async fn end(self) {
        drop(self.platform);
        self.control_plane.stop().await;
    }

    fn first_watch(&self, started: SystemTime) -> Result<Option<Duration>, Failure> {
        let log = std::fs::read_to_string(self.audit.path().join("audit.log"))?;
        let times = log.lines().filter_map(|line| {
            let entry: Value = serde_json::from_str(line).ok()?;
            let at: Timestamp = entry["requestReceivedTimestamp"].as_str()?.parse().ok()?;
            SystemTime::from(at).duration_since(started).ok()
        });
        Ok(times.min())
    }
}

/// A line over the last one on stderr: the table on stdout stays clean.
fn progress(text: &str) {
    let mut out = std::io::stderr();
    // A closed stderr is nobody to tell.
    let _told = write!(out, "\r{text}\x1b[K").and_then(|()| out.flush());
}
