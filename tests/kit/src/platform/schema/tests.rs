// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

use serde_json::{Value, json};

use super::*;
use crate::platform::compare::samples::{SAMPLES, sample};

fn an_event(kind: &str) -> Value {
    let (_, object) = sample(kind);
    let mut event = json!({
        "cluster_uid": "c", "type": "ADDED", "kind": kind, "uid": object["uid"], "name": object["name"], "object": object,
    });
    if let Some(namespace) = object.get("namespace") {
        event["namespace"] = namespace.clone();
    }
    event
}

/// What is wrong with the sample of a kind when its object was changed like this.
fn spoiled(kind: &str, spoil: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut body = an_event(kind);
    spoil(&mut body["object"]);
    event(&body)
}

fn a_snapshot() -> Value {
    let mut snapshot =
        json!({ "cluster_uid": "c", "cluster_name": "n", "kubernetes_version": "1.37.2", "platform": "kind" });
    for kind in &KINDS {
        snapshot[kind.list] = json!([sample(kind.kind).1]);
    }
    snapshot
}

#[test]
fn an_event_of_each_kind_passes() {
    for (kind, _) in SAMPLES {
        assert_eq!(event(&an_event(kind)), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn a_delete_has_everything_but_the_object() {
    let mut body = an_event("Pod");
    body["type"] = json!("deleted");
    assert_eq!(event(&body), ["object: a delete has none"]);
    body.as_object_mut().unwrap().remove("object");
    assert_eq!(event(&body), Vec::<String>::new());
}

/// A kind, what is put where (by JSON pointer; null takes the field away), and what the check says of it.
type Case = (&'static str, &'static str, Value, &'static str);

#[test]
fn each_fault_of_an_object_is_found_and_named() {
    let cases: [Case; 24] = [
        ("Pod", "/new", json!(1), "object.new: no such field"),
        (
            "Pod",
            "/containers/0/command",
            json!(["x"]),
            "object.containers[0].command: no such field",
        ),
        ("Pod", "/uid", Value::Null, "object.uid: missing"),
        ("Pod", "/namespace", Value::Null, "object.namespace: missing"),
        (
            "Pod",
            "/containers/1/resources",
            Value::Null,
            "object.containers[1].resources: missing",
        ),
        (
            "Pod",
            "/containers/1/ready",
            json!("true"),
            "object.containers[1].ready: neither true nor false",
        ),
        (
            "Pod",
            "/containers/0/ports",
            json!([]),
            "object.containers[0].ports: empty, and not left out",
        ),
        ("Pod", "/labels", json!({}), "object.labels: empty, and not left out"),
        ("Pod", "/phase", json!(""), "object.phase: empty, and not left out"),
        (
            "Pod",
            "/labels/app",
            json!(1),
            "object.labels: the value of \"app\" is not a text",
        ),
        (
            "Pod",
            "/containers/1/restart_count",
            json!(-1),
            "object.containers[1].restart_count: not a whole number from 0 up",
        ),
        (
            "Pod",
            "/containers/1/restart_count",
            json!(1.0),
            "object.containers[1].restart_count: not a whole number from 0 up",
        ),
        (
            "Pod",
            "/containers/0/state",
            json!("dead"),
            "object.containers[0].state: none of running, waiting, terminated",
        ),
        (
            "Pod",
            "/volumes/0/type",
            json!("configmap"),
            "object.volumes[0].type: none of emptyDir, configMap",
        ),
        (
            "Pod",
            "/conditions/0/reason",
            json!("x"),
            "object.conditions[0].reason: no such field",
        ),
        (
            "Pod",
            "/k8s_created_at",
            json!("2026-01-15T10:30:00+00:00"),
            "object.k8s_created_at: not a time",
        ),
        (
            "Pod",
            "/k8s_created_at",
            json!("2026-01-15T10:30:00.5Z"),
            "object.k8s_created_at: not a time",
        ),
        (
            "Pod",
            "/k8s_created_at",
            json!("2026-01-15"),
            "object.k8s_created_at: not a time",
        ),
        (
            "Service",
            "/ports/0/targetPort",
            json!(80),
            "object.ports[0].targetPort: not a text",
        ),
        (
            "Node",
            "/roles",
            json!(["worker", "control-plane"]),
            "object.roles: not sorted, or one twice",
        ),
        (
            "ConfigMap",
            "/data_keys",
            json!(["a", "a"]),
            "object.data_keys: not sorted, or one twice",
        ),
        (
            "ConfigMap",
            "/annotations",
            json!({ "note": "x" }),
            "object.annotations: no such field",
        ),
        (
            "Secret",
            "/annotations",
            json!({ "note": "x" }),
            "object.annotations: no such field",
        ),
        (
            "Node",
            "/namespace",
            json!("default"),
            "object.namespace: no such field",
        ),
    ];
    for (kind, pointer, value, problem) in cases {
        let problems = spoiled(kind, |object| put(object, pointer, value));
        assert!(
            problems.iter().any(|p| p.starts_with(problem)),
            "{kind} {pointer}: {problems:?}"
        );
    }
}

#[test]
fn null_is_never_a_value() {
    let problems = spoiled("Pod", |object| object["phase"] = Value::Null);
    assert_eq!(problems, ["object.phase: null"]);
    let problems = spoiled("Pod", |object| object["containers"][0]["image"] = Value::Null);
    assert_eq!(problems, ["object.containers[0].image: null"]);
}

#[test]
fn annotations_that_must_stay_are_found() {
    let long = "x".repeat(1025);
    let cases = [
        ("kubectl.kubernetes.io/restartedAt", "x"),
        ("kubernetes.io/x", "x"),
        ("kapp.k14s.io/x", "x"),
        ("objectset.rio.cattle.io/x", "x"),
        ("consul.hashicorp.com/original-pod", "x"),
        ("long", long.as_str()),
        ("manifest", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}"),
        ("pem", "x\n-----BEGIN CERTIFICATE-----\n"),
        ("jwt", "token=eyJhbGciOiJub25lIn0.eyJhIjoxfQ.sig"),
        ("gzip", "H4sIAAAAAAAA/w"),
        ("release", "{\"release\":\"H4sIAAAAAAAA/w\"}"),
        ("dapr.io/env", "x"),
        ("example.com/last-handled-configuration", "x"),
        ("zip", "x:UEsDBBQAAAAI"),
        ("key", "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t"),
        ("object", "eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiWCJ9"),
        ("part", " {\"env\":[]}"),
    ];
    for (key, value) in cases {
        let problems = spoiled("Pod", |object| object["annotations"][key] = json!(value));
        assert_eq!(problems.len(), 1, "{key}: {problems:?}");
        assert!(problems[0].contains("must not leave the cluster"), "{problems:?}");
    }
    let longest = "x".repeat(1024);
    for (key, value) in [
        ("a", longest.as_str()),
        ("b.io/kubernetes.io", "eyJ is no token"),
        ("c", "a kind word"),
        ("d", "{\"containers\":[\"istio-proxy\"]}"),
        ("e", "the \"env\" of this"),
    ] {
        let problems = spoiled("Pod", |object| object["annotations"][key] = json!(value));
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn each_fault_of_an_event_is_found_and_named() {
    let cases = [
        ("/type", json!("MODIFIED"), "type: none of ADDED"),
        ("/kind", json!("Event"), "kind: \"Event\" is none of the protocol"),
        ("/kind", json!("pods"), "kind: \"pods\" is none of the protocol"),
        ("/cluster_uid", Value::Null, "cluster_uid: missing"),
        ("/cluster_uid", json!(""), "cluster_uid: not a text, or empty"),
        ("/namespace", Value::Null, "namespace: missing"),
        ("/namespace", json!("other"), "object.namespace: not that of the event"),
        ("/name", json!("other"), "object.name: not that of the event"),
        ("/uid", json!("other"), "object.uid: not that of the event"),
        ("/object", Value::Null, "object: missing"),
        ("/object", json!([]), "object: not an object"),
        ("/sent_at", json!(1), "sent_at: no such field"),
    ];
    for (pointer, value, problem) in cases {
        let mut body = an_event("Pod");
        put(&mut body, pointer, value);
        let problems = event(&body);
        assert!(
            problems.iter().any(|p| p.starts_with(problem)),
            "{pointer}: {problems:?}"
        );
    }
    let mut body = an_event("Node");
    body["namespace"] = json!("default");
    assert!(event(&body).contains(&"namespace: a Node has none".to_owned()));
    assert_eq!(event(&json!([])), ["the body: not an object"]);
}

#[test]
fn each_fault_of_a_snapshot_is_found_and_named() {
    assert_eq!(snapshot(&a_snapshot()), Vec::<String>::new());
    let twice = sample("Pod").1;
    let cases = [
        ("/cluster_uid", Value::Null, "cluster_uid: missing"),
        ("/cluster_name", Value::Null, "cluster_name: missing"),
        ("/platform", json!(""), "platform: empty, and not left out"),
        (
            "/kubernetes_version",
            json!("v1.37.2"),
            "kubernetes_version: doesn't begin with a digit",
        ),
        ("/pods", json!({}), "pods: not a list"),
        ("/pods/0/uid", Value::Null, "pods[0].uid: missing"),
        ("/pods", json!([twice, twice]), "pods[1].uid: listed twice"),
        ("/pvcs", json!([]), "pvcs: no such field"),
        ("/secrets/0/data", json!({}), "secrets[0].data: no such field"),
    ];
    for (pointer, value, problem) in cases {
        let mut body = a_snapshot();
        put(&mut body, pointer, value);
        let problems = snapshot(&body);
        assert!(
            problems.iter().any(|p| p.starts_with(problem)),
            "{pointer}: {problems:?}"
        );
    }
}

#[test]
fn a_snapshot_may_leave_lists_out_and_have_empty_ones() {
    let body = json!({ "cluster_uid": "c", "cluster_name": "n", "pods": [], "secrets": [] });
    assert_eq!(snapshot(&body), Vec::<String>::new());
}

#[test]
fn a_heartbeat_has_two_fields() {
    assert_eq!(heartbeat(&json!({ "cluster_uid": "c" })), Vec::<String>::new());
    assert_eq!(
        heartbeat(&json!({ "cluster_uid": "c", "agent_version": "0.1.0" })),
        Vec::<String>::new()
    );
    assert_eq!(
        heartbeat(&json!({ "agent_version": "0.1.0" })),
        ["cluster_uid: missing"]
    );
    assert_eq!(
        heartbeat(&json!({ "cluster_uid": "c", "time": 1 })),
        ["time: no such field"]
    );
}

#[test]
fn of_many_faults_the_first_are_named_and_the_rest_counted() {
    let pods: Vec<Value> = (0..100).map(|n| json!({ "uid": n.to_string(), "name": "x" })).collect();
    let problems = snapshot(&json!({ "cluster_uid": "c", "cluster_name": "n", "pods": pods }));
    assert_eq!(problems.len(), 9);
    assert_eq!(problems[8], "and 92 more");
}

/// Puts a value where the pointer says; null takes the field away.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Value::Null) => {
            fields.remove(name).unwrap();
        }
        (Value::Object(fields), value) => {
            fields.insert(name.to_owned(), value);
        }
        (other, _) => panic!("{other} has no fields"),
    }
}
