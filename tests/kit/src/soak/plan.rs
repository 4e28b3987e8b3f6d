// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which faults come when: all of it follows from one seed.
//!
//! The faults are a deck of cards that is shuffled and dealt to its end, then again with other times and numbers: so each
//! comes about equally often, in ever another order.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::fault::{Cut, Edit, Fault, Leg, Reply, Spoil, Step};
use crate::platform::Endpoint;
use crate::proxy::Mode;

/// How many steps a round has before its quiet point.
const STEPS: std::ops::RangeInclusive<usize> = 3..=6;

/// What the rights to are taken.
const KINDS: [&str; 6] = ["configmaps", "secrets", "pods", "deployments", "ingresses", "jobs"];

/// What comes between two quiet points.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Counts from 1.
    pub number: usize,
    /// One after the other.
    pub steps: Vec<Faults>,
    /// Of the churn.
    pub seed: u64,
}

/// One fault, or two at the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// One or two.
    pub faults: Vec<Fault>,
}

impl Round {
    /// Whether the platform gives an answer to an event after which the protocol lets it rest: an object refused for what it is
    /// is set aside, and a delete of something that the platform says it doesn't know (404) is met.
    pub(super) fn lets_rest(&self) -> bool {
        let mut faults = self.steps.iter().flat_map(|step| &step.faults);
        faults.any(|fault| {
            matches!(
                fault,
                Fault::Answered(Endpoint::Events, Reply::Status(400 | 404 | 413 | 422), _)
            )
        })
    }
}

/// The rounds of a seed, without end. `only` keeps the faults whose row contains this text.
pub fn rounds(seed: u64, only: Option<&str>) -> impl Iterator<Item = Round> + use<> {
    let mut chance = StdRng::seed_from_u64(seed);
    let only = only.map(str::to_owned);
    let mut deck = Vec::new();
    (1..).map(move |number| {
        let mut steps = Vec::new();
        for _ in 0..chance.random_range(STEPS) {
            let first = deal(&mut deck, &mut chance, only.as_deref());
            let second = deck.iter().rposition(|other: &Fault| first.goes_with(other));
            let second = second.filter(|_| chance.random_bool(0.3)).map(|at| deck.remove(at));
            let faults = [Some(first), second].into_iter().flatten().collect();
            steps.push(Faults { faults });
        }
        let seed = chance.random();
        Round { number, steps, seed }
    })
}

fn deal(deck: &mut Vec<Fault>, chance: &mut StdRng, only: Option<&str>) -> Fault {
    loop {
        if let Some(fault) = deck.pop() {
            return fault;
        }
        let mut new = cards(chance);
        new.retain(|fault| only.is_none_or(|only| fault.row().contains(only)));
        assert!(!new.is_empty(), "no fault is called {only:?}");
        new.shuffle(chance);
        *deck = new;
    }
}

/// Each kind of fault, the frequent ones more than once.
fn cards(chance: &mut StdRng) -> Vec<Fault> {
    let mut cards = vec![
        Fault::ApiServerKilled(seconds(chance, 0.0, 4.0)),
        Fault::ApiServerStopped(seconds(chance, 1.0, 15.0)),
        Fault::EtcdCompacted,
        Fault::EtcdRestored(seconds(chance, 6.0, 12.0)),
        Fault::RightsTaken(KINDS.choose(chance).unwrap_or(&KINDS[0]), seconds(chance, 1.0, 8.0)),
        Fault::ServiceAccountTokenRotated,
        Fault::AgentEdited(
            *[Edit::ClusterName, Edit::Rate, Edit::Interval]
                .choose(chance)
                .unwrap_or(&Edit::Rate),
        ),
        Fault::AgentEdited(Edit::ClusterName),
        Fault::AgentRecreated(seconds(chance, 0.0, 2.0)),
        Fault::SecretRotated,
        Fault::SecretSpoilt(
            *[Spoil::Deleted, Spoil::Garbage, Spoil::Foreign]
                .choose(chance)
                .unwrap_or(&Spoil::Deleted),
            seconds(chance, 1.0, 5.0),
        ),
        Fault::PlatformDown(seconds(chance, 0.5, 20.0)),
        Fault::TokensRevoked(chance.random_range(1..4)),
        Fault::Killed(seconds(chance, 0.0, 5.0)),
        Fault::Killed(seconds(chance, 0.0, 5.0)),
        Fault::Stopped(seconds(chance, 0.5, 60.0)),
        Fault::Terminated(Step::Any),
        Fault::Terminated(*[Step::Listing, Step::Token].choose(chance).unwrap_or(&Step::Token)),
        Fault::Terminated(
            *[Step::SnapshotSent, Step::EventSent]
                .choose(chance)
                .unwrap_or(&Step::EventSent),
        ),
    ];
    for leg in [Leg::Cluster, Leg::Platform] {
        cards.extend(ways(chance, leg));
    }
    for endpoint in [
        Endpoint::Events,
        Endpoint::Events,
        Endpoint::Events,
        Endpoint::Snapshot,
        Endpoint::Snapshot,
    ] {
        cards.push(answered(chance, endpoint));
    }
    cards.push(answered(chance, Endpoint::Token));
    cards.push(answered(chance, Endpoint::Heartbeat));
    cards
}

