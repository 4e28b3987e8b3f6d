// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Counts of fired faults and reached states: a batch that lacks one has proven nothing.

use std::collections::BTreeMap;

/// The rows of the table of faults that a simulation shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table of faults names them; `meaning` says it in short")]
pub enum Row {
    K1,
    K2,
    K4,
    K5,
    K6,
    K7,
    K8,
    K9,
    K10,
    K11,
    K12,
    K14,
    K15,
    P1,
    P3,
    P4,
    P5,
    P6,
    P8,
    P9,
    L1,
    K16,
    K17,
    K18,
    P11,
    P12,
    P13,
    L6,
}

impl Row {
    /// Those whose faults are drawn for mixed seeds. The others have scenarios.
    pub const MIXED: [Self; 21] = [
        Self::K1,
        Self::K2,
        Self::K4,
        Self::K5,
        Self::K6,
        Self::K7,
        Self::K8,
        Self::K9,
        Self::K10,
        Self::K11,
        Self::K12,
        Self::K14,
        Self::K15,
        Self::P1,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
        Self::P8,
        Self::P9,
        Self::L1,
    ];

    /// Those of the scenarios alone.
    pub const SCENARIOS: [Self; 7] = [
        Self::K16,
        Self::K17,
        Self::K18,
        Self::P11,
        Self::P12,
        Self::P13,
        Self::L6,
    ];

    /// Returns the row in short.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::K1 => "API server restarts, connections reset",
            Self::K2 => "etcd compacted: 410",
            Self::K4 => "watch events lost, doubled, out of order",
            Self::K5 => "a list older than what was seen",
            Self::K6 => "etcd restored from a backup",
            Self::K7 => "slow lists, 429 and 503",
            Self::K8 => "a kind forbidden, and given back",
            Self::K9 => "a kind's API absent, and back",
            Self::K10 => "objects that don't decode",
            Self::K11 => "created again, mass deletes",
            Self::K12 => "storms of changes",
            Self::K14 => "the resource edited, deleted, created again",
            Self::K15 => "the Secret deleted, rotated, malformed",
            Self::P1 => "no connection, resets, cut answers, TLS",
            Self::P3 => "every status at every endpoint",
            Self::P4 => "storms of 401",
            Self::P5 => "the token endpoint fails",
            Self::P6 => "the clock steps",
            Self::P8 => "requests that arrive late, or twice",
            Self::P9 => "outages, flapping",
            Self::L1 => "SIGTERM, SIGKILL, panics",
            Self::K16 => "a large and busy world",
            Self::K17 => "lists without end, watches that are refused",
            Self::K18 => "versions of 64 bits",
            Self::P11 => "one endpoint broken, the others work",
            Self::P12 => "one object that the platform dislikes",
            Self::P13 => "404 to everything",
            Self::L6 => "a tenant's fat objects",
        }
    }
}

/// The table of states: the enum, its list and its words can't differ.
macro_rules! states {
    ($($state:ident = $meaning:literal,)+) => {
        /// States that a batch must reach.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "`meaning` says it")]
        pub enum Reached {
            $($state,)+
        }

        impl Reached {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$state,)+];

            /// Returns the state in words.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$state => $meaning,)+
                }
            }
        }
    };
}

states! {
    RetriesUsedUpWhileDeletesWait = "retries used up while deletes wait",
    ExpiredWhileSnapshotIsOpen = "410 while a snapshot is open",
    LedgerFull = "the ledger's bound reached",
    DueWhileOpen = "a snapshot due while one is open",
    KindReadableLater = "a kind unreadable at a snapshot, readable later",
    ChangedDuringList = "an object changed between its listing and its list's end",
    DeletedDuringList = "an object deleted between its listing and its list's end",
    EventInFlightWhenListBegins = "an event in flight when its kind's list begins",
    UnauthorizedWhileSnapshotFlies = "401 while a snapshot is in flight",
    LastOfKindDeletedWhileDown = "the last of a kind deleted while we were down",
    NamesakesOwed = "delete and add of one name owed at once",
    SnapshotRefused = "a snapshot refused for good",
    CircuitClosedByProbe = "the circuit closed by a probe",
    StaleList = "a stale list",
    DoubtAfterAccepted = "a snapshot after an ambiguous answer",
    BackupFoundInPages = "a restored backup found in pages",
    EditWhileOpen = "an edit during an open snapshot",
}

/// How often each row is to fire in a batch of 10,000.
pub const LEAST_FIRED: u64 = 100;

/// Counts over one run, or over many.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// How often each row fired.
    pub fired: BTreeMap<Row, u64>,
    /// How often each state was reached.
    pub reached: BTreeMap<Reached, u64>,
    /// Changes in the cluster.
    pub changes: u64,
    /// Requests that the operator started.
    pub requests: u64,
    /// Snapshots that a platform accepted.
    pub snapshots: u64,
    /// Processes that ended, by SIGKILL or SIGTERM, and were started again.
    pub restarts: u64,
    /// Bytes that a ledger held at the most.
    pub most_held: usize,
}

impl Coverage {
    /// A fault of this row fires.
    pub fn fire(&mut self, row: Row) {
        *self.fired.entry(row).or_default() += 1;
    }

    /// A state is reached.
    pub fn reach(&mut self, state: Reached) {
        *self.reached.entry(state).or_default() += 1;
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (row, count) in &other.fired {
            *self.fired.entry(*row).or_default() += count;
        }
        for (state, count) in &other.reached {
            *self.reached.entry(*state).or_default() += count;
        }
        self.changes += other.changes;
        self.requests += other.requests;
        self.snapshots += other.snapshots;
        self.restarts += other.restarts;
        self.most_held = self.most_held.max(other.most_held);
    }

    /// Returns the rows and states that a batch lacks.
    pub fn lacks(&self, least: u64) -> Vec<String> {
        let rows = Row::MIXED.into_iter().filter_map(|row| {
            let fired = self.fired.get(&row).copied().unwrap_or_default();
            (fired < least).then(|| format!("{row:?} ({}) fired only {fired} times", row.meaning()))
        });
        let states = Reached::ALL
            .iter()
            .filter(|state| !self.reached.contains_key(state))
            .map(|state| format!("never reached: {}", state.meaning()));
        rows.chain(states).collect()
    }
}
