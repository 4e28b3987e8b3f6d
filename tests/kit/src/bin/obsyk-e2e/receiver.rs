// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who is reported to: the kit's double, which says what it was told, or somebody's platform, which doesn't.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kube::Client;
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::forward::ForwardProxy;
use obsyk_testkit::platform::{Change, Event, KeyPair, Platform};
use tokio::time::timeout;

use crate::operator::Pods;
use crate::settings::{Theirs, Whose};
use crate::{Failure, endpoints, stage};

/// The client that the double knows.
const CLIENT: &str = "e2e";

/// What the double calls the cluster.
const CLUSTER: &str = "e2e";

/// Longer than the 30 s that must lie between two snapshots.
const CONVERGED: Duration = Duration::from_secs(120);

/// One comparison, with an API server that answers.
const COMPARED: Duration = Duration::from_secs(30);

/// See the module's page.
pub enum Receiver {
    Double {
        platform: Platform,
        key: KeyPair,
        /// The address of this machine that pods reach.
        address: IpAddr,
    },
    Theirs(Theirs),
}

impl Receiver {
    /// Starts the double, or takes note of somebody's.
    pub async fn start(whose: Whose) -> Result<Self, Failure> {
        let host = match whose {
            Whose::Theirs(theirs) => return Ok(Self::Theirs(theirs)),
            Whose::Double(host) => host,
        };
        let address: IpAddr = host.parse().map_err(|_| {
            format!("E2E_PLATFORM_HOST is {host}: write an address of this machine, such as 10.244.0.1")
        })?;
        let key = KeyPair::generate();
        let platform = Platform::builder()
            .bind(SocketAddr::new(address, 0))
            .host(host)
            .https()
            .client(CLIENT, key.public_pem())
            .start()
            .await?;
        Ok(Self::Double { platform, key, address })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        match self {
            Self::Double { platform, .. } => platform.url(),
            Self::Theirs(theirs) => &theirs.url,
        }
    }

    /// A proxy on the way to it, where pods reach it. Somebody's platform is reached as it is.
    pub async fn proxy(&self) -> Result<Option<ForwardProxy>, Failure> {
        match self {
            Self::Double { address, .. } => Ok(Some(ForwardProxy::builder().bind(*address).start().await?)),
            Self::Theirs(_) => Ok(None),
        }
    }

    /// What it calls the cluster.
    pub fn cluster_name(&self) -> &str {
        match self {
            Self::Double { .. } => CLUSTER,
            Self::Theirs(theirs) => &theirs.cluster_name,
        }
    }

    /// The client's id and private key.
    pub fn credentials(&self) -> (&str, &str) {
        match self {
            Self::Double { key, .. } => (CLIENT, key.pkcs8_pem()),
            Self::Theirs(theirs) => (&theirs.client_id, &theirs.key),
        }
    }

    /// The CA that signed its certificate, if it is a private one.
    pub fn ca(&self) -> Option<&str> {
        match self {
            Self::Double { platform, .. } => Some(platform.ca_pem()),
            Self::Theirs(_) => None,
        }
    }

    /// In words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Double { platform, .. } => format!("the double of a platform at {}", platform.url()),
            Self::Theirs(_) => {
                "the platform of E2E_PLATFORM_URL: what it holds can't be compared with the cluster".to_owned()
            }
        }
    }

    /// Waits until it holds what the cluster holds, and nothing else; in words. Of somebody's platform only the operator can
    /// say so: that it owes nothing.
    pub async fn converged(&self, client: &Client) -> Result<String, Failure> {
        let platform = match self {
            Self::Double { platform, .. } => platform,
            Self::Theirs(_) => return owes_nothing(client).await,
        };
        let guard = Guard::new("the platform holds what the cluster holds", CONVERGED);
        let mut equal = false;
        loop {
            let seen = match timeout(COMPARED, platform.compare(client)).await {
                Ok(Ok(comparison)) if comparison.is_equal() && equal => {
                    let violations = platform.take_violations();
                    return match violations.first() {
                        None => Ok(format!("the platform holds what the cluster holds: {comparison}")),
                        Some(violation) => Err(format!("the protocol was broken: {violation}").into()),
                    };
                }
                Ok(Ok(comparison)) => {
                    equal = comparison.is_equal();
                    comparison.to_string()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("the API server didn't answer within {COMPARED:?}"),
            };
            stage::look_again(&guard, seen).await?;
        }
    }

    /// How many events it has accepted so far, by what the operator counts since its start.
    pub async fn accepted(&self, client: &Client) -> Result<u64, Failure> {
        let metrics = endpoints::metrics(client, &Pods::new(client).ready(None).await?).await?;
        Ok(endpoints::sum(
            &metrics,
            "obsyk_requests_total",
            &["endpoint=\"events\"", "code=\"2xx\""],
        ))
    }

    /// Waits until it was told of a ConfigMap that is new. `before` is what it had accepted before.
    pub async fn told(&self, client: &Client, name: &str, before: u64) -> Result<(), Failure> {
        let guard = Guard::new(format!("the platform was told of ConfigMap {name}"), CONVERGED);
        match self {
            Self::Double { platform, .. } => {
                let added =
                    |event: &Event| event.kind == "ConfigMap" && event.name == name && event.change == Change::Added;
                while !platform.look(|view| view.events().any(added)) {
                    guard.again("it wasn't").await?;
                }
            }
            Self::Theirs(_) => {
                while self.accepted(client).await? <= before {
                    stage::look_again(&guard, "it has accepted nothing since").await?;
                }
            }
        }
        Ok(())
    }
}

async fn owes_nothing(client: &Client) -> Result<String, Failure> {
    let guard = Guard::new("the operator owes the platform nothing", CONVERGED);
    let pods = Pods::new(client);
    loop {
        let metrics = endpoints::metrics(client, &pods.ready(None).await?).await?;
        let owed = endpoints::sum(&metrics, "obsyk_ledger_dirty", &[]);
        if owed == 0
            && endpoints::sum(
                &metrics,
                "obsyk_requests_total",
                &["endpoint=\"snapshot\"", "code=\"2xx\""],
            ) > 0
        {
            return Ok("the operator owes the platform nothing".to_owned());
        }
        stage::look_again(&guard, format!("it owes {owed}")).await?;
    }
}
