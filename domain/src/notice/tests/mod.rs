// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Transitions are told, each once, and every message can be acted on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod messages;
mod restarts;
mod transitions;

use std::collections::BTreeMap;

use super::*;
use crate::condition::{Link, Situation, Standing};
use crate::credentials::Credentials;
use crate::resource::KindSet;

const PLATFORM: &str = "https://platform.example.com";
const NOTHING: &BTreeMap<ResourceKind, u64> = &BTreeMap::new();
const READABLE: &BTreeMap<ResourceKind, Unreadability> = &BTreeMap::new();

/// The platform's answer to a request that it fails to serve.
const BUSY: Outcome = Outcome::status(503);

/// An agent with which all is well.
fn well() -> Situation<'static> {
    Situation {
        settings_error: None,
        standing: &Standing::Speaks,
        secret: "creds",
        has_credentials: true,
        credentials_error: None,
        secret_seen: true,
        cluster_known: Some(true),
        platform: PLATFORM,
        proxy: None,
        link: Link::Up,
        accepted: true,
        refused: None,
        unreadable: READABLE,
        too_large: KindSet::EMPTY,
        set_aside: NOTHING,
        undecodable: NOTHING,
        failing: false,
    }
}

/// The same before anything was sent.
fn starting() -> Situation<'static> {
    Situation {
        link: Link::Fresh,
        accepted: false,
        ..well()
    }
}

fn credentials(client: &str) -> Credentials {
    let pem = include_bytes!("../../credentials/samples/pkcs8.pem");
    Credentials::read(Some(client.as_bytes()), Some(pem)).unwrap()
}

/// What things that stand so tell.
fn turn(stood: &mut Stood, now: &Situation<'_>) -> Vec<Notice> {
    stood.turn(now, None, &BTreeMap::new())
}

/// The reasons of what is told.
fn reasons(stood: &mut Stood, now: &Situation<'_>) -> Vec<&'static str> {
    turn(stood, now).iter().map(Notice::reason).collect()
}

/// One for whom all is well, and who was told so.
fn settled() -> Stood {
    let mut stood = Stood::default();
    assert_eq!(reasons(&mut stood, &starting()), [] as [&str; 0]);
    assert_eq!(reasons(&mut stood, &well()), ["Connected"]);
    stood
}
