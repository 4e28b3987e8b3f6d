// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Transitions are told, each once, and every message can be acted on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod messages;
mod restarts;
mod transitions;

use std::collections::BTreeMap;

use super::*;
use crate::condition::{self, Link, Situation, Standing};
use crate::credentials::Credentials;
use crate::resource::KindSet;

/// The platform's answer to a request that it fails to serve.
const BUSY: Outcome = Outcome::status(503);

/// An agent with which all is well.
fn well() -> Situation<'static> {
    Situation {
        secret: "creds",
        ..condition::tests::well()
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
