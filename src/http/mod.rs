// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The process's own endpoints: probes, metrics, and what the actors are doing.

mod debug;
mod inspection;
mod metrics;
mod probes;

pub use debug::{PATH as DEBUG_PATH, serve as serve_debug};
pub use inspection::Inspection;
pub use metrics::serve as serve_metrics;
pub use probes::serve as serve_probes;

use axum::Router;
use tokio::net::TcpListener;
use tracing::error;

/// Serves for as long as the process runs.
async fn serve(what: &str, listener: TcpListener, router: Router) {
    if let Err(failure) = axum::serve(listener, router).await {
        error!(what, kind = %failure.kind(), "an endpoint isn't served any more");
    }
}
