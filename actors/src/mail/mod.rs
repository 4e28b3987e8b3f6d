// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How messages reach actors, and what is counted on the way: how many wait, how many were handled, and the time spent.
//!
//! actix shows neither how full a mailbox is nor how long a handler took. So messages travel in an envelope, [`Mail`],
//! which counts as waiting from the moment that it is posted until it is opened, or dropped unread because whoever sent it
//! waits no more. An actor opens envelopes by [`attend`], one place for all its messages.
//!
//! The count of those that wait is the one number that two actors write: a counter, like those of the metrics, on which
//! nothing depends.
//!
//! Every message passes [`Address`], [`Post`] or [`ExitRecipient`]. Reports of a child's end take the last one, and are not
//! counted. Where the clock names a [`Courier`], as the simulation's does, messages go by way of that courier, in order for each
//! receiver; otherwise they go at once.

#[cfg(test)]
mod tests;

use std::any::type_name;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use actix::dev::{RecipientRequest, Request, ToEnvelope};
use actix::fut::ActorFuture;
use actix::{
    Actor, Addr, AsyncContext, Context, Handler, MailboxError, Message, Recipient, SpawnHandle, WeakRecipient,
};
use futures_util::future::{Either, select};
use obsyk_domain::ports::{Clock, Courier};
use obsyk_domain::time::Moment;
use tokio::sync::oneshot;

use crate::inspect::{ActorKind, ActorView, Life, Messages};

/// What surrounds an actor's mailbox: the count of messages that wait, and the courier, if there is one.
#[derive(Clone, Default)]
struct MailRoute {
    waiting: Arc<AtomicU64>,
    courier: Option<Arc<dyn Courier>>,
}

impl MailRoute {
    fn mail<M>(&self, message: M) -> Mail<M> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Mail {
            message,
            ticket: Ticket(Arc::clone(&self.waiting)),
        }
    }

    /// Sends a message that nobody waits for, now or when the courier delivers.
    fn send_detached(&self, send: impl FnOnce() + Send + 'static) {
        match &self.courier {
            Some(courier) => courier.carry(Box::new(send)),
            None => send(),
        }
    }
}

/// Has a courier send a message, and returns the reply.
fn send_by_courier<F, R>(courier: &dyn Courier, send: impl FnOnce() -> F + Send + 'static) -> CourierReply<R>
where
    F: Future<Output = Result<R, MailboxError>> + 'static,
    R: Send + 'static,
{
    let (mut reply, replied) = oneshot::channel();
    courier.carry(Box::new(move || {
        if reply.is_closed() {
            return;
        }
        let request = send();
        actix::spawn(async move {
            // A sender that stops waiting withdraws the message, as it does without a courier.
            let done = match select(pin!(reply.closed()), pin!(request)).await {
                Either::Left(_) => return,
                Either::Right((done, _)) => done,
            };
            let _withdrawn = reply.send(done);
        });
    }));
    CourierReply(replied)
}

/// The reply to a message that a courier carries.
pub struct CourierReply<R>(oneshot::Receiver<Result<R, MailboxError>>);

impl<R> Future for CourierReply<R> {
    type Output = Result<R, MailboxError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let replied = ready!(Pin::new(&mut self.0).poll(task));
        Poll::Ready(replied.unwrap_or(Err(MailboxError::Closed)))
    }
}

