// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a platform is to be.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::happening::{Happening, Observer};
use super::server::Server;
use super::state::{EventTypes, Shared, State};
use super::tls::{self, Certificate};
use super::{Error, Platform};

/// As real platforms have it.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// The options of a platform. Without any: http on a free port of the loopback interface, and no client that it knows.
#[derive(Default)]
pub struct Builder {
    clients: Vec<(String, String)>,
    audiences: Vec<String>,
    address: Option<SocketAddr>,
    host: Option<String>,
    certificate: Option<Certificate>,
    token_lifetime: Option<Duration>,
    event_types: EventTypes,
    observer: Option<Observer>,
    lean: bool,
    lossy_way: bool,
}

impl Builder {
    /// Knows a client by its id and its public key (PEM).
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, public_pem: impl Into<String>) -> Self {
        self.clients.push((id.into(), public_pem.into()));
        self
    }

    /// Takes assertions that are meant for this URL, besides those for its own: for a way through a proxy, say.
    #[must_use]
    pub fn audience(mut self, url: impl Into<String>) -> Self {
        self.audiences.push(url.into());
        self
    }

    /// Listens on this address; a port of 0 is any free one.
    #[must_use]
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Is known to others as this host, a name or an address: in its URL, and in its certificate.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Speaks https, with a good certificate of its own authority.
    #[must_use]
    pub fn https(self) -> Self {
        self.certificate(Certificate::Good)
    }

    /// Speaks https, with this certificate of its own authority.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// How long a token is good. An hour, if not given.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Which spelling of an event's type it takes.
    #[must_use]
    pub fn event_types(mut self, event_types: EventTypes) -> Self {
        self.event_types = event_types;
        self
    }

    /// Tells of everything that happens, in order, on the platform's thread: nothing else is answered meanwhile.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&Happening) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Only counts: bodies are not checked and nothing is held. For measurements on the machine that the operator runs on.
    /// There is nothing to compare with a cluster then.
    #[must_use]
    pub fn lean(mut self) -> Self {
        self.lean = true;
        self
    }

    /// Stands behind a proxy that loses answers. Whoever didn't get the answer to a delete has to send it again, and that is no
    /// violation then; anything else about an object that is gone is.
    #[must_use]
    pub fn lossy_way(mut self) -> Self {
        self.lossy_way = true;
        self
    }

    /// Starts it. When this returns, it listens.
    ///
    /// # Errors
    ///
    /// The address is taken, or a public key isn't one.
    pub async fn start(self) -> Result<Platform, Error> {
        let host = self.host.as_deref();
        let certified = self.certificate.map(|certificate| tls::make(certificate, host));
        let (ca_pem, tls) = match certified.transpose()? {
            Some((ca_pem, tls)) => (Some(ca_pem), Some(tls)),
            None => (None, None),
        };
        let lifetime = self.token_lifetime.unwrap_or(TOKEN_LIFETIME);
        let mut state = State::new(lifetime, self.event_types);
        state.lossy_way = self.lossy_way;
        for (client, key) in self.clients {
            let registered = state.assertions.register(&client, &key);
            registered.ok_or(Error::PublicKey { client })?;
        }
        for url in &self.audiences {
            state.assertions.add_audience(url);
        }
        let shared = Arc::new(Shared::new(state, self.observer, self.lean));
        let is_https = tls.is_some();
        let address = self.address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let server = Server::start(address, tls, Arc::clone(&shared)).await?;
        let scheme = if is_https { "https" } else { "http" };
        let port = server.address().port();
        let url = match host {
            Some(host) => format!("{scheme}://{host}:{port}"),
            None if is_https => format!("https://localhost:{port}"),
            None => format!("http://{}", server.address()),
        };
        // Nobody can have asked yet: the port was not known.
        shared.change(|state| state.assertions.add_audience(&url));
        Ok(Platform {
            url,
            ca_pem,
            shared,
            server,
        })
    }
}