/// What the proxy does. Where a connection is cut is drawn from what a head, a body and an answer have of bytes.
fn ways(chance: &mut StdRng, leg: Leg) -> Vec<Fault> {
    // Between TLS and the API server's streams there is more of everything.
    let (up, down) = match leg {
        Leg::Cluster => (3_000, 100_000),
        Leg::Platform => (4_000, 300),
    };
    let short = |chance: &mut StdRng| seconds(chance, 1.0, 6.0);
    let modes = [
        Mode::Pass,
        Mode::Pass,
        Mode::Refuse,
        Mode::CutUp(chance.random_range(0..=up)),
        Mode::CutDown(chance.random_range(0..=down)),
        Mode::Silent,
        Mode::Slow {
            rate: chance.random_range(200..20_000),
        },
        Mode::Delay(seconds(chance, 0.05, 1.0)),
        Mode::Flap {
            every: seconds(chance, 0.5, 2.0),
        },
    ];
    let mut ways: Vec<Fault> = modes
        .into_iter()
        .map(|mode| {
            let cut = match mode {
                Mode::Pass | Mode::Refuse => Cut::All,
                _ => Cut::None,
            };
            Fault::Way(leg, mode, cut, short(chance))
        })
        .collect();
    if cfg!(target_os = "linux") {
        ways.push(Fault::Way(leg, Mode::BlackHole, Cut::None, seconds(chance, 5.0, 40.0)));
    }
    ways
}

/// Answers that an endpoint may give. Those to a snapshot that mean a wait of a minute come once at a time.
fn answered(chance: &mut StdRng, endpoint: Endpoint) -> Fault {
    let transient = [
        Reply::Status(500),
        Reply::Status(502),
        Reply::Status(503),
        Reply::Status(408),
        Reply::TooMany,
        Reply::Half,
        Reply::Hang,
        Reply::Slow,
        Reply::ResetBeforeBody,
        Reply::ResetAfterBody,
        Reply::LostAnswer,
    ];
    let refusals = [
        Reply::Status(400),
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::Status(409),
        Reply::Status(413),
        Reply::Status(422),
        Reply::Redirect,
    ];
    let of_token = [Reply::Html, Reply::Huge, Reply::Status(200), Reply::Status(400)];
    let reply = match endpoint {
        Endpoint::Token if chance.random_bool(0.5) => of_token.choose(chance),
        _ if chance.random_bool(0.6) => transient.choose(chance),
        _ => refusals.choose(chance),
    };
    let reply = *reply.unwrap_or(&Reply::Status(503));
    let times = match reply {
        Reply::Hang | Reply::Redirect | Reply::Status(400..=407 | 409..=499) => 1,
        _ if endpoint == Endpoint::Events => chance.random_range(1..8),
        _ => chance.random_range(1..4),
    };
    Fault::Answered(endpoint, reply, times)
}

fn seconds(chance: &mut StdRng, from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(chance.random_range(from..to))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        let three = |seed| rounds(seed, None).take(3).collect::<Vec<_>>();
        assert_eq!(three(7), three(7));
        assert_ne!(three(7), three(8));
    }

    #[test]
    fn a_hundred_faults_have_every_row() {
        let mut chance = StdRng::seed_from_u64(1);
        let all: BTreeSet<_> = cards(&mut chance).iter().map(Fault::row).collect();
        let dealt = rounds(3, None)
            .flat_map(|round| round.steps)
            .flat_map(|step| step.faults);
        let seen: BTreeSet<_> = dealt.take(100).map(|fault| fault.row()).collect();
        assert_eq!(all, seen);
    }

    #[test]
    fn two_at_a_time_touch_different_things() {
        for step in rounds(5, None).take(50).flat_map(|round| round.steps) {
            if let [one, two] = &step.faults[..] {
                assert!(one.goes_with(two), "{one} and {two}");
            }
        }
    }
}
