// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! An agent, its sender and its watchers, for people.

use obsyk_actors::inspect::{
    AgentView, Life, LineView, PastSnapshot, Readiness, SenderView, SetAside, SnapshotResult, SnapshotsView,
    WatcherView,
};
use obsyk_actors::watcher::Phase;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenPhase;

use super::tree::life;
use super::units::{ago, ahead, bytes, columns, span};
use crate::commands::paint::Paint;
use crate::text::{grouped, printable};

/// Appends its lines.
pub(super) fn tell(agent: &AgentView, now: Moment, paint: Paint, lines: &mut Vec<String>) {
    let name = paint.title(&format!("{}/{}", agent.namespace, agent.name));
    let readiness = readiness(&agent.readiness, paint);
    lines.push(format!("{name}  {readiness}{}", life(&agent.actor, now, paint)));
    for condition in &agent.conditions {
        let wrong = (condition.r#type == "Degraded") == (condition.status == "True");
        let status = if wrong {
            paint.odd(&condition.status)
        } else {
            paint.good(&condition.status)
        };
        let message = printable(&condition.message);
        lines.push(format!(
            "  {:<12} {status}: {}: {message}",
            condition.r#type, condition.reason
        ));
    }
    let proxy = agent
        .proxy
        .as_ref()
        .map(|proxy| format!(" by way of proxy {}", printable(proxy)));
    let cluster = agent
        .cluster_name
        .as_deref()
        .map_or_else(|| "unnamed".to_owned(), printable);
    let platform = agent.platform.as_deref().map_or_else(|| "none".to_owned(), printable);
    lines.push(format!(
        "  {:<12} {platform}{}, cluster {cluster}",
        "platform",
        proxy.unwrap_or_default()
    ));
    lines.push(format!("  {:<12} {}", "credentials", credentials(agent, paint)));
    lines.push(format!(
        "  {:<12} {}",
        "snapshots",
        snapshots(&agent.snapshots, now, paint)
    ));
    if let Some(at) = agent.next_heartbeat {
        lines.push(format!("  {:<12} next {}", "heartbeat", ahead(now, at)));
    }
    if let Some(view) = &agent.sender {
        sender(view, now, paint, lines);
    }
    if !agent.watchers.is_empty() {
        watchers(&agent.watchers, now, paint, lines);
    }
}

fn readiness(readiness: &Readiness, paint: Paint) -> String {
    match readiness {
        Readiness::Synced => paint.good("synced"),
        Readiness::Idle => paint.odd("idle"),
        Readiness::Waits { reason, .. } => paint.odd(&format!("waits: {reason}")),
        Readiness::Starting => paint.odd("starting"),
    }
}

fn credentials(agent: &AgentView, paint: Paint) -> String {
    let known = &agent.credentials;
    let mut words = Vec::new();
    if let Some(client) = &known.client_id {
        words.push(format!("client {}", printable(client)));
    }
    if let Some(thumbprint) = &known.thumbprint {
        words.push(format!("key {thumbprint}"));
    }
    if let Some(secret) = &known.secret {
        words.push(format!("from Secret {}", printable(secret)));
    }
    if let Some(problem) = &known.problem {
        words.push(paint.bad(&printable(problem)));
    }
    if words.is_empty() {
        words.push("none".to_owned());
    }
    words.join(", ")
}

fn causes(causes: &[Cause]) -> String {
    causes.iter().map(|cause| cause.label()).collect::<Vec<_>>().join(", ")
}

fn snapshots(view: &SnapshotsView, now: Moment, paint: Paint) -> String {
    let mut words: Vec<String> = view
        .recent
        .first()
        .map(|last| past(last, now, paint))
        .into_iter()
        .collect();
    if let Some(open) = &view.open {
        let waits: Vec<&str> = open.waits_for.iter().map(|kind| kind.spec().kind).collect();
        let step = match waits.as_slice() {
            [] => "being sent".to_owned(),
            kinds => format!("waits for lists of {}", kinds.join(", ")),
        };
        words.push(paint.odd(&format!(
            "#{} open since {} ({}): {step}",
            open.n,
            ago(now, Some(open.opened)),
            causes(&open.causes)
        )));
    }
    if let Some(next) = view.next {
        words.push(format!("next {}", ahead(now, next)));
    }
    if words.is_empty() {
        words.push("none yet".to_owned());
    }
    words.join("; ")
}

fn past(last: &PastSnapshot, now: Moment, paint: Paint) -> String {
    let when = ago(now, Some(last.opened + last.took));
    let why = causes(&last.causes);
    match &last.result {
        SnapshotResult::Accepted { objects, bytes: size } => format!(
            "#{} accepted {when} ({why}): {} objects, {} in {}",
            last.n,
            grouped(*objects),
            bytes(*size),
            span(last.took)
        ),
        SnapshotResult::Refused { answer } => paint.bad(&format!("#{} refused {when} ({why}): {answer}", last.n)),
        SnapshotResult::Unfinished => paint.odd(&format!("#{} not finished, {when} ({why})", last.n)),
    }
}

fn sender(view: &SenderView, now: Moment, paint: Paint, lines: &mut Vec<String>) {
    let line = match &view.line {
        LineView::Closed => match (view.token.phase, view.last_accepted) {
            (TokenPhase::Held, Some(_)) => paint.good("sending works"),
            (TokenPhase::Held | TokenPhase::Absent | TokenPhase::Fetching, _) => paint.good("ready to send"),
            (TokenPhase::Denied | TokenPhase::Failing, _) => paint.odd("waits for a token"),
        },
        LineView::Retrying {
            attempt: 0, next_try, ..
        } => paint.odd(&format!("the platform asked to come later: {}", ahead(now, *next_try))),
        LineView::Retrying {
            attempt,
            next_try,
            answer,
        } => paint.odd(&format!(
            "retry {attempt} {}{}",
            ahead(now, *next_try),
            after(answer.as_deref())
        )),
        LineView::Open { next_probe, answer } => paint.bad(&format!(
            "platform down, next probe {}{}",
            ahead(now, *next_probe),
            after(answer.as_deref())
        )),
        LineView::Denied { answer } => paint.bad(&format!(
            "paused: the credentials are refused{}",
            after(answer.as_deref())
        )),
    };
    let token = match (view.token.phase, view.token.expires) {
        (TokenPhase::Held, Some(expires)) => format!("token ends {}", ahead(now, expires)),
        (TokenPhase::Held, None) => "token held".to_owned(),
        (TokenPhase::Absent, _) => "no token needed yet".to_owned(),
        (TokenPhase::Fetching, _) => "token asked for".to_owned(),
        (TokenPhase::Denied, _) => paint.bad(&format!("token refused{}", because(view.token.problem.as_deref()))),
        (TokenPhase::Failing, _) => paint.odd(&format!("no token{}", because(view.token.problem.as_deref()))),
    };
    let rate = view.rate.as_ref().map(|rate| {
        format!(
            ", {} of {} events at once ({}/s)",
            rate.tokens, rate.burst, rate.per_second
        )
    });
    lines.push(format!(
        "  {:<12} {line}, {token}{}, last accepted {}{}",
        "sender",
        rate.unwrap_or_default(),
        ago(now, view.last_accepted),
        life(&view.actor, now, paint)
    ));
    let ledger = &view.ledger;
    let oldest = view
        .oldest
        .map(|since| format!(", the oldest since {}", ago(now, Some(since))));
    lines.push(format!(
        "  {:<12} {} changes wait ({} deletes){}, {} on their way, {} of {}",
        "ledger",
        grouped(ledger.dirty as u64),
        grouped(ledger.tombstones as u64),
        oldest.unwrap_or_default(),
        ledger.in_flight,
        bytes(ledger.bytes as u64),
        bytes(ledger.bound as u64)
    ));
    lines.push(format!(
        "  {:<12} {} sent, 99 % within {} of the change, {} retries",
        "events",
        grouped(view.events),
        span(view.lag.all_but_one_in(100)),
        grouped(view.retries)
    ));
    set_aside(&view.set_aside_objects, view.set_aside.values().sum(), paint, lines);
}

fn after(answer: Option<&str>) -> String {
    answer.map(|answer| format!(" after {answer}")).unwrap_or_default()
}

fn because(problem: Option<&str>) -> String {
    problem.map(|problem| format!(": {problem}")).unwrap_or_default()
}

fn watchers(views: &[WatcherView], now: Moment, paint: Paint, lines: &mut Vec<String>) {
    lines.push(String::new());
    let head = [
        "KIND",
        "PHASE",
        "OBJECTS",
        "LAST LIST",
        "LAST EVENT",
        "EVENTS",
        "RESTARTS",
    ];
    let rows: Vec<Vec<String>> = views.iter().map(|view| row(view, now)).collect();
    let mut table = columns(&head, &rows).into_iter();
    lines.extend(table.next().map(|head| format!("  {head}")));
    for (view, row) in views.iter().zip(table) {
        let usual = view.phase == Phase::Watching && view.actor.life == Life::Running;
        lines.push(format!("  {}", if usual { row } else { paint.odd(&row) }));
        if let Some(problem) = &view.problem {
            let again = view.next_try.map(|at| format!("; tried again {}", ahead(now, at)));
            lines.push(format!(
                "    {}{}",
                paint.bad(&printable(problem)),
                again.unwrap_or_default()
            ));
        }
        if let Some(exit) = view.actor.last_exit {
            let when = ago(now, Some(exit.at));
            lines.push(format!(
                "    {}",
                paint.odd(&format!("last died {when}: {}", exit.cause))
            ));
        }
    }
    for view in views {
        set_aside(&view.set_aside_objects, view.undecodable, paint, lines);
    }
}

fn row(view: &WatcherView, now: Moment) -> Vec<String> {
    let phase = match view.actor.life {
        Life::Busy => "busy",
        Life::Unseen => "unseen",
        Life::Dead => "dead",
        Life::Running => match view.phase {
            Phase::Idle => "idle",
            Phase::Listing => "listing",
            Phase::Watching => "watching",
            Phase::Waiting => "waiting",
            Phase::Unreadable => "unreadable",
            Phase::Stopped => "stopped",
        },
    };
    let list = view.last_list.map(|list| {
        format!(
            "{} in {}, {}",
            list.form.label(),
            span(list.took),
            ago(now, Some(list.ended))
        )
    });
    vec![
        view.kind.to_string(),
        phase.to_owned(),
        grouped(view.known),
        list.unwrap_or_else(|| "none".to_owned()),
        ago(now, view.last_event),
        grouped(view.events),
        view.actor.restarts.to_string(),
    ]
}

/// The first objects that aren't sent, and how many there are.
fn set_aside(objects: &[SetAside], all: u64, paint: Paint, lines: &mut Vec<String>) {
    for object in objects {
        let namespace = object.namespace.as_ref().map(|namespace| format!("{namespace}/"));
        let name = printable(&format!("{}{}", namespace.unwrap_or_default(), object.name));
        lines.push(format!(
            "  {:<12} {} {name}: {}",
            paint.odd("set aside"),
            object.kind,
            printable(&object.reason)
        ));
    }
    let more = all.saturating_sub(objects.len() as u64);
    if more > 0 {
        lines.push(format!("  {:<12} and {} more", "", grouped(more)));
    }
}
