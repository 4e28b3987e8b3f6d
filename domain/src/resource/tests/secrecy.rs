// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What must never leave, by no way.

use serde_json::{Value, json};

use super::{metadata, object, observe};
use crate::resource::dispatch::dispatch_kind;
use crate::resource::redact::Rule;
use crate::resource::{Body, Observed, ResourceKind};

/// An object with a marker at every place whose content may not leave, whatever its kind.
fn marked() -> Value {
    let container = json!({
        "name": "a", "image": "i", "command": ["MARKER"], "args": ["MARKER"],
        "env": [{"name": "A", "value": "MARKER"}],
        "readinessProbe": {"httpGet": {"httpHeaders": [{"name": "h", "value": "MARKER"}]}, "exec": {"command": ["MARKER"]}},
        "lifecycle": {"preStop": {"exec": {"command": ["MARKER"]}}}
    });
    let template = json!({"metadata": metadata(None), "spec": {"containers": [container.clone()]}});
    let mut object = object(
        Some("shop"),
        &json!({
            "data": {"k": "MARKER"}, "stringData": {"k": "MARKER"}, "binaryData": {"k": "MARKER"},
            "spec": {
                "containers": [container.clone()], "initContainers": [container.clone()], "ephemeralContainers": [container],
                "template": template, "jobTemplate": {"spec": {"template": template}}
            },
            "status": {"containerStatuses": [{"name": "a", "state": {"terminated": {"message": "MARKER"}}}]}
        }),
    );
    object["metadata"]["annotations"]["example.com/jwt"] = "eyJNQVJLRVI.eyJNQVJLRVI.MARKER".into();
    object["metadata"]["annotations"]["example.com/pem"] = "-----BEGIN PRIVATE KEY-----\nMARKER".into();
    object["metadata"]["annotations"]["example.com/long"] = "MARKER".repeat(200).into();
    object
}

#[test]
fn no_value_leaves_by_what_is_sent_or_printed() {
    let mut tainted = marked();
    tainted["spec"]["containers"] = "MARKER".into();
    tainted["type"] = json!({"MARKER": 1});
    for object in [marked(), tainted] {
        for kind in ResourceKind::ALL {
            dispatch_kind!(kind, K => {
                let observed: Observed<K> = observe(&object).unwrap();
                let mut seen = format!("{observed:?} {:?}", observed.metadata());
                let sighting = observed.into_sighting();
                seen += &format!("{sighting:?}");
                if let Body::Object(bytes) = &sighting.body {
                    seen += std::str::from_utf8(bytes).unwrap();
                }
                assert!(!seen.contains("MARKER"), "{seen}");
            });
        }
    }
}

/// They can carry copies of the values, so they aren't even kept while an object waits to be projected.
#[test]
fn annotations_that_are_held_back_arent_kept_either() {
    for kind in ResourceKind::ALL {
        dispatch_kind!(kind, K => {
            let observed: Observed<K> = observe(&marked()).unwrap();
            let kept: Vec<&str> = observed.metadata().annotations.keys().map(String::as_str).collect();
            let none = matches!(kind, ResourceKind::ConfigMap | ResourceKind::Secret);
            assert_eq!(kept, if none { vec![] } else { vec!["team"] }, "{kind}");
            let counted: Vec<_> = observed.into_sighting().withheld.iter().collect();
            let by_rule = [(Rule::Prefix, 1), (Rule::Long, 1), (Rule::Manifest, 1), (Rule::Pem, 1), (Rule::Jwt, 1)];
            assert_eq!(counted, if none { vec![(Rule::Kind, 6)] } else { by_rule.to_vec() }, "{kind}");
        });
    }
}

#[test]
fn printing_shows_kind_and_uid_and_no_content() {
    let observed: Observed<crate::resource::Pod> = observe(&object(Some("shop"), &json!({}))).unwrap();
    assert_eq!(format!("{observed:?}"), format!("Pod {}", super::UID));
    let printed = format!("{:?}", observed.clone().into_sighting());
    assert!(!printed.contains("shop") && !printed.contains("web"), "{printed}");
}
