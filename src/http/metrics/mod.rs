// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `/metrics`, in OpenMetrics text. The numbers are those that the actors hold: they are asked at each scrape.
//!
//! No name of an object is in a label; those of the `ObsykAgent` resources are. `docs/metrics.md` is generated from
//! [`table`].

mod samples;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use obsyk_actors::inspect::SupervisorView;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use super::Inspection;
use samples::Samples;
use table::metrics;

/// What all names begin with.
const PREFIX: &str = "obsyk";

/// The form of the text (OpenMetrics 1.0).
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves the metrics.
pub async fn serve(listener: TcpListener, inspection: Inspection) {
    let router = Router::new().route("/metrics", get(scrape)).with_state(inspection);
    super::serve("metrics", listener, router).await;
}

async fn scrape(State(inspection): State<Inspection>) -> Response {
    let Some(view) = inspection.now().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the actors don't answer\n").into_response();
    };
    match text(view) {
        Ok(text) => ([(header::CONTENT_TYPE, FORM)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics can't be encoded\n").into_response(),
    }
}

/// The metrics of a tree.
fn text(view: Arc<SupervisorView>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Tree(view)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// A tree, as its metrics.
#[derive(Debug)]
struct Tree(Arc<SupervisorView>);

impl Collector for Tree {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in metrics() {
            let samples = Samples::of(metric, &self.0);
            // One that nothing can be said of is left out, as is its description.
            if !samples.is_empty() {
                let unit = metric.unit.as_ref();
                let described = encoder.encode_descriptor(metric.name, metric.help, unit, metric.kind.metric_type())?;
                samples.encode(metric.kind, described)?;
            }
        }
        Ok(())
    }
}
