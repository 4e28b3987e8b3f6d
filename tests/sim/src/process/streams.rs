// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Streams that the world feeds: a kind's list and watch, and the credentials' Secret.

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::Signal;

use crate::world::Shared;

/// A kind's stream in an actor's hands.
pub(super) struct FeedStream {
    pub(super) world: Shared,
    pub(super) alive: Rc<Cell<bool>>,
    pub(super) feed: u64,
}

impl Stream for FeedStream {
    type Item = Signal;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Signal>> {
        if !self.alive.get() {
            return Poll::Pending;
        }
        let mut world = self.world.borrow_mut();
        if world.yields() {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        world.pull(self.feed, task.waker())
    }
}

impl Drop for FeedStream {
    fn drop(&mut self) {
        self.world.borrow_mut().feeds.remove(&self.feed);
    }
}

/// The state of a Secret.
pub(crate) type Says = Result<Credentials, CredentialsError>;

/// An agent that follows a Secret.
#[derive(Default)]
pub(crate) struct SecretWatch {
    pub(crate) secret: String,
    pub(crate) states: VecDeque<Says>,
    pub(crate) waker: Option<Waker>,
}

/// A Secret's stream in an agent's hands.
pub(super) struct SecretStream {
    pub(super) world: Shared,
    pub(super) alive: Rc<Cell<bool>>,
    pub(super) watch: u64,
}

impl Stream for SecretStream {
    type Item = Says;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Says>> {
        let mut world = self.world.borrow_mut();
        let Some(watch) = world.secret_watches.get_mut(&self.watch).filter(|_| self.alive.get()) else {
            return Poll::Pending;
        };
        match watch.states.pop_front() {
            Some(state) => Poll::Ready(Some(state)),
            None => {
                watch.waker = Some(task.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for SecretStream {
    fn drop(&mut self) {
        self.world.borrow_mut().secret_watches.remove(&self.watch);
    }
}
