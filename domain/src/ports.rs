// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the actors need of the world: the traits that adapters implement, and a simulation too.
//!
//! Each port is as low as it can be: it carries out and reports, and decides nothing. Whether to list again, to try
//! again or to give up is the actors' state's to say.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use jiff::Timestamp;

use crate::agent::{ObsykAgentStatus, PlatformUrl};
use crate::answer::Outcome;
use crate::credentials::{Credentials, CredentialsError};
use crate::ledger;
use crate::notice::Notice;
use crate::resource::{ResourceKind, Sighting, Uid};
use crate::snapshot_body::SnapshotBody;
use crate::time::{Chance, Moment};
use crate::token::{AccessToken, Issued, TokenError};

/// A future that stays on its thread: all actors live on one.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// A stream that stays on its thread.
pub type LocalStream<T> = Pin<Box<dyn Stream<Item = T>>>;

/// Which resource an agent serves. Deleted and created again, it has another uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentKey {
    /// The resource's namespace.
    pub namespace: Arc<str>,
    /// The resource's name.
    pub name: Arc<str>,
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How a kind is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A streamed list from the API server's cache, and its watch in the same stream.
    Stream,
    /// A list in pages, a quorum read. The stream ends with [`Signal::ListEnd`].
    Pages,
    /// A watch from a version on.
    Watch {
        /// The version after which changes are told.
        after: u64,
    },
}

/// What a kind's stream says. The stream ends when the server ends it, or after a [`Signal::Failed`].
#[derive(Clone, Debug)]
pub enum Signal {
    /// The API server accepted the request.
    Opened,
    /// The request waits for its turn: one kind at a time lists in pages. Said every few seconds.
    Queued,
    /// An object of the list.
    Listed(Sighting),
    /// The list is whole, and this is its version.
    ListEnd {
        /// The resource version of the list.
        version: u64,
    },
    /// An object was added or modified.
    Put(Sighting),
    /// An object was deleted.
    Gone {
        /// Its uid.
        uid: Uid,
        /// The version of its deletion.
        version: u64,
    },
    /// All changes up to this version were told.
    Bookmark {
        /// That version.
        version: u64,
    },
    /// The stream is over, and why.
    Failed(ReadError),
}

/// Why a list or a watch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 410: the version is too old.
    #[error("the version is too old (410)")]
    Expired,
    /// The API server, asked by a quorum read, hasn't reached the version: it was restored from a backup.
    #[error("the version hasn't been reached: the API server was restored from a backup")]
    Reverted,
    /// 403.
    #[error("forbidden (403)")]
    Forbidden,
    /// 401.
    #[error("unauthorized (401)")]
    Unauthorized,
    /// 404: the API server doesn't know the kind.
    #[error("the API server doesn't know this kind (404)")]
    Absent,
    /// 400 or 422: the API server doesn't take the request, such as a streamed list that it can't serve.
    #[error("the API server refuses the request (400)")]
    Unsupported,
    /// 429 or 503, with `Retry-After`.
    #[error("the API server is busy")]
    Busy {
        /// How long it asks us to wait.
        wait: Option<Duration>,
    },
    /// Another answer of the API server.
    #[error("the API server answers {0}")]
    Status(u16),
    /// An object whose metadata can't be read.
    #[error("an object's metadata can't be read")]
    Undecodable,
    /// No connection, or it broke.
    #[error("the API server can't be reached")]
    Unreachable,
}

impl ReadError {
    /// What a status code of the API server means, in an answer's head or in a watch's ERROR event; `wait` is what it asks
    /// for.
    pub const fn of_status(code: u16, wait: Option<Duration>) -> Self {
        match code {
            410 => Self::Expired,
            403 => Self::Forbidden,
            401 => Self::Unauthorized,
            404 => Self::Absent,
            400 | 422 => Self::Unsupported,
            429 | 503 => Self::Busy { wait },
            _ => Self::Status(code),
        }
    }

    /// Whether the kind can't be read until somebody changes something in the cluster.
    pub const fn is_denied(self) -> bool {
        matches!(self, Self::Forbidden | Self::Absent)
    }
}

/// Lists and watches.
pub trait Watches {
    /// Opens a kind's stream.
    fn open(&self, kind: ResourceKind, opening: Opening) -> LocalStream<Signal>;
}

/// The platform, and with which token.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is.
    pub platform: PlatformUrl,
    /// The token that this platform issued.
    pub token: AccessToken,
}

