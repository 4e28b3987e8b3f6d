// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;

use obsyk_domain::notice::Part;

use super::*;

fn connected(platform: &str) -> Event {
    event(&Notice::Connected {
        platform: platform.to_owned(),
    })
}

#[test]
fn the_reference_is_the_resource_itself() {
    let key = AgentKey {
        namespace: "obsyk-system".into(),
        name: "demo".into(),
    };
    let expected = json!({
        "apiVersion": "obsyk.io/v1",
        "kind": "ObsykAgent",
        "namespace": "obsyk-system",
        "name": "demo",
        "uid": "1",
    });
    assert_eq!(serde_json::to_value(reference(&key, "1")).unwrap(), expected);
}

#[test]
fn a_notice_keeps_its_reason_its_type_and_its_message() {
    let event = connected("https://one.example");
    assert_eq!((event.reason.as_str(), event.type_), ("Connected", EventType::Normal));
    assert!(event.note.unwrap().contains("https://one.example"));
    let died = super::event(&Notice::ActorRestarted { part: Part::Sender });
    assert_eq!(died.type_, EventType::Warning);
}

#[test]
fn notices_are_counted_as_one_only_when_they_say_the_same() {
    let action = |platform| connected(platform).action;
    assert_eq!(action("https://one.example"), action("https://one.example"));
    assert_ne!(action("https://one.example"), action("https://other.example"));
    // ActionLengthLimit in kubernetes/pkg/apis/core/validation/events.go.
    assert!(action("https://one.example").len() <= 128);
}
