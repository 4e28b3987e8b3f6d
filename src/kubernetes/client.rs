// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The client: kube's, on a connector of ours and without its own retries.

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// A peer that died in silence is noticed within this. Not by a time-out of the watch: that would cut long lists too.
const SILENCE: Duration = Duration::from_secs(30);

/// A TCP connection is made within this.
const CONNECT: Duration = Duration::from_secs(10);

/// What a connection reads ahead, at most. hyper would take up to 400 KiB for each, and each kind has one.
const READ_AHEAD: usize = 64 * 1024;

/// There is no way to the API server. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that `--kubeconfig` or KUBECONFIG names can't be used.
    #[error(
        "the kubeconfig {path} can't be used; check the path, and that `kubectl --kubeconfig {path} version` works"
    )]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// Neither in a cluster nor with a kubeconfig.
    #[error(
        "there is no cluster to run against: run in a pod with a service account, or set KUBECONFIG to a kubeconfig file"
    )]
    NoCluster(#[source] kube::config::InferConfigError),
    /// The credentials or certificates of the config can't be used.
    #[error(
        "the cluster's certificates or credentials can't be used; check that `kubectl version` works with the same kubeconfig"
    )]
    Client(#[source] Box<kube::Error>),
}

/// A client for the cluster that `kubeconfig`, KUBECONFIG, `~/.kube/config` or the pod's service account names.
pub async fn connect(kubeconfig: Option<PathBuf>) -> Result<Client, ConnectError> {
    let config = match kubeconfig {
        Some(path) => {
            let named = |source| ConnectError::Kubeconfig {
                path: path.display().to_string(),
                source,
            };
            let file = Kubeconfig::read_from(&path).map_err(named)?;
            let named = |source| ConnectError::Kubeconfig {
                path: path.display().to_string(),
                source,
            };
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(named)?
        }
        None => Config::infer().await.map_err(ConnectError::NoCluster)?,
    };
    build(config).map_err(|error| ConnectError::Client(Box::new(error)))
}

/// HTTP/1.1 only, so that each watch has a connection of its own; and nothing is tried again here.
pub(super) fn build(config: Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_keepalive(Some(SILENCE / 2));
    connector.set_keepalive_interval(Some(SILENCE / 6));
    connector.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(SILENCE));
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let client: HyperClient<_, Body> = HyperClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(SILENCE)
        .http1_max_buf_size(READ_AHEAD)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}
