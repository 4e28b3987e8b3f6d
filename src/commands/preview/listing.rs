// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One kind, listed as the operator lists it in pages, or the reason why it can't be.

use std::fmt;

use futures_util::StreamExt;
use obsyk_actors::watcher::STALLED;
use obsyk_domain::condition::Unreadability;
use obsyk_domain::ports::{Opening, ReadError, Signal, Watches};
use obsyk_domain::resource::{Body, ClusterFacts, ResourceKind, Sighting, WithheldTotals};
use obsyk_domain::spool::{Spool, SpoolWriter};
use tokio::time::timeout;

use super::is_namespace;
use crate::commands::grant;
use crate::kubernetes::Failure;

/// What came of listing a kind.
pub(super) struct Listing {
    pub(super) kind: ResourceKind,
    pub(super) found: Result<Found, Trouble>,
}

/// What a kind's list has.
#[derive(Default)]
pub(super) struct Found {
    /// The objects, as they would be sent.
    pub(super) spool: Spool,
    /// Objects that don't decode, and wouldn't be sent.
    pub(super) set_aside: u64,
    /// Annotations that wouldn't be sent.
    pub(super) withheld: WithheldTotals,
    /// What the snapshot's head says of the cluster.
    pub(super) facts: ClusterFacts,
}

/// Why a kind has no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The API server doesn't give it.
    Failed(ReadError),
    /// Nothing came for [`STALLED`].
    Stalled,
}

impl Listing {
    /// Lists a kind, and keeps what is in this namespace, or everything.
    pub(super) async fn read(watches: &impl Watches, kind: ResourceKind, namespace: Option<&str>) -> Self {
        let found = Found::read(watches, kind, namespace).await;
        Self { kind, found }
    }
}

impl Found {
    async fn read(watches: &impl Watches, kind: ResourceKind, namespace: Option<&str>) -> Result<Self, Trouble> {
        let mut found = Self::default();
        let mut spool = SpoolWriter::default();
        let mut signals = watches.open(kind, Opening::Pages);
        loop {
            let signal = timeout(STALLED, signals.next()).await.map_err(|_| Trouble::Stalled)?;
            match signal {
                Some(Signal::Listed(sighting)) if is_in(kind, &sighting, namespace) => found.add(&mut spool, &sighting),
                Some(Signal::ListEnd { .. }) => break,
                Some(Signal::Failed(error)) => return Err(Trouble::Failed(error)),
                // A list that ends before its end is none.
                None => return Err(Trouble::Failed(ReadError::Unreachable)),
                Some(
                    Signal::Listed(_)
                    | Signal::Opened
                    | Signal::Queued
                    | Signal::Put(_)
                    | Signal::Gone { .. }
                    | Signal::Bookmark { .. },
                ) => {}
            }
        }
        found.spool = spool.finish();
        Ok(found)
    }

    fn add(&mut self, spool: &mut SpoolWriter, sighting: &Sighting) {
        self.withheld.add(sighting.withheld);
        if let Some(facts) = &sighting.facts {
            self.facts.add(facts);
        }
        match &sighting.body {
            Body::Object(json) => spool.push(&sighting.uid, json),
            Body::Undecodable => self.set_aside += 1,
        }
    }
}

fn is_in(kind: ResourceKind, sighting: &Sighting, namespace: Option<&str>) -> bool {
    let Some(wanted) = namespace else { return true };
    if is_namespace(kind) {
        &*sighting.name == wanted
    } else {
        sighting.namespace.as_deref() == Some(wanted)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Stalled => Unreadability::Stalled.fmt(f),
        }
    }
}

