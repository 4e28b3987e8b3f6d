// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use actix::Actor;
use actix::Context;

use super::*;
use crate::agent::fakes::{Fixed, World, hang, on_paused_time};
use crate::mail::{Desk, attended};

fn at(secs: u64) -> Moment {
    Moment::at(Duration::from_secs(secs))
}

#[test]
fn one_death_more_than_allowed_within_five_minutes_is_too_many() {
    let mut restarts = Restarts::at_most(20);
    for n in 0..20 {
        assert!(restarts.next(at(n), &mut Fixed(0.0)).is_some());
    }
    assert_eq!(restarts.next(at(20), &mut Fixed(0.0)), None);
}

#[test]
fn deaths_that_are_far_apart_are_never_too_many() {
    let mut restarts = Restarts::at_most(20);
    for n in 0..100 {
        assert!(restarts.next(at(n * 20), &mut Fixed(0.0)).is_some());
    }
}

#[test]
fn successors_wait_longer_each_time_and_shortly_again_after_a_quiet_window() {
    let mut restarts = Restarts::at_most(20);
    let mut wait = |now: u64| restarts.next(at(now), &mut Fixed(1.0)).unwrap().since(at(now));
    assert_eq!(wait(0), Duration::from_millis(500));
    assert_eq!(wait(1), Duration::from_secs(1));
    assert_eq!(wait(2), Duration::from_secs(2));
    assert_eq!(wait(303), Duration::from_millis(500));
}

/// An actor that hangs for a while, and counts what it gets to do.
struct Hanging {
    desk: Desk,
    done: Rc<Cell<usize>>,
    hangs: Duration,
}

impl Actor for Hanging {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        hang(self, ctx, self.hangs);
    }
}

attended!(Hanging: Work);

#[derive(Message)]
#[rtype(result = "()")]
struct Work;

impl Handler<Work> for Hanging {
    type Result = ();

    fn handle(&mut self, _: Work, _: &mut Context<Self>) {
        self.done.set(self.done.get() + 1);
    }
}

fn hanging(hangs: Duration) -> (Address<Hanging>, Rc<Cell<usize>>) {
    let done = Rc::new(Cell::new(0));
    let actor = Hanging {
        desk: Desk::new(World::new().ports().clock),
        done: Rc::clone(&done),
        hangs,
    };
    (Address::start(actor), done)
}

#[test]
fn a_question_to_a_hanging_child_is_given_up_in_time_however_often_it_is_asked() {
    on_paused_time(async {
        let (child, done) = hanging(Duration::from_secs(60));
        for _ in 0..100 {
            assert!(ask(&child, Work, Duration::from_millis(300)).await.is_none());
        }
        actix::clock::sleep(Duration::from_secs(60)).await;
        assert_eq!(done.get(), 0);
    });
}

#[test]
fn a_command_to_a_hanging_child_is_waited_for_in_vain_and_obeyed_later() {
    on_paused_time(async {
        let (child, done) = hanging(Duration::from_secs(5));
        command(&child, Work, Duration::from_secs(1)).await;
        assert_eq!(done.get(), 0);
        actix::clock::sleep(Duration::from_secs(5)).await;
        assert_eq!(done.get(), 1);
    });
}
