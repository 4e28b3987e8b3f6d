// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Worlds of their own: each is large, busy or half-broken in one way, and has expectations of its own.
//!
//! A scenario that `known-red.txt` lists must fail in at least one of 25 seeds. The others are among the mixed seeds.

use std::time::Duration;

use obsyk_domain::answer::{Fault as Loss, Outcome};
use obsyk_domain::ports::{Bounds, ReadError};
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenError;
use obsyk_domain::wire::Endpoint;

use crate::coverage::Row;
use crate::dice::Dice;
use crate::expect::Expect;
use crate::plan::{Death, Fault, FaultKind, Plan};
use crate::wire::{Mishap, TokenTrouble, Weather};

/// The table of scenarios: the enum, its list, its rows and its names can't differ.
macro_rules! scenarios {
    ($($(#[doc = $doc:literal])+ $scenario:ident = $row:ident $name:literal,)+) => {
        /// A world of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scenario {
            $($(#[doc = $doc])+ $scenario,)+
        }

        impl Scenario {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$scenario,)+];

            /// The name in `known-red.txt` and on a command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$scenario => $name,)+
                }
            }

            /// Its row in the table of faults.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$scenario => Row::$row,)+
                }
            }
        }
    };
}

scenarios! {
    /// A storm of six times the rate, then half of the rate, where a snapshot takes seconds.
    Storm = K16 "K16/storm",
    /// A few hundred objects change all the time, and new ones come.
    HotObjects = K16 "K16/hot-objects",
    /// The same 30 fat objects are relabelled every 30 s.
    Relabelled = K16 "K16/relabelled",
    /// A streamed list never ends.
    EndlessList = K17 "K17/endless-list",
    /// A watch ends with 410 after one event.
    ExpiringWatch = K17 "K17/expiring-watch",
    /// A watch is refused, or closed at once.
    RefusedWatch = K17 "K17/refused-watch",
    /// Versions are nanoseconds.
    LargeVersions = K18 "K18/large-versions",
    /// Watch events are lost, and only another list shows it.
    LostEvents = K4 "K4/lost-events",
    /// Snapshots time out and arrive up to ten minutes later, each time anew.
    LateSnapshots = P8 "P8/late-snapshots",
    /// Requests of a killed process arrive after its successor's snapshot.
    Predecessor = P8 "P8/predecessor",
    /// After a restart /snapshot answers 429.
    SnapshotThrottled = P11 "P11/snapshot-429",
    /// After a restart /snapshot answers 400.
    SnapshotRefused = P11 "P11/snapshot-400",
    /// After a restart /snapshot answers 408 or 5xx, or not at all.
    SnapshotFails = P11 "P11/snapshot-5xx",
    /// /events answers 503 while /heartbeat works.
    EventsFail = P11 "P11/events-503",
    /// An outage opens the circuit, and /heartbeat answers 405 from then on.
    HeartbeatAbsent = P11 "P11/heartbeat-405",
    /// The token endpoint is throttled at the start.
    TokenThrottled = P11 "P11/token-429",
    /// The platform dislikes one object, in whichever body it is.
    OneBadObject = P12 "P12/one-object",
    /// Bodies above a size are reset, smaller ones are not.
    LargeBodyReset = P12 "P12/large-body-reset",
    /// Everything is answered 404 for a minute, deletes among it.
    AllNotFound = P13 "P13/404",
    /// Objects are larger than what an encoded object may be.
    FatObjects = L6 "L6/fat-objects",
}

/// Faults begin here.
const BEGIN: u64 = 60;

fn at(secs: u64) -> Moment {
    Moment::at(Duration::from_secs(secs))
}

fn fault(row: Row, from: u64, to: u64, what: FaultKind) -> Fault {
    Fault {
        row,
        at: at(from),
        lasts: Duration::from_secs(to - from),
        what,
    }
}

const fn status(code: u16, retry_after: Option<u64>) -> Mishap {
    Mishap::Status {
        code,
        retry_after: match retry_after {
            Some(secs) => Some(Duration::from_secs(secs)),
            None => None,
        },
        done: false,
    }
}

impl Scenario {
    /// The plan of a seed.
    pub fn plan(self, seed: u64) -> Plan {
        let mut dice = Dice::new(seed, 7);
        let mut plan = Plan {
            scenario: Some(self),
            objects: 12,
            pace: Duration::from_secs(2),
            per_second: 10,
            burst: 20,
            lifetime: Duration::from_secs(3600),
            pedantic: false,
            bandwidth: 0,
            bounds: Bounds::default(),
            faults: Vec::new(),
            ..Plan::new(seed)
        };
        self.shape(&mut plan, &mut dice);
        plan.faults.sort_by_key(|fault| fault.at);
        plan
    }

