// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The client: kube's, on a connector of ours and without its own retries.

use std::path::PathBuf;

use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::unquoted::Unquoted;
use super::way::{BadProxyUrl, ProxyUrl, SILENCE, Way, current_cluster};

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
        source: Unquoted,
    },
    /// Neither in a cluster nor with a kubeconfig.
    #[error(
        "there is no cluster to run against: run in a pod with a service account, or set KUBECONFIG to a kubeconfig file"
    )]
    NoCluster(#[source] Unquoted),
    /// The kubeconfig names a proxy that can't be used.
    #[error("the kubeconfig's proxy can't be used; change it, or take it out to connect directly")]
    Proxy(#[source] BadProxyUrl),
    /// The credentials or certificates of the config can't be used.
    #[error(
        "the cluster's certificates or credentials can't be used; check that `kubectl version` works with the same kubeconfig"
    )]
    Client(#[source] Unquoted),
}

/// A client for the cluster that `kubeconfig`, KUBECONFIG, `~/.kube/config` or the pod's service account names.
pub async fn connect(kubeconfig: Option<PathBuf>) -> Result<Client, ConnectError> {
    let (config, proxy) = match kubeconfig {
        Some(path) => {
            let named = |error: KubeconfigError| ConnectError::Kubeconfig {
                path: path.display().to_string(),
                source: Unquoted::of(&error),
            };
            let file = Kubeconfig::read_from(&path).map_err(named)?;
            let proxy = ProxyUrl::of(&file);
            // In a pod the client reads its file of CAs again by itself, since they are exchanged; so it does with one that a
            // kubeconfig names; one that is written out beside it wins, as it does for kubectl.
            let authority = current_cluster(&file)
                .filter(|cluster| cluster.certificate_authority_data.is_none())
                .and_then(|cluster| cluster.certificate_authority.clone());
            let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
            let mut config = config.map_err(named)?;
            config.root_cert_file = authority.map(PathBuf::from);
            (config, proxy)
        }
        None => {
            let config = Config::infer()
                .await
                .map_err(|error| ConnectError::NoCluster(Unquoted::of(&error)))?;
            // In a pod there is none, whatever its variables say.
            let file = config.proxy_url.as_ref().and_then(|_| Kubeconfig::read().ok());
            (config, file.as_ref().and_then(ProxyUrl::of))
        }
    };
    let way = Way::new(proxy.as_ref()).map_err(ConnectError::Proxy)?;
    build(&config, way).map_err(|error| ConnectError::Client(Unquoted::of(&error)))
}

/// HTTP/1.1 only, so that each watch has a connection of its own; and nothing is tried again here.
pub(super) fn build(config: &Config, way: Way) -> Result<Client, kube::Error> {
    let connector = config.rustls_https_connector_with_connector(way)?;
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
