// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The process and its actors.

use obsyk_actors::inspect::Readiness;
use obsyk_actors::supervision::ExitCause;
use obsyk_domain::wire::VERSION;

use super::super::samples::{Kind, Metric};
use super::{ACTOR, AGENT, each_actor, each_agent, in_seconds, of};
use crate::telemetry;

/// The metrics.
pub(super) const METRICS: &[Metric] = &[
    of(
        "build_info",
        Kind::Gauge,
        "What runs: always 1",
        &["version", "revision"],
        |_, samples| {
            samples.count(&[VERSION, option_env!("OBSYK_REVISION").unwrap_or_default()], 1);
        },
    ),
    of(
        "panics",
        Kind::Counter,
        "Panics, each of which an actor died of or was spared",
        &[],
        |_, samples| {
            samples.count(&[], telemetry::panics());
        },
    ),
    of(
        "agent_ready",
        Kind::Gauge,
        "Whether a snapshot was accepted: 1, else 0",
        AGENT,
        |view, samples| {
            each_agent(view, |agent, of| {
                samples.count(of, u64::from(agent.readiness == Readiness::Synced))
            });
        },
    ),
    of(
        "events_dropped",
        Kind::Counter,
        "Kubernetes Events that weren't recorded on the resource, since there were too many",
        AGENT,
        |view, samples| {
            each_agent(view, |agent, of| samples.count(of, agent.dropped_notices));
        },
    ),
    of(
        "actor_restarts",
        Kind::Counter,
        "Actors that died and were built anew, by the actor's sort, the kind that it watches, and the cause",
        &["namespace", "agent", "actor", "kind", "cause"],
        |view, samples| {
            each_actor(view, |actor, of| {
                for cause in [ExitCause::Panicked, ExitCause::GaveUp] {
                    let count = actor.restart_causes.get(&cause).copied().unwrap_or_default();
                    samples.count(&[of, &[cause.label()]].concat(), count);
                }
            });
        },
    ),
    of(
        "actor_messages",
        Kind::Counter,
        "Messages that an actor handled",
        ACTOR,
        |view, samples| {
            each_actor(view, |actor, of| {
                samples.count(of, actor.messages.handled.values().sum())
            });
        },
    ),
    of(
        "actor_messages_waiting",
        Kind::Gauge,
        "Messages that wait for an actor",
        ACTOR,
        |view, samples| {
            each_actor(view, |actor, of| samples.count(of, actor.messages.waiting));
        },
    ),
    in_seconds(
        "actor_busy",
        Kind::Counter,
        "Time that an actor worked",
        ACTOR,
        |view, samples| {
            each_actor(view, |actor, of| samples.seconds(of, actor.messages.busy));
        },
    ),
];
