// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The HTTP client, and when it is made anew: when the CA file has changed.
//!
//! A request looks at the file's stamp before it is sent; that is one system call. After a change, connections are new ones,
//! so that a CA that was taken away vouches for nobody any more; requests that are under way end on the old. A new file that
//! can't be used is complained of once, and the last good one stays in use.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;

use obsyk_domain::wire;
use reqwest::{Certificate, Client, ClientBuilder};
use rustls::pki_types::CertificateDer;
use tracing::{error, info};

use super::proxies::ProxyError;
use super::trust::{CaFile, CaFileError, Stamp};

/// A connection, TLS included, is made within this.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Headers in an answer.
const MOST_HEADERS: usize = 100;

/// The platform can't be set up. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The CA file can't be used.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
    /// A proxy variable can't be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The system has no certificates, or others that can't be used.
    #[error(
        "the HTTP client can't be set up; check the system's CA certificates (SSL_CERT_FILE, or /etc/ssl/certs/ca-certificates.crt)"
    )]
    Client(#[source] reqwest::Error),
}

/// See the module's page.
pub(super) struct Connections {
    client: RefCell<Client>,
    direct: Client,
    ca_file: Option<CaFile>,
    /// What the CA file looked like when it was last read.
    stamp: Cell<Option<Stamp>>,
}

impl Connections {
    /// Reads the system's certificates, the file, and the proxy variables.
    pub(super) fn new(ca_file: Option<PathBuf>) -> Result<Self, SetupError> {
        let ca_file = ca_file.map(CaFile::new);
        // Before it is read: what is written meanwhile is another change.
        let stamp = ca_file.as_ref().and_then(CaFile::stamp);
        let client = match &ca_file {
            Some(file) => client(&file.read()?)?,
            None => client(&[])?,
        };
        // It speaks no TLS, and trusts nobody.
        let direct = builder().no_proxy().tls_certs_only([]).build();
        Ok(Self {
            client: RefCell::new(client),
            direct: direct.map_err(SetupError::Client)?,
            ca_file,
            stamp: Cell::new(stamp),
        })
    }

    /// The client to send with now.
    pub(super) fn current(&self) -> Client {
        if let Some(file) = &self.ca_file {
            let stamp = file.stamp();
            if self.stamp.replace(stamp) != stamp {
                self.renew(file);
            }
        }
        self.client.borrow().clone()
    }

    /// The client for plain http to this machine: it is plain because nobody else hears it, so no proxy gets it, whatever the
    /// variables say.
    pub(super) fn direct(&self) -> Client {
        self.direct.clone()
    }

    fn renew(&self, file: &CaFile) {
        let renewed = file.read().map_err(SetupError::from).and_then(|extra| client(&extra));
        match renewed {
            Ok(client) => {
                self.client.replace(client);
                info!(path = %file.path().display(), "the CA file has changed; new connections trust what is in it now");
            }
            Err(error) => error!("{error}; what it had before is trusted until it changes again"),
        }
    }
}

fn client(extra: &[CertificateDer<'static>]) -> Result<Client, SetupError> {
    let extra = extra.iter().map(|certificate| Certificate::from_der(certificate));
    let extra: Vec<Certificate> = extra.collect::<Result<_, _>>().map_err(SetupError::Client)?;
    builder().tls_certs_merge(extra).build().map_err(SetupError::Client)
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(wire::USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_user_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(50))
        .http1_max_headers(MOST_HEADERS)
}
