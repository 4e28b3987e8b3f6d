// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Whether a body moves: a snapshot may take ten minutes, but not thirty seconds without a piece being taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::future::{Either, select};
use futures_util::stream;
use obsyk_domain::snapshot_body::Pieces;
use obsyk_domain::spool::Corrupt;

/// Counts the pieces that the connection has taken. The client's task counts, ours reads.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// The pieces, counted as they are taken.
    pub(super) fn follow(&self, pieces: Pieces) -> impl Stream<Item = Result<Bytes, Corrupt>> + Send + Sync + 'static {
        let taken = Arc::clone(&self.0);
        stream::iter(pieces.inspect(move |_| {
            taken.fetch_add(1, Ordering::Relaxed);
        }))
    }

    /// What the future yields, or nothing when no piece was taken for `stall`.
    pub(super) async fn unless_stalled<T>(&self, stall: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        loop {
            let before = self.0.load(Ordering::Relaxed);
            match select(future, std::pin::pin!(tokio::time::sleep(stall))).await {
                Either::Left((done, _)) => return Some(done),
                Either::Right(((), rest)) if self.0.load(Ordering::Relaxed) != before => future = rest,
                Either::Right(_) => return None,
            }
        }
    }
}
