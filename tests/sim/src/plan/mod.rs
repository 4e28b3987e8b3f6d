// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The decisions of a seed: cluster, pace of changes, faults.

mod draw;

use std::collections::BTreeSet;
use std::time::Duration;

use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::ledger::BOUND;
use obsyk_domain::ports::{Bounds, ReadError};
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;

use crate::coverage::Row;
use crate::dice::Dice;
use crate::expect::Expect;
use crate::scenario::Scenario;
use crate::wire::{Mishap, TokenTrouble, Weather};
use draw::{ambush, fault};

/// End of faults and changes in mixed seeds.
pub const FAULTS_UNTIL: Duration = Duration::from_secs(31 * 60);

/// At least so many changes.
pub const LEAST_CHANGES: u64 = 1000;

/// At least so many kinds of faults.
const LEAST_ROWS: usize = 5;

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its row in the table of faults.
    pub row: Row,
    /// When it begins.
    pub at: Moment,
    /// How long it lasts.
    pub lasts: Duration,
    /// Its kind.
    pub what: FaultKind,
}

/// A fault of a Secret.
#[derive(Clone, Copy, Debug)]
pub enum SecretTrouble {
    /// It is bad.
    Bad(CredentialsError),
    /// It has another key, which the platform takes.
    OtherKey,
    /// It is another client's, which the platform takes.
    OtherClient,
    /// It has a key that the platform doesn't take, and tokens are worth nothing.
    Revoked,
}

/// The process, or an actor, that dies.
#[derive(Clone, Copy, Debug)]
pub enum Death {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// A panic in the sender.
    Sender,
    /// A panic in a watcher.
    Watcher,
    /// A panic in the agent.
    Agent,
    /// A panic in the supervisor: the process ends.
    Supervisor,
}

/// The kind of a fault.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names and the table of faults say it")]
pub enum FaultKind {
    ApiDown,
    Resets,
    Compaction,
    Losses {
        lost: f64,
        deletes: f64,
        doubled: f64,
        swapped: f64,
    },
    Lag(u64),
    Restore(u64),
    SlowLists(Duration),
    Busy(Option<Duration>),
    NoStreams,
    Forbid(ResourceKind),
    Absent(ResourceKind),
    Broken {
        kind: ResourceKind,
        metadata: bool,
    },
    CreatedAgain(ResourceKind),
    AllDeleted(ResourceKind),
    Storm {
        per_second: u64,
        fat: bool,
    },
    EditedRate {
        per_second: i32,
        burst: i32,
    },
    EditedSync,
    EditedName,
    EditedPlatform,
    Invalid,
    CreatedAnew,
    Another {
        same_platform: bool,
    },
    Secret(SecretTrouble),
    Weather(Vec<Weather>),
    Flapping,
    Tokens(TokenTrouble),
    Revoked {
        times: u32,
    },
    Forgets,
    Clock,
    Death(Death),
    Changes {
        per_second: u32,
    },
    Creations {
        every: Duration,
    },
    Relabels {
        count: usize,
        padding: usize,
        every: Duration,
    },
    Fat(usize),
    Endless,
    ExpiringWatch(ResourceKind),
    RefusedWatch(ResourceKind, Option<ReadError>),
    Dislikes(Mishap),
}

/// See the module's page.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The kinds that are collected.
    pub kinds: Vec<ResourceKind>,
    /// Objects of each kind at the start.
    pub objects: usize,
    /// Bytes of padding of new objects.
    pub padding: usize,
    /// Objects are only updated, never created or deleted by chance.
    pub updates_only: bool,
    /// The mean time between two changes.
    pub pace: Duration,
    /// How long a token lives.
    pub lifetime: Duration,
    /// True if platforms answer 404 to a delete of an object that they do not hold.
    pub pedantic: bool,
    /// The limit that the resource has at the start.
    pub per_second: i32,
    /// See [`Self::per_second`].
    pub burst: i32,
    /// Bytes of a body in a second; 0 when bodies take no time.
    pub bandwidth: u64,
    /// Bounds of the agents' memory.
    pub bounds: Bounds,
    /// The cluster's versions begin after this one.
    pub first_version: u64,
    /// The scenario, if the seed is one's.
    pub scenario: Option<Scenario>,
    /// The expectations of the scenario.
    pub expect: Expect,
    /// The time after the last fault within which the platform's picture must be true. [`Self::heals_within`] may extend it.
    pub heals: Duration,
    /// Faults come and changes happen until here.
    pub faults_until: Duration,
    /// The faults, in order of time.
    pub faults: Vec<Fault>,
    /// Those that are left out of a replay.
    pub without: BTreeSet<usize>,
}

