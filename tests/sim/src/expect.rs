// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The expectations of a scenario: lags, the pace of snapshots and lists, and the words of the status.
//!
//! They are the rules of design.md, *Delivery*, as far as they show from outside. Each is off unless a plan turns it on.

use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::pending::Pending;
use crate::plan::Plan;
use crate::platform::RequestContent;
use crate::world::Lists;

/// Rule 1 has 10 s. The world looks every 5 s, and messages are held back.
const ALIVE: Duration = Duration::from_secs(12);

/// A share is measured over minutes: one snapshot at the beginning is none of it.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(60);

/// Expectations of a scenario besides the equality at its end.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Rule 1: between these moments no change waits longer than twice its place in the queue and [`ALIVE`].
    pub alive: Option<(Moment, Moment)>,
    /// Rule 2: of changes after this moment 99 in 100 are told within this time.
    pub lag: Option<(Moment, Duration)>,
    /// Rule 2: new objects after this moment are told within this time, 99 in 100.
    pub new_objects: Option<(Moment, Duration)>,
    /// At most so many snapshots are accepted after this moment.
    pub snapshots: Option<(Moment, usize)>,
    /// Rule 5: after this moment snapshots take at most this share of the time, and [`FIRST_SNAPSHOT`] besides.
    pub share: Option<(Moment, f64)>,
    /// Rule 5: a kind is listed at most so often after this moment.
    pub lists: Option<(ResourceKind, Moment, usize)>,
    /// Rule 6: from this moment on Degraded names the kind, as long as faults come.
    pub named: Option<(ResourceKind, Moment)>,
    /// Rule 3: from this moment on no object is rejected.
    pub none_rejected: Option<Moment>,
    /// Rule 8: no object has more bytes than this.
    pub largest: Option<usize>,
    /// No condition says this.
    pub unsaid: Option<&'static str>,
    /// The platform takes nothing of this object: it is not compared.
    pub refused: Option<Rc<str>>,
}

/// See [`Expect`].
#[derive(Debug)]
pub(crate) struct Expectations {
    expect: Expect,
    per_second: u32,
    /// The end of the faults: later changes, lists and snapshots are not measured.
    until: Moment,
    lags: Vec<Duration>,
    new_lags: Vec<Duration>,
    accepted: usize,
    in_snapshots: Duration,
    last_accepted: Moment,
    listed: usize,
    wrong: Option<String>,
}

