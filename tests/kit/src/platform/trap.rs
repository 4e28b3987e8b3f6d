// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A server that nobody should come to: proof that redirects are not followed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Counts the connections that come to it. It lives in the caller's runtime, until it is dropped.
#[derive(Debug)]
pub struct Trap {
    url: String,
    hits: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Trap {
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let hits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&hits);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(turn_away(socket));
            }
        });
        Ok(Self { url, hits, task })
    }

    /// Where it is, as http.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often somebody came.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer that looks like success: whoever follows redirects should have no reason to stop.
async fn turn_away(mut socket: TcpStream) -> io::Result<()> {
    let mut some = [0; 1024];
    let _ = socket.read(&mut some).await?;
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    socket.write_all(answer.as_bytes()).await
}