/// The requests that carry something.
pub enum Payload {
    /// One change of one object.
    Event(Bytes),
    /// The cluster is alive.
    Heartbeat(Bytes),
    /// The whole cluster, or one kind of it.
    Snapshot(SnapshotBody),
}

impl fmt::Debug for Payload {
    /// What it is, and nothing of what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(body) => write!(f, "Event({} bytes)", body.len()),
            Self::Heartbeat(body) => write!(f, "Heartbeat({} bytes)", body.len()),
            Self::Snapshot(_) => f.write_str("Snapshot"),
        }
    }
}

/// The platform. Dropping a future aborts its request.
pub trait Platform {
    /// Fetches a token.
    fn token(&self, platform: PlatformUrl, credentials: Credentials) -> Local<Result<Issued, TokenError>>;
    /// Sends, once.
    fn send(&self, target: Target, payload: Payload) -> Local<Outcome>;
    /// The proxy on the way to this platform, as host and port, for messages; `None` when the way is direct.
    fn proxy(&self, platform: &PlatformUrl) -> Option<String>;
    /// The thumbprint of the credentials' public key (RFC 7638, SHA-256), by which a person tells one key from another.
    fn thumbprint(&self, credentials: &Credentials) -> Option<String>;
}

/// The credentials' Secret.
pub trait CredentialsSource {
    /// What the Secret says, now and after each change of it. It never ends; errors are states as well.
    fn watch(&self, namespace: &str, secret: &str) -> LocalStream<Result<Credentials, CredentialsError>>;
}

/// The cluster as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// The uid of namespace kube-system; `None` when it can't be read.
    pub uid: Option<String>,
    /// The API server's version as it names itself (`v1.37.2+k3s1`); `None` when it can't be read.
    pub git_version: Option<String>,
}

/// Who the cluster is.
pub trait Cluster {
    /// Asks the API server.
    fn identify(&self) -> Local<ClusterIdentity>;
}

/// A status couldn't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The resource is gone, or is another one under the same name.
    #[error("the resource is gone")]
    Gone,
    /// Not now.
    #[error("the API server didn't take the status")]
    Failed,
}

/// Where an agent's status goes.
pub trait StatusSink {
    /// Writes it, if the resource under this key still has this uid.
    fn write(&self, key: &AgentKey, uid: &str, status: ObsykAgentStatus) -> Local<Result<(), StatusError>>;
}

/// Where notices go: Kubernetes Events on the resource.
pub trait Notices {
    /// Records it on the resource under this key with this uid. That it couldn't be recorded matters to nobody, and isn't
    /// told.
    fn record(&self, key: &AgentKey, uid: &str, notice: &Notice) -> Local<()>;
}

/// Time, chance, and the couriers of messages.
pub trait Clock {
    /// The moment now.
    fn now(&self) -> Moment;
    /// The wall clock's time, for what people read.
    fn wall(&self) -> Timestamp;
    /// A source of randomness of one's own.
    fn chance(&self) -> Box<dyn Chance>;
    /// Returns the courier of an actor that starts now, or `None` if messages go at once, as in the process.
    fn courier(&self) -> Option<Arc<dyn Courier>> {
        None
    }
}

/// Carries messages to one actor's mailbox. The simulation delays messages with it.
pub trait Courier: Send + Sync {
    /// Calls `deliver` now or later, in the order in which the messages came.
    fn carry(&self, deliver: Box<dyn FnOnce() + Send>);
}

/// Bounds of an agent's memory. The simulation draws small ones, so that few objects reach them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of changes that wait in one ledger.
    pub ledger: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { ledger: ledger::BOUND }
    }
}

/// All ports, shared by all actors.
#[derive(Clone)]
pub struct Ports {
    /// Lists and watches.
    pub watches: Rc<dyn Watches>,
    /// The platform.
    pub platform: Rc<dyn Platform>,
    /// The credentials' Secrets.
    pub credentials: Rc<dyn CredentialsSource>,
    /// The cluster as such.
    pub cluster: Rc<dyn Cluster>,
    /// Where statuses go.
    pub status: Rc<dyn StatusSink>,
    /// Where notices go.
    pub notices: Rc<dyn Notices>,
    /// Time and chance.
    pub clock: Rc<dyn Clock>,
    /// Bounds of each agent's memory.
    pub bounds: Bounds,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}
