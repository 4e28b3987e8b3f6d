// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use schemars::schema_for;

use super::*;
use crate::agent::fakes::on_paused_time;
use crate::agent::life::Tree;
use crate::supervisor::Inspect;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/actor-status.schema.json");

#[test]
fn the_published_schema_is_in_step() {
    let schema = serde_json::to_string_pretty(&schema_for!(SupervisorView)).unwrap() + "\n";
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        std::fs::write(SCHEMA, &schema).unwrap();
    }
    let written = std::fs::read_to_string(SCHEMA).unwrap_or_default();
    assert!(
        written == schema,
        "docs/actor-status.schema.json isn't in step: run make manifests"
    );
}

#[test]
fn what_is_told_as_json_can_be_read_again() {
    on_paused_time(async {
        let tree = Tree::synced().await;
        let view = tree.supervisor.send(Inspect).await.unwrap();
        let json = serde_json::to_value(&view).unwrap();
        let read: SupervisorView = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
        assert_eq!(json["agents"][0]["readiness"]["phase"], "synced");
        assert_eq!(json["agents"][0]["snapshots"]["recent"][0]["end"], "accepted");
        assert_eq!(json["agents"][0]["sender"]["line"]["state"], "closed");
    });
}
