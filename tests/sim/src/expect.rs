// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The expectations of a scenario: lags, the pace of snapshots and lists, and the words of the status.
//!
//! They are the rules of design.md, *Delivery*, as far as they show from outside. Each is off unless a plan turns it on.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::plan::Plan;
use crate::platform::{Platform, Said};
use crate::world::{Handed, HandedState, Lists};

/// What a scenario expects besides the equality at its end.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Rule 1: between these moments no change waits longer than its place in the queue and 10 s.
    pub alive: Option<(Moment, Moment)>,
    /// Rule 2: of changes after this moment 99 in 100 are told within this time.
    pub lag: Option<(Moment, Duration)>,
    /// Rule 2: new objects after this moment are told within this time, 99 in 100.
    pub new_objects: Option<(Moment, Duration)>,
    /// At most so many snapshots are accepted after this moment.
    pub snapshots: Option<(Moment, usize)>,
    /// Rule 5: after this moment snapshots take at most this share of the time.
    pub share: Option<(Moment, f64)>,
    /// Rule 5: a kind is listed at most so often after this moment.
    pub lists: Option<(ResourceKind, Moment, usize)>,
    /// Rule 6: from this moment on Degraded names the kind.
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
        {
            self.listed += 1;
            if self.listed > most {
                self.blame(format!("{kind} is listed more than {most} times"));
            }
        }
    }

    pub(crate) fn sent(&mut self, said: &Said) {
        let Some(largest) = self.expect.largest else { return };
        let size = match said {
            Said::Event(event) => event.object.as_ref().map_or(0, |object| object.size),
            Said::Heartbeat => 0,
            Said::Snapshot(snapshot) => {
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
        {
            self.accepted += 1;
            if self.accepted > most {
                self.blame(format!("more than {most} snapshots after {after:?}"));
            }
        }
        if let Some((after, share)) = self.expect.share
            && asked > after
        {
            self.in_snapshots += now.since(asked);
            let allowed = now.since(after).mul_f64(share) + Duration::from_secs(60);
            if self.in_snapshots > allowed {
                let (took, of) = (self.in_snapshots, now.since(after));
                self.blame(format!("snapshots take {took:?} of {of:?}"));
            }
        }
    }

    fn told(&mut self, now: Moment, since: Moment, is_new: bool) {
        let took = now.since(since);
        if self.expect.lag.is_some_and(|(after, _)| since > after) {
            self.lags.push(took);
        }
        if is_new && self.expect.new_objects.is_some_and(|(after, _)| since > after) {
            self.new_lags.push(took);
        }
    }

    /// Looks at the changes that wait.
    pub(crate) fn look(&mut self, now: Moment, pending: &mut Pending) {
        let Some((from, until)) = self.expect.alive.filter(|(from, until)| (*from..*until).contains(&now)) else {
            pending.most = 0;
            return;
        };
        pending.most = pending.most.max(pending.objects.len());
        let most = u32::try_from(pending.most).unwrap_or(u32::MAX);
        let allowed = Duration::from_secs(12) + Duration::from_secs(2) * most / self.per_second;
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
    pub(crate) fn look_at_status(&mut self, now: Moment, status: Option<&ObsykAgentStatus>) {
        let conditions = || status.into_iter().flat_map(|status| status.conditions.iter());
        if let Some((kind, from)) = self.expect.named
            && now > from
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
    pub(crate) fn look_at_rejected(&mut self, now: Moment, rejected: u64) {
        if self.expect.none_rejected.is_some_and(|from| now > from) && rejected > 0 {
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

/// Changes are told in the order in which they were handed over, but for this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Kind, namespace and name.
type Place = (ResourceKind, Option<&'static str>, Rc<str>);

/// A change that the platform has not been told.
#[derive(Debug)]
struct Waiting {
    kind: ResourceKind,
    place: Place,
    is_new: bool,
    /// States that the platform does not have, and when each was handed over; none for gone.
    states: VecDeque<(Option<u64>, Moment)>,
    /// When the first of all its changes that wait was handed over: its place in the queue.
    place_since: Moment,
    /// A request about it failed or was refused: it may wait behind others.
    failed: bool,
}

/// The differences between what watchers were handed and what the first platform has.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    objects: BTreeMap<Rc<str>, Waiting>,
    has: HashMap<String, (ResourceKind, u64)>,
    /// Objects that wait under a name, where it is more than one.
    names: BTreeMap<Place, BTreeSet<Rc<str>>>,
    shared_names: usize,
    /// The most that waited at once since the last quiet time.
    most: usize,
    /// What was handed over before may be forgotten: an actor died, or the resource was edited.
    forgotten_before: Moment,
    /// The same for kinds that a snapshot makes good: the ledger's bound was reached.
    overflowed: BTreeMap<ResourceKind, Moment>,
    /// The last change that was told by an event: when it was handed over.
    last_event: Moment,
}

impl Pending {
    /// A watcher is handed a state.
    pub(crate) fn handed(&mut self, now: Moment, uid: &Rc<str>, handed: &Handed) {
        let has = self.has.get(&**uid).map(|(_, content)| *content);
        let state = match handed.state {
            HandedState::Says(content) if has.is_some_and(|has| has >= content) => return,
            HandedState::Gone if has.is_none() => return self.done(uid),
            HandedState::Skipped => return self.done(uid),
            HandedState::Says(content) => Some(content),
            HandedState::Gone => None,
        };
        let place = (handed.kind, handed.namespace, Rc::clone(&handed.name));
        let waiting = self.objects.entry(Rc::clone(uid)).or_insert_with(|| Waiting {
            kind: handed.kind,
            place: place.clone(),
            is_new: has.is_none(),
            states: VecDeque::new(),
            place_since: now,
            failed: false,
        });
        if state.is_none() {
            waiting.states.clear();
        }
        waiting.states.push_back((state, now));
        let same = self.names.entry(place).or_default();
        same.insert(Rc::clone(uid));
        self.shared_names = same.len();
    }

    /// What was handed over until now may be forgotten. Children of a dead actor may read on for a moment, and an edit takes
    /// effect after one.
    pub(crate) fn forget(&mut self, now: Moment) {
        self.forgotten_before = now + Duration::from_secs(4);
    }

    /// The ledger's bound was reached: a snapshot tells what is gone of these kinds.
    pub(crate) fn overflowed(&mut self, now: Moment, kinds: impl Iterator<Item = ResourceKind>) {
        self.overflowed.extend(kinds.map(|kind| (kind, now)));
    }

    /// A request about an object was not accepted.
    pub(crate) fn failed(&mut self, uid: &str) {
        if let Some(waiting) = self.objects.get_mut(uid) {
            waiting.failed = true;
        }
    }

    /// A delete that was passed over: later changes were told, and no snapshot can tell it, since none has its kind.
    pub(crate) fn passed_over(
        &self,
        carried: impl Fn(ResourceKind) -> bool,
        flies: impl Fn(&str) -> bool,
    ) -> Option<&Rc<str>> {
        self.objects.iter().find_map(|(uid, waiting)| {
            let (state, since) = waiting.states.front()?;
            let passed_over = state.is_none()
                && !waiting.failed
                && *since > self.forgotten_before
                && self.overflowed.get(&waiting.kind).is_none_or(|at| since > at)
                && *since + PATIENCE < self.last_event
                && !carried(waiting.kind)
                && !flies(uid);
            passed_over.then_some(uid)
        })
    }

    /// Whether the last object that was handed over shares its name with another one that waits.
    pub(crate) fn has_namesakes(&self) -> bool {
        self.shared_names > 1
    }

    fn done(&mut self, uid: &str) {
        if let Some(waiting) = self.objects.remove(uid)
            && let Some(same) = self.names.get_mut(&waiting.place)
        {
            same.remove(uid);
            if same.is_empty() {
                self.names.remove(&waiting.place);
            }
        }
    }

    /// A request arrived at the platform.
    pub(crate) fn arrived(&mut self, now: Moment, said: &Said, platform: &Platform, expect: &mut Expectations) {
        match said {
            Said::Heartbeat => {}
            Said::Event(event) => {
                if let Some(waiting) = self.objects.get(&*event.uid) {
                    self.last_event = self.last_event.max(waiting.place_since);
                }
                self.settle(now, &event.uid, platform, expect);
            }
            Said::Snapshot(snapshot) => {
                self.has.retain(|_, (kind, _)| !snapshot.lists.contains_key(kind));
                for (uid, told) in platform.objects() {
                    self.has.insert(uid.clone(), (told.kind, told.content));
                }
                let uids: Vec<Rc<str>> = self
                    .objects
                    .iter()
                    .filter(|(_, waiting)| snapshot.lists.contains_key(&waiting.kind))
                    .map(|(uid, _)| Rc::clone(uid))
                    .collect();
                for uid in uids {
                    self.settle(now, &uid, platform, expect);
                }
            }
        }
    }

    fn settle(&mut self, now: Moment, uid: &str, platform: &Platform, expect: &mut Expectations) {
        let has = platform.objects().get(uid).map(|told| (told.kind, told.content));
        match has {
            Some(has) => self.has.insert(uid.to_owned(), has),
            None => self.has.remove(uid),
        };
        let Some(waiting) = self.objects.get_mut(uid) else {
            return;
        };
        while let Some((state, since)) = waiting.states.front() {
            let told = match (state, has) {
                (Some(content), Some((_, has))) => has >= *content,
                (None, None) => true,
                _ => false,
            };
            if !told {
                break;
            }
            expect.told(now, *since, waiting.is_new && state.is_some());
            waiting.states.pop_front();
            waiting.is_new = false;
            waiting.place_since = waiting.states.front().map_or(now, |(_, since)| *since);
        }
        if waiting.states.is_empty() {
            self.done(uid);
        }
    }
}

/// When the first list of a snapshot was asked for.
pub(crate) fn asked(lists: &Lists, kinds: impl Iterator<Item = ResourceKind>) -> Option<Moment> {
    kinds
        .filter_map(|kind| lists.of(kind)?.whole)
        .map(|(asked, _)| asked)
        .min()
}
