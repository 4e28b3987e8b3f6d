// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The cluster's side: the API server, what this account may do there, and the resources.

use std::io::Write;

use futures_util::{StreamExt, stream};
use kube::Client;
use obsyk_domain::ports::Cluster;
use obsyk_domain::rbac;

use super::report::Report;
use crate::commands::{NO_UID_HINT, grant};
use crate::kubernetes::{self, ClusterApi, Failure, FoundAgent, Right};
use crate::settings::Service;
use crate::text::{printable, with_causes};

/// Questions at once: the API server answers each in a millisecond, but each has a connection.
const AT_ONCE: usize = 4;

/// A client for an API server that answers.
pub(super) async fn reach(report: &mut Report<impl Write>, service: &Service) -> Option<Client> {
    let subject = "API server";
    let client = match kubernetes::connect(service.kubeconfig.clone()).await {
        Ok(client) => client,
        Err(error) => {
            report.fail(subject, "there is no way to it", with_causes(&error));
            return skip_all(report);
        }
    };
    match kubernetes::server_version(&client).await {
        Ok(version) => report.ok(subject, format_args!("version {}", printable(&version))),
        Err(failure) => {
            report.fail(subject, &failure, failure.hint());
            return skip_all(report);
        }
    }
    Some(client)
}

fn skip_all(report: &mut Report<impl Write>) -> Option<Client> {
    report.skip(
        "permissions, resources, credentials and platforms",
        "the API server can't be asked",
    );
    None
}

/// What the operator needs to be allowed.
pub(super) async fn permissions(report: &mut Report<impl Write>, client: &Client, service: &Service) {
    match ClusterApi::new(client.clone()).identify().await.uid {
        Some(uid) => report.ok(
            "cluster's identity",
            format_args!("uid {} of kube-system", printable(&uid)),
        ),
        None => report.fail(
            "cluster's identity",
            "the uid of namespace kube-system can't be read",
            NO_UID_HINT,
        ),
    }
    for kind in service.kinds.iter() {
        let rights = ["list", "watch"].map(|verb| Right::of_kind(kind, verb));
        let subject = format!("permission on {}", kind.spec().plural);
        let hint = grant(kind, "list and watch", "--kinds");
        if !permission(report, client, &subject, &rights, Missing::Fails, &hint).await {
            // They would all be answered alike, and slowly.
            report.skip("other permissions", "they can't be asked for");
            return;
        }
    }
    let namespace = service.scope.namespace();
    let place = &service.scope;
    let rights = ["list", "watch"].map(|verb| Right::of_agents("", verb, namespace));
    let subject = format!("permission on obsykagents in {place}");
    let hint = "grant list and watch on obsykagents.obsyk.io there: the chart and manifests/rbac have it";
    permission(report, client, &subject, &rights, Missing::Fails, hint).await;
    let rights = [Right::of_agents("status", "patch", namespace)];
    let subject = format!("permission on obsykagents/status in {place}");
    let hint = "grant patch on obsykagents/status in group obsyk.io there: the chart and manifests/rbac have it";
    permission(report, client, &subject, &rights, Missing::Fails, hint).await;
    let rights = rbac::EVENT_VERBS.map(|verb| Right::of_events(verb, namespace));
    let subject = format!("permission on events in {place}");
    let hint = "without it nothing of what happens shows in `kubectl describe`, and all else works: grant create and patch on \
                events in group events.k8s.io there: the chart and manifests/rbac have it";
    permission(report, client, &subject, &rights, Missing::Warns, hint).await;
}

/// What it means that a right is missing.
#[derive(Clone, Copy)]
enum Missing {
    /// The operator can't do its work.
    Fails,
    /// It works, and somebody should know of it.
    Warns,
}

/// Prints whether these rights are there; no when that can't be found out.
async fn permission(
    report: &mut Report<impl Write>,
    client: &Client,
    subject: &str,
    rights: &[Right],
    without: Missing,
    hint: &str,
) -> bool {
    let answers = stream::iter(rights).map(|right| async move { (right.verb(), kubernetes::may(client, right).await) });
    let answers: Vec<(&str, Result<bool, Failure>)> = answers.buffered(AT_ONCE).collect().await;
    let failure = answers.iter().find_map(|(_, answer)| answer.as_ref().err());
    if let Some(failure) = failure {
        match failure {
            Failure::Refused { code: 403, .. } => report.warn(
                subject,
                "this account may not ask what it may do",
                "grant create on selfsubjectaccessreviews, which the cluster role system:basic-user has",
            ),
            failure => report.fail(subject, failure, failure.hint()),
        }
        return false;
    }
    let verbs = |allowed: bool| {
        let of_them = answers.iter().filter(|(_, answer)| *answer == Ok(allowed));
        of_them.map(|(verb, _)| *verb).collect::<Vec<_>>().join(" and ")
    };
    let missing = verbs(false);
    match (missing.as_str(), without) {
        ("", _) => report.ok(subject, verbs(true)),
        (missing, Missing::Fails) => report.fail(subject, format_args!("{missing} is forbidden"), hint),
        (missing, Missing::Warns) => report.warn(subject, format_args!("{missing} is forbidden"), hint),
    }
    true
}

/// The resources that would be served.
pub(super) async fn agents(report: &mut Report<impl Write>, client: &Client, service: &Service) -> Vec<FoundAgent> {
    let subject = "ObsykAgent resources";
    let place = &service.scope;
    match kubernetes::find_agents(client, service.scope.namespace()).await {
        Ok(found) if found.is_empty() => {
            report.warn(
                subject,
                format_args!("none in {place}"),
                "apply one there, with spec.platformURL, spec.clusterName and spec.credentialsSecretRef.name, and the Secret \
                 with the keys client_id and private_key; until then the operator waits",
            );
            found
        }
        Ok(found) => {
            report.ok(subject, format_args!("{} in {place}", found.len()));
            found
        }
        Err(failure) => {
            let hint = match failure.code() {
                Some(404) => {
                    "the custom resource definition isn't installed: run `obsyk-operator crd apply`, or \
                     `obsyk-operator crd print | kubectl apply --server-side -f -`"
                }
                Some(403) => "grant list and watch on obsykagents.obsyk.io there: the chart and manifests/rbac have it",
                _ => failure.hint(),
            };
            report.fail(subject, &failure, hint);
            report.skip("credentials and platforms", "the resources can't be read");
            Vec::new()
        }
    }
}