impl Trouble {
    /// What to do about it.
    pub(super) fn hint(self, kind: ResourceKind) -> String {
        let refused = |code| {
            let message = String::new();
            Failure::Refused { code, message }.hint().to_owned()
        };
        match self {
            Self::Failed(ReadError::Forbidden) => grant(kind, "list", "--kind"),
            Self::Failed(ReadError::Absent) => {
                "leave the kind out with --kind; an operator leaves it out by itself, and says so".to_owned()
            }
            Self::Failed(ReadError::Unauthorized) => refused(401),
            Self::Failed(ReadError::Unreachable) => Failure::Unanswered.hint().to_owned(),
            Self::Stalled | Self::Failed(ReadError::Busy { .. } | ReadError::Expired | ReadError::Reverted) => {
                refused(503)
            }
            Self::Failed(ReadError::Unsupported | ReadError::Status(_) | ReadError::Undecodable) => {
                Failure::Garbled.hint().to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use futures_util::stream;
    use obsyk_domain::ports::LocalStream;
    use obsyk_domain::resource::read_page;

    use super::*;

    /// An API server that says this and then, if it is so, nothing more.
    struct Says(Vec<Signal>, bool);

    impl Watches for Says {
        fn open(&self, _: ResourceKind, opening: Opening) -> LocalStream<Signal> {
            assert_eq!(opening, Opening::Pages, "a quorum read");
            let said = stream::iter(self.0.clone());
            if self.1 {
                Box::pin(said.chain(stream::pending()))
            } else {
                Box::pin(said)
            }
        }
    }

    fn listed(kind: ResourceKind, items: &str) -> Vec<Signal> {
        let page = format!(r#"{{"metadata":{{"resourceVersion":"9"}},"items":[{items}]}}"#);
        let page = read_page(kind, page.as_bytes()).unwrap();
        let listed = page.sightings.into_iter().map(Signal::Listed);
        std::iter::once(Signal::Opened).chain(listed).collect()
    }

    const PODS: &str = r#"
        {"metadata":{"uid":"a","name":"a","namespace":"shop","resourceVersion":"1","annotations":{"kapp.k14s.io/x":""}}},
        {"metadata":{"uid":"b","name":"b","namespace":"shop","resourceVersion":"1"},"spec":5},
        {"metadata":{"uid":"c","name":"c","namespace":"bank","resourceVersion":"1"}}"#;

    async fn read(signals: Vec<Signal>, kind: ResourceKind, namespace: Option<&str>) -> Result<Found, Trouble> {
        Listing::read(&Says(signals, true), kind, namespace).await.found
    }

    #[tokio::test]
    async fn a_list_is_counted_as_it_would_be_sent() {
        let mut signals = listed(ResourceKind::Pod, PODS);
        signals.push(Signal::ListEnd { version: 9 });
        let of_all = read(signals.clone(), ResourceKind::Pod, None).await.ok().unwrap();
        assert_eq!((of_all.spool.objects(), of_all.set_aside), (2, 1));
        let of_one = read(signals, ResourceKind::Pod, Some("shop")).await.ok().unwrap();
        assert_eq!((of_one.spool.objects(), of_one.set_aside), (1, 1));
        assert_eq!(of_one.withheld.sum(), 1);
    }

    #[tokio::test]
    async fn a_namespace_is_in_itself() {
        let namespaces = r#"{"metadata":{"uid":"a","name":"shop","resourceVersion":"1"}},
            {"metadata":{"uid":"b","name":"bank","resourceVersion":"1"}}"#;
        let mut signals = listed(ResourceKind::Namespace, namespaces);
        signals.push(Signal::ListEnd { version: 9 });
        let found = read(signals, ResourceKind::Namespace, Some("shop")).await.ok().unwrap();
        assert_eq!(found.spool.objects(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_makes_no_progress_is_given_up() {
        let stalled = read(listed(ResourceKind::Pod, PODS), ResourceKind::Pod, None).await;
        assert_eq!(stalled.err(), Some(Trouble::Stalled));
    }

    #[tokio::test]
    async fn half_a_list_is_no_list() {
        let cut = Says(listed(ResourceKind::Pod, PODS), false);
        let cut = Listing::read(&cut, ResourceKind::Pod, None).await;
        assert_eq!(cut.found.err(), Some(Trouble::Failed(ReadError::Unreachable)));
        let forbidden = vec![Signal::Failed(ReadError::Forbidden)];
        let forbidden = read(forbidden, ResourceKind::Secret, None).await.err().unwrap();
        let hint = forbidden.hint(ResourceKind::Secret);
        assert!(hint.starts_with("grant list on secrets of the core group"), "{hint}");
        assert!(hint.ends_with("leave the kind out with --kind"), "{hint}");
    }
}
