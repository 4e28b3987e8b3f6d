// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A door for connections that can be shut and opened again without giving its port away.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Where connections come in. While it is closed, a socket that doesn't listen keeps the port: the system refuses
/// connections to it, and gives it to nobody else.
pub(crate) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    keeper: Option<TcpSocket>,
}

impl Door {
    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What listens, while it does.
    pub(crate) fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_ref()
    }

    /// Listens on this address; a port of 0 is any free one.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = bind(address)?.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener: Some(listener),
            keeper: None,
        })
    }

    /// Refuses connections. The port stays taken.
    pub(crate) fn shut(&mut self) -> io::Result<()> {
        if self.listener.take().is_some() {
            self.keeper = Some(bind(self.address)?);
        }
        Ok(())
    }

    /// Listens again.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            let socket = match self.keeper.take() {
                Some(socket) => socket,
                None => bind(self.address)?,
            };
            self.listener = Some(socket.listen(BACKLOG)?);
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
    socket.bind(address)?;
    Ok(socket)
}
