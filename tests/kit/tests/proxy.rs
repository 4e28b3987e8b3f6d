// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The fault proxy, with plain sockets on both sides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::proxy::{Mode, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A proxy before a listener of ours.
struct Stage {
    proxy: Proxy,
    target: TcpListener,
}

impl Stage {
    async fn new() -> Self {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(target.local_addr().unwrap()).await.unwrap();
        Self { proxy, target }
    }

    fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// Both ends of a connection.
    async fn connection(&self) -> (TcpStream, TcpStream) {
        let (client, server) = tokio::join!(TcpStream::connect(self.address()), self.target.accept());
        (client.unwrap(), server.unwrap().0)
    }
}

async fn read(socket: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    timeout(LONG, socket.read_exact(&mut read))
        .await
        .expect("in time")
        .unwrap();
    read
}

/// What comes until the end, and how that was.
async fn rest(socket: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut read = Vec::new();
    let ended = timeout(LONG, socket.read_to_end(&mut read)).await.expect("in time");
    (read, ended.err().map(|error| error.kind()))
}

async fn comes_nothing(socket: &mut TcpStream) {
    let mut byte = [0];
    let came = timeout(Duration::from_millis(300), socket.read(&mut byte)).await;
    assert!(came.is_err(), "{came:?}");
}

#[tokio::test]
async fn bytes_pass_untouched_both_ways_and_are_counted_and_an_end_is_an_end() {
    let stage = Stage::new().await;
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"question").await.unwrap();
    assert_eq!(read(&mut server, 8).await, b"question");
    server.write_all(b"the answer").await.unwrap();
    assert_eq!(read(&mut client, 10).await, b"the answer");
    let counts = stage.proxy.counts();
    assert_eq!((counts.connections, counts.open, counts.cut), (1, 1, 0));
    assert_eq!((counts.up, counts.down), (8, 10));
    drop(server);
    assert_eq!(rest(&mut client).await, (vec![], None));
    let guard = Guard::new("no connection is open", LONG);
    while stage.proxy.counts().open > 0 {
        guard.again(format!("{:?}", stage.proxy.counts())).await.unwrap();
    }
}

#[tokio::test]
async fn refused_connections_are_refused_and_those_that_are_there_stay() {
    let stage = Stage::new().await;
    let (mut client, mut server) = stage.connection().await;
    stage.proxy.set(Mode::Refuse).await.unwrap();
    let refused = TcpStream::connect(stage.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    client.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut server, 5).await, b"still");
    stage.proxy.set(Mode::Pass).await.unwrap();
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"again").await.unwrap();
    assert_eq!(read(&mut server, 5).await, b"again");
}

#[tokio::test]
async fn a_cut_resets_both_sides_of_every_connection_and_new_ones_pass() {
    let stage = Stage::new().await;
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"x").await.unwrap();
    read(&mut server, 1).await;
    stage.proxy.cut().await.unwrap();
    assert_eq!(rest(&mut client).await, (vec![], Some(ErrorKind::ConnectionReset)));
    assert_eq!(rest(&mut server).await, (vec![], Some(ErrorKind::ConnectionReset)));
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"y").await.unwrap();
    assert_eq!(read(&mut server, 1).await, b"y");
    assert_eq!(stage.proxy.counts().cut, 1);
}

#[tokio::test]
async fn a_connection_is_reset_after_exactly_so_many_bytes_to_the_target() {
    let stage = Stage::new().await;
    let (mut old, mut old_server) = stage.connection().await;
    old.write_all(b"before").await.unwrap();
    read(&mut old_server, 6).await;
    stage.proxy.set(Mode::CutUp(5)).await.unwrap();
    let (mut new, mut new_server) = stage.connection().await;
    for (client, server) in [(&mut old, &mut old_server), (&mut new, &mut new_server)] {
        // Counted from the order, on old connections too.
        client.write_all(b"0123456789").await.unwrap();
        assert_eq!(
            rest(server).await,
            (b"01234".to_vec(), Some(ErrorKind::ConnectionReset))
        );
        assert_eq!(rest(client).await.1, Some(ErrorKind::ConnectionReset));
    }
    assert_eq!(stage.proxy.counts().cut, 2);
}

