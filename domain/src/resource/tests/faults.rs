// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! K10: objects that don't decode as the API promises.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{UID, bare, metadata, object, observe, sent, sighting};
use crate::resource::dispatch::dispatch_kind;
use crate::resource::{Body, Collected, ConfigMap, Deployment, Ingress, Observed, Pod, ResourceKind, Secret, Uid};

fn is_undecodable<K: Collected>(object: &Value) -> bool {
    let sighting = sighting::<K>(object);
    assert_eq!(sighting.uid, Uid::from(UID));
    assert_eq!((&*sighting.name, sighting.namespace.as_deref()), ("web", Some("shop")));
    sighting.body == Body::Undecodable
}

#[test]
fn a_value_of_another_type_makes_an_object_undecodable_and_known() {
    for rest in [
        json!({"spec": 5}),
        json!({"spec": "text"}),
        json!({"spec": ["node-1", "sa"]}),
        json!({"spec": []}),
        json!({"spec": {"nodeName": {"a": [1, {"b": 2}]}, "containers": []}}),
        json!({"spec": {"containers": {"a": 1}}}),
        json!({"spec": {"containers": [{"name": "a"}, 7]}}),
        json!({"spec": {"containers": [["a", "image"]]}}),
        json!({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80.5}]}]}}),
        json!({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}}),
        json!({"spec": {"volumes": [{"name": "v", "emptyDir": 1}]}}),
        json!({"status": {"containerStatuses": [{"name": "a", "ready": "yes"}]}}),
        json!({"status": {"phase": false}}),
    ] {
        assert!(is_undecodable::<Pod>(&object(Some("shop"), &rest)), "{rest}");
    }
    assert!(is_undecodable::<Deployment>(&object(
        Some("shop"),
        &json!({"spec": {"replicas": "3"}})
    )));
    assert!(is_undecodable::<Deployment>(&object(
        Some("shop"),
        &json!({"spec": {"selector": {"matchLabels": {"a": 1}}}})
    )));
    assert!(is_undecodable::<Secret>(&object(
        Some("shop"),
        &json!({"data": ["MARKER"]})
    )));
    assert!(is_undecodable::<ConfigMap>(&object(
        Some("shop"),
        &json!({"immutable": "true"})
    )));
}

#[test]
fn one_undecodable_object_doesnt_taint_the_next() {
    assert!(is_undecodable::<Pod>(&object(Some("shop"), &json!({"spec": 5}))));
    assert!(!is_undecodable::<Pod>(&object(
        Some("shop"),
        &json!({"spec": {"nodeName": "n"}})
    )));
    let list = json!([
        object(Some("shop"), &json!({"spec": []})),
        object(Some("shop"), &json!({"spec": {}}))
    ])
    .to_string();
    let list: Vec<Observed<Pod>> = serde_json::from_str(&list).unwrap();
    let bodies: Vec<bool> = list
        .into_iter()
        .map(|pod| matches!(pod.into_sighting().body, Body::Undecodable))
        .collect();
    assert_eq!(bodies, [true, false]);
}

#[test]
fn null_and_unknown_values_are_no_faults() {
    let pod = object(
        Some("shop"),
        &json!({
            "spec": {"nodeName": null, "containers": null, "volumes": [null], "initContainers": [], "future": {"x": 1}},
            "status": {"phase": "Levitating", "conditions": null, "containerStatuses": null},
            "extra": [1, 2, {"metadata": 3}]
        }),
    );
    assert_eq!(sent::<Pod>(&pod)["phase"], "Levitating");
    let ingress = object(
        Some("shop"),
        &json!({"spec": {"rules": [{"http": null}], "tls": null}, "status": null}),
    );
    assert_eq!(sent::<Ingress>(&ingress)["rules"], json!([{}]));
    let secret = object(Some("shop"), &json!({"data": {"a": null}}));
    assert_eq!(sent::<Secret>(&secret)["data_keys"], json!(["a"]));
}

#[test]
fn fields_may_come_in_any_order() {
    let text = format!(
        r#"{{"status":{{"phase":"Running"}},"spec":5,"metadata":{},"kind":"Pod","apiVersion":"v1"}}"#,
        metadata(Some("shop"))
    );
    let sighting = serde_json::from_str::<Observed<Pod>>(&text).unwrap().into_sighting();
    assert_eq!((sighting.uid, sighting.version), (Uid::from(UID), 4711));
    assert_eq!(sighting.body, Body::Undecodable);
}

#[test]
fn unusable_metadata_is_an_error_that_quotes_nothing() {
    let with = |key: &str, value: Value| {
        let mut object = bare(Some("shop"));
        object["metadata"][key] = value;
        object
    };
    for object in [
        json!({}),
        json!([]),
        json!("MARKER"),
        json!(12345),
        json!({"MARKER": "MARKER"}),
        json!({"metadata": "MARKER"}),
        json!({"metadata": null}),
        json!({"metadata": {"name": "MARKER", "uid": "u"}}),
        json!({"metadata": ["MARKER", "MARKER", "MARKER", "1", {}, {}, "MARKER", [], []]}),
        json!({"metadata": {"name": "MARKER", "resourceVersion": "1"}}),
        with("uid", json!(["MARKER"])),
        with("uid", json!("")),
        with("name", json!(null)),
        with("resourceVersion", json!("MARKER")),
        with("resourceVersion", json!(5)),
        with("labels", json!({"a": {"MARKER": 1}})),
        with("labels", json!("MARKER")),
        with("annotations", json!({"a": ["MARKER"]})),
        with("ownerReferences", json!([{"kind": "CronJob", "name": ["MARKER"]}])),
        with("creationTimestamp", json!({"MARKER": 1})),
    ] {
        let error = observe::<Pod>(&object).expect_err("unusable");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("MARKER") && !text.contains("12345"), "{text}");
    }
}

