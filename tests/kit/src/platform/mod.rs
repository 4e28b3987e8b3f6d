// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A strict platform: the other side of shared/protocol.md, written from that page and from nothing else.
//!
//! A [`Platform`] verifies assertions, issues tokens, checks every body field by field, holds what snapshots and events
//! describe, remembers what arrived when, answers as it is told ([`Answer`]), and compares what it holds with a cluster.
//! Whatever breaks the protocol is answered with 400 and kept as a [`Violation`]; [`Platform::assert_no_violations`] shows
//! them all.
//!
//! It serves on a thread of its own, with a runtime of its own: a test that blocks its runtime, or a bench that keeps it
//! busy, neither stops the platform nor makes it look slow. What it remembers is behind one lock; tests look at it through
//! a [`View`]. It shares no code with the operator: the two agree because both keep to the page.

mod answers;
mod assertion;
mod builder;
mod cluster;
mod compare;
mod error;
mod happening;
mod history;
mod keys;
mod request;
mod schema;
mod server;
mod service;
mod state;
mod strict;
mod tls;
mod trap;
mod view;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Client;
use tokio::time::{Instant, sleep, timeout_at};

use self::server::Server;
use self::state::Shared;

pub use self::answers::Answer;
pub use self::builder::Builder;
pub use self::compare::{Comparison, project};
pub use self::error::Error;
pub use self::happening::{Happening, What};
pub use self::keys::KeyPair;
pub use self::request::{Change, Content, Endpoint, Event, Outcome, Raw, Request, Snapshot};
pub use self::state::{Counts, EventTypes, Violation};
pub use self::tls::Certificate;
pub use self::trap::Trap;
pub use self::view::View;

/// Between two comparisons with a cluster: each costs the API server a list of every kind.
const COMPARE_PAUSE: Duration = Duration::from_millis(250);

/// How many of the last requests a wait that failed shows.
const SHOWN: usize = 12;

/// A running platform. Dropping it ends it.
pub struct Platform {
    url: String,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    server: Server,
}