#[tokio::test]
async fn a_connection_is_reset_in_the_middle_of_an_answer() {
    let stage = Stage::new().await;
    stage.proxy.set(Mode::CutDown(3)).await.unwrap();
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"a question of any length").await.unwrap();
    read(&mut server, 24).await;
    server.write_all(b"an answer").await.unwrap();
    assert_eq!(
        rest(&mut client).await,
        (b"an ".to_vec(), Some(ErrorKind::ConnectionReset))
    );
}

#[tokio::test]
async fn a_connection_may_be_reset_before_its_first_byte() {
    let stage = Stage::new().await;
    stage.proxy.set(Mode::CutUp(0)).await.unwrap();
    // The reset may come while the connection is still being made.
    let how = match TcpStream::connect(stage.address()).await {
        Ok(mut client) => rest(&mut client).await,
        Err(error) => (vec![], Some(error.kind())),
    };
    assert_eq!(how, (vec![], Some(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn silence_holds_back_and_delivers_later_what_is_still_wanted() {
    let stage = Stage::new().await;
    let (mut client, mut server) = stage.connection().await;
    let (mut leaving, mut left) = stage.connection().await;
    stage.proxy.set(Mode::Silent).await.unwrap();
    client.write_all(b"patient").await.unwrap();
    leaving.write_all(b"gone").await.unwrap();
    let (mut late, _late_server) = stage.connection().await;
    late.write_all(b"late").await.unwrap();
    comes_nothing(&mut server).await;
    drop(leaving);
    let guard = Guard::new("the proxy saw it leave", LONG);
    while stage.proxy.counts().open > 2 {
        guard.again(format!("{:?}", stage.proxy.counts())).await.unwrap();
    }
    stage.proxy.set(Mode::Pass).await.unwrap();
    assert_eq!(read(&mut server, 7).await, b"patient");
    assert_eq!(rest(&mut left).await.0, b"", "nothing of one that has gone");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn in_a_black_hole_nothing_is_acknowledged_and_afterwards_old_connections_are_reset() {
    let stage = Stage::new().await;
    let (mut client, mut server) = stage.connection().await;
    let (mut watching, _watched) = stage.connection().await;
    let socket = socket2::SockRef::from(&watching);
    let keep_alive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(1))
        .with_interval(Duration::from_secs(1))
        .with_retries(2);
    socket.set_tcp_keepalive(&keep_alive).unwrap();
    stage.proxy.set(Mode::BlackHole).await.unwrap();
    client.write_all(b"into nothing").await.unwrap();
    assert_eq!(rest(&mut server).await.0, b"");
    let connecting = timeout(Duration::from_millis(500), TcpStream::connect(stage.address())).await;
    assert!(connecting.is_err(), "{connecting:?}");
    // Nobody closes it: only that its probes aren't answered ends it.
    assert_eq!(rest(&mut watching).await, (vec![], Some(ErrorKind::TimedOut)));
    stage.proxy.set(Mode::Pass).await.unwrap();
    assert_eq!(rest(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    let (mut client, mut server) = stage.connection().await;
    client.write_all(b"back").await.unwrap();
    assert_eq!(read(&mut server, 4).await, b"back");
}

#[tokio::test]
async fn a_slow_way_takes_its_time_and_a_long_one_too() {
    let stage = Stage::new().await;
    stage.proxy.set(Mode::Slow { rate: 1000 }).await.unwrap();
    let (mut client, mut server) = stage.connection().await;
    let since = Instant::now();
    client.write_all(&[7; 500]).await.unwrap();
    read(&mut server, 500).await;
    assert!(since.elapsed() >= Duration::from_millis(450), "{:?}", since.elapsed());
    stage.proxy.set(Mode::Delay(Duration::from_millis(400))).await.unwrap();
    let since = Instant::now();
    server.write_all(b"z").await.unwrap();
    read(&mut client, 1).await;
    assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_flapping_way_is_down_and_up_by_turns() {
    let stage = Stage::new().await;
    let (mut client, _server) = stage.connection().await;
    let every = Duration::from_millis(200);
    stage.proxy.set(Mode::Flap { every }).await.unwrap();
    assert_eq!(rest(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    let guard = Guard::new("up and down twice", LONG);
    let (mut turns, mut was_up) = (0, false);
    while turns < 4 {
        let is_up = TcpStream::connect(stage.address()).await.is_ok();
        turns += usize::from(is_up != was_up);
        was_up = is_up;
        guard.again(format!("{turns} turns")).await.unwrap();
    }
    stage.proxy.set(Mode::Pass).await.unwrap();
    tokio::time::timeout(LONG, stage.connection())
        .await
        .expect("up for good");
}
