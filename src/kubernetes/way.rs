// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The TCP way to the API server: direct, or through the proxy that the kubeconfig's cluster names (`proxy-url`).
//!
//! HTTPS_PROXY and its kin are for the platform alone. A proxy at the edge of a network can't reach an API server inside it,
//! and kube would take those variables for a kubeconfig's cluster: so its answer is not used here.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use kube::config::{Cluster, Kubeconfig};
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceExt};

/// A peer that died in silence is noticed within this. Not by a time-out of the watch: that would cut long lists too.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// A TCP connection is made within this.
const CONNECT: Duration = Duration::from_secs(10);

/// The address of a proxy, as the kubeconfig has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyUrl(String);

impl ProxyUrl {
    /// That of the current context's cluster.
    pub(super) fn of(kubeconfig: &Kubeconfig) -> Option<Self> {
        let url = current_cluster(kubeconfig)?.proxy_url.clone()?;
        (!url.is_empty()).then_some(Self(url))
    }
}

/// The current context's cluster.
pub(super) fn current_cluster(kubeconfig: &Kubeconfig) -> Option<&Cluster> {
    let current = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|context| &context.name == current)?;
    let name = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| &cluster.name == name)?;
    cluster.cluster.as_ref()
}

/// The kubeconfig names a proxy that can't be used. What it names isn't quoted: a password may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its proxy-url isn't an address such as http://proxy.example.com:3128; proxies by socks5 or https aren't supported"
)]
pub struct BadProxyUrl;

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Way {
    direct: HttpConnector,
    tunnel: Option<Tunnel<HttpConnector>>,
}

impl Way {
    /// The direct way, or the one through this proxy.
    pub(super) fn new(proxy: Option<&ProxyUrl>) -> Result<Self, BadProxyUrl> {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_connect_timeout(Some(CONNECT));
        direct.set_keepalive(Some(SILENCE / 2));
        direct.set_keepalive_interval(Some(SILENCE / 6));
        direct.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        direct.set_tcp_user_timeout(Some(SILENCE));
        let tunnel = proxy.map(|proxy| tunnel(proxy, direct.clone())).transpose()?;
        Ok(Self { direct, tunnel })
    }
}

fn tunnel(proxy: &ProxyUrl, direct: HttpConnector) -> Result<Tunnel<HttpConnector>, BadProxyUrl> {
    // The reader of proxy variables reads this the same way: it takes user and password apart.
    let matcher = Matcher::builder().all(proxy.0.as_str()).build();
    let anywhere = Uri::from_static("https://kubernetes.default.svc");
    let proxy = matcher.intercept(&anywhere).ok_or(BadProxyUrl)?;
    if proxy.uri().scheme() != Some(&Scheme::HTTP) {
        return Err(BadProxyUrl);
    }
    let tunnel = Tunnel::new(proxy.uri().clone(), direct);
    Ok(match proxy.basic_auth() {
        Some(user) => tunnel.with_auth(user.clone()),
        None => tunnel,
    })
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each connection waits for its own.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let this = self.clone();
        let connection = async move {
            match this.tunnel {
                Some(tunnel) => tunnel.oneshot(to).await.map_err(BoxError::from),
                None => this.direct.oneshot(to).await.map_err(BoxError::from),
            }
        };
        connection.boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;

    use super::*;

    fn kubeconfig(cluster: &serde_json::Value) -> Kubeconfig {
        let other = json!({ "server": "https://other.example.com", "proxy-url": "http://other-proxy:1" });
        serde_json::from_value(json!({
            "clusters": [{ "name": "other", "cluster": other }, { "name": "this", "cluster": cluster }],
            "users": [{ "name": "user", "user": {} }],
            "contexts": [
                { "name": "other", "context": { "cluster": "other", "user": "user" } },
                { "name": "this", "context": { "cluster": "this", "user": "user" } },
            ],
            "current-context": "this",
        }))
        .unwrap()
    }

    #[test]
    fn the_proxy_is_that_of_the_current_cluster_and_of_no_other() {
        let with = json!({ "server": "https://api.example.com", "proxy-url": "http://proxy:3128" });
        assert_eq!(
            ProxyUrl::of(&kubeconfig(&with)),
            Some(ProxyUrl("http://proxy:3128".to_owned()))
        );
        for without in [
            json!({ "server": "https://api.example.com" }),
            json!({ "server": "https://api.example.com", "proxy-url": "" }),
        ] {
            assert_eq!(ProxyUrl::of(&kubeconfig(&without)), None);
        }
        assert_eq!(ProxyUrl::of(&Kubeconfig::default()), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_quoting_it() {
        for url in ["http://proxy:3128", "http://me:pw@proxy:3128", "proxy:3128"] {
            assert!(Way::new(Some(&ProxyUrl(url.to_owned()))).is_ok(), "{url}");
        }
        for url in ["socks5://me:pw@proxy:1080", "https://proxy:3128", "ftp://proxy", "?"] {
            let error = Way::new(Some(&ProxyUrl(url.to_owned()))).unwrap_err();
            assert!(!error.to_string().contains("pw"), "{url}");
        }
    }
}
