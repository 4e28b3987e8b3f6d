// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The faults, what each needs, and which may be there at the same time.

use std::fmt;
use std::time::Duration;

use crate::platform::Endpoint;
use crate::proxy::Mode;

/// A leg of the operator on which the proxy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// Operator and API server.
    Cluster,
    /// Operator and platform.
    Platform,
}

/// A fault, with everything that was chosen for it but the moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// SIGKILL to the API server, which is started again after this time.
    ApiServerKilled(Duration),
    /// SIGSTOP to the API server, SIGCONT after this time.
    ApiServerStopped(Duration),
    /// etcd is compacted while the operator's watches are down, so that they find their version gone (410).
    EtcdCompacted,
    /// etcd is restored from a backup that is as old as this.
    EtcdRestored(Duration),
    /// The right to a kind (plural and group) is taken, and given back after this time.
    RightsTaken(&'static str, Duration),
    /// The service account's token is exchanged, and the old one is ended at once.
    ServiceAccountTokenRotated,
    /// The resource is edited while something is being sent.
    AgentEdited(Edit),
    /// The resource is deleted while something is being sent, and created again after this time.
    AgentRecreated(Duration),
    /// A new key in the Secret, and on the platform.
    SecretRotated,
    /// The Secret is as it must not be, for this time; meanwhile tokens end.
    SecretSpoilt(Spoil, Duration),
    /// What the proxy does on a leg, for this time. With a cut at its beginning when it says so.
    Way(Leg, Mode, Cut, Duration),
    /// The platform's answer to so many requests.
    Answered(Endpoint, Reply, usize),
    /// The platform is down for this time.
    PlatformDown(Duration),
    /// All tokens end, so often, some seconds apart.
    TokensRevoked(u32),
    /// SIGKILL to the operator, which is started again after this time.
    Killed(Duration),
    /// SIGSTOP to the operator, SIGCONT after this time.
    Stopped(Duration),
    /// SIGTERM to the operator at a step of a send; it is started again when it has ended.
    Terminated(Step),
}

/// Whether connections are cut when a fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All of them.
    All,
    /// None.
    None,
}

/// How the resource is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The cluster's name: a snapshot is due.
    ClusterName,
    /// The rate.
    Rate,
    /// The interval of heartbeats.
    Interval,
}

/// What is wrong with the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// It isn't there.
    Deleted,
    /// The key is no key.
    Garbage,
    /// The key is another one than the platform knows.
    Foreign,
}

/// What the platform answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the kit's answers are")]
pub enum Reply {
    Status(u16),
    TooMany,
    Html,
    Half,
    Hang,
    Slow,
    ResetBeforeBody,
    ResetAfterBody,
    LostAnswer,
    Redirect,
    Huge,
}

/// Where in a send the operator is when it is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Anywhere.
    Any,
    /// It lists.
    Listing,
    /// It waits for a token.
    Token,
    /// Its snapshot is on the way.
    SnapshotSent,
    /// An event is on the way.
    EventSent,
}

/// What a fault takes hold of: two at a time don't touch the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The API server, and whatever is asked of it.
    Api,
    ClusterLeg,
    PlatformLeg,
    Answers,
    Operator,
    /// Nothing else at the same time.
    All,
}

