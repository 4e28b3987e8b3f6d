// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A door for connections that can be shut and opened again without giving its port away.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Where connections come in. Beside what listens, a socket that never does keeps the port: while it is alone the system refuses
/// connections, and gives the port to nobody else.
pub(crate) struct Door {
    address: SocketAddr,
    _keeper: TcpSocket,
    listener: Option<TcpListener>,
}

impl Door {
    /// Listens on this address; a port of 0 is any free one.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let keeper = bind(address)?;
        let address = keeper.local_addr()?;
        Ok(Self {
            address,
            _keeper: keeper,
            listener: Some(bind(address)?.listen(BACKLOG)?),
        })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What listens, while it does.
    pub(crate) fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_ref()
    }

    /// Refuses connections.
    pub(crate) fn shut(&mut self) {
        self.listener = None;
    }

    /// Listens again.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            self.listener = Some(bind(self.address)?.listen(BACKLOG)?);
        }
        Ok(())
    }

    /// The next connection; never any while it is shut.
    pub(crate) async fn next(&self) -> io::Result<TcpStream> {
        match &self.listener {
            Some(listener) => listener.accept().await.map(|(socket, _)| socket),
            None => std::future::pending().await,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // For the two that share the port.
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}
