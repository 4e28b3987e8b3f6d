// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a seed decides: the cluster, how much it changes, and which faults come when.

use std::collections::BTreeSet;
use std::time::Duration;

use obsyk_domain::answer::{Fault as Loss, Outcome};
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenError;
use obsyk_domain::wire::Endpoint;

use crate::coverage::Row;
use crate::dice::Dice;
use crate::wire::{Mishap, TokenTrouble, Weather};

/// Faults come and changes happen until here.
pub const TROUBLE: Duration = Duration::from_secs(31 * 60);

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
    /// What it is.
    pub what: What,
}

/// What is wrong with a Secret.
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

/// Whose process or part of it dies.
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
}

/// What a fault does.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names and the table of faults say it")]
pub enum What {
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
    /// The mean time between two changes.
    pub pace: Duration,
    /// How long a token lives.
    pub lifetime: Duration,
    /// Whether platforms say 404 to a delete of what they don't hold.
    pub pedantic: bool,
    /// The limit that the resource has at the start.
    pub per_second: i32,
    /// See [`Self::per_second`].
    pub burst: i32,
    /// The faults, in order of time.
    pub faults: Vec<Fault>,
    /// Those that are left out of a replay.
    pub without: BTreeSet<usize>,
}

impl Plan {
    /// What this seed decides.
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
            let row = *dice.pick(&Row::ALL);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        let mut faults: Vec<Fault> = Vec::new();
        for row in rows {
            for _ in 0..dice.within(1, 3) {
                faults.extend(fault(row, &kinds, &mut dice));
            }
        }
        // What comes by chance at once is rare: some seeds are told to.
        for _ in 0..dice.below(3) {
            if let Some(first) = faults.get(dice.below(faults.len())).cloned() {
                let at = first.at
                    + if dice.happens(0.5) {
                        first.lasts
                    } else {
                        dice.secs(0, 5)
                    };
                let row = *dice.pick(&Row::ALL);
                faults.extend(fault(row, &kinds, &mut dice).map(|fault| fault.moved_to(at)));
            }
        }
        if dice.happens(0.05) {
            faults.extend(ambush(&kinds, &mut dice));
        }
        faults.sort_by_key(|fault| fault.at);
        let hurried = dice.happens(0.2);
        Self {
            seed,
            objects: dice.within(2, 14) as usize,
            pace: TROUBLE / if hurried { 4000 } else { 1300 + dice.below(600) as u32 },
            lifetime: *dice.pick(&[60, 300, 3600, 3600, 3600].map(Duration::from_secs)),
            pedantic: dice.happens(0.5),
            per_second: *dice.pick(&[10, 10, 10, 3, 50]),
            burst: *dice.pick(&[20, 20, 1, 50]),
            kinds,
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

    /// Whether something may be wrong that only the next day's snapshot mends.
    pub fn waits_a_day(&self) -> bool {
        self.active().any(|(_, fault)| matches!(fault.row, Row::K4 | Row::P8))
    }

    /// How long after its troubles the platform's picture is true again.
    pub fn heals_within(&self) -> Duration {
        // A snapshot that is refused for good is tried again after up to an hour.
        let refuses = |weather: &Weather| matches!(weather.mishap, Mishap::Status { .. });
        let refused = |fault: &Fault| matches!(&fault.what, What::Weather(all) if all.iter().any(refuses));
        if self.active().any(|(_, fault)| fault.row == Row::P3 && refused(fault)) {
            Duration::from_secs(70 * 60)
        } else {
            Duration::from_secs(10 * 60)
        }
    }
}

impl Fault {
    fn moved_to(self, at: Moment) -> Self {
        let lasts = self.lasts.min(TROUBLE.saturating_sub(at.elapsed()));
        Self { at, lasts, ..self }
    }
}

/// A kind's objects go while it can't be read and a snapshot goes without it; it comes back just before the ledger
/// overflows.
fn ambush(kinds: &[ResourceKind], dice: &mut Dice) -> Vec<Fault> {
    let kind = *dice.pick(kinds);
    let begin = dice.secs(60, TROUBLE.as_secs() - 120);
    let second = Duration::from_secs(1);
    let at = |row, after: Duration, lasts, what| Fault {
        row,
        at: Moment::at(begin + after),
        lasts,
        what,
    };
    vec![
        at(Row::K8, Duration::ZERO, 14 * second, What::Forbid(kind)),
        at(Row::K14, 5 * second, second, What::EditedName),
        at(Row::K11, 8 * second, second, What::AllDeleted(kind)),
        at(
            Row::K12,
            dice.secs(14, 30),
            10 * second,
            What::Storm {
                per_second: 100,
                fat: true,
            },
        ),
    ]
}

fn fault(row: Row, kinds: &[ResourceKind], dice: &mut Dice) -> Option<Fault> {
    let what = what(row, kinds, dice);
    let longest = match (&what, row) {
        (_, Row::P9) => *dice.pick(&[60, 120, 300, 1200]),
        (What::Storm { .. }, _) => 10,
        (What::Lag(_) | What::Losses { .. }, _) => 120,
        (What::Broken { metadata: true, .. }, _) => 150,
        (What::Death(_), _) => 90,
        _ => *dice.pick(&[5, 30, 120, 240]),
    };
    let lasts = dice.secs(1, longest);
    let at = dice.secs(20, TROUBLE.as_secs() - 5);
    Some(Fault {
        row,
        at: Moment::at(at),
        lasts: lasts.min(TROUBLE.saturating_sub(at)),
        what,
    })
}

fn what(row: Row, kinds: &[ResourceKind], dice: &mut Dice) -> What {
    let kind = *dice.pick(kinds);
    match row {
        Row::K1 if dice.happens(0.5) => What::ApiDown,
        Row::K1 => What::Resets,
        Row::K2 => What::Compaction,
        Row::K4 => {
            let mut one_of = [0.0; 4];
            *pick_mut(&mut one_of, dice) = 0.05 + 0.2 * f64::from(u32::from(dice.happens(0.5)));
            let [lost, deletes, doubled, swapped] = one_of;
            What::Losses {
                lost,
                deletes,
                doubled,
                swapped,
            }
        }
        Row::K5 => What::Lag(dice.within(3, 200)),
        Row::K6 => What::Restore(dice.within(60, 300)),
        Row::K7 => match dice.below(4) {
            0 => What::Busy(None),
            1 => What::Busy(Some(dice.secs(1, 60))),
            2 => What::NoStreams,
            _ => What::SlowLists(dice.secs(1, 90)),
        },
        Row::K8 => What::Forbid(kind),
        Row::K9 => What::Absent(kind),
        Row::K10 => What::Broken {
            kind,
            metadata: dice.happens(0.3),
        },
        Row::K11 if dice.happens(0.6) => What::CreatedAgain(kind),
        Row::K11 => What::AllDeleted(kind),
        Row::K12 => What::Storm {
            per_second: *dice.pick(&[50, 100, 200]),
            fat: dice.happens(0.15),
        },
        Row::K14 => match dice.below(7) {
            0 => What::EditedRate {
                per_second: *dice.pick(&[1, 5, 100]),
                burst: *dice.pick(&[1, 20, 100]),
            },
            1 => What::EditedSync,
            2 => What::EditedName,
            3 => What::EditedPlatform,
            4 => What::Invalid,
            5 => What::CreatedAnew,
            _ => What::Another {
                same_platform: dice.happens(0.5),
            },
        },
        Row::K15 => What::Secret(match dice.below(7) {
            0 => SecretTrouble::Bad(CredentialsError::NoSecret),
            1 => SecretTrouble::Bad(CredentialsError::Rsa),
            2 => SecretTrouble::Bad(CredentialsError::NotPem),
            3 => SecretTrouble::OtherKey,
            4 => SecretTrouble::OtherClient,
            _ => SecretTrouble::Revoked,
        }),
        Row::P1 => What::Weather(vec![weather(
            *dice.pick(&[
                Mishap::NoConnection(Loss::Connect),
                Mishap::NoConnection(Loss::Tls),
                Mishap::ResetBefore,
                Mishap::ResetAfter,
                Mishap::Cut,
                Mishap::Swallowed,
                Mishap::Unanswered,
            ]),
            dice,
        )]),
        Row::P3 => What::Weather(vec![status(dice)]),
        Row::P4 => match dice.below(3) {
            0 => What::Revoked {
                times: dice.within(1, 6) as u32,
            },
            other => What::Weather(vec![Weather {
                mishap: Mishap::Status {
                    code: 401,
                    retry_after: None,
                    done: false,
                },
                likely: if other == 1 { 1.0 } else { 0.5 },
                endpoint: None,
            }]),
        },
        Row::P5 => What::Tokens(*dice.pick(&[
            TokenTrouble::None(TokenError::NotAToken),
            TokenTrouble::None(TokenError::Answer(Outcome::status(500))),
            TokenTrouble::None(TokenError::Answer(Outcome::status(400))),
            TokenTrouble::None(TokenError::Answer(Outcome::Lost {
                fault: Loss::Connect,
                ambiguous: false,
            })),
            TokenTrouble::ShortLived(Duration::from_secs(2)),
            TokenTrouble::ShortLived(Duration::from_secs(20)),
        ])),
        Row::P6 => What::Clock,
        Row::P8 => What::Weather(vec![Weather {
            mishap: *dice.pick(&[Mishap::Late, Mishap::Doubled]),
            likely: 0.3,
            endpoint: None,
        }]),
        Row::P9 => match dice.below(4) {
            0 => What::Flapping,
            1 => What::Forgets,
            2 => What::Weather(vec![Weather {
                mishap: Mishap::Status {
                    code: 503,
                    retry_after: None,
                    done: false,
                },
                likely: 1.0,
                endpoint: None,
            }]),
            _ => What::Weather(vec![Weather {
                mishap: Mishap::NoConnection(Loss::Connect),
                likely: 1.0,
                endpoint: None,
            }]),
        },
        Row::L1 => What::Death(*dice.pick(&[
            Death::Kill,
            Death::Kill,
            Death::Terminate,
            Death::Sender,
            Death::Watcher,
            Death::Agent,
        ])),
    }
}

fn pick_mut<'a>(of: &'a mut [f64; 4], dice: &mut Dice) -> &'a mut f64 {
    let [a, b, c, d] = of;
    match dice.below(4) {
        0 => a,
        1 => b,
        2 => c,
        _ => d,
    }
}