/// The client takes a line that was cut for the end of its stream, and anything else for a fault.
#[test]
fn a_cut_object_is_an_end_of_file_wherever_it_is_cut() {
    let whole = object(
        Some("shop"),
        &json!({"spec": {"nodeName": "n", "containers": [{"name": "a"}]}}),
    )
    .to_string();
    for at in 1..whole.len() {
        let error = serde_json::from_str::<Observed<Pod>>(&whole[..at]).expect_err("cut");
        assert!(error.is_eof(), "{error} in {}", &whole[..at]);
    }
}

/// What follows a broken value would be read out of step: an object could be given another's metadata.
#[test]
fn broken_json_is_an_error_and_nothing_after_it_is_believed() {
    let metadata = metadata(Some("shop"));
    for spec in [
        r#"{"nodeName":tru}"#,
        r#"{"nodeName":tru,"a":1}"#,
        r#"{"nodeName":"\ud800"}"#,
        r#"{"nodeName":"\ud800 \"},\"metadata\":{\"uid\":\"x\"},\"a\":{\""}"#,
        r#"{"nodeName" "n"}"#,
        r#"["a" "b"]"#,
    ] {
        for text in [
            format!(r#"{{"spec":{spec},"metadata":{metadata}}}"#),
            format!(r#"{{"metadata":{metadata},"spec":{spec}}}"#),
        ] {
            assert!(serde_json::from_str::<Observed<Pod>>(&text).is_err(), "{text}");
        }
    }
}

#[test]
fn huge_and_odd_objects_are_read() {
    let mut map = object(Some("shop"), &json!({"data": {"k": "x".repeat(1_500_000)}}));
    map["metadata"]["annotations"] = (0..100_000).map(|n| (format!("example.com/{n}"), json!("v"))).collect();
    assert_eq!(sent::<ConfigMap>(&map)["data_keys"], json!(["k"]));
    let mut pod = object(
        Some("shop"),
        &json!({"spec": {"nodeName": "a\u{0}b\u{1b}[31m\u{2028}\u{fffd}"}}),
    );
    pod["metadata"]["annotations"] = map["metadata"]["annotations"].take();
    let sent = sent::<Pod>(&pod);
    assert_eq!(sent["node_name"], "a\u{0}b\u{1b}[31m\u{2028}\u{fffd}");
    assert_eq!(sent["annotations"].as_object().unwrap().len(), 100_000);
    let deep = format!(
        r#"{{"metadata":{},"spec":{{"nodeName":{}1{}}}}}"#,
        metadata(Some("shop")),
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    assert_eq!(
        serde_json::from_str::<Observed<Pod>>(&deep)
            .unwrap()
            .into_sighting()
            .body,
        Body::Undecodable
    );
}

/// A field without a value is left out: none is null, and no list or object is empty but those that are always there.
/// An element of a list may be an empty object: it stands for itself.
fn lacks_empty_values(sent: &Value) -> bool {
    match sent {
        Value::Null => false,
        Value::Array(items) => items.iter().all(lacks_empty_values),
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let empty =
                value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(|map| map.is_empty());
            let always_there = matches!(name.as_str(), "resources" | "security_context");
            (!empty || always_there) && lacks_empty_values(value)
        }),
        _ => true,
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300_f64..1e300).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("containers".to_owned()),
        Just("matchLabels".to_owned()),
        Just("type".to_owned()),
        Just("metadata".to_owned()),
        ".{0,6}",
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The fields that a kind may look at, and some below them.
const FIELDS: [&str; 16] = [
    "/spec",
    "/status",
    "/data",
    "/binaryData",
    "/type",
    "/immutable",
    "/spec/containers",
    "/spec/volumes",
    "/spec/template",
    "/spec/selector",
    "/spec/ports",
    "/spec/rules",
    "/status/conditions",
    "/status/containerStatuses",
    "/status/nodeInfo",
    "/spec/replicas",
];

proptest! {
    #[test]
    fn whatever_a_field_holds_an_object_with_good_metadata_is_known(
        kind in prop::sample::select(ResourceKind::ALL.to_vec()),
        values in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), any_json()), 1..4),
    ) {
        let mut object = object(Some("shop"), &json!({"spec": {}, "status": {}}));
        for (pointer, value) in values {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.insert(field.to_owned(), value);
            }
        }
        let text = object.to_string();
        let sighting = dispatch_kind!(kind, K => serde_json::from_str::<Observed<K>>(&text).unwrap().into_sighting());
        prop_assert_eq!(sighting.uid, Uid::from(UID));
        if let Body::Object(bytes) = sighting.body {
            let sent: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&sent["uid"], UID);
            prop_assert!(lacks_empty_values(&sent), "{kind}: {sent}");
        }
    }

    #[test]
    fn no_input_makes_it_panic(kind in prop::sample::select(ResourceKind::ALL.to_vec()), object in any_json(), cut in 0_usize..64) {
        let text = object.to_string();
        let end = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        for text in [text.as_str(), &text[..end]] {
            dispatch_kind!(kind, K => drop(serde_json::from_str::<Observed<K>>(text).map(Observed::into_sighting)));
        }
    }
}
