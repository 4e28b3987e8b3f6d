// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Looks at the actors by `Inspect`, as anybody can: states that a batch must reach, heartbeats, and expectations.

use std::collections::BTreeMap;
use std::time::Duration;

use obsyk_actors::inspect::{AgentView, Life, LineView, SenderView, SupervisorView};
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenPhase;

use super::World;
use crate::coverage::Reached;
use crate::setting::{HERE, key};

/// A heartbeat that comes later than its interval and this is late: a look may miss a token for as long as looks are apart,
/// and messages are held back.
const LATE: Duration = Duration::from_secs(9);

/// The supervisor gives its agents 600 ms: it answers one inspection before the next one.
const MOST_UNANSWERED: u32 = 3;

/// A snapshot that may open within this time is due; the daily one is further away.
const DUE: Duration = Duration::from_secs(600);

/// The ledger's bound counts after each object, so that the largest one may exceed it: fat objects have 150,000 bytes.
const ONE_OBJECT: usize = 160_000;

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct LastInspection {
    /// Inspections since the last answer.
    unanswered: u32,
    /// When it was answered, or the process started.
    at: Moment,
    /// When the open snapshot was opened.
    snapshot_opened: Option<Moment>,
    /// The generation of the sender whose circuit was open.
    circuit_open_in: Option<u64>,
    overflows: u64,
    doubts: u64,
    /// The kinds that snapshots had.
    carried: Vec<ResourceKind>,
    /// Those that they had when the ledger's bound was reached.
    carried_at_overflow: Vec<ResourceKind>,
    sessions: BTreeMap<AgentKey, Session>,
    beats: BTreeMap<String, Moment>,
}

/// A time in which a sender has a token at each look.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    generations: (u64, u64),
    platform: String,
    every: Duration,
    since: Moment,
}

impl LastInspection {
    /// Returns true if a snapshot was open at the last look.
    pub(crate) fn snapshot_is_open(&self) -> bool {
        self.snapshot_opened.is_some()
    }

    /// Begins with a process.
    pub(crate) fn of_process(now: Moment) -> Self {
        Self {
            at: now,
            ..Self::default()
        }
    }

    /// Returns a moment before which the snapshot that is sent now was not opened.
    pub(crate) fn snapshot_opened_after(&self) -> Moment {
        self.snapshot_opened.unwrap_or(self.at)
    }

    /// A heartbeat goes out.
    pub(crate) fn beats(&mut self, now: Moment, origin: &str) {
        self.beats.insert(origin.to_owned(), now);
    }
}

impl World {
    /// An inspection begins: the one before must have been answered.
    pub(crate) fn check_answers(&mut self) {
        let asked = self.inspection.unanswered;
        self.inspection.unanswered += 1;
        if asked > MOST_UNANSWERED {
            self.blame(format!("the actors have not answered {asked} inspections"));
        }
    }

    /// The actors showed themselves.
    pub(crate) fn inspected(&mut self, view: &SupervisorView) {
        self.inspection.unanswered = 0;
        for agent in &view.agents {
            let of = AgentKey {
                namespace: agent.namespace.as_str().into(),
                name: agent.name.as_str().into(),
            };
            self.check_heartbeats(&of, agent);
            if of == key("agent") {
                self.check_agent(agent);
            }
        }
        let now = self.now();
        self.check_forgotten_deletes();
        self.expect.check_pending(now, &mut self.owed);
        self.expect.check_status(now, self.statuses.get(&key("agent")));
        if let Some(wrong) = self.expect.take_wrong() {
            self.blame(wrong);
        }
    }