    /// Sets the size of the world, its faults and its expectations.
    fn shape(self, plan: &mut Plan, dice: &mut Dice) {
        let row = self.row();
        let minutes = |minutes: u64| 60 * minutes;
        match self {
            Self::Storm => {
                // 300 objects of some 280 bytes make a body of 3 s, and 150 of them fill the ledger.
                plan.objects = 75;
                plan.bandwidth = 28_000;
                plan.bounds = Bounds { ledger: 75_000 };
                plan.pace = Duration::from_millis(200);
                let end = BEGIN + 90;
                plan.expect = Expect {
                    lag: Some((at(end + 150), Duration::from_secs(5))),
                    snapshots: Some((at(end + 10), 3)),
                    ..Expect::default()
                };
                plan.faults = vec![fault(row, BEGIN, end, FaultKind::Changes { per_second: 60 })];
                plan.set_faults_until(end + 150 + minutes(4));
            }
            Self::HotObjects => {
                plan.objects = 50;
                plan.pace = Duration::from_secs(5);
                plan.expect.new_objects = Some((at(2 * BEGIN), Duration::from_secs(2)));
                plan.faults = vec![
                    fault(row, BEGIN, minutes(8), FaultKind::Changes { per_second: 20 }),
                    fault(
                        row,
                        BEGIN,
                        minutes(8),
                        FaultKind::Creations {
                            every: Duration::from_secs(5),
                        },
                    ),
                ];
                plan.set_faults_until(minutes(8));
            }
            Self::Relabelled => {
                // 30 objects of 15 KB are more than the ledger's bound; all of them are a body of 5 s.
                plan.bounds = Bounds { ledger: 300_000 };
                plan.bandwidth = 100_000;
                plan.pace = Duration::from_secs(20);
                plan.objects = 10;
                plan.expect.share = Some((at(BEGIN + 60), 0.06));
                let what = FaultKind::Relabels {
                    count: 30,
                    padding: 15_000,
                    every: Duration::from_secs(30),
                };
                plan.faults = vec![fault(row, BEGIN, minutes(15), what)];
                plan.set_faults_until(minutes(15));
            }
            Self::EndlessList => {
                // A new object would be progress of the list.
                plan.pace = Duration::from_secs(10);
                plan.updates_only = true;
                plan.expect.alive = Some((at(150), at(minutes(8))));
                plan.faults = vec![fault(row, 0, minutes(8), FaultKind::Endless)];
                plan.set_faults_until(minutes(8));
            }
            Self::ExpiringWatch => {
                plan.pace = Duration::from_millis(500);
                let kind = *dice.pick(&plan.kinds);
                plan.expect.lists = Some((kind, at(minutes(8)), 5));
                plan.faults = vec![fault(row, BEGIN, minutes(20), FaultKind::ExpiringWatch(kind))];
                plan.set_faults_until(minutes(20));
            }
            Self::RefusedWatch => {
                let kind = *dice.pick(&plan.kinds);
                let error = *dice.pick(&[
                    None,
                    Some(ReadError::Unauthorized),
                    Some(ReadError::Busy { wait: None }),
                    Some(ReadError::Status(502)),
                ]);
                plan.expect.named = Some((kind, at(minutes(3))));
                plan.faults = vec![fault(row, 0, minutes(10), FaultKind::RefusedWatch(kind, error))];
                plan.set_faults_until(minutes(10));
            }
            Self::LargeVersions => {
                plan.first_version = 1_700_000_000_000_000_000;
                plan.pace = Duration::from_millis(500);
                let stale = |minute| fault(row, minutes(minute), minutes(minute + 1), FaultKind::Compaction);
                plan.faults = (1..6).map(stale).collect();
                let lag = FaultKind::Lag(dice.within(20, 100));
                plan.faults.push(fault(row, BEGIN - 5, minutes(7), lag));
                plan.set_faults_until(minutes(8));
            }
            Self::LostEvents => {
                let what = FaultKind::Losses {
                    lost: 0.3,
                    deletes: 0.3,
                    doubled: 0.0,
                    swapped: 0.0,
                };
                plan.faults = vec![fault(row, BEGIN, BEGIN + 120, what)];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(minutes(4));
            }
            Self::LateSnapshots => {
                let late = Weather::at(Mishap::MuchLater, Endpoint::Snapshot);
                plan.faults = vec![
                    fault(row, BEGIN, minutes(20), FaultKind::Weather(vec![late])),
                    fault(row, BEGIN + 5, BEGIN + 10, FaultKind::Death(Death::Kill)),
                ];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(minutes(20));
            }
            Self::Predecessor => {
                let late = Weather {
                    likely: 0.7,
                    ..Weather::at(Mishap::Late, Endpoint::Events)
                };
                plan.pace = Duration::from_millis(500);
                plan.faults = vec![
                    fault(row, BEGIN, BEGIN + 8, FaultKind::Weather(vec![late])),
                    fault(row, BEGIN + 7, BEGIN + 8, FaultKind::Death(Death::Kill)),
                ];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(2 * BEGIN);
            }
            Self::SnapshotThrottled => self.broken_snapshots(plan, status(429, Some(5))),
            Self::SnapshotRefused => self.broken_snapshots(plan, status(400, None)),
            Self::SnapshotFails => {
                let mishap = *dice.pick(&[
                    status(408, None),
                    status(500, None),
                    status(503, None),
                    Mishap::Swallowed,
                    Mishap::ResetBefore,
                    Mishap::NoConnection(Loss::Connect),
                ]);
                self.broken_snapshots(plan, mishap);
            }
            Self::EventsFail => {
                let away = Weather::at(status(503, None), Endpoint::Events);
                plan.expect.none_rejected = Some(at(BEGIN));
                plan.faults = vec![fault(row, BEGIN, BEGIN + 600, FaultKind::Weather(vec![away]))];
                plan.heals = Duration::from_secs(minutes(15));
                plan.set_faults_until(BEGIN + 600);
            }
            Self::HeartbeatAbsent => {
                let away = Weather::all(status(503, None));
                let code = *dice.pick(&[405, 405, 429, 500]);
                let absent = Weather::at(status(code, None), Endpoint::Heartbeat);
                plan.expect.alive = Some((at(BEGIN + 240 + 90), at(minutes(20))));
                plan.faults = vec![
                    fault(row, BEGIN, minutes(20), FaultKind::Weather(vec![absent])),
                    fault(row, BEGIN, BEGIN + 240, FaultKind::Weather(vec![away])),
                ];
                plan.set_faults_until(minutes(20));
            }
            Self::TokenThrottled => {
                let throttled = TokenError::Answer(Outcome::status(429));
                plan.expect.unsaid = Some("private_key");
                plan.faults = vec![fault(row, 0, 180, FaultKind::Tokens(TokenTrouble::None(throttled)))];
                plan.set_faults_until(minutes(6));
            }
            Self::OneBadObject => {
                let mishap = *dice.pick(&[
                    status(400, None),
                    status(403, None),
                    status(408, None),
                    status(413, None),
                    status(422, None),
                    status(429, None),
                    status(500, None),
                    Mishap::ResetBefore,
                ]);
                plan.expect.alive = Some((at(BEGIN + 620), at(minutes(18))));
                plan.faults = vec![
                    fault(row, BEGIN - 10, minutes(18), FaultKind::Dislikes(mishap)),
                    fault(row, BEGIN, BEGIN + 5, FaultKind::Death(Death::Kill)),
                ];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(minutes(18));
            }
            Self::LargeBodyReset => {
                // A whole body has some 48 objects of 900 bytes; that of one kind a quarter.
                plan.padding = 600;
                let reset = Weather {
                    above: 25_000,
                    ..Weather::at(Mishap::ResetBefore, Endpoint::Snapshot)
                };
                plan.pace = Duration::from_secs(10);
                plan.updates_only = true;
                plan.expect.alive = Some((at(660), at(minutes(16))));
                plan.faults = vec![fault(row, 0, minutes(16), FaultKind::Weather(vec![reset]))];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(minutes(16));
            }
            Self::AllNotFound => {
                let lost = Weather {
                    lies: true,
                    ..Weather::all(status(404, None))
                };
                let kind = *dice.pick(&plan.kinds);
                // Any other event that is answered 404 makes a snapshot due, which mends everything.
                plan.pace = Duration::from_secs(minutes(60));
                plan.faults = vec![
                    fault(row, BEGIN, 2 * BEGIN, FaultKind::Weather(vec![lost])),
                    fault(row, BEGIN + 10, BEGIN + 11, FaultKind::AllDeleted(kind)),
                ];
                plan.heals = Duration::from_secs(minutes(70));
                plan.set_faults_until(minutes(3));
            }
            Self::FatObjects => {
                plan.objects = 2;
                plan.expect.largest = Some(256 * 1024);
                plan.faults = vec![fault(row, BEGIN, minutes(3), FaultKind::Fat(300_000))];
                plan.set_faults_until(minutes(4));
            }
        }
    }

    /// A restart while /snapshot has a fault of its own: events go on.
    fn broken_snapshots(self, plan: &mut Plan, mishap: Mishap) {
        let end = BEGIN + 11 * 60;
        let weather = Weather::at(mishap, Endpoint::Snapshot);
        plan.expect.alive = Some((at(BEGIN + 100), at(end)));
        plan.faults = vec![
            fault(self.row(), BEGIN, end, FaultKind::Weather(vec![weather])),
            fault(self.row(), BEGIN + 1, BEGIN + 5, FaultKind::Death(Death::Kill)),
        ];
        plan.heals = Duration::from_secs(70 * 60);
        plan.set_faults_until(end);
    }
}
