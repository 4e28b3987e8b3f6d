// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the tests say and answer: configs, changes, spools, outcomes.

use std::time::Duration;

use bytes::Bytes;
use obsyk_domain::agent::{EventTypes, PlatformUrl};
use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::credentials::Credentials;
use obsyk_domain::ledger::{Change, What};
use obsyk_domain::resource::Uid;
use obsyk_domain::spool::{Spool, SpoolWriter};
use obsyk_domain::time::Chance;
use serde_json::json;

use crate::sender::Config;

pub(super) const OK: Outcome = Outcome::status(200);
pub(super) const NO_CONNECTION: Outcome = Outcome::Lost {
    fault: Fault::Connect,
    ambiguous: false,
};
pub(super) const TIMED_OUT: Outcome = Outcome::Lost {
    fault: Fault::Timeout,
    ambiguous: true,
};

pub(super) fn status(code: u16) -> Outcome {
    Outcome::status(code)
}

pub(super) fn status_after(code: u16, secs: u64) -> Outcome {
    Outcome::Status {
        code,
        retry_after: Some(Duration::from_secs(secs)),
    }
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Always the same chance.
pub(super) struct Fixed(pub(super) f64);

impl Chance for Fixed {
    fn fraction(&mut self) -> f64 {
        self.0
    }
}

const KEY: &str = include_str!("../../../../domain/src/credentials/samples/pkcs8.pem");

/// A second key on P-256, made for these tests.
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9Pkf3T+Dpkc2n4Gf
j30MQgYtJArSm3qt+Mssg/R1IeKhRANCAAR1V7tih5zcemb/pEkNnArnC1Z8s/7+
X12THVHq712od4XVbmSd/W4RWAiQmGDTM+sa19xd6TqzgCBZWe3i3xGC
-----END PRIVATE KEY-----
";

pub(super) fn credentials(client: &str) -> Credentials {
    Credentials::read(Some(client.as_bytes()), Some(KEY.as_bytes())).unwrap()
}

pub(super) fn other_key(client: &str) -> Credentials {
    Credentials::read(Some(client.as_bytes()), Some(OTHER_KEY.as_bytes())).unwrap()
}

/// A config whose rate is in nobody's way.
pub(super) fn config() -> Config {
    Config {
        platform: PlatformUrl::parse("https://platform.example").unwrap(),
        cluster_name: "prod".to_owned(),
        cluster_uid: "c-1".to_owned(),
        credentials: credentials("client-1"),
        per_second: 1000,
        burst: 1000,
        case: EventTypes::Upper,
    }
}

fn object(name: &str, version: u64) -> Bytes {
    json!({"uid": name, "name": name, "v": version}).to_string().into()
}

fn change(name: &str, what: What) -> Change {
    Change {
        uid: Uid::from(name),
        namespace: Some("default".into()),
        name: name.into(),
        what,
    }
}

pub(super) fn added(name: &str, version: u64) -> Change {
    change(name, What::Added(object(name, version)))
}

pub(super) fn updated(name: &str, version: u64) -> Change {
    change(name, What::Updated(object(name, version)))
}

pub(super) fn deleted(name: &str) -> Change {
    change(name, What::Deleted)
}

pub(super) fn spool_of(names: &[&str]) -> Spool {
    let mut writer = SpoolWriter::default();
    for name in names {
        writer.push(&Uid::from(*name), &object(name, 0));
    }
    writer.finish()
}
