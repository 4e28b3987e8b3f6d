// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use super::*;

fn json_of(name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": "obsyk.io/v1",
        "kind": "ObsykAgent",
        "metadata": {
            "name": name, "namespace": "obsyk-system", "uid": uid, "generation": 3,
            "creationTimestamp": "2026-01-15T10:30:00Z",
        },
        "spec": {
            "platformURL": "https://platform.example", "clusterName": "shop", "credentialsSecretRef": { "name": "creds" },
        },
    })
}

fn read(json: Value) -> Guarded {
    serde_json::from_value(json).unwrap()
}

fn a_resource(name: &str, uid: &str) -> Guarded {
    read(json_of(name, uid))
}

fn terminating(name: &str, uid: &str) -> Guarded {
    let mut json = json_of(name, uid);
    json["metadata"]["deletionTimestamp"] = json!("2026-01-15T10:31:00Z");
    read(json)
}

/// What is told, in words.
fn take(follow: &mut Follow, event: Event<Guarded>) -> Vec<String> {
    words(follow.take(Ok(event)))
}

fn words(signals: Vec<ResourceSignal>) -> Vec<String> {
    let word = |signal| match signal {
        ResourceSignal::Apply(apply) => format!("apply {} {}", apply.key.name, apply.uid),
        ResourceSignal::Remove(remove) => format!("remove {} {}", remove.key.name, remove.uid),
        ResourceSignal::AllApplied => "all".to_owned(),
    };
    signals.into_iter().map(word).collect()
}

/// One that has listed resource `a` with uid `1`.
fn following() -> Follow {
    let mut follow = Follow::default();
    take(&mut follow, Event::Init);
    take(&mut follow, Event::InitApply(a_resource("a", "1")));
    take(&mut follow, Event::InitDone);
    follow
}

#[test]
fn a_list_tells_each_resource_and_its_end() {
    let mut follow = Follow::default();
    assert!(take(&mut follow, Event::Init).is_empty());
    assert_eq!(take(&mut follow, Event::InitApply(a_resource("a", "1"))), ["apply a 1"]);
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}

#[test]
fn a_resource_is_told_with_all_that_decides_about_it() {
    let signals = Follow::default().take(Ok(Event::Apply(a_resource("a", "1"))));
    let [ResourceSignal::Apply(apply)] = &signals[..] else {
        panic!("{signals:?}")
    };
    assert_eq!(apply.key.to_string(), "obsyk-system/a");
    assert_eq!((apply.created, apply.generation), (1_768_473_000, Some(3)));
    assert_eq!(apply.spec.sync_interval, "5m");
}

#[test]
fn what_a_new_list_does_not_have_any_more_is_gone() {
    let mut follow = following();
    take(&mut follow, Event::Init);
    take(&mut follow, Event::InitApply(a_resource("b", "2")));
    assert_eq!(take(&mut follow, Event::InitDone), ["remove a 1", "all"]);
}

#[test]
fn a_list_that_broke_off_tells_no_end() {
    let mut follow = following();
    take(&mut follow, Event::Init);
    assert!(words(follow.take(Err(watcher::Error::NoResourceVersion))).is_empty());
    take(&mut follow, Event::Init);
    take(&mut follow, Event::InitApply(a_resource("a", "1")));
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}

#[test]
fn one_that_was_created_again_between_lists_is_told_as_the_new_one() {
    let mut follow = following();
    take(&mut follow, Event::Init);
    assert_eq!(take(&mut follow, Event::InitApply(a_resource("a", "2"))), ["apply a 2"]);
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}

#[test]
fn a_deleted_resource_is_gone_once() {
    let mut follow = following();
    assert_eq!(take(&mut follow, Event::Delete(a_resource("a", "1"))), ["remove a 1"]);
    take(&mut follow, Event::Init);
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}

#[test]
fn one_that_a_finalizer_keeps_is_gone() {
    let mut follow = following();
    assert_eq!(take(&mut follow, Event::Apply(terminating("a", "1"))), ["remove a 1"]);
}

#[test]
fn one_that_a_finalizer_keeps_is_gone_in_a_list_too() {
    let mut follow = following();
    take(&mut follow, Event::Init);
    assert_eq!(
        take(&mut follow, Event::InitApply(terminating("a", "1"))),
        ["remove a 1"]
    );
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}

#[test]
fn one_without_a_required_field_holds_up_no_other_and_is_not_gone() {
    let mut follow = following();
    let mut broken = json_of("a", "1");
    broken["spec"]["clusterName"] = Value::Null;
    take(&mut follow, Event::Init);
    assert!(take(&mut follow, Event::InitApply(read(broken))).is_empty());
    assert_eq!(take(&mut follow, Event::InitApply(a_resource("b", "2"))), ["apply b 2"]);
    assert_eq!(take(&mut follow, Event::InitDone), ["all"]);
}
