// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What ends a program of the kit that somebody has started at a terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and its like.
pub struct Interrupts([Signal; 3]);

impl Interrupts {
    /// Catches them from here on.
    ///
    /// # Errors
    ///
    /// The system doesn't let us.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for one.
    pub async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
