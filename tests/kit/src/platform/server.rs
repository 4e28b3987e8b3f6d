// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The server's thread: it listens, and each connection is a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::Error;
use super::service;
use super::state::Shared;
use super::wire::{Ending, Wire};
use crate::door::Door;
use crate::porter::{Done, Porter, Unstarted, gone};

/// The thread. It ends when this is dropped, and with it every connection.
pub(super) struct Server(Porter<Order>);

/// What the thread is told to do; it says when it is done.
enum Order {
    Down(Done),
    Up(Done),
}

impl Server {
    /// Starts the thread; it listens when this returns.
    pub(super) async fn start(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        shared: Arc<Shared>,
    ) -> Result<Self, Error> {
        let serve = move |door, orders| {
            let connections = Connections {
                tasks: JoinSet::new(),
                tls: tls.map(TlsAcceptor::from),
                shared,
            };
            listen(door, connections, orders)
        };
        let porter = Porter::start("platform", address, serve).await;
        porter.map(Self).map_err(|unstarted| match unstarted {
            Unstarted::Thread(error) => Error::Thread(error),
            Unstarted::Listen(source) => Error::Listen { address, source },
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Closes all connections; new ones are refused. The port stays taken.
    pub(super) async fn down(&self) -> Result<(), Error> {
        self.order(Order::Down).await
    }

    /// Listens again.
    pub(super) async fn up(&self) -> Result<(), Error> {
        self.order(Order::Up).await
    }

    async fn order(&self, order: fn(Done) -> Order) -> Result<(), Error> {
        let done = self.0.order(order).await.ok_or_else(|| Error::Thread(gone()))?;
        let address = self.address();
        done.map_err(|source| Error::Listen { address, source })
    }
}

struct Connections {
    tasks: JoinSet<()>,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

async fn listen(mut door: Door, mut connections: Connections, mut orders: mpsc::UnboundedReceiver<Order>) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Down(done)) => {
                    door.shut();
                    connections.tasks.shutdown().await;
                    let _ = done.send(Ok(()));
                }
                Some(Order::Up(done)) => {
                    let _ = done.send(door.reopen());
                }
            },
            // What can fail here is this one connection, or the process has no more file descriptors: then the next
            // attempt waits for its turn behind the tasks that may free one.
            socket = door.next() => match socket {
                Ok(socket) => connections.serve(socket),
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.tasks.join_next() => {}
        }
    }
}

impl Connections {
    fn serve(&mut self, socket: TcpStream) {
        let (shared, tls) = (Arc::clone(&self.shared), self.tls.clone());
        self.tasks.spawn(async move {
            let _ = socket.set_nodelay(true);
            let ending = Ending::default();
            let wire = Wire::new(socket, ending.clone());
            match tls {
                None => serve(wire, ending, shared).await,
                Some(tls) => {
                    // Whoever doesn't trust the certificate goes away here.
                    if let Ok(stream) = tls.accept(wire).await {
                        serve(stream, ending, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ending: Ending, shared: Arc<Shared>) {
    let answer = service_fn(move |request| service::answer(Arc::clone(&shared), ending.clone(), request));
    // A connection that breaks is the client's affair, or was ordered.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
