// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What can keep a platform from running.

use std::io;
use std::net::SocketAddr;

/// Why a platform can't be had, or can't compare.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can't be listened on.
    #[error("the platform can't listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The thread of the server can't be started, or is gone.
    #[error("the platform's thread: {0}")]
    Thread(#[source] io::Error),
    /// A public key that is none.
    #[error("the public key of client {client} is not a P-256 key in PEM")]
    PublicKey {
        /// The client's id.
        client: String,
    },
    /// A certificate couldn't be made.
    #[error("can't make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// A certificate couldn't be used.
    #[error("can't use the certificate")]
    Tls(#[source] rustls::Error),
    /// The cluster can't be read.
    #[error("the cluster can't be read: {0}")]
    Cluster(#[source] Box<kube::Error>),
    /// The cluster has no namespace kube-system with a uid.
    #[error("the cluster doesn't say who it is: no uid of namespace kube-system")]
    ClusterUnknown,
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Cluster(Box::new(error))
    }
}
