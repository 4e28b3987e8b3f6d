// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform is told.

use obsyk_actors::inspect::LineView;

use super::super::samples::{Kind, Metric};
use super::{AGENT, each_agent, each_sender, in_bytes, in_seconds, of};

/// The metrics.
pub(super) const METRICS: &[Metric] = &[
    of(
        "ledger_dirty",
        Kind::Gauge,
        "Objects with a change that the platform has still to be told",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.dirty as u64));
        },
    ),
    of(
        "ledger_tombstones",
        Kind::Gauge,
        "Those of them that are gone",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.tombstones as u64));
        },
    ),
    of(
        "ledger_in_flight",
        Kind::Gauge,
        "Events on their way",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.in_flight as u64));
        },
    ),
    in_bytes("ledger_held", "What the ledger holds", |view, samples| {
        each_sender(view, |sender, of| samples.count(of, sender.ledger.bytes as u64));
    }),
    in_bytes(
        "ledger_bound",
        "What the ledger may hold: beyond it a snapshot is due",
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.bound as u64));
        },
    ),
    in_seconds(
        "ledger_oldest",
        Kind::Gauge,
        "How long the oldest change has waited",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| {
                let waited = sender.oldest.map(|since| view.now.since(since));
                samples.seconds(of, waited.unwrap_or_default());
            });
        },
    ),
    of(
        "ledger_merged",
        Kind::Counter,
        "Changes that replaced one that waited",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.merged));
        },
    ),
    of(
        "ledger_vanished",
        Kind::Counter,
        "Objects that came and went before the platform had anything of them",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.vanished));
        },
    ),
    of(
        "ledger_overflows",
        Kind::Counter,
        "How often the ledger's bound was reached",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.ledger.overflows));
        },
    ),
    of(
        "requests",
        Kind::Counter,
        "Requests to the platform that ended, by endpoint and by what came of them: 2xx and so on, or why there was no answer",
        &["namespace", "agent", "endpoint", "code"],
        |view, samples| {
            each_sender(view, |sender, of| {
                for answers in &sender.requests {
                    samples.count(&[of, &[&answers.endpoint, &answers.class]].concat(), answers.count);
                }
            });
        },
    ),
    of(
        "retries",
        Kind::Counter,
        "Retries after a failed request; what only waited because the platform asked to, or for a new token, is none",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.retries));
        },
    ),
    of(
        "circuit_open",
        Kind::Gauge,
        "Whether the platform is taken for down, so that only heartbeats probe: 1, else 0",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| {
                samples.count(of, u64::from(matches!(sender.line, LineView::Open { .. })));
            });
        },
    ),
    in_seconds(
        "event_lag",
        Kind::Histogram,
        "How long it took from a change to the acceptance of its event",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.durations(of, &sender.lag));
        },
    ),
    of(
        "snapshots",
        Kind::Counter,
        "Snapshots begun, by cause: one that has two counts for both",
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
            each_sender(view, |sender, of| samples.durations(of, &sender.snapshots));
        },
    ),
    in_seconds(
        "snapshot_barrier",
        Kind::Histogram,
        "How long snapshots were open, whatever their end: changes waited meanwhile",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.durations(of, &sender.barriers));
        },
    ),
    of(
        "token_refreshes",
        Kind::Counter,
        "Tokens that the platform issued",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.count(of, sender.token.issued));
        },
    ),
    in_seconds(
        "token_left",
        Kind::Gauge,
        "For how long the token in hand is good; 0 without one",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| {
                let left = sender.token.expires.map(|at| at.since(view.now));
                samples.seconds(of, left.unwrap_or_default());
            });
        },
    ),
    in_seconds(
        "rate_limited",
        Kind::Counter,
        "How long changes waited for the rate limiter",
        AGENT,
        |view, samples| {
            each_sender(view, |sender, of| samples.seconds(of, sender.rate_limited));
        },
    ),
];
