// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table of metrics.

mod actors;
mod delivery;
mod kinds;

use obsyk_actors::inspect::{ActorView, AgentView, SenderView, SupervisorView, WatcherView};
use prometheus_client::registry::Unit;

use super::samples::{Kind, Metric, Samples};

const AGENT: &[&str] = &["namespace", "agent"];
const KIND: &[&str] = &["namespace", "agent", "kind"];
const ACTOR: &[&str] = &["namespace", "agent", "actor", "kind"];

/// Every metric, in the order in which they are told.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    [actors::METRICS, kinds::METRICS, delivery::METRICS]
        .into_iter()
        .flatten()
}

type Read = fn(&SupervisorView, &mut Samples);

const fn of(name: &'static str, kind: Kind, help: &'static str, labels: &'static [&'static str], read: Read) -> Metric {
    measured(None, name, kind, help, labels, read)
}

const fn in_seconds(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    labels: &'static [&'static str],
    read: Read,
) -> Metric {
    measured(Some(Unit::Seconds), name, kind, help, labels, read)
}

const fn in_bytes(name: &'static str, help: &'static str, read: Read) -> Metric {
    measured(Some(Unit::Bytes), name, Kind::Gauge, help, AGENT, read)
}

const fn measured(
    unit: Option<Unit>,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    labels: &'static [&'static str],
    read: Read,
) -> Metric {
    Metric {
        name,
        kind,
        unit,
        help,
        labels,
        read,
    }
}

fn each_agent(view: &SupervisorView, mut take: impl FnMut(&AgentView, &[&str])) {
    for agent in &view.agents {
        take(agent, &[&agent.namespace, &agent.name]);
    }
}

fn each_sender(view: &SupervisorView, mut take: impl FnMut(&SenderView, &[&str])) {
    each_agent(view, |agent, of| {
        if let Some(sender) = &agent.sender {
            take(sender, of);
        }
    });
}

fn each_watcher(view: &SupervisorView, mut take: impl FnMut(&WatcherView, &[&str])) {
    each_agent(view, |agent, of| {
        for watcher in &agent.watchers {
            take(watcher, &[of, &[watcher.kind.spec().kind]].concat());
        }
    });
}

fn each_actor(view: &SupervisorView, mut take: impl FnMut(&ActorView, &[&str])) {
    take(&view.actor, &["", "", view.actor.actor.label(), ""]);
    each_agent(view, |agent, of| {
        let sender = agent.sender.iter().map(|sender| (&sender.actor, ""));
        let watchers = agent
            .watchers
            .iter()
            .map(|watcher| (&watcher.actor, watcher.kind.spec().kind));
        for (actor, kind) in std::iter::once((&agent.actor, "")).chain(sender).chain(watchers) {
            take(actor, &[of, &[actor.actor.label(), kind]].concat());
        }
    });
}