impl Expectations {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            expect: plan.expect.clone(),
            per_second: u32::try_from(plan.per_second).unwrap_or(1).max(1),
            until: Moment::at(plan.faults_until),
            lags: Vec::new(),
            new_lags: Vec::new(),
            accepted: 0,
            in_snapshots: Duration::ZERO,
            last_accepted: Moment::START,
            listed: 0,
            wrong: None,
        }
    }

    /// The object that the platform takes nothing of.
    pub(crate) fn is_refused(&self, uid: &str) -> bool {
        self.expect.refused.as_deref() == Some(uid)
    }

    /// The faults are over: everything must be true from here.
    pub(crate) fn heal(&mut self) {
        self.expect.refused = None;
    }

    /// Names the object that the platform will take nothing of.
    pub(crate) fn refuse(&mut self, uid: Rc<str>) {
        self.expect.refused = Some(uid);
    }

    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The first expectation that was not met.
    pub(crate) fn take_wrong(&mut self) -> Option<String> {
        self.wrong.take()
    }

    pub(crate) fn list_begins(&mut self, now: Moment, kind: ResourceKind) {
        if let Some((of, after, most)) = self.expect.lists
            && of == kind
            && now > after
            && now < self.until
        {
            self.listed += 1;
            if self.listed > most {
                self.blame(format!("{kind} is listed more than {most} times"));
            }
        }
    }

    pub(crate) fn sent(&mut self, said: &RequestContent) {
        let Some(largest) = self.expect.largest else { return };
        let size = match said {
            RequestContent::Event(event) => event.object.as_ref().map_or(0, |object| object.size),
            RequestContent::Heartbeat => 0,
            RequestContent::Snapshot(snapshot) => {
                let objects = snapshot.lists.values().flatten();
                objects.map(|(_, object)| object.size).max().unwrap_or_default()
            }
        };
        if size > largest {
            self.blame(format!(
                "an object of {size} bytes is sent, above the bound of {largest}"
            ));
        }
    }

    /// A snapshot is accepted whose first list was asked for at `asked`.
    pub(crate) fn snapshot_accepted(&mut self, now: Moment, asked: Option<Moment>) {
        let asked = asked.unwrap_or(now).max(self.last_accepted);
        self.last_accepted = now;
        if let Some((after, most)) = self.expect.snapshots
            && now > after
            && now < self.until
        {
            self.accepted += 1;
            if self.accepted > most {
                self.blame(format!("more than {most} snapshots after {after:?}"));
            }
        }
        if let Some((after, share)) = self.expect.share
            && asked > after
            && now < self.until
        {
            self.in_snapshots += now.since(asked);
            let allowed = now.since(after).mul_f64(share) + FIRST_SNAPSHOT;
            if self.in_snapshots > allowed {
                let (took, of) = (self.in_snapshots, now.since(after));
                self.blame(format!("snapshots take {took:?} of {of:?}"));
            }
        }
    }

    pub(crate) fn told(&mut self, now: Moment, since: Moment, is_new: bool) {
        if since > self.until {
            return;
        }
        let took = now.since(since);
        if self.expect.lag.is_some_and(|(after, _)| since > after) {
            self.lags.push(took);
        }
        if is_new && self.expect.new_objects.is_some_and(|(after, _)| since > after) {
            self.new_lags.push(took);
        }
    }

    /// Looks at the changes that wait.
    pub(crate) fn check_pending(&mut self, now: Moment, pending: &mut Pending) {
        let Some((from, until)) = self.expect.alive.filter(|(from, until)| (*from..*until).contains(&now)) else {
            pending.most = 0;
            return;
        };
        pending.most = pending.most.max(pending.objects.len());
        let most = u32::try_from(pending.most).unwrap_or(u32::MAX);
        let allowed = ALIVE + Duration::from_secs(2) * most / self.per_second;
        let refused = self.expect.refused.clone();
        let late = pending
            .objects
            .iter()
            .filter(|(uid, _)| refused.as_ref() != Some(*uid))
            .filter_map(|(uid, waiting)| Some((waiting.states.front()?.1.max(from), uid)))
            .min();
        if let Some((since, uid)) = late
            && now.since(since) > allowed
        {
            let waits = now.since(since);
            self.blame(format!(
                "{uid} waits for {waits:?} while events are taken until {until:?}, with at most {most} objects waiting"
            ));
        }
    }

    /// Looks at the status of the resource.
    pub(crate) fn check_status(&mut self, now: Moment, status: Option<&ObsykAgentStatus>) {
        let conditions = || status.into_iter().flat_map(|status| status.conditions.iter());
        if let Some((kind, from)) = self.expect.named
            && now > from
            && now < self.until
        {
            let degraded = conditions().find(|condition| condition.type_ == "Degraded");
            let names = degraded.is_some_and(|condition| condition.message.contains(kind.spec().kind));
            if !names {
                self.blame(format!("Degraded does not name {kind}, which is not watched"));
            }
        }
        if let Some(unsaid) = self.expect.unsaid
            && conditions().any(|condition| condition.message.contains(unsaid))
        {
            self.blame(format!("a condition says {unsaid:?}"));
        }
    }

    /// Looks at the count of rejected objects.
    pub(crate) fn check_rejected(&mut self, now: Moment, rejected: u64) {
        if self.expect.none_rejected.is_some_and(|from| now > from) && now < self.until && rejected > 0 {
            self.blame(format!("{rejected} objects are rejected for a fault of the endpoint"));
        }
    }

    /// Checks the lags.
    pub(crate) fn at_the_end(&self) -> Result<(), String> {
        let late = |what: &str, lags: &[Duration], most: Option<Duration>| {
            let mut lags = lags.to_vec();
            lags.sort_unstable();
            let at = (lags.len() * 99 / 100).min(lags.len().saturating_sub(1));
            let (Some(p99), Some(most)) = (lags.get(at), most) else {
                return Ok(());
            };
            if *p99 > most {
                return Err(format!("{what} take {p99:?} (p99 of {}), above {most:?}", lags.len()));
            }
            Ok(())
        };
        late("changes", &self.lags, self.expect.lag.map(|(_, most)| most))?;
        late(
            "new objects",
            &self.new_lags,
            self.expect.new_objects.map(|(_, most)| most),
        )
    }
}

/// When the first list of a snapshot was asked for.
pub(crate) fn asked(lists: &Lists, kinds: impl Iterator<Item = ResourceKind>) -> Option<Moment> {
    kinds
        .filter_map(|kind| lists.of(kind)?.whole)
        .map(|(asked, _)| asked)
        .min()
}