impl Plan {
    /// Returns the plan of a seed. Each of these scenarios has one seed in a hundred.
    pub fn mixed(seed: u64, scenarios: &[Scenario]) -> Self {
        let turn = usize::try_from(seed % 100).unwrap_or(usize::MAX);
        match Scenario::ALL.get(turn).filter(|scenario| scenarios.contains(scenario)) {
            Some(scenario) => scenario.plan(seed),
            None => Self::new(seed),
        }
    }

    /// Returns the plan of a seed that no scenario has.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let mut kinds = Vec::new();
        while kinds.len() < 4 {
            let kind = *dice.pick(&ResourceKind::ALL);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        let wanted = LEAST_ROWS + dice.below(4);
        while rows.len() < wanted {
            let row = *dice.pick(&Row::MIXED);
            // Their day of waiting costs more than all the rest of a seed.
            let skipped = matches!(row, Row::K4 | Row::P8) && !dice.happens(0.2);
            if !skipped && !rows.contains(&row) {
                rows.push(row);
            }
        }
        let mut faults: Vec<Fault> = Vec::new();
        for row in rows {
            for _ in 0..dice.within(1, 3) {
                faults.push(fault(row, &kinds, &mut dice));
            }
        }
        // Simultaneous faults are rare by chance: some seeds draw them.
        for _ in 0..dice.below(3) {
            if let Some(first) = faults.get(dice.below(faults.len())).cloned() {
                let at = first.at
                    + if dice.happens(0.5) {
                        first.lasts
                    } else {
                        dice.secs(0, 5)
                    };
                let row = *dice.pick(&Row::MIXED);
                faults.push(fault(row, &kinds, &mut dice).moved_to(at));
            }
        }
        if dice.happens(0.1) {
            faults.extend(ambush(&kinds, &mut dice));
        }
        faults.sort_by_key(|fault| fault.at);
        // The body of a whole snapshot of fat objects would take minutes.
        let fat = |fault: &Fault| matches!(fault.what, FaultKind::Storm { fat: true, .. });
        let bandwidths = if faults.iter().any(fat) {
            [0; 3]
        } else {
            [0, 30_000, 200_000]
        };
        let hurried = dice.happens(0.2);
        Self {
            seed,
            objects: dice.within(2, 14) as usize,
            pace: FAULTS_UNTIL / if hurried { 4000 } else { 1500 + dice.below(500) as u32 },
            lifetime: *dice.pick(&[60, 300, 3600, 3600, 3600].map(Duration::from_secs)),
            pedantic: dice.happens(0.5),
            per_second: *dice.pick(&[10, 10, 10, 3, 50]),
            burst: *dice.pick(&[20, 20, 1, 50]),
            padding: 0,
            updates_only: false,
            kinds,
            bandwidth: *dice.pick(&bandwidths),
            bounds: Bounds {
                ledger: *dice.pick(&[BOUND, BOUND, 60_000]),
            },
            first_version: 100,
            scenario: None,
            expect: Expect::default(),
            heals: Duration::from_secs(10 * 60),
            faults_until: FAULTS_UNTIL,
            faults,
            without: BTreeSet::new(),
        }
    }

    /// The faults that come, with their numbers.
    pub fn active(&self) -> impl Iterator<Item = (usize, &Fault)> {
        self.faults
            .iter()
            .enumerate()
            .filter(|(number, _)| !self.without.contains(number))
    }

    /// Returns true if a scenario has the seed.
    pub fn is_scenario(&self) -> bool {
        self.scenario.is_some()
    }

    /// Lets faults come and changes happen until `secs`.
    pub(crate) fn set_faults_until(&mut self, secs: u64) {
        self.faults_until = Duration::from_secs(secs);
    }

    /// Returns true if something may be wrong that only the next day's snapshot mends.
    pub fn waits_a_day(&self) -> bool {
        !self.is_scenario() && self.active().any(|(_, fault)| matches!(fault.row, Row::K4 | Row::P8))
    }

    /// How long after its troubles the platform's picture is true again.
    pub fn heals_within(&self) -> Duration {
        if self.is_scenario() {
            return self.heals;
        }
        // A snapshot that is refused for good is tried again after up to an hour.
        let refuses = |weather: &Weather| matches!(weather.mishap, Mishap::Status { .. });
        let refused = |fault: &Fault| matches!(&fault.what, FaultKind::Weather(all) if all.iter().any(refuses));
        if self.active().any(|(_, fault)| fault.row == Row::P3 && refused(fault)) {
            Duration::from_secs(70 * 60)
        } else {
            self.heals
        }
    }
}
