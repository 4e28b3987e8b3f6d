// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A TCP proxy that stands on one leg of the operator, to the API server or to the platform, and spoils it as it is told.
//!
//! Bytes pass through it untouched: TLS is between those who speak it. It serves on a thread of its own with a runtime of its
//! own, so that a test that blocks neither slows nor stops it. What a [`Mode`] says holds for connections that are there
//! and for those that come, from when [`Proxy::set`] returns.
//!
//! What was read from a side that has gone is never delivered to the other: a request that arrives long after its sender gave
//! it up is a fault of its own, which no mode here is to cause by the way.
//!
//! It is ours, not toxiproxy, which is the well-kept one of this kind: that has no reset after a number of bytes counted from
//! an order, can't refuse connections and keep the port, and its silence acknowledges what it is sent, so that no keep-alive
//! ever notices it ([`Mode::BlackHole`] doesn't).

mod connection;
mod mode;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::connection::carry;
use crate::door::Door;
use crate::porter::{Done, Porter, gone};

pub use self::mode::Mode;

/// The proxy. Dropping it ends it, and resets every connection.
pub struct Proxy {
    porter: Porter<Command>,
    counts: Arc<Tally>,
}

/// What passed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open.
    pub open: u64,
    /// Connections that the proxy ended by itself.
    pub cut: u64,
    /// Bytes that were handed to the target.
    pub up: u64,
    /// Bytes that were handed to whoever connected.
    pub down: u64,
}

#[derive(Default)]
struct Tally {
    connections: AtomicU64,
    open: AtomicU64,
    cut: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

enum Command {
    Set(Mode, Done),
    Cut(Done),
}

/// What the connections are told. Each mode that is set has its number: what is counted from an order begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    number: u64,
    mode: Mode,
    /// How often all connections were cut.
    cuts: u64,
}

impl Proxy {
    /// Starts it on a free port of the loopback interface, in front of `target`. When this returns, it listens.
    ///
    /// # Errors
    ///
    /// There is no free port, or no thread.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let counts = Arc::<Tally>::default();
        let tally = Arc::clone(&counts);
        let serve = move |door, inbox| Doorkeeper::new(door, target, tally).serve(inbox);
        let porter = Porter::start("proxy", (Ipv4Addr::LOCALHOST, 0).into(), serve).await?;
        Ok(Self { porter, counts })
    }

    /// The same in front of whoever this URL names by its address.
    ///
    /// # Errors
    ///
    /// As [`Self::start`], or it doesn't name an address and a port.
    pub async fn before(url: &str) -> io::Result<Self> {
        let address = url.split("//").nth(1).unwrap_or_default().trim_end_matches('/');
        Self::start(address.parse().map_err(io::Error::other)?).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.porter.address()
    }

    /// From now on, this.
    ///
    /// # Errors
    ///
    /// The system can't do it: a black hole needs Linux.
    pub async fn set(&self, mode: Mode) -> io::Result<()> {
        self.command(|done| Command::Set(mode, done)).await
    }

    /// Resets every connection, now. Those that come are served as the mode says.
    ///
    /// # Errors
    ///
    /// The proxy is gone.
    pub async fn cut(&self) -> io::Result<()> {
        self.command(Command::Cut).await
    }

    /// What passed so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.counts.connections),
            open: read(&self.counts.open),
            cut: read(&self.counts.cut),
            up: read(&self.counts.up),
            down: read(&self.counts.down),
        }
    }

    async fn command(&self, command: impl FnOnce(Done) -> Command) -> io::Result<()> {
        self.porter.order(command).await.unwrap_or_else(|| Err(gone()))
    }
}

/// Accepts connections, and passes orders on.
struct Doorkeeper {
    door: Door,
    target: SocketAddr,
    tally: Arc<Tally>,
    orders: watch::Sender<Order>,
    connections: JoinSet<()>,
    /// When flapping: when it is the other way round again.
    turn: Option<(Instant, Duration)>,
}

impl Doorkeeper {
    fn new(door: Door, target: SocketAddr, tally: Arc<Tally>) -> Self {
        let order = Order {
            number: 0,
            mode: Mode::Pass,
            cuts: 0,
        };
        Self {
            door,
            target,
            tally,
            orders: watch::Sender::new(order),
            connections: JoinSet::new(),
            turn: None,
        }
    }

    async fn serve(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        loop {
            let turn = self.turn.map(|(at, _)| at);
            tokio::select! {
                command = inbox.recv() => match command {
                    None => return,
                    Some(Command::Set(mode, done)) => {
                        let _ = done.send(self.set(mode));
                    }
                    Some(Command::Cut(done)) => {
                        self.cut();
                        let _ = done.send(Ok(()));
                    }
                },
                socket = self.door.next() => match socket {
                    Ok(socket) => {
                        let carry = carry(socket, self.target, self.orders.subscribe(), Arc::clone(&self.tally));
                        self.connections.spawn(carry);
                    }
                    Err(_) => tokio::task::yield_now().await,
                },
                Some(_) = self.connections.join_next() => {}
                () = sleep_until(turn.unwrap_or_else(Instant::now)), if turn.is_some() => {
                    // A port that was taken in between is tried again at the next turn.
                    let _ = self.flap();
                }
            }
        }
    }

    fn set(&mut self, mode: Mode) -> io::Result<()> {
        self.turn = None;
        self.orders.send_modify(|order| {
            order.number += 1;
            order.mode = mode;
        });
        match mode {
            Mode::Refuse => {
                self.door.shut();
                Ok(())
            }
            Mode::BlackHole => {
                self.door.reopen()?;
                self.door.listener().map_or(Ok(()), mode::deafen)
            }
            Mode::Flap { every } => {
                self.turn = Some((Instant::now() + every, every));
                self.door.shut();
                self.cut();
                Ok(())
            }
            Mode::Pass | Mode::CutUp(_) | Mode::CutDown(_) | Mode::Silent | Mode::Slow { .. } | Mode::Delay(_) => {
                self.open()
            }
        }
    }

    fn open(&mut self) -> io::Result<()> {
        self.door.reopen()?;
        self.door.listener().map_or(Ok(()), mode::undeafen)
    }

    fn cut(&self) {
        self.orders.send_modify(|order| order.cuts += 1);
    }

    fn flap(&mut self) -> io::Result<()> {
        let Some((_, every)) = self.turn else { return Ok(()) };
        self.turn = Some((Instant::now() + every, every));
        if self.door.listener().is_none() {
            return self.door.reopen();
        }
        self.door.shut();
        self.cut();
        Ok(())
    }
}
