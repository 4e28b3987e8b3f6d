// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `docs/what-leaves-the-cluster.md`, made from the types that are sent and from the rules: `make manifests` writes it,
//! and a test fails when it is stale.

mod prose;
mod tables;

use std::fs;
use std::path::Path;

use crate::resource::dispatch::dispatch_kind;
use crate::resource::meta::WireMeta;
use crate::resource::{Collected, ResourceKind};
use crate::wire::{Endpoint, EventBody, HeartbeatBody, SnapshotOpening};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/what-leaves-the-cluster.md");

fn page() -> String {
    let mut page = format!("{}\n## Requests\n\n{}", prose::INTRODUCTION, requests());
    page += "\n### Snapshot\n\nThe head, and a list for each kind that could be read.\n\n";
    page += &tables::of::<SnapshotOpening<'_>>("Snapshot");
    page +=
        "\n### Event\n\nOne change of one object. But for a delete it has the object, too, in the field `object`.\n\n";
    page += &tables::of::<EventBody<'_>>("Event");
    page += "\n### Heartbeat\n\n";
    page += &tables::of::<HeartbeatBody<'_>>("Heartbeat");
    page += prose::TOKEN;
    page += prose::OBJECTS;
    page += &tables::of::<WireMeta<'_>>("Object");
    for kind in ResourceKind::ALL {
        page += &dispatch_kind!(kind, K => of_kind::<<K as Collected>::Wire>(kind));
    }
    page += &prose::rules();
    page += prose::NEVER_READ;
    page
}

fn of_kind<W: schemars::JsonSchema>(kind: ResourceKind) -> String {
    let spec = kind.spec();
    let group = if spec.group.is_empty() {
        spec.version.to_owned()
    } else {
        format!("{}/{}", spec.group, spec.version)
    };
    let list = spec.list;
    format!(
        "\n### {kind}\n\nList `{list}`, from `{}` of `{group}`.\n\n{}",
        spec.plural,
        tables::of::<W>(spec.kind)
    )
}

fn requests() -> String {
    let rows = [
        (
            Endpoint::Snapshot,
            "at the start, after edits and losses, and once a day",
        ),
        (
            Endpoint::Events,
            "when an object appears, changes in what is sent, or goes",
        ),
        (Endpoint::Heartbeat, "each `spec.syncInterval`"),
        (
            Endpoint::Token,
            "when there is no token, or the one that there is nears its end",
        ),
    ];
    let row = |(endpoint, when): (Endpoint, &str)| format!("| `POST {}` | {when} |\n", endpoint.path());
    let rows: String = rows.map(row).concat();
    format!("| request | when |\n|---|---|\n{rows}\n{}", prose::HEADERS)
}

#[test]
fn the_page_of_what_leaves_the_cluster_is_in_step() {
    let page = page();
    if fs::read_to_string(PAGE).is_ok_and(|now| now == page) {
        return;
    }
    let update = std::env::var_os("UPDATE_MANIFESTS").is_some_and(|value| value == "1");
    assert!(
        update,
        "run make manifests: {PAGE} isn't what the types and the rules say"
    );
    fs::create_dir_all(Path::new(PAGE).parent().unwrap()).unwrap();
    fs::write(PAGE, page).unwrap();
}

/// A field without a source, or of a shape that the page has no word for, would be a gap in what it says.
#[test]
fn the_page_has_a_source_for_every_field() {
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    for row in rows.clone() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.iter().all(|cell| !cell.is_empty()) && !row.contains('?'), "{row}");
    }
    assert!(rows.count() > 100, "some tables are missing");
}