fn weather(mishap: Mishap, dice: &mut Dice) -> Weather {
    Weather {
        mishap,
        likely: *dice.pick(&[0.1, 0.3, 1.0]),
        endpoint: *dice.pick(&[None, None, Some(Endpoint::Events), Some(Endpoint::Snapshot)]),
    }
}

/// A status that a platform may answer, to some or to all of an endpoint's requests.
fn status(dice: &mut Dice) -> Weather {
    const CODES: [u16; 19] = [
        301, 302, 307, 400, 403, 404, 405, 408, 409, 410, 413, 418, 422, 429, 451, 500, 502, 503, 504,
    ];
    let code = *dice.pick(&CODES);
    let retry_after = match dice.below(4) {
        0 => Some(dice.secs(0, 20)),
        1 => Some(Duration::from_secs(1_000_000_000)),
        _ => None,
    };
    Weather {
        mishap: Mishap::Status {
            code,
            retry_after: retry_after.filter(|_| matches!(code, 408 | 429 | 500..=599)),
            done: code >= 500 && dice.happens(0.5),
        },
        likely: *dice.pick(&[0.1, 0.5, 1.0]),
        endpoint: *dice.pick(&[
            None,
            Some(Endpoint::Events),
            Some(Endpoint::Snapshot),
            Some(Endpoint::Heartbeat),
        ]),
    }
}
