// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The tree, for people.

use obsyk_actors::inspect::{ActorView, Life, SupervisorView};
use obsyk_domain::time::Moment;

use super::agent;
use super::units::{ago, span};
use crate::commands::paint::Paint;

/// Lines for all of it.
pub(super) fn tree(view: &SupervisorView, paint: Paint) -> String {
    let mut lines = vec![format!(
        "obsyk-operator {}, up {}, at {}{}",
        view.version,
        span(view.now.since(view.actor.started)),
        view.time,
        life(&view.actor, view.now, paint)
    )];
    if !view.listed {
        lines.push(paint.odd("the ObsykAgent resources aren't listed yet"));
    } else if view.agents.is_empty() {
        lines.push("no ObsykAgent resource; apply one: kubectl explain obsykagent.spec".to_owned());
    }
    for agent in &view.agents {
        lines.push(String::new());
        agent::tell(agent, view.now, paint, &mut lines);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Whether what is shown is how the actor is now, and how often it died before, as the end of a line.
pub(super) fn life(actor: &ActorView, now: Moment, paint: Paint) -> String {
    let deaths = actor.last_exit.map(|exit| {
        let (times, when) = (actor.restarts, ago(now, Some(exit.at)));
        paint.odd(&format!("; deaths {times}, the last {when}: {}", exit.cause))
    });
    let stale = match actor.life {
        Life::Running => String::new(),
        Life::Busy => paint.odd(&format!("; busy: seen {}", ago(now, Some(actor.seen)))),
        Life::Unseen => paint.odd("; not heard of yet"),
        Life::Dead => paint.bad(&format!(
            "; dead, to be built anew: seen {}",
            ago(now, Some(actor.seen))
        )),
    };
    stale + &deaths.unwrap_or_default()
}