    fn check_agent(&mut self, agent: &AgentView) {
        let now = self.now();
        let open = agent.snapshots.open.is_some();
        if open && agent.snapshots.next.is_some_and(|next| next < now + DUE) {
            self.coverage.reach(Reached::DueWhileOpen);
        }
        self.inspection.snapshot_opened = agent.snapshots.open.as_ref().map(|open| open.opened);
        self.inspection.at = now;
        let doubts = agent
            .snapshots
            .by_cause
            .get(&Cause::Ambiguous)
            .copied()
            .unwrap_or_default();
        if doubts > std::mem::replace(&mut self.inspection.doubts, doubts) {
            self.coverage.reach(Reached::DoubtAfterAccepted);
        }
        let Some(sender) = &agent.sender else { return };
        let ledger = &sender.ledger;
        self.coverage.most_held = self.coverage.most_held.max(ledger.bytes);
        if ledger.bytes > ledger.bound + ONE_OBJECT {
            self.blame(format!("the ledger holds {} bytes of {}", ledger.bytes, ledger.bound));
        }
        let overflowed = ledger.overflows > std::mem::replace(&mut self.inspection.overflows, ledger.overflows);
        if overflowed {
            self.coverage.reach(Reached::LedgerFull);
            self.inspection.carried_at_overflow.clone_from(&self.inspection.carried);
        }
        if overflowed || ledger.lossy {
            let carried = self.inspection.carried_at_overflow.clone();
            self.pending.overflowed(now, carried.into_iter());
        }
        let kinds = self.kinds();
        if let Some((_, sender)) = self.senders.iter().next_back() {
            let carried = kinds.into_iter().filter(|kind| sender.rules.carries(*kind));
            self.inspection.carried = carried.collect();
        }
        let circuit_open = matches!(sender.line, LineView::Open { .. });
        if circuit_open && ledger.tombstones > 0 {
            self.coverage.reach(Reached::RetriesUsedUpWhileDeletesWait);
        }
        let open_in = circuit_open.then_some(sender.actor.generation);
        let was_open_in = std::mem::replace(&mut self.inspection.circuit_open_in, open_in);
        if was_open_in == Some(sender.actor.generation) && matches!(sender.line, LineView::Closed) {
            self.coverage.reach(Reached::CircuitClosedByProbe);
        }
        self.expect.check_rejected(now, sender.set_aside.values().sum());
    }

    /// The delete of a kind that snapshots leave out is not forgotten, not even at the ledger's bound.
    fn check_forgotten_deletes(&mut self) {
        let here = self
            .resources
            .values()
            .all(|resource| resource.spec.platform_url == HERE);
        let (Some((_, sender)), true) = (self.senders.iter().next_back(), here && self.resources.len() == 1) else {
            return;
        };
        let carried = |kind| sender.rules.carries(kind) || self.cluster.unreadable_since(kind).is_none();
        let flies = |uid: &str| self.wire.requests.values().any(|request| request.said.names(uid));
        if let Some(uid) = self.pending.passed_over(carried, flies) {
            let wrong = format!("the delete of {uid} is forgotten, though no snapshot could tell it");
            self.blame(wrong);
        }
    }

    fn check_heartbeats(&mut self, of: &AgentKey, agent: &AgentView) {
        let now = self.now();
        let session = agent.sender.as_ref().and_then(|sender| self.session(of, agent, sender));
        let Some(mut session) = session else {
            self.inspection.sessions.remove(of);
            return;
        };
        if let Some(known) = self.inspection.sessions.get(of) {
            let since = known.since;
            let same = Session { since, ..session };
            session = Session {
                since: if same == *known { since } else { now },
                ..same
            };
        }
        let last = self
            .inspection
            .beats
            .get(&session.platform)
            .copied()
            .unwrap_or_default();
        let silent = now.since(session.since.max(last));
        if silent > session.every + LATE {
            let every = session.every;
            self.blame(format!("no heartbeat for {silent:?}, though one is due each {every:?}"));
        }
        self.inspection.sessions.insert(of.clone(), session);
    }

    /// The session that goes on at this look, if one does.
    fn session(&self, of: &AgentKey, agent: &AgentView, sender: &SenderView) -> Option<Session> {
        let running = |life: Life| life == Life::Running;
        let speaks = running(agent.actor.life)
            && running(sender.actor.life)
            && sender.token.phase == TokenPhase::Held
            && !matches!(sender.line, LineView::Denied { .. });
        let platform = agent.platform.as_ref()?.trim_end_matches('/').to_owned();
        let told = self.applied.get(of)?;
        let minutes: u64 = told.spec.sync_interval.strip_suffix('m')?.parse().ok()?;
        speaks.then(|| Session {
            generations: (agent.actor.generation, sender.actor.generation),
            platform,
            every: Duration::from_secs(60 * minutes),
            since: self.now(),
        })
    }
}
