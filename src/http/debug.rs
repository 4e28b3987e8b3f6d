// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `/debug/actors`: what the actors say of themselves, as JSON. Never a token, a key or an object.

use std::time::Duration;

use actix::Addr;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use obsyk_actors::inspect::SupervisorView;
use obsyk_actors::supervisor::{Inspect, SupervisorActor};
use tokio::net::TcpListener;

/// A supervisor that doesn't answer within this is stuck.
const ANSWER: Duration = Duration::from_secs(1);

/// Serves the tree of actors.
pub async fn serve(listener: TcpListener, supervisor: Addr<SupervisorActor>) {
    let router = Router::new().route("/debug/actors", get(actors)).with_state(supervisor);
    super::serve("debug", listener, router).await;
}

async fn actors(State(supervisor): State<Addr<SupervisorActor>>) -> Result<Json<SupervisorView>, StatusCode> {
    let view = supervisor.send(Inspect).timeout(ANSWER).await;
    view.map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}
