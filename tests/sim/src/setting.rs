// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The setting: platforms, clients, the resource; and what is compared at the end.

use obsyk_domain::agent::{CredentialsSecretRef, EventTypes, ObsykAgentSpec, RateLimit};
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ports::AgentKey;

use crate::cluster::Cluster;
use crate::expect::Expectations;
use crate::platform::Platform;
use crate::world::{Resource, World};

/// The platform that the resource names at the start.
pub const HERE: &str = "https://here.example";

/// Another platform.
pub const THERE: &str = "https://there.example";

/// The Secret that the resource names.
pub const SECRET: &str = "obsyk-credentials";

/// Two keys on P-256, made for this simulation.
const KEYS: [&str; 2] = [
    "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9Pkf3T+Dpkc2n4Gf
j30MQgYtJArSm3qt+Mssg/R1IeKhRANCAAR1V7tih5zcemb/pEkNnArnC1Z8s/7+
X12THVHq712od4XVbmSd/W4RWAiQmGDTM+sa19xd6TqzgCBZWe3i3xGC
-----END PRIVATE KEY-----
",
    include_str!("../../../domain/src/credentials/samples/pkcs8.pem"),
];

/// The credentials that platforms take: the first ones are in use, the second have another key, the third another client.
///
/// # Panics
///
/// Never: they are constants.
#[expect(clippy::expect_used, reason = "constants")]
pub fn clients() -> Vec<Credentials> {
    let [one, other] = KEYS;
    [("client-1", one), ("client-1", other), ("client-2", one)]
        .iter()
        .map(|(client, key)| Credentials::read(Some(client.as_bytes()), Some(key.as_bytes())).expect("a good key"))
        .collect()
}

/// The name of the resource.
pub fn key(name: &str) -> AgentKey {
    AgentKey {
        namespace: "obsyk-system".into(),
        name: name.into(),
    }
}

impl World {
    /// Creates the resource, its Secret and the first objects.
    pub(crate) fn set_up(&mut self) {
        let clients = self.clients.clone();
        if let Some(first) = clients.first() {
            self.secrets.insert(SECRET.to_owned(), Ok(first.clone()));
        }
        self.create_resource("agent", HERE);
        for kind in self.plan.kinds.clone() {
            for _ in 0..self.plan.objects {
                self.create(kind);
            }
        }
    }

    pub(crate) fn create(&mut self, kind: obsyk_domain::resource::ResourceKind) {
        self.names += 1;
        let name = format!("web-{}", self.names);
        self.cluster.create(kind, &name, self.plan.padding);
    }

    pub(crate) fn create_resource(&mut self, name: &str, platform: &str) {
        self.names += 1;
        let resource = Resource {
            uid: format!("resource-{}", self.names),
            created: i64::try_from(self.names).unwrap_or(i64::MAX),
            generation: 1,
            spec: ObsykAgentSpec {
                platform_url: platform.to_owned(),
                cluster_name: "prod".to_owned(),
                credentials_secret_ref: CredentialsSecretRef {
                    name: SECRET.to_owned(),
                },
                sync_interval: "5m".to_owned(),
                rate_limit: RateLimit {
                    events_per_second: self.plan.per_second,
                    burst_size: self.plan.burst,
                },
                event_types: EventTypes::Upper,
            },
        };
        self.resources.insert(key(name), resource);
        self.report_resources();
    }

    /// Edits the resource.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut ObsykAgentSpec)) {
        if let Some(resource) = self.resources.get_mut(&key("agent")) {
            change(&mut resource.spec);
            resource.generation += 1;
            self.report_resources();
        }
    }
}

/// Returns true if the platform holds what the cluster holds, object by object.
pub(crate) fn compare(cluster: &Cluster, platform: &Platform, expect: &Expectations) -> Result<(), String> {
    let (mut missing, mut stale) = (Vec::new(), Vec::new());
    for kind in cluster.kinds() {
        for object in cluster.objects(kind) {
            match platform.objects().get(&*object.uid) {
                _ if expect.is_refused(&object.uid) => {}
                None => missing.push(format!("{kind} {} {}", object.name, object.uid)),
                Some(told) => {
                    let same = told.kind == kind
                        && told.name == *object.name
                        && told.namespace.as_deref() == object.namespace
                        && told.content == object.content;
                    if !same {
                        stale.push(format!(
                            "{kind} {} {}: {} for {}",
                            object.name, object.uid, told.content, object.content
                        ));
                    }
                }
            }
        }
    }
    let living = |uid: &str| cluster.kinds().any(|kind| cluster.get(kind, uid).is_some());
    let ghosts: Vec<String> = platform
        .objects()
        .iter()
        .filter(|(uid, _)| !living(uid) && !expect.is_refused(uid))
        .map(|(uid, told)| format!("{} {} {uid}", told.kind, told.name))
        .collect();
    if missing.is_empty() && stale.is_empty() && ghosts.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} differs: {}, {}, {}",
        platform.origin,
        some("missing", &missing),
        some("stale", &stale),
        some("ghosts", &ghosts)
    ))
}

/// How many, and the first of them.
fn some(what: &str, all: &[String]) -> String {
    let first: Vec<&str> = all.iter().take(2).map(String::as_str).collect();
    format!("{} {what} {first:?}", all.len())
}
