// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One connection through the proxy.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::mode::{deafen, resets};
use super::{Mode, Order, Tally};

/// What is read in one piece.
const PIECE: usize = 16 * 1024;

/// What is held back of one direction: more than any request that is made here.
const HELD: usize = 4 * 1024 * 1024;

/// A slow connection moves this often.
const STEP: Duration = Duration::from_millis(50);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// How a direction ended.
enum End {
    /// Its source said that it is done, and all of it was handed on.
    Done,
    /// It is to be reset on both sides: a side was, or it was ordered.
    Reset { ordered: bool },
}

/// Counts a connection as open until it is dropped.
struct Open<'t>(&'t Tally);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Carries one connection to its end.
pub(super) async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    mut orders: watch::Receiver<Order>,
    tally: Arc<Tally>,
) {
    tally.connections.fetch_add(1, Ordering::Relaxed);
    tally.open.fetch_add(1, Ordering::Relaxed);
    let open = Open(&tally);
    let first = *orders.borrow_and_update();
    let connected = TcpStream::connect(target).await;
    let Ok(mut server) = connected else {
        resets(&client);
        return;
    };
    // A socket that can't be told so is only slower.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = Pump::new(Way::Up, orders.clone(), &tally.up);
        let down = Pump::new(Way::Down, orders.clone(), &tally.down);
        tokio::select! {
            end = up.run(from_client, to_server) => Some(end),
            end = down.run(from_server, to_client) => Some(end),
            end = told(&mut orders, first) => end,
        }
    };
    match end {
        Some(End::Done) => {}
        Some(End::Reset { ordered }) => {
            if ordered {
                tally.cut.fetch_add(1, Ordering::Relaxed);
            }
            resets(&client);
            resets(&server);
        }
        // The black hole.
        None => {
            tally.cut.fetch_add(1, Ordering::Relaxed);
            let hole = orders.borrow_and_update().number;
            let _ = deafen(&client);
            // Whoever is on the other side finds out at once: what it still does for the lost side is of no use to anybody.
            resets(&server);
            drop(server);
            // An error is the end of the proxy.
            let _ = orders.wait_for(|order| order.number != hole).await;
            resets(&client);
        }
    }
    drop(client);
    drop(open);
}

/// Waits until the connection is to end by order; nothing, when it has fallen into a black hole.
async fn told(orders: &mut watch::Receiver<Order>, first: Order) -> Option<End> {
    loop {
        let order = *orders.borrow_and_update();
        if order.cuts != first.cuts {
            return Some(End::Reset { ordered: true });
        }
        if order.mode == Mode::BlackHole {
            return None;
        }
        if orders.changed().await.is_err() {
            return Some(End::Reset { ordered: true });
        }
    }
}

/// One direction.
struct Pump<'t> {
    way: Way,
    orders: watch::Receiver<Order>,
    order: Order,
    /// Bytes that were handed on since the present order.
    passed: u64,
    total: &'t AtomicU64,
    held: Vec<u8>,
}

impl<'t> Pump<'t> {
    fn new(way: Way, mut orders: watch::Receiver<Order>, total: &'t AtomicU64) -> Self {
        let order = *orders.borrow_and_update();
        Self {
            way,
            orders,
            order,
            passed: 0,
            total,
            held: Vec::new(),
        }
    }

    async fn run(mut self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> End {
        match self.pump(from, to).await {
            Ok(end) => end,
            Err(_) => End::Reset { ordered: false },
        }
    }

    async fn pump(&mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<End> {
        let mut piece = vec![0; PIECE];
        loop {
            if self.is_over() {
                return Ok(End::Reset { ordered: true });
            }
            if !self.is_silent() && !self.held.is_empty() {
                let held = std::mem::take(&mut self.held);
                self.hand_on(&held, &mut to).await?;
                continue;
            }
            let room = if self.is_silent() {
                HELD - self.held.len()
            } else {
                self.step()
            };
            let read = async {
                match room {
                    0 => pending().await,
                    room => from.read(&mut piece[..room.min(PIECE)]).await,
                }
            };
            tokio::select! {
                read = read => match read? {
                    0 if self.held.is_empty() => {
                        to.shutdown().await?;
                        return Ok(End::Done);
                    }
                    // What is held of one that has gone is not delivered late.
                    0 => return Ok(End::Reset { ordered: false }),
                    bytes => self.take(&piece[..bytes], &mut to).await?,
                },
                changed = self.orders.changed() => {
                    changed.map_err(|_| io::ErrorKind::BrokenPipe)?;
                    self.heed();
                }
            }
        }
    }

    async fn take(&mut self, bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        // It may have changed while this was read.
        self.heed();
        if self.is_silent() {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        match self.order.mode {
            Mode::Delay(time) => sleep(time).await,
            Mode::Slow { .. } => sleep(STEP).await,
            _ => {}
        }
        self.hand_on(bytes, to).await
    }

    /// Hands on what may pass; the rest of a connection that is cut here is lost.
    async fn hand_on(&mut self, bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        let left = self.limit().map_or(u64::MAX, |limit| limit.saturating_sub(self.passed));
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        // Counted first: whoever has got them may look at once.
        self.passed += most as u64;
        self.total.fetch_add(most as u64, Ordering::Relaxed);
        to.write_all(&bytes[..most]).await?;
        Ok(())
    }

    /// A new order counts from its beginning.
    fn heed(&mut self) {
        let order = *self.orders.borrow_and_update();
        if order.number != self.order.number {
            self.passed = 0;
        }
        self.order = order;
    }

    fn limit(&self) -> Option<u64> {
        match (self.order.mode, self.way) {
            (Mode::CutUp(limit), Way::Up) | (Mode::CutDown(limit), Way::Down) => Some(limit),
            _ => None,
        }
    }

    fn is_over(&self) -> bool {
        self.limit().is_some_and(|limit| self.passed >= limit)
    }

    fn is_silent(&self) -> bool {
        self.order.mode == Mode::Silent
    }

    /// How much is read at once.
    fn step(&self) -> usize {
        match self.order.mode {
            Mode::Slow { rate } => {
                let bytes = u128::from(rate) * STEP.as_millis() / 1000;
                usize::try_from(bytes).unwrap_or(PIECE).clamp(1, PIECE)
            }
            _ => PIECE,
        }
    }
}
