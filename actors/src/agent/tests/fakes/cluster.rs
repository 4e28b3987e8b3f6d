// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The API server: lists and watches, Secrets, who the cluster is, and statuses.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::{
    AgentKey, Clock, Cluster, ClusterIdentity, CredentialsSource, Local, LocalStream, Opening, ReadError, Signal,
    StatusError, StatusSink, Watches,
};
use obsyk_domain::resource::{Body, ResourceKind, Sighting, Withheld};
use obsyk_domain::time::Moment;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{FakeClock, Shared};

pub(crate) const KUBE_SYSTEM: &str = "9b2f5f6e-0000-4000-8000-000000000001";

type Says = Result<Credentials, CredentialsError>;

/// A status that was written.
#[derive(Clone, Debug)]
pub(crate) struct Wrote {
    pub(crate) at: Moment,
    pub(crate) key: AgentKey,
    pub(crate) uid: String,
    pub(crate) status: ObsykAgentStatus,
}

/// What a stream is made to say next.
enum Next {
    Signal(Signal),
    Panic,
}

/// See the module's page.
pub(crate) struct ApiServer {
    clock: Rc<FakeClock>,
    objects: Shared<ResourceKind, BTreeMap<String, u64>>,
    version: Cell<u64>,
    streams: RefCell<Vec<(ResourceKind, UnboundedSender<Next>)>>,
    forbidden: Shared<ResourceKind, ()>,
    secrets: Shared<String, Says>,
    followers: RefCell<Vec<(String, UnboundedSender<Says>)>>,
    followed: Cell<u64>,
    identity: RefCell<ClusterIdentity>,
    identified: RefCell<Vec<Moment>>,
    wrote: Rc<RefCell<Vec<Wrote>>>,
    write_answers: RefCell<Vec<Result<(), StatusError>>>,
    write_takes: Cell<Duration>,
    write_panics: Cell<bool>,
}

impl ApiServer {
    pub(super) fn new(clock: Rc<FakeClock>) -> Self {
        let identity = ClusterIdentity {
            uid: Some(KUBE_SYSTEM.to_owned()),
            git_version: Some("v1.35.0".to_owned()),
        };
        Self {
            clock,
            objects: RefCell::default(),
            version: Cell::new(10),
            streams: RefCell::default(),
            forbidden: RefCell::default(),
            secrets: RefCell::default(),
            followers: RefCell::default(),
            followed: Cell::new(0),
            identity: RefCell::new(identity),
            identified: RefCell::default(),
            wrote: Rc::default(),
            write_answers: RefCell::default(),
            write_takes: Cell::new(Duration::from_millis(5)),
            write_panics: Cell::new(false),
        }
    }

    /// An object is added, or changed.
    pub(crate) fn put(&self, kind: ResourceKind, name: &str) {
        self.version.set(self.version.get() + 1);
        let version = self.version.get();
        self.objects
            .borrow_mut()
            .entry(kind)
            .or_default()
            .insert(name.to_owned(), version);
        self.tell(kind, || Next::Signal(Signal::Put(sighting(name, version))));
    }

    /// Whoever reads this kind now panics.
    pub(crate) fn panic(&self, kind: ResourceKind) {
        self.tell(kind, || Next::Panic);
    }

