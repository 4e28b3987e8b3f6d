// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::mpsc;

use actix::{ActorFutureExt, WrapFuture};

use super::*;
use crate::agent::fakes::{World, hang, on_paused_time};

/// An actor that can be stopped from reading its mailbox for a while.
struct Clerk {
    world: World,
    desk: Desk,
    hangs: Duration,
    awaits: Option<Spawned>,
}

attended!(Clerk: Letter, Toil, Alarm, Snooze, Await, Cancel);

impl Actor for Clerk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        hang(self, ctx, self.hangs);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Letter;

impl Handler<Letter> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Letter, _: &mut Context<Self>) {}
}

#[derive(Message)]
#[rtype(result = "Messages")]
struct Ask;

impl Handler<Ask> for Clerk {
    type Result = actix::MessageResult<Ask>;

    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(self.desk.view(ActorKind::Agent, String::new(), 1).messages)
    }
}

/// Works for a while, and then for another, with a wait between them that isn't work.
#[derive(Message)]
#[rtype(result = "()")]
struct Toil;

impl Handler<Toil> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Toil, ctx: &mut Context<Self>) {
        let world = self.world.clone();
        world.work(Duration::from_secs(2));
        let rest = async move {
            actix::clock::sleep(Duration::from_secs(60)).await;
            world.work(Duration::from_secs(3));
        };
        spawn(ctx, rest.into_actor(self));
    }
}

/// Works for a while, a minute later.
#[derive(Message)]
#[rtype(result = "()")]
struct Alarm;

impl Handler<Alarm> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Alarm, ctx: &mut Context<Self>) {
        later(ctx, Duration::from_secs(60), |act, _| {
            act.world.work(Duration::from_secs(4))
        });
    }
}

fn a_clerk(world: &World, hangs: Duration) -> (Address<Clerk>, Addr<Clerk>) {
    let clerk = Address::start(Clerk {
        world: world.clone(),
        desk: Desk::new(world.ports().clock),
        hangs,
        awaits: None,
    });
    let addr = clerk.addr.clone();
    (clerk, addr)
}

#[test]
fn messages_wait_until_they_are_handled() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::from_secs(10));
        let letters: Vec<_> = (0..3).map(|_| clerk.post().send(Letter)).collect();
        assert_eq!(clerk.route.waiting.load(Ordering::Relaxed), 3);
        for letter in letters {
            letter.await.unwrap();
        }
        let messages = addr.send(Ask).await.unwrap();
        assert_eq!(messages.waiting, 0);
        assert_eq!(messages.handled, BTreeMap::from([("Letter".to_owned(), 3)]));
    });
}

#[test]
fn a_message_that_nobody_waits_for_any_more_does_not_wait_for_ever() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::from_secs(10));
        let given_up = actix::clock::timeout(Duration::from_secs(1), clerk.send(Letter)).await;
        assert!(given_up.is_err());
        let messages = addr.send(Ask).await.unwrap();
        assert_eq!((messages.waiting, messages.handled.len()), (0, 0));
    });
}

#[test]
fn what_was_posted_to_an_actor_that_is_gone_waits_for_nobody() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::ZERO);
        drop(addr);
        let waiting = Arc::clone(&clerk.route.waiting);
        let post: Post<Letter> = clerk.post();
        drop(clerk);
        post.send(Letter).await.unwrap();
        drop(post);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn time_counts_in_handlers_timed_futures_and_timers_and_not_while_they_wait() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::ZERO);
        clerk.send(Toil).await.unwrap();
        assert_eq!(addr.send(Ask).await.unwrap().busy, Duration::from_secs(2));
        actix::clock::sleep(Duration::from_secs(61)).await;
        assert_eq!(addr.send(Ask).await.unwrap().busy, Duration::from_secs(5));
        clerk.send(Alarm).await.unwrap();
        actix::clock::sleep(Duration::from_secs(61)).await;
        assert_eq!(addr.send(Ask).await.unwrap().busy, Duration::from_secs(9));
    });
}

/// Sets the timer again and again, and it is due at once.
#[derive(Message)]
#[rtype(result = "()")]
struct Snooze;

impl Handler<Snooze> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Snooze, ctx: &mut Context<Self>) {
        set_timer(self, ctx, Some(Duration::from_secs(1)), |act, _| {
            act.world.work(Duration::from_secs(1));
        });
        set_timer(self, ctx, Some(Duration::ZERO), |act, _| {
            act.world.work(Duration::from_secs(7))
        });
        set_timer(self, ctx, Some(Duration::ZERO), |act, _| {
            act.world.work(Duration::from_secs(9))
        });
    }
}

