// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The world: what happens next, and whether it may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use obsyk_actors::supervisor::Apply;
use obsyk_domain::agent::ObsykAgentSpec;
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::cluster::{Cluster, Feed};
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::operator::{ActorId, Letter, Operator, Sender, Settlement};
use crate::plan::Plan;
use crate::platform::{Event, Platform, Snapshot};
use crate::wire::{Step, Wire};

/// Something that happens.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Happening {
    Churn,
    FaultBegins(usize),
    FaultEnds(usize),
    Flips(usize),
    Storms(usize),
    Start,
    Letter(ActorId, Letter),
    Obeyed(Settlement),
    Timer(ActorId),
    Feed(u64, Moment),
    Wire(u64, Step),
    Answer(u64, Outcome),
    Token {
        sender: ActorId,
        fetch: u64,
        origin: String,
        client: Credentials,
    },
}

/// A resource, as it stands in the cluster.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) uid: String,
    pub(crate) created: i64,
    pub(crate) generation: i64,
    pub(crate) spec: ObsykAgentSpec,
}

/// See the module's page.
pub struct World {
    pub(crate) now: Moment,
    pub(crate) queue: crate::queue::Queue<Happening>,
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) cluster: Cluster,
    pub(crate) feeds: BTreeMap<u64, (Feed, ActorId)>,
    pub(crate) wire: Wire,
    pub(crate) secrets: BTreeMap<String, Result<Credentials, CredentialsError>>,
    /// Clients and keys that the platforms take.
    pub(crate) clients: Vec<Credentials>,
    pub(crate) resources: BTreeMap<AgentKey, Resource>,
    /// What the process was told of the resources, by uid and generation, and whether it was told of all.
    pub(crate) seen: BTreeMap<AgentKey, (String, i64)>,
    pub(crate) listed: bool,
    pub(crate) operator: Operator,
    pub(crate) terminating: bool,
    /// How far the clock is off.
    pub(crate) skew: Duration,
    pub(crate) active: BTreeSet<usize>,
    pub(crate) names: u64,
    /// A watch went on from a version of a past that a restored backup doesn't have: the next snapshot mends it.
    pub(crate) overtaken: bool,
    pub(crate) coverage: Coverage,
    pub(crate) verdict: Option<String>,
    /// What happened, for a replay.
    pub(crate) story: Option<Vec<String>>,
}

impl World {
    /// A world as a plan has it, in which nothing has happened yet.
    pub fn new(plan: Plan, tell: bool) -> Self {
        let kinds = plan.kinds.iter().copied().collect();
        let platform = |origin: &str| Platform::new(origin, plan.lifetime, plan.pedantic);
        let mut world = Self {
            now: Moment::START,
            queue: Default::default(),
            dice: Dice::new(plan.seed, 3),
            cluster: Cluster::new(&plan.kinds),
            feeds: BTreeMap::new(),
            wire: Wire::new([platform(crate::setting::HERE), platform(crate::setting::THERE)]),
            secrets: BTreeMap::new(),
            clients: crate::setting::clients(),
            resources: BTreeMap::new(),
            seen: BTreeMap::new(),
            listed: false,
            operator: Operator::new(plan.seed, kinds),
            terminating: false,
            skew: Duration::ZERO,
            active: BTreeSet::new(),
            names: 0,
            overtaken: false,
            coverage: Coverage::default(),
            verdict: None,
            story: tell.then(Vec::new),
            plan,
        };
        world.set_up();
        world
    }

    /// Lives through its troubles, and sees what comes of them.
    pub fn run(&mut self) -> Result<(), String> {
        self.queue
            .plan(Moment::at(Duration::from_millis(100)), Happening::Start);
        self.queue.plan(Moment::at(Duration::from_secs(5)), Happening::Churn);
        let faults: Vec<_> = self.plan.active().map(|(number, fault)| (number, fault.at)).collect();
        for (number, at) in faults {
            self.queue.plan(at, Happening::FaultBegins(number));
        }
        self.until(Moment::at(self.plan.trouble))?;
        self.heal();
        self.pass(self.plan.heals_within())?;
        // Whether a watch was overtaken shows when it asks again.
        if self.plan.waits_a_day() || self.overtaken {
            self.pass(Duration::from_secs(25 * 3600))?;
        }
        self.compare("after its troubles")?;
        self.change_everything();
        self.pass(Duration::from_secs(60))?;
        self.compare("after changes in quiet times")
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        self.until(self.now + time)
    }

    fn until(&mut self, end: Moment) -> Result<(), String> {
        while let Some((at, what)) = self.queue.next(end) {
            self.now = at;
            self.happen(what);
            if let Some(verdict) = self.verdict.take() {
                return Err(format!("at {:.3} s: {verdict}", at.elapsed().as_secs_f64()));
            }
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Churn => self.churn(),
            Happening::FaultBegins(number) => self.begin(number),
            Happening::FaultEnds(number) => self.end(number),
            Happening::Flips(number) => self.flip(number),
            Happening::Storms(number) => self.storm(number),
            Happening::Start => self.start(),
            Happening::Letter(to, letter) => {
                self.tell(|| format!("{to} <- {letter:?}"));
                self.deliver(to, letter);
            }
            Happening::Obeyed(settlement) => self.obeyed(settlement),
            Happening::Timer(actor) => self.rings(actor),
            Happening::Feed(number, at) => {
                if self
                    .feeds
                    .get(&number)
                    .is_some_and(|(feed, _)| feed.planned == Some(at))
                {
                    self.feed(number);
                }
            }
            Happening::Wire(number, step) => self.on_the_wire(number, step),
            Happening::Answer(number, outcome) => {
                self.tell(|| format!("answer to {number}: {outcome:?}"));
                self.answer(number, outcome);
                self.wire.step_done(number);
            }
            Happening::Token {
                sender,
                fetch,
                origin,
                client,
            } => self.token(sender, fetch, &origin, &client),
        }
    }