    fn tell(&self, kind: ResourceKind, next: impl Fn() -> Next) {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|(of, to)| *of != kind || to.send(next()).is_ok());
    }

    /// A kind may not be read, or may be again.
    pub(crate) fn forbid(&self, kind: ResourceKind, is: bool) {
        if is {
            self.forbidden.borrow_mut().insert(kind, ());
            self.tell(kind, || Next::Signal(Signal::Failed(ReadError::Forbidden)));
        } else {
            self.forbidden.borrow_mut().remove(&kind);
        }
    }

    /// Streams that somebody still reads.
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.borrow().iter().filter(|(_, to)| !to.is_closed()).count()
    }

    pub(super) fn secret(&self, name: &str, says: Says) {
        self.secrets.borrow_mut().insert(name.to_owned(), says.clone());
        let mut followers = self.followers.borrow_mut();
        followers.retain(|(of, to)| of != name || to.send(says.clone()).is_ok());
    }

    /// How often a Secret was followed anew.
    pub(crate) fn followed(&self) -> u64 {
        self.followed.get()
    }

    pub(crate) fn identity(&self, uid: Option<&str>) {
        self.identity.borrow_mut().uid = uid.map(str::to_owned);
    }

    /// When somebody asked who the cluster is.
    pub(crate) fn identified(&self) -> Vec<Moment> {
        self.identified.borrow().clone()
    }

    pub(crate) fn wrote(&self) -> Vec<Wrote> {
        self.wrote.borrow().clone()
    }

    /// The next writes of a status are answered so; then they succeed.
    pub(crate) fn answer_writes(&self, answers: impl IntoIterator<Item = Result<(), StatusError>>) {
        *self.write_answers.borrow_mut() = answers.into_iter().collect();
    }

    /// Whoever writes a status dies, from here on or no more.
    pub(crate) fn panic_at_writes(&self, is: bool) {
        self.write_panics.set(is);
    }

    pub(crate) fn writes_take(&self, time: Duration) {
        self.write_takes.set(time);
    }
}

fn sighting(name: &str, version: u64) -> Sighting {
    let json = format!(r#"{{"uid":"uid-{name}","name":"{name}","namespace":"default","phase":"v{version}"}}"#);
    Sighting {
        uid: format!("uid-{name}").as_str().into(),
        namespace: Some("default".into()),
        name: name.into(),
        version,
        body: Body::Object(json.into_bytes()),
        facts: None,
        withheld: Withheld::default(),
    }
}

fn received<T: 'static>(from: UnboundedReceiver<T>) -> LocalStream<T> {
    Box::pin(stream::unfold(from, |mut from| async move {
        let next = from.recv().await?;
        Some((next, from))
    }))
}

impl Watches for ApiServer {
    fn open(&self, kind: ResourceKind, opening: Opening) -> LocalStream<Signal> {
        if self.forbidden.borrow().contains_key(&kind) {
            return Box::pin(stream::iter([Signal::Failed(ReadError::Forbidden)]));
        }
        let (to, changes) = unbounded_channel();
        let mut first = vec![Signal::Opened];
        if !matches!(opening, Opening::Watch { .. }) {
            let objects = self.objects.borrow();
            let objects = objects.get(&kind).into_iter().flatten();
            first.extend(objects.map(|(name, version)| Signal::Listed(sighting(name, *version))));
            let version = self.version.get();
            first.push(Signal::ListEnd { version });
        }
        if opening != Opening::Pages {
            self.streams.borrow_mut().push((kind, to));
        }
        let changes = received(changes).map(|next| match next {
            Next::Signal(signal) => signal,
            Next::Panic => panic!("planted: whoever reads this dies"),
        });
        Box::pin(stream::iter(first).chain(changes))
    }
}

impl CredentialsSource for ApiServer {
    fn watch(&self, _: &str, secret: &str) -> LocalStream<Says> {
        self.followed.set(self.followed.get() + 1);
        let (to, states) = unbounded_channel();
        let now = self.secrets.borrow().get(secret).cloned();
        to.send(now.unwrap_or(Err(CredentialsError::NoSecret))).unwrap();
        self.followers.borrow_mut().push((secret.to_owned(), to));
        received(states)
    }
}

impl Cluster for ApiServer {
    fn identify(&self) -> Local<ClusterIdentity> {
        self.identified.borrow_mut().push(self.clock.now());
        let identity = self.identity.borrow().clone();
        Box::pin(async move { identity })
    }
}

impl StatusSink for ApiServer {
    fn write(&self, key: &AgentKey, uid: &str, status: ObsykAgentStatus) -> Local<Result<(), StatusError>> {
        let mut answers = self.write_answers.borrow_mut();
        let answer = if answers.is_empty() { Ok(()) } else { answers.remove(0) };
        let wrote = Wrote {
            at: self.clock.now(),
            key: key.clone(),
            uid: uid.to_owned(),
            status,
        };
        let writes = Rc::clone(&self.wrote);
        let (takes, panics) = (self.write_takes.get(), self.write_panics.get());
        Box::pin(async move {
            writes.borrow_mut().push(wrote);
            assert!(!panics, "planted: whoever writes this dies");
            tokio::time::sleep(takes).await;
            answer
        })
    }
}
