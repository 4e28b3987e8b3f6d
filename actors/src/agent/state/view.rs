// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the state tells of itself: for conditions, the status and views.

use std::collections::BTreeMap;

use obsyk_domain::condition::Situation;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;

use super::AgentState;
use crate::agent::Desired;
use crate::inspect::{CredentialsView, SnapshotsView};

impl AgentState {
    /// How things stand, for the conditions.
    pub fn situation<'a>(
        &'a self,
        set_aside: &'a BTreeMap<ResourceKind, u64>,
        undecodable: &'a BTreeMap<ResourceKind, u64>,
    ) -> Situation<'a> {
        let settings = self.desired.settings.as_ref();
        Situation {
            settings_error: settings.err(),
            standing: &self.desired.standing,
            secret: self.access.secret().unwrap_or_default(),
            has_credentials: settings.is_ok_and(|settings| self.credentials(settings).is_some()),
            credentials_error: self.access.error(),
            secret_seen: self.access.is_seen(),
            cluster_known: self.access.is_cluster_known(),
            platform: &self.desired.platform_text,
            proxy: None,
            link: self.link,
            accepted: self.snapshots.is_accepted(),
            refused: self.snapshots.refused(),
            unreadable: self.snapshots.unreadable_kinds(),
            too_large: self.snapshots.too_large(),
            set_aside,
            undecodable,
            failing: self.failing,
        }
    }

    /// The resource, as it was last seen.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// The cluster's uid, when it is known.
    pub fn cluster_uid(&self) -> Option<String> {
        self.access
            .cluster_uid()
            .map(str::to_owned)
            .or_else(|| self.written_uid())
    }

    /// The last good credentials.
    pub fn good_credentials(&self) -> Option<&Credentials> {
        self.access.credentials(true)
    }

    /// Whether these are the credentials that are known already.
    pub fn has_read(&self, credentials: &Credentials) -> bool {
        self.access.error().is_none() && self.good_credentials() == Some(credentials)
    }

    /// When the last snapshot was accepted.
    pub fn last_snapshot(&self) -> Option<Moment> {
        self.snapshots.last()
    }

    /// Whether the platform accepted a snapshot from the sender that runs.
    pub fn is_accepted(&self) -> bool {
        self.snapshots.is_accepted()
    }

    /// As whom it speaks, or would; `thumbprint` is that of the last good credentials.
    pub fn credentials_view(&self, thumbprint: Option<String>) -> CredentialsView {
        let settings = self.desired.settings.as_ref().ok();
        let credentials = settings.and_then(|settings| self.credentials(settings));
        CredentialsView {
            secret: self.access.secret().map(str::to_owned),
            client_id: credentials.map(|credentials| credentials.client_id().to_owned()),
            thumbprint: credentials.and(thumbprint),
            problem: self.access.error().map(|error| error.to_string()),
        }
    }

    /// Its snapshots.
    pub fn snapshots_view(&self) -> SnapshotsView {
        self.snapshots.view()
    }

    /// What a snapshot that is open answers.
    pub fn snapshot_causes(&self, n: u64) -> Vec<Cause> {
        self.snapshots.causes(n)
    }

    /// When the next heartbeat is due.
    pub fn next_beat(&self) -> Option<Moment> {
        self.beat_at.filter(|_| self.told)
    }
}