    fn on_the_wire(&mut self, number: u64, step: Step) {
        match step {
            Step::Arrives { answered } => {
                let answer = self.wire.arrive(self.now, number);
                if let Some(outcome) = answer.filter(|_| answered) {
                    let takes = self.dice.millis(1, 30) + self.wire.slowness(number);
                    self.queue.plan(self.now + takes, Happening::Answer(number, outcome));
                    return;
                }
            }
            Step::Ends(outcome) => {
                self.tell(|| format!("request {number} ends: {outcome:?}"));
                self.answer(number, outcome);
            }
        }
        self.wire.step_done(number);
    }

    /// Something must not be.
    pub(crate) fn blame(&mut self, what: impl Into<String>) {
        self.verdict.get_or_insert(what.into());
    }

    pub(crate) fn judge(&mut self, id: ActorId, judgement: impl FnOnce(&mut Sender) -> Result<(), String>) {
        if let Some(sender) = self.operator.senders.get_mut(&id)
            && let Err(what) = judgement(sender)
        {
            self.blame(what);
        }
    }

    /// Two must not speak to one platform.
    pub(crate) fn judge_speech(&mut self, id: ActorId, origin: &str) {
        let mut others = self.wire.requests.values();
        if others.any(|other| !other.settled && other.origin == origin && other.sender != id) {
            self.blame(format!("two senders speak to {origin} at once"));
        }
    }

    pub(crate) fn judge_event(&mut self, event: &Event) {
        if event.object.is_none() && !self.cluster.was_gone(&event.uid) {
            self.blame(format!("{} is reported as gone, which it never was", event.uid));
        }
    }

    pub(crate) fn judge_snapshot(&mut self, id: ActorId, snapshot: &Snapshot) {
        let Some(rules) = self.operator.senders.get(&id).map(|sender| &sender.rules) else {
            return;
        };
        let Some((_, opened)) = rules.open().filter(|_| !rules.is_in_parts()) else {
            return;
        };
        let wrong = self.plan.kinds.iter().find_map(|kind| {
            let listed = snapshot.lists.contains_key(kind);
            let before = |since: Option<Moment>| since.is_some_and(|since| since <= opened);
            if listed && before(self.cluster.unreadable_since(*kind)) {
                Some(format!("a snapshot has a list of {kind}, which can't be read"))
            } else if !listed && before(self.cluster.readable_since(*kind)) {
                Some(format!("a snapshot has no list of {kind}, which can be read"))
            } else {
                None
            }
        });
        if let Some(wrong) = wrong {
            self.blame(wrong);
        }
    }

    /// What this sender's watchers saw may be wrong.
    pub(crate) fn mistrust(&mut self, sender: ActorId) {
        let now = self.now;
        if let Some(sender) = self.operator.senders.get_mut(&sender) {
            sender.rules.mistrust(now, self.plan.kinds.iter().copied());
        }
    }

    pub(crate) fn mistrust_all(&mut self) {
        let senders: Vec<ActorId> = self.operator.senders.keys().copied().collect();
        for sender in senders {
            self.mistrust(sender);
        }
    }

    /// The API server tells the process of the resources.
    pub(crate) fn tell_resources(&mut self) {
        let Some(supervisor) = self.operator.supervisor.as_ref().map(|(id, _)| *id) else {
            return;
        };
        if self.cluster.api.down {
            return;
        }
        let gone: Vec<_> = self
            .seen
            .iter()
            .filter(|(key, (uid, _))| self.resources.get(*key).is_none_or(|resource| resource.uid != *uid))
            .map(|(key, (uid, _))| (key.clone(), uid.clone()))
            .collect();
        for (key, uid) in gone {
            self.seen.remove(&key);
            self.post(supervisor, Letter::Remove { key, uid });
        }
        for (key, resource) in self.resources.clone() {
            let seen = (resource.uid.clone(), resource.generation);
            if self.seen.get(&key) == Some(&seen) {
                continue;
            }
            self.seen.insert(key.clone(), seen);
            let apply = Apply {
                key,
                uid: resource.uid,
                created: resource.created,
                generation: Some(resource.generation),
                spec: Box::new(resource.spec),
                status: None,
            };
            self.post(supervisor, Letter::Apply(Box::new(apply)));
        }
        if !std::mem::replace(&mut self.listed, true) {
            self.post(supervisor, Letter::AllApplied);
        }
    }

    /// The cluster's objects of a kind changed: streams will say so.
    pub(crate) fn stir(&mut self, kind: ResourceKind) {
        let feeds: Vec<u64> = self
            .feeds
            .iter()
            .filter(|(_, (feed, _))| feed.kind() == kind)
            .map(|(number, _)| *number)
            .collect();
        for number in feeds {
            let takes = self.dice.millis(1, 20);
            self.plan_feed(number, takes);
        }
    }

    /// The platform's picture and the cluster are the same.
    fn compare(&self, when: &str) -> Result<(), String> {
        for resource in self.resources.values() {
            let Some(platform) = self
                .wire
                .platforms
                .get(resource.spec.platform_url.trim_end_matches('/'))
            else {
                continue;
            };
            crate::setting::compare(&self.cluster, platform).map_err(|what| format!("{when}: {what}"))?;
        }
        Ok(())
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(format!("{:>12.3}  {}", self.now.elapsed().as_secs_f64(), what()));
        }
    }

    /// How far it has come, in seconds.
    pub fn seconds(&self) -> f64 {
        self.now.elapsed().as_secs_f64()
    }

    /// What happened.
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    /// What fired, and what was reached.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }
}
