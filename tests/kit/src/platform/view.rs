// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A look at what the platform remembers.

use serde_json::{Map, Value};

use super::cluster::{Cluster, Held};
use super::request::{Endpoint, Event, Request, Snapshot};
use super::state::{Counts, State, Violation};

/// What the platform remembers, while nothing changes.
pub struct View<'a> {
    state: &'a State,
    streamed: u64,
}

impl<'a> View<'a> {
    pub(super) fn new(state: &'a State, streamed: u64) -> Self {
        Self { state, streamed }
    }

    /// All requests in the order of their arrival.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &'a Request> {
        self.state.history.requests()
    }

    /// All requests to an endpoint in the order of their arrival.
    pub fn requests_to(&self, endpoint: Endpoint) -> impl DoubleEndedIterator<Item = &'a Request> {
        self.requests().filter(move |request| request.endpoint == endpoint)
    }

    /// The events that were accepted.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &'a Event> {
        self.requests()
            .filter(|request| request.is_accepted())
            .filter_map(Request::event)
    }

    /// The snapshots that were accepted.
    pub fn snapshots(&self) -> impl DoubleEndedIterator<Item = &'a Snapshot> {
        self.requests()
            .filter(|request| request.is_accepted())
            .filter_map(Request::snapshot)
    }

    /// How many heartbeats were accepted.
    #[must_use]
    pub fn heartbeats(&self) -> usize {
        self.state.counts.heartbeats
    }

    /// How many tokens were issued.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.state.counts.tokens
    }

    /// How many events said ADDED of an object that was held already.
    #[must_use]
    pub fn redundant(&self) -> usize {
        self.state.counts.redundant
    }

    /// How often what happened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counts
    }

    /// How many bytes of endless answers ([`super::Answer::huge`]) the other side took, or its system did for it.
    #[must_use]
    pub fn streamed(&self) -> u64 {
        self.streamed
    }

    /// The uids of the clusters of which a snapshot was accepted.
    pub fn clusters(&self) -> impl Iterator<Item = &'a str> {
        self.state.clusters.keys().map(String::as_str)
    }

    /// The head of the last snapshot of a cluster.
    #[must_use]
    pub fn head(&self, cluster_uid: &str) -> Option<&'a Map<String, Value>> {
        self.state.clusters.get(cluster_uid).map(|cluster| &cluster.head)
    }

    /// An object that the platform holds, of any cluster. Kinds without namespaces have the namespace "".
    #[must_use]
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let is_it = |held: &&Held| &*held.name == name && held.namespace.as_deref().unwrap_or_default() == namespace;
        self.held(kind).find(is_it).map(Held::object)
    }

    /// All objects of a kind that the platform holds, of all clusters.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = Value> {
        self.held(kind).map(Held::object)
    }

    /// How many objects of a kind the platform holds, of all clusters.
    #[must_use]
    pub fn objects(&self, kind: &str) -> usize {
        self.held(kind).count()
    }

    /// What broke the protocol so far.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let suspicions = self.state.history.suspicions().map(|what| Violation {
            endpoint: None,
            what: what.to_owned(),
        });
        self.state.violations.iter().cloned().chain(suspicions).collect()
    }

    fn held(&self, kind: &str) -> impl Iterator<Item = &'a Held> {
        let of_cluster = move |cluster: &'a Cluster| cluster.objects(kind).map(|(_, held)| held).collect::<Vec<_>>();
        self.state.clusters.values().flat_map(of_cluster)
    }
}
