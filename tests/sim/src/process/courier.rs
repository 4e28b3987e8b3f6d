// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Holds messages between actors back for up to 50 ms, in order for each receiver.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::ports::Courier;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::world::Shared;

type Message = (Instant, Box<dyn FnOnce() + Send>);

/// See the module's page.
pub(super) struct Holding(mpsc::UnboundedSender<Message>);

impl Holding {
    /// Creates the courier of an actor that starts now.
    pub(super) fn new(world: &Shared, alive: &Rc<Cell<bool>>) -> Self {
        let (to, messages) = mpsc::unbounded_channel();
        actix::spawn(carry(messages, Rc::clone(world), Rc::clone(alive)));
        Self(to)
    }
}

impl Courier for Holding {
    fn carry(&self, deliver: Box<dyn FnOnce() + Send>) {
        // Fails only when the process ends.
        let _gone = self.0.send((Instant::now(), deliver));
    }
}

async fn carry(mut messages: mpsc::UnboundedReceiver<Message>, world: Shared, alive: Rc<Cell<bool>>) {
    while let Some((sent, deliver)) = messages.recv().await {
        let hold = world.borrow_mut().hold();
        if hold > Duration::ZERO {
            sleep_until(sent + hold).await;
        }
        if !alive.get() {
            return;
        }
        deliver();
    }
}
