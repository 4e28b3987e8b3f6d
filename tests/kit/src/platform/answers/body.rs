// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Bodies of answers, whole and otherwise.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::task::yield_now;
use tokio::time::sleep;

/// The body of any answer.
pub(in crate::platform) type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// How much is handed out in one piece.
const PIECE: usize = 64 * 1024;

/// All of it.
pub(in crate::platform) fn full(body: Bytes) -> AnswerBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// The first half of it; then the connection breaks.
pub(in crate::platform) fn broken_half(body: &Bytes) -> AnswerBody {
    let half = body.slice(..body.len() / 2);
    boxed(stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok(half), None)),
            None => {
                // What was handed out is written before anything else is asked for.
                yield_now().await;
                Some((Err(io::ErrorKind::BrokenPipe.into()), None))
            }
        }
    }))
}

/// One byte each `interval`.
pub(in crate::platform) fn trickle(body: Bytes, interval: Duration) -> AnswerBody {
    boxed(stream::unfold(0, move |at| {
        let byte = (at < body.len()).then(|| body.slice(at..at + 1));
        async move {
            let byte = byte?;
            if at > 0 {
                sleep(interval).await;
            }
            Some((Ok(byte), at + 1))
        }
    }))
}

/// So many blanks; `taken` counts those that were handed out.
pub(in crate::platform) fn spaces(bytes: u64, taken: Arc<AtomicU64>) -> AnswerBody {
    static BLANKS: [u8; PIECE] = [b' '; PIECE];
    boxed(stream::unfold(bytes, move |left| {
        let piece = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let taken = Arc::clone(&taken);
        async move {
            if piece == 0 {
                return None;
            }
            taken.fetch_add(piece as u64, Ordering::Relaxed);
            Some((Ok(Bytes::from_static(&BLANKS[..piece])), left - piece as u64))
        }
    }))
}

fn boxed(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> AnswerBody {
    StreamBody::new(futures_util::StreamExt::map(pieces, |piece| piece.map(Frame::data))).boxed_unsync()
}
