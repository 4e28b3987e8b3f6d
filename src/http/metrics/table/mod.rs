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
