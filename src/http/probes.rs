// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `/healthz`: the actors answer. It never depends on the platform or the API server: a restart would mend neither.
//!
//! `/readyz`: the resources are listed, and each agent has sent its snapshot, or waits for something outside, which the
//! body names.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use obsyk_actors::inspect::{AgentView, Readiness, SupervisorView};
use obsyk_actors::mail::Address;
use obsyk_actors::supervisor::{Ping, SupervisorActor};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::Inspection;

/// A supervisor that doesn't answer within this is stuck.
const ANSWER: Duration = Duration::from_secs(2);

/// Serves the probes.
pub async fn serve(listener: TcpListener, supervisor: Address<SupervisorActor>, inspection: Inspection) {
    let alive = Router::new().route("/healthz", get(healthz)).with_state(supervisor);
    let ready = Router::new().route("/readyz", get(readyz)).with_state(inspection);
    let router = alive.merge(ready);
    super::serve("probes", listener, router).await;
}

async fn healthz(State(supervisor): State<Address<SupervisorActor>>) -> (StatusCode, &'static str) {
    match timeout(ANSWER, supervisor.send(Ping)).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the actors don't answer\n"),
    }
}

async fn readyz(State(inspection): State<Inspection>) -> (StatusCode, String) {
    match inspection.now().await {
        Some(view) => readiness(&view),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the actors don't answer\n".to_owned()),
    }
}

fn readiness(view: &SupervisorView) -> (StatusCode, String) {
    if !view.listed {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the ObsykAgent resources aren't listed yet\n".to_owned(),
        );
    }
    let starting = view.agents.iter().any(|agent| agent.readiness == Readiness::Starting);
    let mut body = String::new();
    for agent in &view.agents {
        // Writing to a String can't fail.
        let _written = writeln!(body, "{}", line(agent));
    }
    if body.is_empty() {
        body.push_str("no ObsykAgent resource\n");
    }
    (
        if starting {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        },
        body,
    )
}

fn line(agent: &AgentView) -> String {
    let AgentView { namespace, name, .. } = agent;
    match &agent.readiness {
        Readiness::Synced => format!("{namespace}/{name}: synced"),
        Readiness::Idle => format!("{namespace}/{name}: idle; see its condition Degraded"),
        Readiness::Waits { reason, message } => format!("{namespace}/{name}: waits: {reason}: {message}"),
        Readiness::Starting => format!("{namespace}/{name}: starting"),
    }
}

#[cfg(test)]
mod tests {
    use obsyk_actors::inspect::{ActorKind, ActorView};
    use obsyk_domain::ports::AgentKey;
    use obsyk_domain::time::Moment;

    use super::*;

    fn agent(readiness: Readiness) -> AgentView {
        let key = AgentKey {
            namespace: "obsyk-system".into(),
            name: "demo".into(),
        };
        AgentView {
            readiness,
            ..AgentView::unseen(actor(ActorKind::Agent), &key)
        }
    }

    fn actor(kind: ActorKind) -> ActorView {
        ActorView::unseen(kind, String::new(), 1, Moment::START)
    }

    fn view(listed: bool, agents: Vec<AgentView>) -> SupervisorView {
        SupervisorView {
            version: String::new(),
            now: Moment::START,
            time: String::new(),
            actor: actor(ActorKind::Supervisor),
            listed,
            agents,
        }
    }

    #[test]
    fn not_ready_before_the_resources_are_listed() {
        assert_eq!(readiness(&view(false, Vec::new())).0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            readiness(&view(true, Vec::new())),
            (StatusCode::OK, "no ObsykAgent resource\n".to_owned())
        );
    }

    #[test]
    fn an_agent_that_waits_for_something_outside_is_ready_and_says_for_what() {
        let waits = Readiness::Waits {
            reason: "SecretNotFound".to_owned(),
            message: "Secret x isn't there".to_owned(),
        };
        let (status, body) = readiness(&view(true, vec![agent(waits)]));
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, "obsyk-system/demo: waits: SecretNotFound: Secret x isn't there\n");
    }

    #[test]
    fn an_agent_on_its_way_is_not_ready() {
        let agents = vec![agent(Readiness::Synced), agent(Readiness::Starting)];
        assert_eq!(readiness(&view(true, agents)).0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
