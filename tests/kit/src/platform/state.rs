// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! All that the platform remembers, behind one lock, and the news that it has changed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::answers::Orders;
use super::assertion::Assertions;
use super::cluster::{Cluster, Oddity};
use super::happening::{Happening, Observer, What};
use super::history::History;
use super::request::{Change, Endpoint, Event, Outcome, Raw, Request};

/// Which spelling of an event's type the platform takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventTypes {
    /// The one that a client uses first, and no other from that client.
    #[default]
    AsFirstSeen,
    /// `ADDED`, `UPDATED`, `DELETED`
    Upper,
    /// `added`, `modified`, `deleted`
    Lower,
    /// Both, in any order.
    Either,
}

/// Something that the protocol doesn't allow.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The request's endpoint; none for a path that the protocol doesn't have.
    pub endpoint: Option<Endpoint>,
    /// What is wrong, and where in the body.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.endpoint {
            Some(endpoint) => write!(f, "{endpoint}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// How often something happened that is no fault by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens issued.
    pub tokens: usize,
    /// Snapshots accepted.
    pub snapshots: usize,
    /// Events accepted.
    pub events: usize,
    /// Heartbeats accepted.
    pub heartbeats: usize,
    /// Events that said ADDED of an object that was held already.
    pub redundant: usize,
    /// Events that said UPDATED of an object that wasn't known.
    pub unknown_updates: usize,
    /// Events that said DELETED of an object that wasn't known.
    pub unknown_deletes: usize,
}

struct Token {
    client: String,
    ends: Instant,
}

/// What the platform remembers.
pub(super) struct State {
    pub(super) assertions: Assertions,
    pub(super) history: History,
    pub(super) orders: Orders,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) counts: Counts,
    pub(super) violations: Vec<Violation>,
    pub(super) event_types: EventTypes,
    pub(super) token_lifetime: Duration,
    /// Answers may get lost on their way: see [`super::Builder::lossy_way`].
    pub(super) lossy_way: bool,
    /// What came over the wire, since it is to be remembered.
    pub(super) recorded: Option<Vec<Raw>>,
    tokens: HashMap<String, Token>,
    first_types: HashMap<String, bool>,
}

impl State {
    pub(super) fn new(token_lifetime: Duration, event_types: EventTypes) -> Self {
        Self {
            assertions: Assertions::default(),
            history: History::default(),
            orders: Orders::default(),
            clusters: BTreeMap::new(),
            counts: Counts::default(),
            violations: Vec::new(),
            event_types,
            token_lifetime,
            lossy_way: false,
            recorded: None,
            tokens: HashMap::new(),
            first_types: HashMap::new(),
        }
    }

    /// A new token for a client: any text that nobody can guess.
    pub(super) fn issue(&mut self, client: &str) -> String {
        let token = format!("token-{:032x}", rand::random::<u128>());
        let ends = Instant::now() + self.token_lifetime;
        let client = client.to_owned();
        self.tokens.insert(token.clone(), Token { client, ends });
        self.counts.tokens += 1;
        token
    }

    /// The client of a token that hasn't ended.
    pub(super) fn client(&self, token: &str) -> Option<&str> {
        let token = self.tokens.get(token)?;
        (Instant::now() < token.ends).then_some(token.client.as_str())
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn choose_event_types(&mut self, event_types: EventTypes) {
        self.event_types = event_types;
        self.first_types.clear();
    }

    /// What is wrong with the spelling of an event's type, if anything.
    pub(super) fn check_spelling(&mut self, client: &str, spelled: &str) -> Option<String> {
        let is_upper = spelled.starts_with(|c: char| c.is_ascii_uppercase());
        let expected = match self.event_types {
            EventTypes::Either => return None,
            EventTypes::Upper => true,
            EventTypes::Lower => false,
            EventTypes::AsFirstSeen => *self.first_types.entry(client.to_owned()).or_insert(is_upper),
        };
        (expected != is_upper).then(|| format!("type: {spelled:?}, and this platform takes the other spelling"))
    }

    /// What is wrong with an event besides its form.
    pub(super) fn check_event(&self, event: &Event) -> Option<String> {
        let Some(cluster) = self.clusters.get(&event.cluster_uid) else {
            return Some(format!(
                "cluster_uid: no snapshot of {:?} was accepted",
                event.cluster_uid
            ));
        };
        let is_repeated = self.lossy_way && event.change == Change::Deleted;
        (cluster.has_lost(&event.uid) && !is_repeated)
            .then(|| format!("uid: an event after the accepted delete of {}: {event}", event.uid))
    }

    pub(super) fn count(&mut self, oddity: Option<Oddity>) {
        match oddity {
            Some(Oddity::Redundant) => self.counts.redundant += 1,
            Some(Oddity::UnknownUpdate) => self.counts.unknown_updates += 1,
            Some(Oddity::UnknownDelete) => self.counts.unknown_deletes += 1,
            None => {}
        }
    }

    /// What became of a request; what that shows to be a violation is recorded, and returned to be told.
    pub(super) fn ended(&mut self, number: u64, endpoint: Endpoint, outcome: Outcome) -> Vec<Violation> {
        let delete = |request: &Request| match request.event() {
            Some(event) if event.change == Change::Deleted && request.is_accepted() => {
                Some((event.cluster_uid.clone(), event.uid.clone()))
            }
            _ => None,
        };
        let proved = self.history.ended(number, outcome);
        let deleted = self.history.request(number).and_then(delete);
        if let Some((cluster, uid)) = deleted
            && let Some(cluster) = self.clusters.get_mut(&cluster)
        {
            cluster.is_gone(&uid);
        }
        let violation = |what| Violation {
            endpoint: Some(endpoint),
            what,
        };
        let proved: Vec<Violation> = proved.into_iter().map(violation).collect();
        self.violations.extend(proved.iter().cloned());
        proved
    }
}

/// The state, shared between the server's thread and whoever looks.
pub(super) struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<()>,
    observer: Option<Mutex<Observer>>,
    /// Only counts, for measurements.
    pub(super) lean: bool,
    /// How many bytes of endless answers were taken.
    pub(super) streamed: Arc<AtomicU64>,
}

impl Shared {
    pub(super) fn new(state: State, observer: Option<Observer>, lean: bool) -> Self {
        Self {
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
            observer: observer.map(Mutex::new),
            lean,
            streamed: Arc::default(),
        }
    }

    /// Changes the state, and tells those who wait.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.changes.send_replace(());
        result
    }

    /// Looks at the state. A closure that panics, as those of tests do, does no harm.
    pub(super) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.lock())
    }

    /// Hears of every change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Tells the observer of violations that are recorded.
    pub(super) fn tell_violations(&self, violations: Vec<Violation>) {
        for violation in violations {
            self.tell(What::Violation(violation));
        }
    }

    /// Tells the observer. Not under the lock, so that it may look.
    pub(super) fn tell(&self, what: What) {
        if let Some(observer) = &self.observer {
            let observer = observer.lock().unwrap_or_else(PoisonError::into_inner);
            observer(&Happening::now(what));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
