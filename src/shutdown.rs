// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How the process ends: the first SIGTERM or SIGINT drains, a second ends it at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// Ledgers go on for this long. A pod has 30 s by default, and the rest of the process needs a moment.
pub const DRAIN: Duration = Duration::from_secs(5);

/// The signals that end the process.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Catches them from here on.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// Waits for `drained`, but not longer than [`DRAIN`] and a moment, and not beyond another signal.
    pub async fn drain(&mut self, drained: impl Future<Output = ()>) {
        info!(
            "ending: what waits is sent for at most {} s; a second signal ends at once",
            DRAIN.as_secs()
        );
        tokio::select! {
            () = drained => info!("ended"),
            () = tokio::time::sleep(DRAIN + Duration::from_millis(500)) => warn!("ended; not everything could be sent, the next start sends a snapshot"),
            () = self.next() => warn!("ended at once by a second signal"),
        }
    }
}
