// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kube::core::Status;
use serde_json::json;

use super::*;

fn answer(answer: Value) -> StatusError {
    let status: Status = serde_json::from_value(answer).unwrap();
    refusal(&kube::Error::Api(status.boxed()))
}

#[test]
fn the_patch_names_the_uid_and_nothing_of_the_spec() {
    let status = ObsykAgentStatus {
        cluster_uid: Some("cluster".to_owned()),
        ..ObsykAgentStatus::default()
    };
    let expected = json!({
        "apiVersion": "obsyk.io/v1",
        "kind": "ObsykAgent",
        "metadata": { "name": "demo", "uid": "1" },
        "status": { "clusterUID": "cluster" },
    });
    assert_eq!(patch("demo", "1", &status), expected);
}

#[test]
fn a_resource_that_is_not_there_is_gone() {
    assert_eq!(answer(json!({ "code": 404 })), StatusError::Gone);
}

#[test]
fn a_resource_with_another_uid_is_gone() {
    let message = "Operation cannot be fulfilled: uid mismatch: the provided object specified uid 1";
    assert_eq!(answer(json!({ "code": 409, "message": message })), StatusError::Gone);
    let message = "Precondition failed: UID in precondition: 1, UID in object meta: 2";
    assert_eq!(answer(json!({ "code": 409, "message": message })), StatusError::Gone);
    let details = json!({ "causes": [{ "field": "metadata.uid", "message": "field is immutable" }] });
    assert_eq!(answer(json!({ "code": 422, "details": details })), StatusError::Gone);
}

#[test]
fn any_other_refusal_passes() {
    assert_eq!(
        answer(json!({ "code": 409, "message": "the object has been modified" })),
        StatusError::Failed
    );
    let details = json!({ "causes": [{ "field": "status.conditions", "message": "no" }] });
    assert_eq!(answer(json!({ "code": 422, "details": details })), StatusError::Failed);
    assert_eq!(answer(json!({ "code": 503 })), StatusError::Failed);
}
