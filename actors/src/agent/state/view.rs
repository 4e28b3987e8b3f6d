// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the state tells of itself: for conditions, the status and views.

use std::collections::BTreeMap;

use obsyk_domain::condition::Situation;
use obsyk_domain::credentials::Credentials;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;

use super::{AgentState, Child};
use crate::agent::Desired;

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

    /// Snapshots opened so far, by cause.
    pub fn snapshots(&self) -> &BTreeMap<Cause, u64> {
        self.snapshots.counts()
    }

    /// Whether the platform accepted a snapshot from the sender that runs.
    pub fn is_accepted(&self) -> bool {
        self.snapshots.is_accepted()
    }

    /// Whether a snapshot is open, from its order to its end.
    #[cfg(feature = "sim")]
    pub fn snapshot_is_open(&self) -> bool {
        self.snapshots.is_open()
    }

    /// How often a child was restarted.
    pub fn restarts_of(&self, child: Child) -> u64 {
        self.children.restarts_of(child)
    }
}