/// A message's place in the count of those that wait.
#[derive(Debug)]
struct Ticket(Arc<AtomicU64>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A message on its way.
#[derive(Debug)]
pub struct Mail<M> {
    message: M,
    ticket: Ticket,
}

impl<M: Message> Message for Mail<M> {
    type Result = M::Result;
}

impl<M> Mail<M> {
    /// The message: it doesn't wait any more.
    pub fn open(self) -> M {
        drop(self.ticket);
        self.message
    }
}

/// What an actor has had to do.
pub struct Desk {
    clock: Rc<dyn Clock>,
    started: Moment,
    route: MailRoute,
    handled: BTreeMap<&'static str, u64>,
    busy: Duration,
    timer: Option<Spawned>,
}

impl Desk {
    /// An actor starts now.
    pub fn new(clock: Rc<dyn Clock>) -> Self {
        Self {
            started: clock.now(),
            route: MailRoute {
                waiting: Arc::default(),
                courier: clock.courier(),
            },
            clock,
            handled: BTreeMap::new(),
            busy: Duration::ZERO,
            timer: None,
        }
    }

    /// The actor as it is now. What only its parent knows is left to the parent.
    pub fn view(&self, actor: ActorKind, name: String, generation: u64) -> ActorView {
        ActorView {
            actor,
            name,
            generation,
            life: Life::Running,
            seen: self.clock.now(),
            started: self.started,
            restarts: 0,
            restart_causes: BTreeMap::new(),
            last_exit: None,
            messages: Messages {
                handled: self
                    .handled
                    .iter()
                    .map(|(name, count)| ((*name).to_owned(), *count))
                    .collect(),
                waiting: self.route.waiting.load(Ordering::Relaxed),
                busy: self.busy,
            },
        }
    }

    /// The actor's own address, for those to whom it gives it.
    pub fn address<A: Attended>(&self, addr: Addr<A>) -> Address<A> {
        Address {
            addr,
            route: self.route.clone(),
        }
    }

    fn worked(&mut self, since: Moment) {
        self.busy += self.clock.now().since(since);
    }
}

/// An actor whose messages are counted.
pub trait Attended: Actor<Context = Context<Self>> {
    /// Where that is kept.
    fn desk(&mut self) -> &mut Desk;
}

/// Opens an envelope and handles the message.
pub fn attend<A, M>(actor: &mut A, mail: Mail<M>, ctx: &mut Context<A>) -> <A as Handler<M>>::Result
where
    A: Attended + Handler<M>,
    M: Message,
{
    let message = mail.open();
    let desk = actor.desk();
    *desk.handled.entry(short_name::<M>()).or_default() += 1;
    let since = desk.clock.now();
    let reply = actor.handle(message, ctx);
    actor.desk().worked(since);
    reply
}

/// The name of a message's type, without its path.
fn short_name<M>() -> &'static str {
    let name = type_name::<M>();
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain)
}

/// Where an actor can be reached.
pub struct Address<A: Actor> {
    addr: Addr<A>,
    route: MailRoute,
}

impl<A: Actor> Clone for Address<A> {
    /// A copy finds room for one message even in a full mailbox.
    fn clone(&self) -> Self {
        Self {
            addr: self.addr.clone(),
            route: self.route.clone(),
        }
    }
}

impl<A: Attended> Address<A> {
    /// Of an actor that something else receives for: in tests one that hangs, or a probe.
    #[cfg(test)]
    pub fn of(addr: Addr<A>) -> Self {
        Self {
            addr,
            route: MailRoute::default(),
        }
    }

    /// Starts an actor.
    pub fn start(mut actor: A) -> Self {
        let route = actor.desk().route.clone();
        Self {
            addr: actor.start(),
            route,
        }
    }

    /// Sends a message; what it answers is awaited by whoever cares.
    pub fn send<M>(&self, message: M) -> Either<Request<A, Mail<M>>, CourierReply<M::Result>>
    where
        A: Handler<Mail<M>>,
        A::Context: ToEnvelope<A, Mail<M>>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let mail = self.route.mail(message);
        let Some(courier) = &self.route.courier else {
            return Either::Left(self.addr.send(mail));
        };
        let addr = self.addr.clone();
        Either::Right(send_by_courier(courier.as_ref(), move || addr.send(mail)))
    }

    /// As [`Self::send`], when nobody is there to wait.
    pub fn send_and_leave<M>(&self, message: M)
    where
        A: Handler<Mail<M>>,
        A::Context: ToEnvelope<A, Mail<M>>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (addr, mail) = (self.addr.clone(), self.route.mail(message));
        #[expect(clippy::disallowed_methods, reason = "only for an actor that ends: it says why")]
        self.route.send_detached(move || addr.do_send(mail));
    }

    /// Where messages of one type can be sent.
    pub fn post<M>(&self) -> Post<M>
    where
        A: Handler<Mail<M>>,
        A::Context: ToEnvelope<A, Mail<M>>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Post {
            to: self.addr.clone().recipient(),
            route: self.route.clone(),
        }
    }

    /// Where children report their end.
    pub fn weak<M>(&self) -> ExitRecipient<M>
    where
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        ExitRecipient {
            to: self.addr.downgrade().recipient(),
            route: self.route.clone(),
        }
    }
}

/// Where children report their end. It does not keep their parent alive, and needs no room in the parent's mailbox.
pub struct ExitRecipient<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    to: WeakRecipient<M>,
    route: MailRoute,
}

impl<M> ExitRecipient<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    /// Returns the place of a receiver that counts nothing, such as a probe.
    #[cfg(test)]
    pub fn uncounted(to: WeakRecipient<M>) -> Self {
        Self {
            to,
            route: MailRoute::default(),
        }
    }

    /// Sends a report, if the parent lives.
    pub fn report(&self, message: M) {
        let to = self.to.clone();
        self.route.send_detached(move || {
            if let Some(to) = to.upgrade() {
                #[expect(clippy::disallowed_methods, reason = "the last word of an actor that ends")]
                to.do_send(message);
            }
        });
    }
}

