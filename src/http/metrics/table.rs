// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table of metrics.

use obsyk_actors::inspect::{ActorView, AgentView, LineView, Readiness, SenderView, SupervisorView, WatcherView};
use obsyk_actors::watcher::Phase;
use obsyk_domain::wire::VERSION;
use prometheus_client::registry::Unit;

use super::samples::{Kind, Metric, Samples};
use crate::telemetry;

const AGENT: &[&str] = &["namespace", "agent"];
const KIND: &[&str] = &["namespace", "agent", "kind"];
const ACTOR: &[&str] = &["namespace", "agent", "actor", "kind"];

/// Every metric, in the order in which they are told.
pub const METRICS: &[Metric] = &[
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
        "Actors that died and were built anew, by the actor's sort and the kind that it watches",
        ACTOR,
        |view, samples| {
            each_actor(view, |actor, of| samples.count(of, actor.restarts));
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
    of(
        "objects",
        Kind::Gauge,
        "Objects known, by kind",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| samples.count(of, watcher.known));
        },
    ),
    of(
        "objects_undecodable",
        Kind::Gauge,
        "Objects that can't be decoded and aren't sent, by kind",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| samples.count(of, watcher.undecodable));
        },
    ),
    of(
        "objects_set_aside",
        Kind::Gauge,
        "Objects that the platform refuses until they change, by kind",
        KIND,
        |view, samples| {
            each_sender(view, |agent, sender| {
                for (kind, count) in &sender.set_aside {
                    samples.count(&[&agent.namespace, &agent.name, kind.spec().kind], *count);
                }
            });
        },
    ),
    of(
        "kind_unreadable",
        Kind::Gauge,
        "Whether a kind can't be read and is left out: 1, else 0",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| {
                samples.count(of, u64::from(watcher.phase == Phase::Unreadable))
            });
        },
    ),
    of(
        "annotations_withheld",
        Kind::Counter,
        "Annotations that were read and not sent, by kind and rule: of each state of an object anew",
        &["namespace", "agent", "kind", "rule"],
        |view, samples| {
            each_watcher(view, |watcher, of| {
                for (rule, count) in &watcher.withheld {
                    samples.count(&[of, &[rule.label()]].concat(), *count);
                }
            });
        },
    ),
    of(
        "watch_events",
        Kind::Counter,
        "Changes that the API server told, by kind",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| samples.count(of, watcher.events));
        },
    ),
    of(
        "lists",
        Kind::Counter,
        "Lists begun, by kind, form and cause",
        &["namespace", "agent", "kind", "form", "cause"],
        |view, samples| {
            each_watcher(view, |watcher, of| {
                for lists in &watcher.lists {
                    samples.count(&[of, &[lists.form.label(), lists.why.label()]].concat(), lists.count);
                }
            });
        },
    ),
    in_seconds(
        "list_duration",
        Kind::Histogram,
        "How long lists took that were read to their end, by kind",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| samples.durations(of, &watcher.list_durations));
        },
    ),
    of(
        "ledger_dirty",
        Kind::Gauge,
        "Objects with a change that the platform has still to be told",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.dirty as u64)
            });
        },
    ),
    of(
        "ledger_tombstones",
        Kind::Gauge,
        "Those of them that are gone",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.tombstones as u64)
            });
        },
    ),
    of(
        "ledger_in_flight",
        Kind::Gauge,
        "Events on their way",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.in_flight as u64)
            });
        },
    ),
    in_bytes("ledger_held", "What the ledger holds", |view, samples| {
        each_sender(view, |agent, sender| {
            samples.count(&name(agent), sender.ledger.bytes as u64)
        });
    }),
    in_bytes(
        "ledger_bound",
        "What the ledger may hold: beyond it a snapshot is due",
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.bound as u64)
            });
        },
    ),
    in_seconds(
        "ledger_oldest",
        Kind::Gauge,
        "How long the oldest change has waited",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                let waited = sender.oldest.map(|since| view.now.since(since));
                samples.seconds(&name(agent), waited.unwrap_or_default());
            });
        },
    ),
    of(
        "ledger_merged",
        Kind::Counter,
        "Changes that replaced one that waited",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.count(&name(agent), sender.ledger.merged));
        },
    ),
    of(
        "ledger_vanished",
        Kind::Counter,
        "Objects that came and went before the platform had anything of them",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.vanished)
            });
        },
    ),
    of(
        "ledger_overflows",
        Kind::Counter,
        "How often the ledger's bound was reached",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), sender.ledger.overflows)
            });
        },
    ),
    of(
        "requests",
        Kind::Counter,
        "Requests to the platform that were answered, by endpoint and class of the answer",
        &["namespace", "agent", "endpoint", "code"],
        |view, samples| {
            each_sender(view, |agent, sender| {
                for answers in &sender.requests {
                    samples.count(
                        &[&agent.namespace, &agent.name, &answers.endpoint, &answers.class],
                        answers.count,
                    );
                }
            });
        },
    ),
    of(
        "retries",
        Kind::Counter,
        "Requests that were tried again",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.count(&name(agent), sender.retries));
        },
    ),
    of(
        "circuit_open",
        Kind::Gauge,
        "Whether the platform is taken for down, so that only heartbeats probe: 1, else 0",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                samples.count(&name(agent), u64::from(matches!(sender.line, LineView::Open { .. })));
            });
        },
    ),
    in_seconds(
        "event_lag",
        Kind::Histogram,
        "How long it took from a change to the acceptance of its event",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.durations(&name(agent), &sender.lag));
        },
    ),
    of(
        "snapshots",
        Kind::Counter,
        "Snapshots begun, by cause",
        &["namespace", "agent", "cause"],
        |view, samples| {
            each_agent(view, |agent, of| {
                for (cause, count) in &agent.snapshots.by_cause {
                    samples.count(&[of, &[cause.label()]].concat(), *count);
                }
            });
        },
    ),
    in_seconds(
        "snapshot_duration",
        Kind::Histogram,
        "How long snapshots took that were accepted, from the first list on",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.durations(&name(agent), &sender.snapshots));
        },
    ),
    in_seconds(
        "snapshot_barrier",
        Kind::Histogram,
        "How long snapshots were open, whatever their end: changes waited meanwhile",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.durations(&name(agent), &sender.barriers));
        },
    ),
    of(
        "token_refreshes",
        Kind::Counter,
        "Tokens that the platform issued",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.count(&name(agent), sender.token.issued));
        },
    ),
    in_seconds(
        "token_left",
        Kind::Gauge,
        "For how long the token in hand is good; 0 without one",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| {
                let left = sender.token.expires.map(|at| at.since(view.now));
                samples.seconds(&name(agent), left.unwrap_or_default());
            });
        },
    ),
    in_seconds(
        "rate_limited",
        Kind::Counter,
        "How long changes waited for the rate limiter",
        AGENT,
        |view, samples| {
            each_sender(view, |agent, sender| samples.seconds(&name(agent), sender.rate_limited));
        },
    ),
];

