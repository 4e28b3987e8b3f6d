// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Deployments, StatefulSets, DaemonSets, Jobs and CronJobs.

use serde_json::Value;

use super::{Said, elements, flag, number};

pub(super) fn deployment(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    said.always("replicas", number(&spec["replicas"], 1));
    said.always("ready_replicas", number(&status["readyReplicas"], 0));
    said.always("available_replicas", number(&status["availableReplicas"], 0));
    said.always("updated_replicas", number(&status["updatedReplicas"], 0));
    said.copy("strategy", &spec["strategy"]["type"]);
    selector_and_image(said, spec);
}

pub(super) fn stateful_set(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    said.always("replicas", number(&spec["replicas"], 1));
    said.always("ready_replicas", number(&status["readyReplicas"], 0));
    said.always("current_replicas", number(&status["currentReplicas"], 0));
    said.copy("update_strategy", &spec["updateStrategy"]["type"]);
    said.copy("service_name", &spec["serviceName"]);
    selector_and_image(said, spec);
}

pub(super) fn daemon_set(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    for (name, field) in [
        ("desired_number_scheduled", "desiredNumberScheduled"),
        ("current_number_scheduled", "currentNumberScheduled"),
        ("number_ready", "numberReady"),
        ("number_available", "numberAvailable"),
    ] {
        said.always(name, number(&status[field], 0));
    }
    said.copy("update_strategy", &spec["updateStrategy"]["type"]);
    said.copy("node_selector", &spec["template"]["spec"]["nodeSelector"]);
    selector_and_image(said, spec);
}

pub(super) fn job(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    said.always("completions", number(&spec["completions"], 1));
    said.always("parallelism", number(&spec["parallelism"], 1));
    said.always("succeeded", number(&status["succeeded"], 0));
    said.always("failed", number(&status["failed"], 0));
    said.always("active", number(&status["active"], 0));
    said.copy("start_time", &status["startTime"]);
    said.copy("completion_time", &status["completionTime"]);
    let owner = elements(&object["metadata"]["ownerReferences"]).find(|owner| owner["kind"] == "CronJob");
    said.if_any("owner_ref", owner.map(|owner| owner["name"].clone()));
}

pub(super) fn cron_job(said: &mut Said, object: &Value) {
    let (spec, status) = (&object["spec"], &object["status"]);
    said.always("schedule", spec["schedule"].as_str().unwrap_or_default());
    said.always("suspend", flag(&spec["suspend"]));
    said.copy("concurrency_policy", &spec["concurrencyPolicy"]);
    said.copy("last_schedule_time", &status["lastScheduleTime"]);
    said.always("active_jobs", elements(&status["active"]).count());
}

fn selector_and_image(said: &mut Said, spec: &Value) {
    said.copy("selector", &spec["selector"]["matchLabels"]);
    said.copy("image", &spec["template"]["spec"]["containers"][0]["image"]);
}
