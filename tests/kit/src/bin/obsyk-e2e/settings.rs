// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What has to be told: the cluster, how an image reaches its nodes, and which platform is reported to.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;

use crate::Failure;

/// Installs obsyk-operator on a cluster as a user would, and looks at everything that it promises
#[derive(Parser)]
pub struct Settings {
    /// The cluster. Its administrator's kubeconfig
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// The operator's program, which is in the image
    #[arg(long, value_name = "FILE")]
    pub operator: PathBuf,
    /// The image's name: the one that the chart asks for when nobody says otherwise
    #[arg(long, value_name = "NAME")]
    pub image: String,
    /// The image, as an archive
    #[arg(long, value_name = "FILE")]
    pub archive: PathBuf,
    /// The chart's folder
    #[arg(long, value_name = "FOLDER")]
    pub chart: PathBuf,
    /// Helm 3
    #[arg(long, value_name = "FILE")]
    pub helm: PathBuf,
    /// Helm 4
    #[arg(long, value_name = "FILE")]
    pub helm4: PathBuf,
    /// A shell command that brings the image $IMAGE, which is the archive $ARCHIVE, onto every node, such as
    /// `kind load image-archive "$ARCHIVE"`
    #[arg(long, env = "E2E_LOAD", value_name = "COMMAND")]
    pub load: String,
    /// What runs a command on the node: empty when that is this machine, else such as `docker exec -i kind-control-plane`
    #[arg(long, env = "E2E_NODE", value_name = "COMMAND", default_value = "")]
    pub node: String,
    /// The address by which pods reach this machine; the platform's double listens on it
    #[arg(long, env = "E2E_PLATFORM_HOST", value_name = "ADDRESS", default_value = "")]
    platform_host: String,
    /// A platform to report to, instead of the double; with the three that follow
    #[arg(long, env = "E2E_PLATFORM_URL", value_name = "URL", default_value = "")]
    platform_url: String,
    /// The client's id there
    #[arg(long, env = "E2E_CLIENT_ID", value_name = "ID", default_value = "")]
    client_id: String,
    /// The client's private key: PEM, in base64
    #[arg(
        long,
        env = "E2E_PRIVATE_KEY",
        value_name = "BASE64",
        default_value = "",
        hide_env_values = true
    )]
    private_key: String,
    /// The name of the cluster there
    #[arg(long, env = "E2E_CLUSTER_NAME", value_name = "NAME", default_value = "")]
    cluster_name: String,
}

/// The platform that is reported to.
pub enum Whose {
    /// The kit's double, on this address of this machine.
    Double(String),
    /// Somebody's.
    Theirs(Theirs),
}

/// A platform that is there, and what it knows us by.
pub struct Theirs {
    pub url: String,
    pub client_id: String,
    pub key: String,
    pub cluster_name: String,
}

impl Settings {
    /// The platform. A variable that is empty counts as one that isn't set: so a workflow passes a secret on that it doesn't
    /// have.
    pub fn platform(&self) -> Result<Whose, Failure> {
        let theirs = [
            ("E2E_PLATFORM_URL", &self.platform_url),
            ("E2E_CLIENT_ID", &self.client_id),
            ("E2E_PRIVATE_KEY", &self.private_key),
            ("E2E_CLUSTER_NAME", &self.cluster_name),
        ];
        let (absent, given): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|(_, value)| value.is_empty());
        if given.is_empty() {
            return match self.platform_host.as_str() {
                "" => Err(
                    "set E2E_PLATFORM_HOST to the address by which pods reach this machine, or E2E_PLATFORM_URL, \
                           E2E_CLIENT_ID, E2E_PRIVATE_KEY and E2E_CLUSTER_NAME to a platform's"
                        .into(),
                ),
                host => Ok(Whose::Double(host.to_owned())),
            };
        }
        if !absent.is_empty() {
            let names = |list: &[(&str, &String)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "{} set, but not {}: a platform needs all four",
                names(&given),
                names(&absent)
            )
            .into());
        }
        // What can't be decoded is never shown.
        let key = STANDARD.decode(self.private_key.split_whitespace().collect::<String>());
        let key = key.ok().and_then(|key| String::from_utf8(key).ok());
        let key = key.ok_or("E2E_PRIVATE_KEY is not a PEM in base64: set it to what `base64 -w0 key.pem` prints")?;
        Ok(Whose::Theirs(Theirs {
            url: self.platform_url.clone(),
            client_id: self.client_id.clone(),
            key,
            cluster_name: self.cluster_name.clone(),
        }))
    }
}
