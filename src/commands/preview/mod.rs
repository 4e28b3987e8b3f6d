// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `preview`: what an operator would send of this cluster, and what it would hold back.
//!
//! It lists, decodes, encodes and joins with the code that the operator sends with, so what it prints is what would be sent,
//! and no other program's idea of it. It promises that nothing goes anywhere but to stdout and stderr: there is no
//! platform, no token and no ObsykAgent here. It changes nothing in the cluster, and ends within bounded time.

mod listing;
mod summary;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use obsyk_domain::ports::{Cluster, ClusterIdentity};
use obsyk_domain::resource::{ClusterFacts, KindSet, ResourceKind};
use obsyk_domain::snapshot_body::SnapshotBody;
use obsyk_domain::wire::{SnapshotHead, kubernetes_version};

use super::paint::Paint;
use super::{NO_UID_HINT, failed};
use crate::kubernetes::{self, ClusterApi, KubeWatches};
use crate::settings::{Form, Preview};
use crate::text::with_causes;
use listing::Listing;
use summary::Summary;

/// Without this uid an operator knows no cluster.
const NO_UID: &str = "the uid of namespace kube-system can't be read, and without it an operator sends nothing";

/// Reads the cluster, and shows what would be sent of it.
pub(super) async fn preview(asked: Preview) -> ExitCode {
    let kinds = shown(asked.kinds, asked.namespace.as_deref());
    if kinds.is_empty() {
        return failed(format_args!(
            "objects of {} aren't in any namespace: leave out --namespace, or name other kinds",
            asked.kinds
        ));
    }
    let client = match kubernetes::connect(asked.kubeconfig).await {
        Ok(client) => client,
        Err(error) => return failed(with_causes(&error)),
    };
    // So that a server that doesn't answer is waited for once, and not once for each kind.
    if let Err(failure) = kubernetes::server_version(&client).await {
        return failed(format_args!("{failure}\nhint: {}", failure.hint()));
    }
    let identity = ClusterApi::new(client.clone()).identify().await;
    let watches = KubeWatches::new(client);
    let mut listings = Vec::new();
    for kind in kinds.iter() {
        listings.push(Listing::read(&watches, kind, asked.namespace.as_deref()).await);
    }
    let all_is_there = identity.uid.is_some() && listings.iter().all(|listing| listing.found.is_ok());
    let printed = print(asked.form, &asked.cluster_name, &identity, &listings);
    match printed {
        // A closed pipe is nobody to tell.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => failed(error),
        Ok(()) | Err(_) if all_is_there => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}

/// The kinds that have something in a namespace: those that live in namespaces, and Namespace for its own sake.
fn shown(kinds: KindSet, namespace: Option<&str>) -> KindSet {
    let is_shown = |kind: &ResourceKind| namespace.is_none() || kind.spec().namespaced || is_namespace(*kind);
    kinds.iter().filter(is_shown).collect()
}

fn is_namespace(kind: ResourceKind) -> bool {
    kind == ResourceKind::Namespace
}

fn print(form: Form, cluster_name: &str, identity: &ClusterIdentity, listings: &[Listing]) -> io::Result<()> {
    let git_version = identity.git_version.as_deref().unwrap_or_default();
    let mut facts = ClusterFacts::default();
    let mut lists = Vec::new();
    for listing in listings {
        if let Ok(found) = &listing.found {
            facts.merge(&found.facts);
            lists.push((listing.kind, found.spool.clone()));
        }
    }
    let head = SnapshotHead {
        cluster_uid: identity.uid.as_deref().unwrap_or_default(),
        cluster_name,
        kubernetes_version: kubernetes_version(git_version),
        platform: facts.platform(git_version),
        region: facts.region(),
    };
    let body = SnapshotBody::new(head.opening().into(), lists);
    let mut out = io::stdout().lock();
    match form {
        Form::Text => {
            let mut bytes = 0;
            for piece in body.pieces() {
                bytes += piece.map_err(io::Error::other)?.len() as u64;
            }
            let paint = Paint::on(&out);
            Summary { head, listings, bytes }.print(&mut out, paint)
        }
        Form::Json => {
            complain(identity, listings);
            for piece in body.pieces() {
                out.write_all(&piece.map_err(io::Error::other)?)?;
            }
            // People want their prompt on a line of its own; a file has what a platform would get.
            if out.is_terminal() {
                out.write_all(b"\n")?;
            }
            out.flush()
        }
    }
}

/// Says on stderr what the JSON has no place for.
fn complain(identity: &ClusterIdentity, listings: &[Listing]) {
    if identity.uid.is_none() {
        eprintln!("error: {NO_UID}\nhint: {NO_UID_HINT}");
    }
    for listing in listings {
        let kind = listing.kind;
        if let Err(trouble) = listing.found {
            eprintln!("error: {kind} can't be read: {trouble}\nhint: {}", trouble.hint(kind));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_kinds_without_namespaces_a_namespace_has_itself_alone() {
        assert_eq!(shown(KindSet::ALL, None), KindSet::ALL);
        let shown = shown(KindSet::ALL, Some("shop"));
        let left_out: Vec<_> = KindSet::ALL.without(shown).iter().collect();
        assert_eq!(left_out, [ResourceKind::Node]);
    }
}
