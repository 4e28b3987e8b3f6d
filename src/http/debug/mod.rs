// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `/debug/actors`: what the actors say of themselves. JSON, or a page for a browser. Never a token, a key or an object.
//!
//! It runs on a thread of its own: when the actors' thread is stuck it still answers within a second, with what they said
//! last, marked so.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use axum::extract::State;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tracing::error;

use super::Inspection;

/// Where the tree is.
pub const PATH: &str = "/debug/actors";

/// The page: it asks this endpoint for JSON again and again, and loads nothing from elsewhere.
const PAGE: &str = include_str!("page.html");

/// What the page may do: run what is written in it, and ask this endpoint.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the tree of actors for as long as the process runs, on a thread of its own.
pub fn serve(listener: std::net::TcpListener, inspection: Inspection) {
    let thread = std::thread::Builder::new().name("debug".to_owned());
    let spawned = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => super::serve("debug", listener, router(inspection)).await,
                    Err(failure) => error!(kind = %failure.kind(), "the debug endpoint isn't served"),
                }
            }),
            Err(failure) => error!(kind = %failure.kind(), "the debug endpoint isn't served"),
        }
    });
    if let Err(failure) = spawned {
        error!(kind = %failure.kind(), "the debug endpoint isn't served");
    }
}

fn router(inspection: Inspection) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary(PATH) }))
        .route(PATH, get(actors))
        .with_state(inspection)
}

async fn actors(State(inspection): State<Inspection>, headers: HeaderMap) -> Response {
    if !names_no_site(&headers) {
        return (StatusCode::MISDIRECTED_REQUEST, "ask by an address or localhost\n").into_response();
    }
    if wants_page(&headers) {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
            (VARY, "accept"),
        ];
        return (headers, PAGE).into_response();
    }
    match inspection.latest().await {
        Some(view) => ([(CACHE_CONTROL, "no-store"), (VARY, "accept")], Json(&*view)).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the actors haven't answered yet\n").into_response(),
    }
}

/// Whether the host that is asked is an address or `localhost`. A page of some site whose name was made to lead here asks by that
/// name, and a browser would let it read the answer.
fn names_no_site(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let host = host.to_str().unwrap_or_default();
    let is_address = host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    is_address
        || host
            .split(':')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("localhost"))
}

/// A browser names HTML, and prefers it by naming it first; others name JSON, or nothing.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut types = accepted
        .split(',')
        .map(|part| part.split(';').next().unwrap_or_default().trim());
    types.find(|kind| matches!(*kind, "text/html" | "application/json")) == Some("text/html")
}
