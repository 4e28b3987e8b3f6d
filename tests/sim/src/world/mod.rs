// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Everything around the operator: the cluster, the way to the platforms, the resources, and the rules that watch.

mod actors;
mod inspections;
mod judging;
mod resources;
mod sending;
mod watching;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use obsyk_domain::agent::ObsykAgentStatus;
use obsyk_domain::answer::Outcome;
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use tokio::task::Id as TaskId;
use tokio::time::Instant;

use crate::cluster::{Cluster, Feed};
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::expect::Expectations;
use crate::pending::Pending;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::process::{ResourceChange, SecretWatch};
use crate::saboteur::{Bug, Saboteur};
use crate::wire::{Step, Wire};
use inspections::LastInspection;
pub(crate) use resources::{IN_FORCE, Limits, Resource};
pub(crate) use sending::Sender;
pub(crate) use watching::{Handed, HandedState, Lists};

/// The world, shared by the simulation and the ports of the process.
pub type Shared = Rc<RefCell<World>>;

/// The text of a panic that the plan asked for. Any other panic is a bug.
pub const PLANNED_DEATH: &str = "the plan lets this actor die";

/// Interval of inspections, short enough to see most open snapshots and circuits.
const INSPECTION_INTERVAL: Duration = Duration::from_secs(5);

/// Interval of inspections in the quiet day after the faults.
const RARE_INSPECTIONS: Duration = Duration::from_secs(300);

/// A happening.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Happening {
    Churn,
    FaultBegins(usize),
    FaultEnds(usize),
    Flips(usize),
    Storms(usize),
    Start,
    Drained(u64),
    SupervisorEnded(u64),
    Feed(u64, Moment),
    Wire(u64, Step),
    Answer(u64, Outcome),
    Secret(u64),
    Inspect,
    Forge(Box<Forged>),
}

/// A request that a saboteur sends in a sender's name.
#[derive(Debug)]
pub struct Forged {
    pub(crate) sender: ActorId,
    pub(crate) origin: String,
    pub(crate) token: String,
    pub(crate) said: crate::platform::RequestContent,
}

/// An order to the process.
#[derive(Debug)]
pub enum Command {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// The API server tells of a resource.
    ApplyResource(ResourceChange),
}

/// An actor, by the order in which actors first called a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(u64);

/// The role of an actor, as its calls show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It called the clock first of all.
    Supervisor,
    /// It follows the Secret, and writes the status.
    Agent,
    /// It talks to the platform.
    Sender,
    /// It reads a kind.
    Watcher,
}

/// See the module's page.
pub struct World {
    pub(crate) began: Instant,
    pub(crate) queue: crate::queue::Queue<Happening>,
    /// Wakes the simulation when something is planned.
    pub(crate) alarm: Option<Waker>,
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) cluster: Cluster,
    pub(crate) feeds: BTreeMap<u64, Feed>,
    pub(crate) lists: Lists,
    /// The newest state of each object that a watcher was handed.
    pub(crate) handed: HashMap<Rc<str>, Handed>,
    pub(crate) wire: Wire,
    pub(crate) senders: BTreeMap<ActorId, Sender>,
    pub(crate) secrets: BTreeMap<String, Result<Credentials, CredentialsError>>,
    pub(crate) secret_watches: BTreeMap<u64, SecretWatch>,
    /// Clients and keys that the platforms take.
    pub(crate) clients: Vec<Credentials>,
    pub(crate) resources: BTreeMap<AgentKey, Resource>,
    /// The resources that the process was told of, and whether it was told of all.
    pub(crate) applied: BTreeMap<AgentKey, Resource>,
    pub(crate) all_applied: bool,
    /// Platforms, rates and names that requests may have, with the end of those that an edit replaced.
    pub(crate) limits: Vec<Limits>,
    pub(crate) statuses: BTreeMap<AgentKey, ObsykAgentStatus>,
    pub(crate) commands: Vec<Command>,
    actors: HashMap<TaskId, (ActorId, Role)>,
    doomed: Option<ActorId>,
    reads: (Moment, u32),
    last_id: u64,
    pub(crate) process: Option<u64>,
    pub(crate) inspection: LastInspection,
    inspect_every: Duration,
    /// The changes that watchers were handed and the platform lacks.
    pub(crate) pending: Pending,
    /// The changes that the cluster has and the platform lacks.
    pub(crate) owed: Pending,
    pub(crate) expect: Expectations,
    pub(crate) saboteur: Saboteur,
    /// How far the wall clock is off.
    pub(crate) skew: Duration,
    pub(crate) active: BTreeSet<usize>,
    pub(crate) names: u64,
    /// A watch went on from a version of a past that a restored backup does not have: the next snapshot mends it.
    pub(crate) overtaken: bool,
    pub(crate) coverage: Coverage,
    pub(crate) verdict: Option<String>,
    /// The story, for a replay.
    pub(crate) story: Option<Vec<String>>,
    /// The time that was lived through, for after the runtime's end.
    pub(crate) lived: Duration,
}