/// Where messages of one type can be sent, whoever receives them.
pub struct Post<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    to: Recipient<Mail<M>>,
    route: MailRoute,
}

impl<M> Post<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    /// To a receiver that counts nothing, such as a test's probe.
    pub fn uncounted(to: Recipient<Mail<M>>) -> Self {
        Self {
            to,
            route: MailRoute::default(),
        }
    }

    /// Sends a message; what it answers is awaited by whoever cares.
    pub fn send(&self, message: M) -> Either<RecipientRequest<Mail<M>>, CourierReply<M::Result>> {
        let mail = self.route.mail(message);
        let Some(courier) = &self.route.courier else {
            return Either::Left(self.to.send(mail));
        };
        let to = self.to.clone();
        Either::Right(send_by_courier(courier.as_ref(), move || to.send(mail)))
    }

    /// Sends a report upward, without waiting: a child never waits on its parent.
    pub fn report(&self, message: M) {
        let (to, mail) = (self.to.clone(), self.route.mail(message));
        #[expect(
            clippy::disallowed_methods,
            reason = "reports upward are bounded by the children, of which there are few"
        )]
        self.route.send_detached(move || to.do_send(mail));
    }
}

impl<M> Clone for Post<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self {
            to: self.to.clone(),
            route: self.route.clone(),
        }
    }
}

/// Something that an actor does beside its messages. Its work counts as the actor's.
#[derive(Debug)]
pub struct Spawned {
    handle: SpawnHandle,
    cancelled: Rc<Cell<bool>>,
}

impl Spawned {
    /// Nothing of it is done any more. By itself actix polls what was cancelled once more in the same turn, and what is ready then
    /// would still be done.
    pub fn cancel<A: Actor<Context = Context<A>>>(self, ctx: &mut Context<A>) {
        self.cancelled.set(true);
        ctx.cancel_future(self.handle);
    }
}

/// Has the actor do this beside its messages.
pub fn spawn<A: Attended>(ctx: &mut Context<A>, future: impl ActorFuture<A, Output = ()> + 'static) -> Spawned {
    let cancelled = Rc::new(Cell::new(false));
    let handle = ctx.spawn(Timed {
        future: Box::pin(future),
        cancelled: Rc::clone(&cancelled),
    });
    Spawned { handle, cancelled }
}

/// A future of an actor, until it is cancelled.
struct Timed<A: Attended> {
    future: Pin<Box<dyn ActorFuture<A, Output = ()>>>,
    cancelled: Rc<Cell<bool>>,
}

impl<A: Attended> ActorFuture<A> for Timed<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, actor: &mut A, ctx: &mut Context<A>, task: &mut Task<'_>) -> Poll<()> {
        if self.cancelled.get() {
            return Poll::Ready(());
        }
        let since = actor.desk().clock.now();
        let polled = self.future.as_mut().poll(actor, ctx, task);
        actor.desk().worked(since);
        polled
    }
}

/// Has the actor do this after a while.
pub fn later<A: Attended>(
    ctx: &mut Context<A>,
    wait: Duration,
    act: impl FnOnce(&mut A, &mut Context<A>) + 'static,
) -> Spawned {
    let cancelled = Rc::new(Cell::new(false));
    let is_cancelled = Rc::clone(&cancelled);
    let handle = ctx.run_later(wait, move |actor, ctx| {
        if is_cancelled.get() {
            return;
        }
        let since = actor.desk().clock.now();
        act(actor, ctx);
        actor.desk().worked(since);
    });
    Spawned { handle, cancelled }
}

/// Sets the actor's one timer anew: what it does after a while, or that there is nothing to wait for.
pub fn set_timer<A: Attended>(
    actor: &mut A,
    ctx: &mut Context<A>,
    wait: Option<Duration>,
    act: impl FnOnce(&mut A, &mut Context<A>) + 'static,
) {
    if let Some(timer) = actor.desk().timer.take() {
        timer.cancel(ctx);
    }
    actor.desk().timer = wait.map(|wait| later(ctx, wait, act));
}

/// Lets an actor receive these messages in envelopes.
macro_rules! attended {
    ($actor:ty: $($message:ty),+ $(,)?) => {
        impl $crate::mail::Attended for $actor {
            fn desk(&mut self) -> &mut $crate::mail::Desk {
                &mut self.desk
            }
        }

        $(
            impl ::actix::Handler<$crate::mail::Mail<$message>> for $actor {
                type Result = <Self as ::actix::Handler<$message>>::Result;

                fn handle(
                    &mut self,
                    mail: $crate::mail::Mail<$message>,
                    ctx: &mut ::actix::Context<Self>,
                ) -> Self::Result {
                    $crate::mail::attend(self, mail, ctx)
                }
            }
        )+
    };
}
pub(crate) use attended;
