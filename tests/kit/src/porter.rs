// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A thread that serves at a door, with a runtime of its own: a test that blocks neither slows nor stops it.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

use crate::door::Door;

/// Where the thread says what came of an order.
pub(crate) type Done = oneshot::Sender<io::Result<()>>;

/// The thread. It ends when this is dropped, and with it all that it serves.
pub(crate) struct Porter<Order> {
    address: SocketAddr,
    /// None once the thread is to end.
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// Why it can't be started.
pub(crate) enum Unstarted {
    /// There is no thread or runtime.
    Thread(io::Error),
    /// The address can't be listened on.
    Listen(io::Error),
}

impl From<Unstarted> for io::Error {
    fn from(unstarted: Unstarted) -> Self {
        match unstarted {
            Unstarted::Thread(error) | Unstarted::Listen(error) => error,
        }
    }
}

/// What is said of a thread that isn't there any more.
pub(crate) fn gone() -> io::Error {
    io::Error::other("it has ended")
}

impl<Order: Send + 'static> Porter<Order> {
    /// Starts the thread; it listens when this returns. `serve` goes on until there are no more orders to come.
    pub(crate) async fn start<F: Future<Output = ()>>(
        name: &str,
        address: SocketAddr,
        serve: impl FnOnce(Door, mpsc::UnboundedReceiver<Order>) -> F + Send + 'static,
    ) -> Result<Self, Unstarted> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Unstarted::Thread)?;
        let (orders, inbox) = mpsc::unbounded_channel();
        let (bound, is_bound) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                match Door::open(address) {
                    Ok(door) => {
                        let _ = bound.send(Ok(door.address()));
                        serve(door, inbox).await;
                    }
                    Err(error) => {
                        let _ = bound.send(Err(error));
                    }
                }
            });
            // What blocks in it yet, such as the check of a large snapshot, is of no use to anybody any more.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(Unstarted::Thread)?;
        let bound = is_bound.await.map_err(|_| Unstarted::Thread(gone()))?;
        Ok(Self {
            address: bound.map_err(Unstarted::Listen)?,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives an order, and waits for what comes of it; nothing does when the thread is gone.
    pub(crate) async fn order(&self, order: impl FnOnce(Done) -> Order) -> Option<io::Result<()>> {
        let (done, is_done) = oneshot::channel();
        self.orders.as_ref()?.send(order(done)).ok()?;
        is_done.await.ok()
    }
}

impl<Order> Drop for Porter<Order> {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
