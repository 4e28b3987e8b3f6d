// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is read of each kind.

use super::super::samples::{Kind, Metric};
use super::{KIND, each_agent, each_watcher, in_seconds, of};

/// The metrics.
pub(super) const METRICS: &[Metric] = &[
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
            each_agent(view, |agent, of| {
                let Some(sender) = &agent.sender else { return };
                for kind in agent.watchers.iter().map(|watcher| watcher.kind) {
                    let count = sender.set_aside.get(&kind).copied().unwrap_or_default();
                    samples.count(&[of, &[kind.spec().kind]].concat(), count);
                }
            });
        },
    ),
    of(
        "kind_unreadable",
        Kind::Gauge,
        "Whether a kind can't be read and is left out, until a list of it is whole: 1, else 0",
        KIND,
        |view, samples| {
            each_watcher(view, |watcher, of| {
                samples.count(of, u64::from(watcher.unreadable.is_some()))
            });
        },
    ),
    of(
        "annotations_withheld",
        Kind::Counter,
        "Annotations that were read and not sent, by kind and rule: each time that an object is read",
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
];
