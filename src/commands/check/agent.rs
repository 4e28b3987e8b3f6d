// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One resource: its settings, its Secret, and whether its platform takes the credentials.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use futures_util::StreamExt;
use kube::Client;
use obsyk_domain::agent::{Policy, Settings};
use obsyk_domain::condition::Way;
use obsyk_domain::credentials::{CLIENT_ID, Credentials, CredentialsError, PRIVATE_KEY};
use obsyk_domain::ports::CredentialsSource;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::report::Report;
use super::way;
use crate::kubernetes::{FoundAgent, LONGEST_ANSWER, Secrets};
use crate::platform::{Exchange, HttpPlatform, Proxy};

/// Clocks that differ by less are together: an answer takes its time, and its date has whole seconds.
const TOGETHER: Duration = Duration::from_secs(10);

/// An assertion is good for minutes, but a platform may refuse one that seems to come from the future by more than this.
const TOO_FAR_APART: Duration = Duration::from_secs(60);

/// What the way to any platform needs.
pub(super) struct Outside {
    /// The operator's adapter.
    pub(super) platform: HttpPlatform,
    /// CAs that are trusted besides the system's.
    pub(super) extra: Vec<CertificateDer<'static>>,
}

/// Checks one resource.
pub(super) async fn check(
    report: &mut Report<impl Write>,
    client: &Client,
    policy: &Policy,
    outside: Option<&Outside>,
    found: FoundAgent,
) {
    let agent = format!("{}/{}", found.namespace, found.name);
    let about = |what: &str| format!("{agent}: {what}");
    let Some(spec) = found.spec else {
        let hint = "apply the resource anew; `kubectl explain oa.spec` has its form";
        return report.fail(about("spec"), "it doesn't have the form of its definition", hint);
    };
    let settings = match Settings::from_spec(&spec, policy) {
        Ok(settings) => settings,
        Err(error) => {
            report.fail(about("spec"), error.reason(), error);
            return report.skip(about("credentials and platform"), "the spec can't be acted on");
        }
    };
    report.ok(
        about("spec"),
        format_args!("cluster {:?}, platform {}", settings.cluster_name, settings.platform),
    );
    let credentials = read_secret(client, &found.namespace, &settings.secret_name).await;
    let secret = about(&format!("Secret {}", settings.secret_name));
    match &credentials {
        Ok(_) => report.ok(secret, format_args!("{CLIENT_ID}, and {PRIVATE_KEY} on P-256")),
        Err(error) => report.fail(secret, error.reason(), error),
    }
    let Some(outside) = outside else {
        return report.skip(about("platform"), "the way there isn't set up");
    };
    let proxy = outside.platform.proxies().of(&settings.platform);
    let there = way::walk(report, &about, &settings.platform, proxy.as_ref(), &outside.extra).await;
    let why = match (&credentials, there) {
        (_, false) => "the platform can't be reached",
        (Err(_), true) => "there are no credentials",
        (Ok(credentials), true) => {
            let exchange = outside.platform.exchange(&settings.platform, credentials.clone());
            return token(report, about, &settings, proxy.as_ref(), exchange.await);
        }
    };
    report.skip(about("clock and token"), why);
}

/// As the operator first reads it.
async fn read_secret(client: &Client, namespace: &str, name: &str) -> Result<Credentials, CredentialsError> {
    let mut states = Secrets::new(client.clone()).watch(namespace, name);
    let first = timeout(LONGEST_ANSWER, states.next()).await;
    first.ok().flatten().unwrap_or(Err(CredentialsError::Unreachable))
}

fn token<D: Display>(
    report: &mut Report<impl Write>,
    about: impl Fn(&str) -> D,
    settings: &Settings,
    proxy: Option<&Proxy>,
    Exchange { token, clocks }: Exchange,
) {
    match clocks {
        None => report.skip(about("clock"), "no answer with a date came"),
        Some((theirs, ours)) => {
            let (apart, which) = match ours.duration_since(theirs) {
                Ok(ahead) => (ahead, "ahead of"),
                Err(behind) => (behind.duration(), "behind"),
            };
            let found = format!("{} s {which} the platform's", apart.as_secs());
            let hint = "set the clock of this node (NTP), or the platform's: assertions are signed with the time";
            if apart <= TOGETHER {
                report.ok(about("clock"), "as the platform's");
            } else if apart <= TOO_FAR_APART {
                report.warn(about("clock"), found, hint);
            } else {
                report.fail(about("clock"), found, hint);
            }
        }
    }
    match token {
        Ok(issued) => report.ok(
            about("token"),
            format_args!("issued, for {} s", issued.lifetime.as_secs()),
        ),
        Err(error) => {
            let name = proxy.map(Proxy::name);
            let way = Way {
                platform: settings.platform.as_str(),
                proxy: name.as_deref(),
            };
            let (reason, message) = way.without_token(&settings.secret_name, error);
            report.fail(about("token"), format_args!("{reason}, {error}"), message);
        }
    }
}
