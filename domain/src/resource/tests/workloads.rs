// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Deployment, StatefulSet, DaemonSet, Job, CronJob.

use serde_json::{Value, json};

use super::{assert_sent, bare, sent};
use crate::resource::{CronJob, DaemonSet, Deployment, Job, StatefulSet};

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {
        "nodeSelector": {"disk": "ssd"},
        "containers": [{"name": "a", "image": "shop/web:1", "env": [{"name": "A", "value": "MARKER"}]}, {"name": "b", "image": "shop/b:1"}]
    }})
}

fn selector() -> Value {
    json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]})
}

#[test]
fn a_deployment_is_its_replicas_strategy_selector_and_image() {
    assert_sent::<Deployment>(
        &json!({
            "spec": {
                "replicas": 0, "selector": selector(), "template": template(),
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}
            },
            "status": {"replicas": 9, "readyReplicas": 2, "availableReplicas": 3, "updatedReplicas": 4}
        }),
        &json!({
            "replicas": 0, "ready_replicas": 2, "available_replicas": 3, "updated_replicas": 4,
            "strategy": "RollingUpdate", "selector": {"app": "web"}, "image": "shop/web:1"
        }),
        &json!({"replicas": 1, "ready_replicas": 0, "available_replicas": 0, "updated_replicas": 0}),
    );
}

#[test]
fn a_stateful_set_is_its_replicas_service_selector_and_image() {
    assert_sent::<StatefulSet>(
        &json!({
            "spec": {
                "replicas": 3, "selector": selector(), "template": template(), "serviceName": "db",
                "updateStrategy": {"type": "OnDelete"}, "volumeClaimTemplates": [{}]
            },
            "status": {"replicas": 3, "readyReplicas": 1, "currentReplicas": 2}
        }),
        &json!({
            "replicas": 3, "ready_replicas": 1, "current_replicas": 2, "update_strategy": "OnDelete",
            "service_name": "db", "selector": {"app": "web"}, "image": "shop/web:1"
        }),
        &json!({"replicas": 1, "ready_replicas": 0, "current_replicas": 0}),
    );
}

#[test]
fn a_daemon_set_is_its_numbers_selectors_and_image() {
    assert_sent::<DaemonSet>(
        &json!({
            "spec": {"selector": selector(), "template": template(), "updateStrategy": {"type": "RollingUpdate"}},
            "status": {
                "desiredNumberScheduled": 4, "currentNumberScheduled": 3, "numberReady": 2, "numberAvailable": 1,
                "numberMisscheduled": 9
            }
        }),
        &json!({
            "desired_number_scheduled": 4, "current_number_scheduled": 3, "number_ready": 2, "number_available": 1,
            "update_strategy": "RollingUpdate", "selector": {"app": "web"}, "node_selector": {"disk": "ssd"},
            "image": "shop/web:1"
        }),
        &json!({"desired_number_scheduled": 0, "current_number_scheduled": 0, "number_ready": 0, "number_available": 0}),
    );
}

#[test]
fn a_job_is_its_numbers_and_times() {
    assert_sent::<Job>(
        &json!({
            "spec": {"completions": 5, "parallelism": 0, "template": template()},
            "status": {
                "succeeded": 3, "failed": 1, "active": 2, "startTime": "2026-01-15T10:30:00Z",
                "completionTime": "2026-01-15T10:31:00Z"
            }
        }),
        &json!({
            "completions": 5, "parallelism": 0, "succeeded": 3, "failed": 1, "active": 2,
            "start_time": "2026-01-15T10:30:00Z", "completion_time": "2026-01-15T10:31:00Z"
        }),
        &json!({"completions": 1, "parallelism": 1, "succeeded": 0, "failed": 0, "active": 0}),
    );
}

#[test]
fn a_job_names_the_cron_job_that_owns_it_and_no_other_owner() {
    let mut job = bare(Some("shop"));
    job["metadata"]["ownerReferences"] = json!([{"apiVersion": "x/v1", "kind": "Workflow", "name": "w", "uid": "1"}]);
    assert_eq!(sent::<Job>(&job).get("owner_ref"), None);
    let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "2", "controller": true});
    job["metadata"]["ownerReferences"].as_array_mut().unwrap().push(owner);
    assert_eq!(sent::<Job>(&job)["owner_ref"], "nightly");
}

#[test]
fn a_cron_job_is_its_schedule_and_how_many_are_active() {
    assert_sent::<CronJob>(
        &json!({
            "spec": {"schedule": "*/5 * * * *", "suspend": true, "concurrencyPolicy": "Forbid", "jobTemplate": {}},
            "status": {"active": [{"name": "a"}, {"name": "b"}], "lastScheduleTime": "2026-01-15T10:30:00Z"}
        }),
        &json!({
            "schedule": "*/5 * * * *", "suspend": true, "concurrency_policy": "Forbid",
            "last_schedule_time": "2026-01-15T10:30:00Z", "active_jobs": 2
        }),
        &json!({"schedule": "", "suspend": false, "active_jobs": 0}),
    );
}
