// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What surrounds a watcher in tests: streams that the test feeds, and recipients that hand it each message.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, Message, ResponseFuture};
use futures_util::stream;
use jiff::Timestamp;
use obsyk_domain::agent::{ObsykAgentStatus, PlatformUrl};
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::notice::Notice;
use obsyk_domain::ports::{
    AgentKey, Clock, Cluster, ClusterIdentity, CredentialsSource, Local, LocalStream, Notices, Opening, Payload,
    Platform, Ports, Signal, StatusError, StatusSink, Target, Watches,
};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::{Chance, Moment};
use obsyk_domain::token::{Issued, TokenError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Always;
use crate::agent::fakes::key;
use crate::agent::{Child, Listed, Unreadable};
use crate::mail::{ExitRecipient, Mail, Post};
use crate::sender::{Offer, Refusal, SnapshotDue, Spooled};
use crate::supervision::Exited;
use crate::watcher::{Collaborators, Relist, WatcherActor};

/// Runs a test on virtual time, which goes on when nothing else does: a wait without end takes no time to fail.
pub(super) fn run(test: impl Future<Output = ()>) {
    let system = actix_rt::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    });
    system.block_on(async {
        let guard = Duration::from_secs(3600);
        tokio::time::timeout(guard, test).await.expect("a wait without end");
    });
}

/// A stream that the watcher has open.
pub(super) struct Feed {
    pub(super) opening: Opening,
    say: mpsc::UnboundedSender<Signal>,
    pulled: Rc<Cell<usize>>,
}

impl Feed {
    pub(super) fn say(&self, signals: impl IntoIterator<Item = Signal>) {
        for signal in signals {
            self.say.send(signal).expect("the stream is open");
        }
    }

    /// How many signals the watcher has taken.
    pub(super) fn pulled(&self) -> usize {
        self.pulled.get()
    }

    /// Waits until the watcher has dropped the stream.
    pub(super) async fn dropped(&self) {
        self.say.closed().await;
    }
}

struct Feeds {
    opened: mpsc::UnboundedSender<Feed>,
    panics: bool,
}

impl Watches for Feeds {
    fn open(&self, _: ResourceKind, opening: Opening) -> LocalStream<Signal> {
        if self.panics {
            return Box::pin(stream::poll_fn(|_| panic!("a planted panic")));
        }
        let (say, heard) = mpsc::unbounded_channel();
        let pulled = Rc::new(Cell::new(0));
        let feed = Feed {
            opening,
            say,
            pulled: Rc::clone(&pulled),
        };
        let _test_is_over = self.opened.send(feed);
        Box::pin(stream::unfold(heard, move |mut heard| {
            let pulled = Rc::clone(&pulled);
            async move {
                let signal = heard.recv().await?;
                pulled.set(pulled.get() + 1);
                Some((signal, heard))
            }
        }))
    }
}

/// Hands each message to the test.
struct Probe<M>(mpsc::UnboundedSender<M>);

impl<M: Unpin + 'static> Actor for Probe<M> {
    type Context = Context<Self>;
}

impl<M> Handler<Mail<M>> for Probe<M>
where
    M: Message<Result = ()> + Unpin + 'static,
{
    type Result = ();

    fn handle(&mut self, mail: Mail<M>, _: &mut Context<Self>) {
        let _test_is_over = self.0.send(mail.open());
    }
}

impl Handler<Exited<Child>> for Probe<Exited<Child>> {
    type Result = ();

    fn handle(&mut self, exited: Exited<Child>, _: &mut Context<Self>) {
        let _test_is_over = self.0.send(exited);
    }
}

/// Hands offers to the test, which answers them.
struct OfferProbe(mpsc::UnboundedSender<(Offer, oneshot::Sender<Result<(), Refusal>>)>);

impl Actor for OfferProbe {
    type Context = Context<Self>;
}

impl Handler<Mail<Offer>> for OfferProbe {
    type Result = ResponseFuture<Result<(), Refusal>>;

    fn handle(&mut self, offer: Mail<Offer>, _: &mut Context<Self>) -> Self::Result {
        let (reply, replied) = oneshot::channel();
        let _test_is_over = self.0.send((offer.open(), reply));
        Box::pin(async move { replied.await.unwrap_or(Err(Refusal::Draining)) })
    }
}

fn probe<M>() -> (Addr<Probe<M>>, mpsc::UnboundedReceiver<M>)
where
    M: Message<Result = ()> + Unpin + 'static,
{
    let (told, heard) = mpsc::unbounded_channel();
    (Probe(told).start(), heard)
}