/// Rounds up to tokio's unit of time.
fn whole_millis(at: Moment) -> Moment {
    let millis = at.elapsed().as_nanos().div_ceil(1_000_000);
    Moment::at(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

impl World {
    /// Creates the world of a plan, in which nothing has happened yet.
    pub(crate) fn shared(plan: Plan, bug: Option<Bug>, record_story: bool) -> Shared {
        let platform = |origin: &str| Platform::new(origin, plan.lifetime, plan.pedantic);
        let mut world = Self {
            began: Instant::now(),
            queue: Default::default(),
            alarm: None,
            dice: Dice::new(plan.seed, 3),
            cluster: Cluster::new(&plan.kinds, plan.first_version),
            feeds: BTreeMap::new(),
            lists: Lists::default(),
            handed: HashMap::new(),
            wire: Wire::new(
                [platform(crate::setting::HERE), platform(crate::setting::THERE)],
                plan.bandwidth,
            ),
            senders: BTreeMap::new(),
            secrets: BTreeMap::new(),
            secret_watches: BTreeMap::new(),
            clients: crate::setting::clients(),
            resources: BTreeMap::new(),
            applied: BTreeMap::new(),
            all_applied: false,
            limits: Vec::new(),
            statuses: BTreeMap::new(),
            commands: Vec::new(),
            actors: HashMap::new(),
            doomed: None,
            reads: (Moment::START, 0),
            last_id: 0,
            process: None,
            inspection: LastInspection::default(),
            inspect_every: INSPECTION_INTERVAL,
            pending: Pending::default(),
            owed: Pending::default(),
            expect: Expectations::new(&plan),
            saboteur: Saboteur::new(bug),
            skew: Duration::ZERO,
            active: BTreeSet::new(),
            names: 0,
            overtaken: false,
            coverage: Coverage::default(),
            verdict: None,
            story: record_story.then(Vec::new),
            lived: Duration::ZERO,
            plan,
        };
        world.set_up();
        Rc::new(RefCell::new(world))
    }

    /// The time since the beginning.
    pub(crate) fn now(&self) -> Moment {
        Moment::at(self.began.elapsed())
    }

    /// Plans a happening. Tokio's timers count whole milliseconds.
    pub(crate) fn plan_at(&mut self, at: Moment, what: Happening) {
        self.queue.plan(whole_millis(at), what);
        if let Some(alarm) = &self.alarm {
            alarm.wake_by_ref();
        }
    }

    pub(crate) fn plan_in(&mut self, wait: Duration, what: Happening) {
        self.plan_at(self.now() + wait, what);
    }

    /// Plans what the seed decided.
    pub(crate) fn begin_plan(&mut self) {
        self.plan_at(Moment::at(Duration::from_millis(100)), Happening::Start);
        self.plan_at(Moment::at(Duration::from_secs(5)), Happening::Churn);
        self.plan_at(Moment::at(Duration::from_secs(1)), Happening::Inspect);
        let faults: Vec<_> = self.plan.active().map(|(number, fault)| (number, fault.at)).collect();
        for (number, at) in faults {
            self.plan_at(at, Happening::FaultBegins(number));
        }
    }

    pub(crate) fn plan_next_inspection(&mut self) {
        self.plan_in(self.inspect_every, Happening::Inspect);
    }

    /// Inspects rarely from now on.
    pub(crate) fn rest(&mut self) {
        self.inspect_every = RARE_INSPECTIONS;
    }

    pub(crate) fn happen(&mut self, what: Happening) {
        self.lived = self.now().elapsed();
        match what {
            Happening::Churn => self.churn(),
            Happening::FaultBegins(number) => self.begin(number),
            Happening::FaultEnds(number) => self.end(number),
            Happening::Flips(number) => self.flip(number),
            Happening::Storms(number) => self.storm(number),
            Happening::Feed(number, at) => self.feed(number, at),
            Happening::Wire(number, step) => self.on_the_wire(number, step),
            Happening::Answer(number, outcome) => self.answer(number, outcome),
            Happening::Secret(watch) => self.report_secret(watch),
            Happening::Forge(forged) => self.forge(*forged),
            Happening::Start | Happening::Drained(_) | Happening::SupervisorEnded(_) | Happening::Inspect => {}
        }
        self.owe_changes();
    }

    /// Records the first fault of the operator.
    pub(crate) fn blame(&mut self, what: impl Into<String>) {
        self.verdict.get_or_insert(what.into());
        if let Some(alarm) = &self.alarm {
            alarm.wake_by_ref();
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A process starts: its number.
    pub(crate) fn next_process(&mut self) -> u64 {
        let number = self.next_id();
        self.process = Some(number);
        self.inspection = LastInspection::of_process(self.now());
        number
    }

    /// A process is gone, with all of its actors. Its requests stay on the wire.
    pub(crate) fn process_ended(&mut self) {
        self.process = None;
        let now = self.now();
        self.pending.forget(now);
        self.actors.clear();
        self.doomed = None;
        self.senders.clear();
        self.feeds.clear();
        self.secret_watches.clear();
        self.applied.clear();
        self.all_applied = false;
        self.limits.clear();
        self.lists = Lists::default();
        self.handed.clear();
        self.inspection = LastInspection::default();
        self.wire.abandon_all(&mut self.dice);
        self.record(|| "the process is gone".to_owned());
    }

    /// How long the next message between actors is held back.
    pub(crate) fn hold(&mut self) -> Duration {
        if self.dice.happens(0.7) {
            Duration::ZERO
        } else {
            self.dice.millis(0, 50)
        }
    }

    /// Returns true if a stream lets others run before it goes on.
    pub(crate) fn yields(&mut self) -> bool {
        self.dice.happens(0.2)
    }

    /// Compares each platform's picture with the cluster.
    pub(crate) fn compare(&self, when: &str) -> Result<(), String> {
        for resource in self.resources.values() {
            let Some(platform) = self
                .wire
                .platforms
                .get(resource.spec.platform_url.trim_end_matches('/'))
            else {
                continue;
            };
            crate::setting::compare(&self.cluster, platform, &self.expect).map_err(|what| format!("{when}: {what}"))?;
        }
        self.expect.at_the_end()
    }

    pub(crate) fn record(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let now = Moment::at(self.began.elapsed());
            story.push(format!("{:>12.3}  {}", now.elapsed().as_secs_f64(), what()));
        }
    }

    /// The time since the beginning, in seconds.
    pub fn seconds(&self) -> f64 {
        self.now().elapsed().as_secs_f64()
    }

    /// Takes the story.
    pub(crate) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    /// Fired faults and reached states.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The kinds that are collected.
    pub(crate) fn kinds(&self) -> Vec<ResourceKind> {
        self.plan.kinds.clone()
    }
}
