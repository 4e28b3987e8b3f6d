// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! One kind at a time lists in pages.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_turn_is_given_when_the_one_before_is_over() {
    let turns = Turns::new();
    let first = turns.take().await.unwrap();
    let second = turns.take();
    pin_mut!(second);
    assert!(timeout(GUARD, &mut second).await.is_err());
    drop(first);
    assert!(timeout(GUARD, second).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_holds_up_nobody() {
    let turns = Turns::new();
    let first = turns.take().await.unwrap();
    assert!(timeout(GUARD, turns.take()).await.is_err());
    drop(first);
    assert!(timeout(GUARD, turns.take()).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn turns_are_given_in_the_order_in_which_they_were_asked_for() {
    let turns = Rc::new(Turns::new());
    let first = turns.take().await.unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let others = (0..5).map(|n| {
        let (turns, tell) = (Rc::clone(&turns), tell.clone());
        async move {
            let _turn = turns.take().await.unwrap();
            tell.send(n).unwrap();
        }
    });
    let others = futures_util::future::join_all(others);
    pin_mut!(others);
    assert!(timeout(GUARD, &mut others).await.is_err());
    drop(first);
    timeout(GUARD, others).await.unwrap();
    let order: Vec<i32> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_kind_that_waits_for_its_turn_says_so() {
    let page = r#"{"metadata":{"resourceVersion":"9"},"items":[]}"#;
    let mut server = Server::start([Answer::none(), Answer::json(page)]).await;
    let mut first = server.open_pods(Opening::Pages);
    let mut second = server.watches.open(ResourceKind::Node, Opening::Pages);
    // The first sends its request, which nobody answers.
    assert!(timeout(Duration::from_millis(200), first.next()).await.is_err());
    server.open.recv().await.unwrap();
    tokio::time::pause();
    assert_eq!(next(&mut second).await.unwrap(), "queued");
    assert_eq!(next(&mut second).await.unwrap(), "queued");
    tokio::time::resume();
    drop(first);
    assert_eq!(rest(&mut second).await, ["opened", "end 9"]);
    server.request();
    assert_eq!(server.request(), "GET /api/v1/nodes?limit=250 HTTP/1.1");
}
