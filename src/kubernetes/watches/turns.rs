// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One after another, in the order in which they asked.
//!
//! No permit is shared: a task hands a turn to the one who asked first, and waits for its end before it hears the next.

use std::convert::Infallible;

use tokio::sync::{mpsc, oneshot};

/// A turn. It ends when this is dropped.
pub(super) struct Turn {
    _end: oneshot::Sender<Infallible>,
}

/// See the module's page.
pub(super) struct Turns {
    ask: mpsc::Sender<oneshot::Sender<Turn>>,
}

impl Turns {
    pub(super) fn new() -> Self {
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<Turn>>(1);
        tokio::spawn(async move {
            while let Some(waiting) = asked.recv().await {
                let (end, ended) = oneshot::channel();
                // Who asked may have gone: then the turn comes back at once.
                if waiting.send(Turn { _end: end }).is_ok() {
                    let _it_is_over = ended.await;
                }
            }
        });
        Self { ask }
    }

    /// Waits for a turn. None comes only when the runtime ends.
    pub(super) async fn take(&self) -> Option<Turn> {
        let (give, given) = oneshot::channel();
        self.ask.send(give).await.ok()?;
        given.await.ok()
    }
}