impl Fault {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::ApiServerKilled(_)
            | Self::ApiServerStopped(_)
            | Self::EtcdCompacted
            | Self::RightsTaken(..)
            | Self::ServiceAccountTokenRotated
            | Self::SecretRotated
            | Self::SecretSpoilt(..) => Place::Api,
            Self::EtcdRestored(_) | Self::AgentEdited(_) | Self::AgentRecreated(_) | Self::Terminated(_) => Place::All,
            Self::Way(Leg::Cluster, ..) => Place::ClusterLeg,
            Self::Way(Leg::Platform, ..) => Place::PlatformLeg,
            Self::Answered(..) => Place::Answers,
            Self::PlatformDown(_) | Self::TokensRevoked(_) => Place::PlatformLeg,
            Self::Killed(_) | Self::Stopped(_) => Place::Operator,
        }
    }

    /// Whether both may be there at the same time.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        let (one, two) = (self.place(), other.place());
        let asks_in_vain = self.needs_api() && other.takes_api() || other.needs_api() && self.takes_api();
        one != two && one != Place::All && two != Place::All && !asks_in_vain
    }

    /// Whether something is written through the API to bring it about.
    fn needs_api(&self) -> bool {
        matches!(self, Self::Answered(Endpoint::Snapshot, ..))
    }

    /// Whether nothing can be written while it is there.
    fn takes_api(&self) -> bool {
        matches!(self, Self::ApiServerKilled(_) | Self::ApiServerStopped(_))
    }

    /// The row of the table that it counts in.
    #[must_use]
    pub fn row(&self) -> String {
        match self {
            Self::ApiServerKilled(_) => "API server killed".into(),
            Self::ApiServerStopped(_) => "API server stopped (SIGSTOP)".into(),
            Self::EtcdCompacted => "etcd compacted".into(),
            Self::EtcdRestored(_) => "etcd restored from a backup".into(),
            Self::RightsTaken(..) => "rights to a kind taken and given back".into(),
            Self::ServiceAccountTokenRotated => "service account token rotated".into(),
            Self::AgentEdited(_) => "resource edited during a send".into(),
            Self::AgentRecreated(_) => "resource deleted and created again".into(),
            Self::SecretRotated => "Secret rotated".into(),
            Self::SecretSpoilt(..) => "Secret spoilt and mended".into(),
            Self::Way(leg, mode, cut, _) => way(*leg, *mode, *cut),
            Self::Answered(endpoint, ..) => format!("answers of {}", endpoint.path()),
            Self::PlatformDown(_) => "platform down".into(),
            Self::TokensRevoked(_) => "tokens revoked".into(),
            Self::Killed(_) => "operator killed".into(),
            Self::Stopped(_) => "operator stopped (SIGSTOP)".into(),
            Self::Terminated(_) => "operator terminated at a step of a send".into(),
        }
    }
}

fn way(leg: Leg, mode: Mode, cut: Cut) -> String {
    let leg = match leg {
        Leg::Cluster => "API server's leg",
        Leg::Platform => "platform's leg",
    };
    let what = match mode {
        Mode::Pass if cut == Cut::All => "cut",
        Mode::Pass => "whole",
        Mode::Refuse => "refused",
        Mode::CutUp(_) => "cut in a request",
        Mode::CutDown(_) => "cut in an answer",
        Mode::Silent => "silent",
        Mode::BlackHole => "black hole",
        Mode::Slow { .. } => "slow",
        Mode::Delay(_) => "delayed",
        Mode::Flap { .. } => "flapping",
    };
    format!("{leg}: {what}")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row())?;
        let seconds = |time: &Duration| format!("{:.1} s", time.as_secs_f64());
        match self {
            Self::ApiServerKilled(time)
            | Self::ApiServerStopped(time)
            | Self::AgentRecreated(time)
            | Self::PlatformDown(time)
            | Self::Killed(time)
            | Self::Stopped(time) => write!(f, ", {}", seconds(time)),
            Self::EtcdRestored(time) => write!(f, ", {} old", seconds(time)),
            Self::RightsTaken(kind, time) => write!(f, ", {kind}, {}", seconds(time)),
            Self::AgentEdited(edit) => write!(f, ", {edit:?}"),
            Self::SecretSpoilt(how, time) => write!(f, ", {how:?}, {}", seconds(time)),
            Self::Way(_, Mode::CutUp(bytes) | Mode::CutDown(bytes), _, time) => {
                write!(f, " after {bytes} bytes, {}", seconds(time))
            }
            Self::Way(_, Mode::Slow { rate }, _, time) => write!(f, ", {rate} bytes/s, {}", seconds(time)),
            Self::Way(_, Mode::Delay(by), _, time) => write!(f, " by {}, {}", seconds(by), seconds(time)),
            Self::Way(_, Mode::Flap { every }, _, time) => {
                write!(f, " every {}, {}", seconds(every), seconds(time))
            }
            Self::Way(_, _, _, time) => write!(f, ", {}", seconds(time)),
            Self::Answered(_, reply, times) => write!(f, ", {reply:?} × {times}"),
            Self::TokensRevoked(times) => write!(f, ", {times} ×"),
            Self::Terminated(step) => write!(f, ", {step:?}"),
            Self::EtcdCompacted | Self::ServiceAccountTokenRotated | Self::SecretRotated => Ok(()),
        }
    }
}