impl Platform {
    /// A platform is described first, then started.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its address: http://127.0.0.1:PORT or https://localhost:PORT, unless it has a host of its own.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority that signed its certificate, as PEM.
    ///
    /// # Panics
    ///
    /// If it speaks http.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().expect("this platform speaks https")
    }

    /// Looks at what it remembers. It answers nobody while the closure runs.
    pub fn look<R>(&self, look: impl FnOnce(&View<'_>) -> R) -> R {
        let streamed = self.shared.streamed.load(Ordering::Relaxed);
        self.shared.look(|state| look(&View::new(state, streamed)))
    }

    /// Waits until what it remembers is as wanted; looks whenever something has changed.
    ///
    /// # Panics
    ///
    /// If it isn't within `limit`; says what was waited for, the last requests, and the violations.
    pub async fn wait(&self, limit: Duration, what: &str, is_so: impl Fn(&View<'_>) -> bool) {
        let until = Instant::now() + limit;
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            if self.look(&is_so) {
                return;
            }
            if timeout_at(until, changes.changed()).await.is_err() {
                panic!("{what}: not so after {limit:?}\n{}", self.look(summary));
            }
        }
    }

    /// Gives this answer to what comes to an endpoint, once what was ordered before is used up.
    pub fn answer(&self, endpoint: Endpoint, answer: Answer) {
        self.shared.change(|state| state.orders.add(endpoint, answer));
    }

    /// Answers everything by itself again.
    pub fn clear_answers(&self) {
        self.shared.change(|state| state.orders.clear());
    }

    /// Knows a client by this public key (PEM) from now on, and by no other. Its tokens stay good.
    ///
    /// # Panics
    ///
    /// If the key isn't one.
    pub fn register(&self, client: &str, public_pem: &str) {
        let registered = self
            .shared
            .change(|state| state.assertions.register(client, public_pem));
        registered.expect("a P-256 public key in PEM");
    }

    /// Knows a client no more. Its tokens stay good.
    pub fn unregister(&self, client: &str) {
        self.shared.change(|state| state.assertions.forget(client));
    }

    /// Remembers every byte that comes from now on.
    pub fn record(&self) {
        self.shared.change(|state| state.recorded = Some(Vec::new()));
    }

    /// What came since [`Platform::record`], in the order in which it was there as a whole.
    #[must_use]
    pub fn recorded(&self) -> Vec<Raw> {
        self.shared.look(|state| state.recorded.clone().unwrap_or_default())
    }

    /// Ends all tokens.
    pub fn revoke_tokens(&self) {
        self.shared.change(state::State::revoke_tokens);
    }

    /// How long tokens are good that are issued from now on.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.shared.change(|state| state.token_lifetime = lifetime);
    }

    /// Takes this spelling of an event's type from now on.
    pub fn event_types(&self, event_types: EventTypes) {
        self.shared.change(|state| state.choose_event_types(event_types));
    }

    /// Takes assertions that are meant for this URL, too.
    pub fn audience(&self, url: &str) {
        self.shared.change(|state| state.assertions.add_audience(url));
    }

    /// Closes all connections and refuses new ones, until [`Platform::up`]. What it remembers stays.
    ///
    /// # Errors
    ///
    /// Its port is taken in the moment between.
    pub async fn down(&self) -> Result<(), Error> {
        self.server.down().await
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    ///
    /// Its port is taken.
    pub async fn up(&self) -> Result<(), Error> {
        self.server.up().await
    }

    /// Compares what it holds with what a cluster holds, all kinds.
    ///
    /// # Errors
    ///
    /// The cluster can't be read.
    pub async fn compare(&self, client: &Client) -> Result<Comparison, Error> {
        self.compare_kinds(client, &[]).await
    }

    /// Compares what it holds with what a cluster holds, of these kinds (all, if there is none), named as Kubernetes does.
    ///
    /// # Errors
    ///
    /// The cluster can't be read.
    pub async fn compare_kinds(&self, client: &Client, kinds: &[&str]) -> Result<Comparison, Error> {
        let picture = compare::Picture::read(client, kinds).await?;
        Ok(self
            .shared
            .look(|state| picture.compare(state.clusters.get(&picture.uid))))
    }

    /// Waits until the platform holds what the cluster holds, twice in a row.
    ///
    /// # Panics
    ///
    /// If it doesn't within `limit`; shows what differs.
    pub async fn wait_until_equal(&self, client: &Client, limit: Duration) {
        self.wait_until_kinds_equal(client, &[], limit).await;
    }

    /// The same for these kinds only (all, if there is none).
    ///
    /// # Panics
    ///
    /// If it doesn't within `limit`; shows what differs.
    pub async fn wait_until_kinds_equal(&self, client: &Client, kinds: &[&str], limit: Duration) {
        let until = Instant::now() + limit;
        let mut equal = 0;
        let mut last = "the cluster didn't answer".to_owned();
        loop {
            // An API server that is being started again, say, is no reason to give up.
            match timeout_at(until, self.compare_kinds(client, kinds)).await {
                Ok(Ok(comparison)) if comparison.is_equal() => equal += 1,
                Ok(Ok(comparison)) => (equal, last) = (0, comparison.to_string()),
                Ok(Err(error)) => (equal, last) = (0, error.to_string()),
                Err(_) => {}
            }
            if equal == 2 {
                return;
            }
            if Instant::now() >= until {
                panic!(
                    "the platform doesn't hold what the cluster holds after {limit:?}:\n{last}\n{}",
                    self.look(summary)
                );
            }
            sleep(COMPARE_PAUSE).await;
        }
    }

    /// Proves that the protocol was kept so far.
    ///
    /// # Panics
    ///
    /// If it wasn't; shows every violation.
    pub fn assert_no_violations(&self) {
        let violations = self.look(|view| view.violations());
        assert!(
            violations.is_empty(),
            "the protocol was broken:\n{}",
            lines(&violations)
        );
    }

    /// What broke the protocol so far; it is forgotten, so that a test can break it on purpose.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.shared.change(|state| std::mem::take(&mut state.violations))
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

fn lines(items: &[impl fmt::Display]) -> String {
    items.iter().map(|item| format!("  {item}\n")).collect()
}

/// For a wait that failed: what it is about may not have been looked for at all.
fn summary(view: &View<'_>) -> String {
    let mut last: Vec<String> = view.requests().rev().take(SHOWN).map(describe).collect();
    last.reverse();
    let counts = view.counts();
    format!(
        "{counts:?}\nlast requests:\n{}violations:\n{}",
        lines(&last),
        lines(&view.violations())
    )
}

fn describe(request: &Request) -> String {
    let about = match &request.content {
        Content::Event(event) => event.to_string(),
        Content::Snapshot(snapshot) => format!("{} kinds, {} objects", snapshot.counts.len(), snapshot.objects()),
        Content::Other => String::new(),
    };
    let since = request.arrived.elapsed();
    format!(
        "#{} {since:.1?} ago {} {:?} {about}",
        request.number, request.endpoint, request.outcome
    )
}