type Read = fn(&SupervisorView, &mut Samples);

const fn of(name: &'static str, kind: Kind, help: &'static str, labels: &'static [&'static str], read: Read) -> Metric {
    let unit = None;
    Metric {
        name,
        kind,
        unit,
        help,
        labels,
        read,
    }
}

const fn in_seconds(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    labels: &'static [&'static str],
    read: Read,
) -> Metric {
    let unit = Some(Unit::Seconds);
    Metric {
        name,
        kind,
        unit,
        help,
        labels,
        read,
    }
}

const fn in_bytes(name: &'static str, help: &'static str, read: Read) -> Metric {
    let (kind, unit, labels) = (Kind::Gauge, Some(Unit::Bytes), AGENT);
    Metric {
        name,
        kind,
        unit,
        help,
        labels,
        read,
    }
}

fn name(agent: &AgentView) -> [&str; 2] {
    [&agent.namespace, &agent.name]
}

fn each_agent(view: &SupervisorView, mut take: impl FnMut(&AgentView, &[&str])) {
    for agent in &view.agents {
        take(agent, &name(agent));
    }
}

fn each_sender(view: &SupervisorView, mut take: impl FnMut(&AgentView, &SenderView)) {
    for agent in &view.agents {
        if let Some(sender) = &agent.sender {
            take(agent, sender);
        }
    }
}

fn each_watcher(view: &SupervisorView, mut take: impl FnMut(&WatcherView, &[&str])) {
    for agent in &view.agents {
        for watcher in &agent.watchers {
            take(watcher, &[&agent.namespace, &agent.name, watcher.kind.spec().kind]);
        }
    }
}

fn each_actor(view: &SupervisorView, mut take: impl FnMut(&ActorView, &[&str])) {
    take(&view.actor, &["", "", view.actor.actor.label(), ""]);
    for agent in &view.agents {
        let sender = agent.sender.iter().map(|sender| (&sender.actor, ""));
        let watchers = agent
            .watchers
            .iter()
            .map(|watcher| (&watcher.actor, watcher.kind.spec().kind));
        for (actor, kind) in std::iter::once((&agent.actor, "")).chain(sender).chain(watchers) {
            take(actor, &[&agent.namespace, &agent.name, actor.actor.label(), kind]);
        }
    }
}
