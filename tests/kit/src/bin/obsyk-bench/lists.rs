// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the API server needs to hand the operator's lists to anybody: `curl` asks for them in the same form, all at once,
//! and does nothing with them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Failure;

/// The collected kinds, as paths of the API.
pub const PATHS: [&str; 13] = [
    "/api/v1/namespaces",
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/nodes",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/api/v1/configmaps",
    "/api/v1/secrets",
];

/// A streamed list: the same request as the operator's.
const STREAMED: &str =
    "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0";

/// What ends a streamed list.
const END: &[u8] = b"k8s.io/initial-events-end";

/// The files with which curl says who it is.
pub struct Curl {
    server: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Curl {
    /// Writes what a kubeconfig holds into files beside it.
    pub fn from_kubeconfig(kubeconfig: &Path) -> Result<Self, Failure> {
        let config: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(kubeconfig)?)?;
        let (cluster, user) = (&config["clusters"][0]["cluster"], &config["users"][0]["user"]);
        let file = |name: &str, data: &Value| -> Result<PathBuf, Failure> {
            let path = kubeconfig.with_file_name(name);
            std::fs::write(&path, STANDARD.decode(data.as_str().unwrap_or_default())?)?;
            Ok(path)
        };
        Ok(Self {
            server: cluster["server"].as_str().unwrap_or_default().to_owned(),
            ca: file("curl-ca.crt", &cluster["certificate-authority-data"])?,
            certificate: file("curl.crt", &user["client-certificate-data"])?,
            key: file("curl.key", &user["client-key-data"])?,
        })
    }

    /// How long all streamed lists take, asked for at once.
    pub fn streamed(&self) -> Result<Duration, Failure> {
        let since = Instant::now();
        let lists: Vec<_> = PATHS
            .iter()
            .map(|path| self.start(&format!("{path}?{STREAMED}")))
            .collect::<Result<_, _>>()?;
        let readers: Vec<_> = lists
            .into_iter()
            .map(|curl| thread::spawn(move || read_to_end_of_list(curl)))
            .collect();
        for reader in readers {
            if !reader.join().is_ok_and(|whole| whole) {
                return Err("curl got no whole list".into());
            }
        }
        Ok(since.elapsed())
    }

    fn start(&self, path_and_query: &str) -> Result<Child, Failure> {
        let curl = Command::new("curl")
            .args(["--silent", "--no-buffer", "--fail", "--http1.1"])
            .arg("--cacert")
            .arg(&self.ca)
            .arg("--cert")
            .arg(&self.certificate)
            .arg("--key")
            .arg(&self.key)
            .arg(format!("{}{path_and_query}", self.server))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(curl)
    }
}

/// Whether the list's end came. The watch that follows it is of no interest.
fn read_to_end_of_list(mut curl: Child) -> bool {
    let Some(output) = curl.stdout.take() else { return false };
    let mut lines = BufReader::with_capacity(256 * 1024, output);
    let mut line = Vec::new();
    let whole = loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break false,
            Ok(_) if line.starts_with(b"{\"type\":\"BOOKMARK\"") && contains(&line, END) => break true,
            Ok(_) => {}
        }
    };
    // It has ended, or is of no use any more.
    let _killed = curl.kill();
    let _ended = curl.wait();
    whole
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}
