// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The process's own endpoints: probes, metrics, and what the actors are doing.
//!
//! Anybody in the cluster may be able to reach them, so what one connection costs is bounded, and how many there are.

mod debug;
mod inspection;
mod metrics;
mod probes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::error;

pub use debug::{PATH as DEBUG_PATH, serve as serve_debug};
pub use inspection::Inspection;
pub use metrics::serve as serve_metrics;
pub use probes::serve as serve_probes;

/// Connections at once: a kubelet and a few scrapers have one or two each. For one more the oldest ends.
const MOST_CONNECTIONS: usize = 64;

/// A request's head, with whatever a connection has read ahead.
const LARGEST_HEAD: usize = 16 * 1024;

/// A head that isn't whole by then doesn't come.
const HEAD: Duration = Duration::from_secs(5);

/// A connection ends after this, used or not: so everybody's turn comes.
const LONGEST_CONNECTION: Duration = Duration::from_secs(120);

/// When no connection can be accepted, for want of files, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves for as long as the process runs.
async fn serve(what: &str, listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    oldest_first.retain(|connection| !connection.is_finished());
                    if oldest_first.len() >= MOST_CONNECTIONS && let Some(oldest) = oldest_first.pop_front() {
                        oldest.abort();
                    }
                    oldest_first.push_back(connections.spawn(attend(stream, router.clone())));
                }
                // Whoever wanted it has gone again.
                Err(failure) if failure.kind() == ErrorKind::ConnectionAborted => {}
                Err(failure) => {
                    error!(what, kind = %failure.kind(), "an endpoint can't accept a connection");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers what comes on a connection. One that breaks, or takes too long, is the client's affair.
async fn attend(stream: TcpStream, router: Router) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    if timeout(LONGEST_CONNECTION, connection.as_mut()).await.is_err() {
        // What is being answered is answered to its end.
        connection.as_mut().graceful_shutdown();
        let _ended = timeout(HEAD, connection).await;
    }
}