#[test]
fn of_the_timers_that_were_set_only_the_last_goes_off() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::ZERO);
        clerk.send(Snooze).await.unwrap();
        actix::clock::sleep(Duration::from_secs(60)).await;
        assert_eq!(addr.send(Ask).await.unwrap().busy, Duration::from_secs(9));
    });
}

/// Works for a while when it is told to.
#[derive(Message)]
#[rtype(result = "()")]
struct Await(oneshot::Receiver<()>);

impl Handler<Await> for Clerk {
    type Result = ();

    fn handle(&mut self, Await(told): Await, ctx: &mut Context<Self>) {
        let work = told.into_actor(self);
        let work = work.map(|_, act: &mut Self, _: &mut Context<Self>| act.world.work(Duration::from_secs(5)));
        self.awaits = Some(spawn(ctx, work));
    }
}

/// Takes that back.
#[derive(Message)]
#[rtype(result = "()")]
struct Cancel;

impl Handler<Cancel> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Cancel, ctx: &mut Context<Self>) {
        self.awaits.take().unwrap().cancel(ctx);
    }
}

#[test]
fn what_is_cancelled_in_the_turn_in_which_it_is_ready_is_not_done() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr) = a_clerk(&world, Duration::ZERO);
        let (tell, told) = oneshot::channel();
        clerk.send(Await(told)).await.unwrap();
        // Both are there when the clerk has its next turn.
        let cancelled = clerk.send(Cancel);
        tell.send(()).unwrap();
        cancelled.await.unwrap();
        assert_eq!(addr.send(Ask).await.unwrap().busy, Duration::ZERO);
    });
}

/// A message that a courier has.
type Delivery = Box<dyn FnOnce() + Send>;

/// Keeps messages until the test delivers them.
struct Keeping(mpsc::Sender<Delivery>);

impl Courier for Keeping {
    fn carry(&self, deliver: Delivery) {
        self.0.send(deliver).unwrap();
    }
}

fn a_clerk_with_a_courier(world: &World) -> (Address<Clerk>, Addr<Clerk>, mpsc::Receiver<Delivery>) {
    let (to, kept) = mpsc::channel();
    let mut desk = Desk::new(world.ports().clock);
    desk.route.courier = Some(Arc::new(Keeping(to)));
    let clerk = Address::start(Clerk {
        world: world.clone(),
        desk,
        hangs: Duration::ZERO,
        awaits: None,
    });
    let addr = clerk.addr.clone();
    (clerk, addr, kept)
}

#[test]
fn courier_delivers_every_message_of_an_actor_in_order_and_brings_the_reply() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr, kept) = a_clerk_with_a_courier(&world);
        let mut reply = pin!(clerk.send(Letter));
        clerk.post().report(Toil);
        clerk.send_and_leave(Letter);
        assert!(
            actix::clock::timeout(Duration::from_secs(1), reply.as_mut())
                .await
                .is_err()
        );
        assert_eq!(addr.send(Ask).await.unwrap().waiting, 3);
        kept.try_recv().unwrap()();
        assert!(reply.await.is_ok());
        assert_eq!(
            addr.send(Ask).await.unwrap().handled,
            BTreeMap::from([("Letter".to_owned(), 1)])
        );
        kept.try_iter().for_each(|deliver| deliver());
        let messages = addr.send(Ask).await.unwrap();
        let expected = BTreeMap::from([("Letter".to_owned(), 2), ("Toil".to_owned(), 1)]);
        assert_eq!((messages.waiting, messages.handled), (0, expected));
    });
}

#[test]
fn message_under_way_with_a_courier_is_withdrawn_when_its_sender_stops_waiting() {
    on_paused_time(async {
        let world = World::new();
        let (clerk, addr, kept) = a_clerk_with_a_courier(&world);
        let given_up = actix::clock::timeout(Duration::from_secs(1), clerk.send(Letter)).await;
        assert!(given_up.is_err());
        // The clerk is busy when the message comes, so that it is still in the mailbox when it is withdrawn.
        addr.send(Hang).await.unwrap();
        kept.try_recv().unwrap()();
        let messages = addr.send(Ask).await.unwrap();
        assert_eq!((messages.waiting, messages.handled.len()), (0, 0));
    });
}

/// Stops the mailbox for a while.
#[derive(Message)]
#[rtype(result = "()")]
struct Hang;

impl Handler<Hang> for Clerk {
    type Result = ();

    fn handle(&mut self, _: Hang, ctx: &mut Context<Self>) {
        hang(self, ctx, Duration::from_secs(10));
    }
}