/// A watcher, and all that it says.
pub(super) struct Stage {
    pub(super) watcher: Addr<WatcherActor>,
    pub(super) opened: mpsc::UnboundedReceiver<Feed>,
    pub(super) offers: mpsc::UnboundedReceiver<(Offer, oneshot::Sender<Result<(), Refusal>>)>,
    pub(super) spooled: mpsc::UnboundedReceiver<Spooled>,
    pub(super) listed: mpsc::UnboundedReceiver<Listed>,
    pub(super) unreadable: mpsc::UnboundedReceiver<Unreadable>,
    pub(super) due: mpsc::UnboundedReceiver<SnapshotDue>,
    pub(super) exited: mpsc::UnboundedReceiver<Exited<Child>>,
    _parent: Addr<Probe<Exited<Child>>>,
}

impl Stage {
    pub(super) fn set() -> Self {
        Self::with(false)
    }

    /// A watcher whose streams panic.
    pub(super) fn set_to_panic() -> Self {
        Self::with(true)
    }

    fn with(panics: bool) -> Self {
        let (opening, opened) = mpsc::unbounded_channel();
        let (offering, offers) = mpsc::unbounded_channel();
        let (spool, spooled) = probe();
        let (list, listed) = probe();
        let (cant, unreadable) = probe();
        let (is_due, due) = probe();
        let (parent, exited) = probe();
        let feeds = Feeds {
            opened: opening,
            panics,
        };
        let to = Collaborators {
            offer: Post::uncounted(OfferProbe(offering).start().recipient()),
            spooled: Post::uncounted(spool.recipient()),
            listed: Post::uncounted(list.recipient()),
            unreadable: Post::uncounted(cant.recipient()),
            due: Post::uncounted(is_due.recipient()),
        };
        let watcher = WatcherActor::new(
            key("demo"),
            ResourceKind::Pod,
            7,
            ports(feeds),
            to,
            Some(ExitRecipient::uncounted(parent.downgrade().recipient())),
        )
        .start();
        Self {
            watcher,
            opened,
            offers,
            spooled,
            listed,
            unreadable,
            due,
            exited,
            _parent: parent,
        }
    }

    /// Asks for a list, and hands out its stream.
    pub(super) async fn relist(&mut self, n: u64) -> Feed {
        self.watcher.send(Relist { n }).await.unwrap();
        self.opened.recv().await.unwrap()
    }
}

fn ports(feeds: Feeds) -> Ports {
    Ports {
        watches: Rc::new(feeds),
        platform: Rc::new(Nobody),
        credentials: Rc::new(Nobody),
        cluster: Rc::new(Nobody),
        status: Rc::new(Nobody),
        notices: Rc::new(Nobody),
        clock: Rc::new(VirtualClock(Instant::now())),
        bounds: Default::default(),
    }
}

struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment::at(self.0.elapsed())
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn chance(&self) -> Box<dyn Chance> {
        Box::new(Always(0.5))
    }
}

/// The ports that a watcher doesn't use.
struct Nobody;

impl Platform for Nobody {
    fn token(&self, _: PlatformUrl, _: Credentials) -> Local<Result<Issued, TokenError>> {
        panic!("a watcher fetches no token")
    }

    fn send(&self, _: Target, _: Payload) -> Local<Outcome> {
        panic!("a watcher sends nothing")
    }

    fn proxy(&self, _: &PlatformUrl) -> Option<String> {
        panic!("a watcher asks for no proxy")
    }

    fn thumbprint(&self, _: &Credentials) -> Option<String> {
        None
    }
}

impl CredentialsSource for Nobody {
    fn watch(&self, _: &str, _: &str) -> LocalStream<Result<Credentials, CredentialsError>> {
        panic!("a watcher reads no Secret")
    }
}

impl Cluster for Nobody {
    fn identify(&self) -> Local<ClusterIdentity> {
        panic!("a watcher doesn't ask who the cluster is")
    }
}

impl StatusSink for Nobody {
    fn write(&self, _: &AgentKey, _: &str, _: ObsykAgentStatus) -> Local<Result<(), StatusError>> {
        panic!("a watcher writes no status")
    }
}

impl Notices for Nobody {
    fn record(&self, _: &AgentKey, _: &str, _: &Notice) -> Local<()> {
        panic!("a watcher records no notice")
    }
}
