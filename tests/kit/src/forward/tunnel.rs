// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A tunnel: bytes both ways, until one side ends or nothing has passed for too long.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What is read in one piece.
const PIECE: usize = 16 * 1024;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A side closed it, or broke.
    Closed,
    /// Nothing passed for too long.
    Idle,
}

/// Carries it to its end; then both sides are closed.
pub(super) async fn carry(
    client: impl AsyncRead + AsyncWrite + Unpin,
    server: TcpStream,
    idle: Option<Duration>,
) -> End {
    carry_pieces(client, server, idle).await.unwrap_or(End::Closed)
}

async fn carry_pieces(
    client: impl AsyncRead + AsyncWrite + Unpin,
    server: TcpStream,
    idle: Option<Duration>,
) -> io::Result<End> {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let (mut up, mut down) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let too_long = async {
            match idle {
                Some(idle) => sleep(idle).await,
                None => pending().await,
            }
        };
        tokio::select! {
            read = from_client.read(&mut up) => match read? {
                0 => return Ok(End::Closed),
                bytes => to_server.write_all(&up[..bytes]).await?,
            },
            read = from_server.read(&mut down) => match read? {
                0 => return Ok(End::Closed),
                bytes => to_client.write_all(&down[..bytes]).await?,
            },
            () = too_long => return Ok(End::Idle),
        }
    }
}
