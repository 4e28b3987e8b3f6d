// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the proxy does to what passes, and how a socket is made deaf.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// What the proxy does to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Pass,
    /// Connections are refused. Those that are there stay.
    Refuse,
    /// Each connection is reset once so many bytes have gone to the target since this was set. With 0, before the first.
    CutUp(u64),
    /// Each connection is reset once so many bytes have come from the target since this was set. With 0, before the first.
    CutDown(u64),
    /// Connections are accepted and nothing passes, in neither direction: a program that hangs. Its system still acknowledges
    /// what comes. What was held back passes when it is over, unless its sender has gone.
    Silent,
    /// Nothing that is sent here is acknowledged, and nobody can connect: a machine that is gone, or a network that parted. When
    /// it is over, the connections of before are reset, as by a machine that has been started again. Linux only.
    BlackHole,
    /// So many bytes a second in each direction of each connection, and at least one.
    Slow {
        /// Bytes a second.
        rate: u32,
    },
    /// What comes is handed on after this time.
    Delay(Duration),
    /// Down for this long, then up for this long, and so on. While it is down, connections are reset and refused.
    Flap {
        /// How long each.
        every: Duration,
    },
}

/// Has the system drop all that is sent to this socket, before its TCP sees it: nothing is acknowledged any more, neither data
/// nor keep-alive probes nor (a listener's) attempts to connect. A filter of one instruction does so: accept 0 bytes.
#[cfg(target_os = "linux")]
pub(super) fn deafen<'s>(socket: impl Into<socket2::SockRef<'s>>) -> io::Result<()> {
    /// BPF_RET | BPF_K
    const RETURN: u16 = 0x06;
    socket
        .into()
        .attach_filter(&[socket2::SockFilter::new(RETURN, 0, 0, 0)])
}

#[cfg(not(target_os = "linux"))]
pub(super) fn deafen<'s>(_socket: impl Into<socket2::SockRef<'s>>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Has a listener hear again.
pub(super) fn undeafen(listener: &TcpListener) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        match socket2::SockRef::from(listener).detach_filter() {
            // There is none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    let _ = listener;
    Ok(())
}

/// Whoever holds the other end hears of a reset, not of an end, when this socket is closed.
pub(super) fn resets(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}
