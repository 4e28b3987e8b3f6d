// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an agent must be given before it can speak: credentials, and the cluster's uid.

use std::time::Duration;

use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::ClusterIdentity;
use obsyk_domain::retry::Backoff;
use obsyk_domain::time::{Chance, Moment};

/// An API server that doesn't say within this who the cluster is, is asked again.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// See the module's page.
#[derive(Debug)]
pub(super) struct Access {
    /// The Secret that is followed.
    secret: Option<String>,
    /// It was looked at since it is followed.
    seen: bool,
    /// The last good credentials, and the Secret that they are from.
    good: Option<(String, Credentials)>,
    error: Option<CredentialsError>,
    identity: Option<ClusterIdentity>,
    ask_at: Option<Moment>,
    backoff: Backoff,
}

impl Access {
    pub(super) fn new() -> Self {
        Self {
            secret: None,
            seen: false,
            good: None,
            error: None,
            identity: None,
            ask_at: Some(Moment::START),
            backoff: Backoff::WATCH,
        }
    }

    /// Follows this Secret: whether it is another one than before.
    pub(super) fn follow(&mut self, secret: &str) -> bool {
        if self.secret.as_deref() == Some(secret) {
            return false;
        }
        self.secret = Some(secret.to_owned());
        self.seen = false;
        self.error = None;
        true
    }

    /// Follows no Secret any more: whether it followed one.
    pub(super) fn leave(&mut self) -> bool {
        self.seen = false;
        self.good = None;
        self.error = None;
        self.secret.take().is_some()
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    pub(super) fn is_seen(&self) -> bool {
        self.seen
    }

    pub(super) fn error(&self) -> Option<CredentialsError> {
        self.error
    }

    /// What a Secret says. One that isn't followed any more doesn't count; a bad one leaves the last good credentials.
    pub(super) fn read(&mut self, secret: &str, result: Result<Credentials, CredentialsError>) {
        if self.secret() != Some(secret) {
            return;
        }
        self.seen = true;
        match result {
            Ok(credentials) => {
                self.good = Some((secret.to_owned(), credentials));
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// The credentials to use. Those of the Secret that was followed before stay in use where they are in use, but they
    /// are never shown to another platform.
    pub(super) fn credentials(&self, same_platform: bool) -> Option<&Credentials> {
        let (from, credentials) = self.good.as_ref()?;
        (same_platform || Some(from.as_str()) == self.secret()).then_some(credentials)
    }

    /// Whether it is time to ask who the cluster is.
    pub(super) fn should_ask(&mut self, now: Moment) -> bool {
        let due = self.ask_at.is_some_and(|at| at <= now);
        if due {
            self.ask_at = Some(now + LONGEST_ANSWER);
        }
        due
    }

    /// When [`Self::should_ask`] says so next.
    pub(super) fn ask_at(&self) -> Option<Moment> {
        self.ask_at
    }

    /// Who the cluster is. What can't be read now stays as it was known, at last from the status: `written`.
    pub(super) fn identified(
        &mut self,
        now: Moment,
        mut identity: ClusterIdentity,
        written: Option<String>,
        chance: &mut dyn Chance,
    ) {
        let before = self.identity.take();
        let (uid, git_version) = before.map_or((None, None), |known| (known.uid, known.git_version));
        identity.uid = identity.uid.or(uid).or(written);
        identity.git_version = identity.git_version.or(git_version);
        if identity.uid.is_some() {
            self.ask_at = None;
            self.backoff.reset();
        } else {
            self.ask_at = Some(now + self.backoff.next(chance));
        }
        self.identity = Some(identity);
    }

    /// Whether the cluster's uid is known; `None` while it is asked for the first time.
    pub(super) fn is_cluster_known(&self) -> Option<bool> {
        self.identity.as_ref().map(|identity| identity.uid.is_some())
    }

    pub(super) fn cluster_uid(&self) -> Option<&str> {
        self.identity.as_ref().and_then(|identity| identity.uid.as_deref())
    }

    /// The API server's version, or nothing.
    pub(super) fn git_version(&self) -> &str {
        self.identity
            .as_ref()
            .and_then(|identity| identity.git_version.as_deref())
            .unwrap_or_default()
    }
}
