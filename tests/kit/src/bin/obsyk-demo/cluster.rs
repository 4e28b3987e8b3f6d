// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The demo's cluster: one of its own, or somebody's.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use obsyk_testkit::controlplane::{ControlPlane, Keeper};
use obsyk_testkit::operator;

use super::Failure;

/// Simulated nodes: enough to see that pods are spread.
const NODES: usize = 2;

/// The demo's namespace on somebody's cluster: what an operator there serves is in another one, and stays untouched.
const DEMO_NAMESPACE: &str = "obsyk-demo";

/// A cluster that answers.
pub enum Cluster {
    /// Started for the demo, and gone with it.
    Own {
        control_plane: Box<ControlPlane>,
        kubeconfig: PathBuf,
        version: String,
    },
    /// There before the demo, and after it.
    Theirs {
        client: Client,
        kubeconfig: PathBuf,
        url: String,
        version: String,
        keeper: Keeper,
    },
}

impl Cluster {
    /// The cluster of this kubeconfig, or a new one.
    pub async fn get(kubeconfig: Option<PathBuf>) -> Result<Self, Failure> {
        match kubeconfig {
            Some(kubeconfig) => Self::theirs(&kubeconfig).await,
            None => Self::own().await,
        }
    }

    async fn own() -> Result<Self, Failure> {
        println!("starting a cluster…");
        let control_plane = ControlPlane::builder().controllers().nodes(NODES).start().await?;
        let version = control_plane.client().apiserver_version().await?.git_version;
        let kubeconfig = control_plane.kubeconfig_path();
        Ok(Self::Own {
            control_plane: Box::new(control_plane),
            kubeconfig,
            version,
        })
    }

    async fn theirs(kubeconfig: &Path) -> Result<Self, Failure> {
        // The operator runs in a folder of its own.
        let kubeconfig = std::path::absolute(kubeconfig)?;
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = Kubeconfig::read_from(&kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config)?;
        println!("asking {url}…");
        let version = client.apiserver_version().await?.git_version;
        let keeper = Keeper::in_temporary_folder("obsyk-demo-")?;
        Ok(Self::Theirs {
            client,
            kubeconfig,
            url,
            version,
            keeper,
        })
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        match self {
            Self::Own { control_plane, .. } => control_plane.client(),
            Self::Theirs { client, .. } => client.clone(),
        }
    }

    /// The namespace of the demo's resource.
    pub fn namespace(&self) -> &'static str {
        match self {
            Self::Own { .. } => operator::NAMESPACE,
            Self::Theirs { .. } => DEMO_NAMESPACE,
        }
    }

    /// Makes it ready for the operator. A definition that is there already isn't touched.
    pub async fn prepare(&self) -> Result<(), Failure> {
        let client = self.client();
        if !operator::has_definition(&client).await? {
            operator::install_definition(&client).await?;
        }
        Ok(operator::make_namespace(&client, self.namespace()).await?)
    }

    /// What keeps the processes that are started beside it.
    pub fn keeper(&self) -> &Keeper {
        match self {
            Self::Own { control_plane, .. } => control_plane.keeper(),
            Self::Theirs { keeper, .. } => keeper,
        }
    }

    /// Its kubeconfig, as an absolute path.
    pub fn kubeconfig(&self) -> &Path {
        match self {
            Self::Own { kubeconfig, .. } | Self::Theirs { kubeconfig, .. } => kubeconfig,
        }
    }

    /// In words.
    pub fn description(&self) -> String {
        match self {
            Self::Own {
                control_plane, version, ..
            } => {
                format!(
                    "Kubernetes {}, {NODES} simulated nodes, {}",
                    bare(version),
                    control_plane.url()
                )
            }
            Self::Theirs { url, version, .. } => format!("yours, Kubernetes {}, {url}", bare(version)),
        }
    }

    /// Leaves no process behind, and on somebody's cluster no agent and no credentials.
    pub async fn clean_up(self) {
        match self {
            Self::Own { control_plane, .. } => control_plane.stop().await,
            Self::Theirs { client, .. } => match operator::remove_namespace(&client, DEMO_NAMESPACE).await {
                Ok(()) => println!("namespace {DEMO_NAMESPACE} is removed; the custom resource definition stays"),
                Err(error) => eprintln!("namespace {DEMO_NAMESPACE} may still be there: {error}"),
            },
        }
    }
}

fn bare(version: &str) -> &str {
    version.trim_start_matches('v')
}
