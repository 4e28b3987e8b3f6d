// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_actors::inspect::{
    ActorKind, ActorView, AgentView, ListForm, ListWhy, Lists, Requests, SenderView, SnapshotsView, WatcherView,
};
use obsyk_actors::supervision::ExitCause;
use obsyk_domain::durations::Durations;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::resource::redact::Rule;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;
use prometheus_client::registry::Unit;

use super::samples::Kind;
use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");

/// A tree in which everything has a sample.
fn a_view() -> SupervisorView {
    let actor = |kind| ActorView::unseen(kind, String::new(), 1, Moment::START);
    let key = AgentKey {
        namespace: "obsyk-system".into(),
        name: "demo".into(),
    };
    let mut lag = Durations::default();
    lag.record(Duration::from_millis(30));
    lag.record(Duration::from_secs(3600));
    let sender = SenderView {
        lag,
        oldest: Some(Moment::START),
        requests: vec![Requests {
            endpoint: "events".to_owned(),
            class: "2xx".to_owned(),
            count: 7,
        }],
        set_aside: [(ResourceKind::Pod, 2)].into(),
        ..SenderView::unseen(actor(ActorKind::Sender))
    };
    let watcher = WatcherView {
        known: 10_000,
        withheld: [(Rule::Prefix, 4)].into(),
        lists: vec![Lists {
            form: ListForm::Stream,
            why: ListWhy::Snapshot,
            count: 3,
        }],
        ..WatcherView::unseen(
            ActorView {
                restart_causes: [(ExitCause::Panicked, 3)].into(),
                ..actor(ActorKind::Watcher)
            },
            ResourceKind::Pod,
        )
    };
    let agent = AgentView {
        snapshots: SnapshotsView {
            by_cause: BTreeMap::from([(Cause::WatcherLost, 1)]),
            ..SnapshotsView::default()
        },
        sender: Some(sender),
        watchers: vec![
            watcher,
            WatcherView::unseen(actor(ActorKind::Watcher), ResourceKind::Secret),
        ],
        ..AgentView::unseen(actor(ActorKind::Agent), &key)
    };
    SupervisorView {
        version: String::new(),
        now: Moment::at(Duration::from_secs(5)),
        time: String::new(),
        actor: actor(ActorKind::Supervisor),
        listed: true,
        agents: vec![agent],
    }
}

fn told() -> String {
    text(Arc::new(a_view())).unwrap()
}

/// The name of a metric as a query has it.
fn full_name(metric: &samples::Metric) -> String {
    let unit = metric.unit.as_ref().map_or("", |unit| match unit {
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
        other => panic!("{other:?}"),
    });
    let total = if metric.kind == Kind::Counter { "_total" } else { "" };
    format!("{PREFIX}_{}{unit}{total}", metric.name)
}

#[test]
fn every_metric_of_the_table_is_told_with_its_labels() {
    let text = told();
    for metric in metrics() {
        let name = full_name(metric);
        let suffix = if metric.kind == Kind::Histogram { "_count" } else { "" };
        let sample = text
            .lines()
            .find(|line| {
                line.starts_with(&format!("{name}{suffix}{{")) || line.starts_with(&format!("{name}{suffix} "))
            })
            .unwrap_or_else(|| panic!("no {name} in\n{text}"));
        let labels = sample
            .split_once('{')
            .map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let names: Vec<&str> = labels
            .split(',')
            .filter_map(|label| Some(label.split_once('=')?.0))
            .collect();
        assert_eq!(names, metric.labels, "{name}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn numbers_are_those_of_the_tree() {
    let text = told();
    let of = "namespace=\"obsyk-system\",agent=\"demo\"";
    for line in [
        format!("obsyk_actor_restarts_total{{{of},actor=\"watcher\",kind=\"Pod\",cause=\"panicked\"}} 3"),
        format!("obsyk_actor_restarts_total{{{of},actor=\"watcher\",kind=\"Pod\",cause=\"gave_up\"}} 0"),
        format!("obsyk_objects{{{of},kind=\"Pod\"}} 10000"),
        format!("obsyk_objects_set_aside{{{of},kind=\"Pod\"}} 2"),
        format!("obsyk_objects_set_aside{{{of},kind=\"Secret\"}} 0"),
        format!("obsyk_lists_total{{{of},kind=\"Pod\",form=\"stream\",cause=\"snapshot\"}} 3"),
        format!("obsyk_requests_total{{{of},endpoint=\"events\",code=\"2xx\"}} 7"),
        format!("obsyk_snapshots_total{{{of},cause=\"watcher_lost\"}} 1"),
        format!("obsyk_ledger_oldest_seconds{{{of}}} 5.0"),
        format!("obsyk_event_lag_seconds_sum{{{of}}} 3600.03"),
        format!("obsyk_event_lag_seconds_count{{{of}}} 2"),
        format!("obsyk_event_lag_seconds_bucket{{le=\"0.025\",{of}}} 0"),
        format!("obsyk_event_lag_seconds_bucket{{le=\"0.05\",{of}}} 1"),
        format!("obsyk_event_lag_seconds_bucket{{le=\"600.0\",{of}}} 1"),
        format!("obsyk_event_lag_seconds_bucket{{le=\"+Inf\",{of}}} 2"),
    ] {
        assert!(text.lines().any(|told| told == line), "no {line} in\n{text}");
    }
}

fn page() -> String {
    let mut page = String::from(
        "<!-- Generated by `make manifests` from src/http/metrics/table/. -->\n\n# Metrics\n\n\
         `/metrics` on port 8080 (`--metrics-bind-address`) tells these, as OpenMetrics text. Counters begin anew when the \
         actor that counts does: with the process, after a panic, and after an edit of the resource by which it sent nothing \
         for a time. No name of an object is in a label; `namespace` and \
         `agent` are those of the `ObsykAgent` resource, empty for the supervisor.\n\n\
         | metric | type | labels | what it tells |\n|---|---|---|---|\n",
    );
    for metric in metrics() {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        page += &format!(
            "| `{}` | {kind} | {} | {} |\n",
            full_name(metric),
            labels.join(", "),
            metric.help
        );
    }
    page
}

#[test]
fn the_page_of_metrics_is_in_step() {
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(written == page(), "docs/metrics.md isn't in step: run make manifests");
}
