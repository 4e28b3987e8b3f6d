// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `/metrics`, in OpenMetrics text. The numbers are those that the actors hold: they are asked at each scrape.
//!
//! No name of an object is in a label; those of the `ObsykAgent` resources are.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix::Addr;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use obsyk_actors::inspect::SupervisorView;
use obsyk_actors::supervisor::{Inspect, SupervisorActor};
use obsyk_domain::wire::VERSION;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;

/// A supervisor that doesn't answer within this is stuck.
const ANSWER: Duration = Duration::from_secs(2);

/// Serves the metrics.
pub async fn serve(listener: TcpListener, supervisor: Addr<SupervisorActor>) {
    let router = Router::new().route("/metrics", get(scrape)).with_state(supervisor);
    super::serve("metrics", listener, router).await;
}

async fn scrape(State(supervisor): State<Addr<SupervisorActor>>) -> Response {
    let Ok(view) = supervisor.send(Inspect).timeout(ANSWER).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the actors don't answer\n").into_response();
    };
    let mut text = String::new();
    match encode(&mut text, &registry(&view)) {
        Ok(()) => {
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, form)], text).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics can't be encoded\n").into_response(),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Agent {
    namespace: String,
    agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    namespace: String,
    agent: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    namespace: String,
    agent: String,
    endpoint: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    namespace: String,
    agent: String,
    cause: &'static str,
}

fn registry(view: &SupervisorView) -> Registry {
    let mut registry = Registry::with_prefix("obsyk");
    registry.register("build", "What runs", Info::new(vec![("version", VERSION)]));
    let objects = Family::<ByKind, Gauge>::default();
    registry.register("objects", "Objects known, by kind", objects.clone());
    let undecodable = Family::<ByKind, Gauge>::default();
    registry.register(
        "objects_undecodable",
        "Objects that can't be decoded and aren't sent, by kind",
        undecodable.clone(),
    );
    let refused = Family::<ByKind, Gauge>::default();
    registry.register(
        "objects_set_aside",
        "Objects that the platform refuses until they change, by kind",
        refused.clone(),
    );
    let restarts = Family::<ByKind, Counter>::default();
    registry.register("watcher_restarts", "Restarts of the watcher, by kind", restarts.clone());
    let dirty = Family::<Agent, Gauge>::default();
    registry.register(
        "ledger_dirty",
        "Objects with a change that the platform has still to be told",
        dirty.clone(),
    );
    let tombstones = Family::<Agent, Gauge>::default();
    registry.register("ledger_tombstones", "Those of them that are gone", tombstones.clone());
    let in_flight = Family::<Agent, Gauge>::default();
    registry.register("ledger_in_flight", "Events on their way", in_flight.clone());
    let bytes = Family::<Agent, Gauge>::default();
    registry.register("ledger_bytes", "Bytes held by the ledger", bytes.clone());
    let merged = Family::<Agent, Counter>::default();
    registry.register("ledger_merged", "Changes that replaced one that waited", merged.clone());
    let overflows = Family::<Agent, Counter>::default();
    registry.register(
        "ledger_overflows",
        "How often the ledger's bound was reached",
        overflows.clone(),
    );
    let barrier = Family::<Agent, Counter<f64, AtomicU64>>::default();
    registry.register_with_unit(
        "snapshot_barrier",
        "How long snapshots were open: changes waited meanwhile",
        Unit::Seconds,
        barrier.clone(),
    );
    let retries = Family::<Agent, Counter>::default();
    registry.register("retries", "Requests that were tried again", retries.clone());
    let requests = Family::<ByAnswer, Counter>::default();
    registry.register(
        "requests",
        "Requests to the platform that were answered, by endpoint and class of the answer",
        requests.clone(),
    );
    let snapshots = Family::<ByCause, Counter>::default();
    registry.register("snapshots", "Snapshots opened, by cause", snapshots.clone());

    for agent in &view.agents {
        let of = Agent {
            namespace: agent.namespace.clone(),
            agent: agent.name.clone(),
        };
        let by_kind = |kind| ByKind {
            namespace: agent.namespace.clone(),
            agent: agent.name.clone(),
            kind,
        };
        for watcher in &agent.watchers {
            let kind = watcher.kind.spec().kind;
            objects.get_or_create(&by_kind(kind)).set(gauge(watcher.known));
            undecodable
                .get_or_create(&by_kind(kind))
                .set(gauge(watcher.undecodable));
            restarts.get_or_create(&by_kind(kind)).inc_by(watcher.restarts);
        }
        for (cause, count) in &agent.snapshots {
            let labels = ByCause {
                namespace: agent.namespace.clone(),
                agent: agent.name.clone(),
                cause,
            };
            snapshots.get_or_create(&labels).inc_by(*count);
        }
        let Some(sender) = &agent.sender else { continue };
        for (kind, count) in &sender.set_aside {
            refused.get_or_create(&by_kind(kind.spec().kind)).set(gauge(*count));
        }
        dirty.get_or_create(&of).set(gauge(sender.ledger.dirty as u64));
        tombstones
            .get_or_create(&of)
            .set(gauge(sender.ledger.tombstones as u64));
        in_flight.get_or_create(&of).set(gauge(sender.ledger.in_flight as u64));
        bytes.get_or_create(&of).set(gauge(sender.ledger.bytes as u64));
        merged.get_or_create(&of).inc_by(sender.ledger.merged);
        overflows.get_or_create(&of).inc_by(sender.ledger.overflows);
        barrier.get_or_create(&of).inc_by(sender.barrier.as_secs_f64());
        retries.get_or_create(&of).inc_by(sender.retries);
        for answer in &sender.requests {
            let labels = ByAnswer {
                namespace: agent.namespace.clone(),
                agent: agent.name.clone(),
                endpoint: answer.endpoint,
                code: answer.class,
            };
            requests.get_or_create(&labels).inc_by(answer.count);
        }
    }
    registry
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
