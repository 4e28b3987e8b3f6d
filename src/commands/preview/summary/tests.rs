// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How the summary looks.

#![allow(clippy::unwrap_used)]

use obsyk_domain::ports::ReadError;
use obsyk_domain::resource::{ResourceKind, Uid, Withheld};
use obsyk_domain::spool::SpoolWriter;

use super::*;
use crate::commands::preview::listing::Trouble;

/// A kind with so many objects of 1,000 bytes, and annotations that were withheld.
fn listing(kind: ResourceKind, objects: u32, withheld: &[Rule]) -> Listing {
    let mut spool = SpoolWriter::default();
    for n in 0..objects {
        spool.push(&Uid::from(n.to_string().as_str()), &[b'x'; 1000]);
    }
    let mut totals = WithheldTotals::default();
    totals.add(withheld.iter().copied().collect::<Withheld>());
    let found = Found {
        spool: spool.finish(),
        withheld: totals,
        ..Found::default()
    };
    Listing { kind, found: Ok(found) }
}

fn forbidden(kind: ResourceKind) -> Listing {
    let found = Err(Trouble::Failed(ReadError::Forbidden));
    Listing { kind, found }
}

fn printed(uid: &str, listings: &[Listing], colours: bool) -> String {
    let head = SnapshotHead {
        cluster_uid: uid,
        cluster_name: "prod",
        kubernetes_version: "1.35.0",
        platform: None,
        region: Some("eu-west-1"),
    };
    let summary = Summary {
        head,
        listings,
        bytes: 1_235_000,
    };
    let mut out = Vec::new();
    summary.print(&mut out, Paint { colours }).unwrap();
    String::from_utf8(out).unwrap().replace(VERSION, "VERSION")
}

#[test]
fn each_kind_has_an_aligned_line_and_what_is_not_well_a_hint() {
    let text = printed(
        "0b2f",
        &[
            listing(ResourceKind::Namespace, 3, &[]),
            listing(ResourceKind::Pod, 1234, &[Rule::Jwt, Rule::Prefix, Rule::Prefix]),
            forbidden(ResourceKind::Secret),
        ],
        false,
    );
    let expected = "\
What obsyk-operator VERSION would send of this cluster. Nothing was sent.

cluster_uid         0b2f
cluster_name        prod
kubernetes_version  1.35.0
region              eu-west-1
agent_version       VERSION

KIND       OBJECTS      BYTES  SET ASIDE  ANNOTATIONS WITHHELD
Namespace        3      3,000          0
Pod          1,234  1,234,000          0  prefix 2, jwt 1
Secret           -          -          -  can't be read: forbidden (403)
  hint: grant list on secrets of the core group in the whole cluster, as the chart and manifests/rbac do, or leave the kind out with --kind
total        1,237  1,235,000          0  3

Bytes are JSON; the total is the whole snapshot, its head included.
Annotations are withheld by these rules:
  prefix    the key is one under which tools keep copies of objects
  jwt       the value has a JWT: a token
Never sent: values of ConfigMaps and Secrets, values of environment variables, commands, arguments, probes.
Every object as it would be sent: obsyk-operator preview -o json
Every field and rule: docs/what-leaves-the-cluster.md
";
    assert_eq!(text, expected);
}

#[test]
fn only_what_matters_is_explained() {
    let text = printed("0b2f", &[listing(ResourceKind::Node, 0, &[])], false);
    assert!(!text.contains("withheld by") && !text.contains("hint"), "{text}");
    let mut odd = listing(ResourceKind::Node, 0, &[Rule::Kind]);
    if let Ok(found) = &mut odd.found {
        found.set_aside = 2;
    }
    let text = printed("", &[odd], false);
    for part in [
        "Set aside: ",
        "  kind      all annotations of ConfigMaps",
        NO_UID,
        NO_UID_HINT,
    ] {
        assert!(text.contains(part), "{part:?} isn't in {text}");
    }
}

#[test]
fn colours_are_around_lines_and_change_no_letter() {
    let listings = || [listing(ResourceKind::Pod, 1, &[]), forbidden(ResourceKind::Secret)];
    let coloured = printed("0b2f", &listings(), true);
    assert!(coloured.contains("\u{1b}[31mSecret "), "{coloured:?}");
    let plain = ["\u{1b}[31m", "\u{1b}[1m", "\u{1b}[0m"].iter();
    let plain = plain.fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(plain, printed("0b2f", &listings(), false));
}
