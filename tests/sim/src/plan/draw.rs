// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Draws the faults of a seed.

use std::time::Duration;

use obsyk_domain::answer::{Fault as Loss, Outcome};
use obsyk_domain::credentials::CredentialsError;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenError;
use obsyk_domain::wire::Endpoint;

use super::{Death, FAULTS_UNTIL, Fault, FaultKind, SecretTrouble};
use crate::coverage::Row;
use crate::dice::Dice;
use crate::wire::{Mishap, TokenTrouble, Weather};

impl Fault {
    pub(super) fn moved_to(self, at: Moment) -> Self {
        let lasts = self.lasts.min(FAULTS_UNTIL.saturating_sub(at.elapsed()));
        Self { at, lasts, ..self }
    }
}

/// Combinations of faults that chance rarely draws, and that a promise is about.
pub(super) fn ambush(kinds: &[ResourceKind], dice: &mut Dice) -> Vec<Fault> {
    let begin = dice.secs(60, FAULTS_UNTIL.as_secs() - 90);
    let parts = if dice.happens(0.5) {
        deletes_of_an_unreadable_kind(kinds, dice)
    } else {
        deletes_while_a_watcher_is_down(kinds)
    };
    let parts = parts.into_iter().map(|(row, after, lasts, what)| Fault {
        row,
        at: Moment::at(begin + Duration::from_millis(after)),
        lasts: Duration::from_secs(lasts),
        what,
    });
    parts.collect()
}

/// Row, milliseconds after the beginning, seconds.
type Part = (Row, u64, u64, FaultKind);

/// Deletes wait at a low rate, their kind can't be read any more, a snapshot goes without it, and then the ledger
/// overflows.
fn deletes_of_an_unreadable_kind(kinds: &[ResourceKind], dice: &mut Dice) -> Vec<Part> {
    let kind = *dice.pick(kinds);
    let slow = FaultKind::EditedRate {
        per_second: 1,
        burst: 1,
    };
    let fat = FaultKind::Storm {
        per_second: 100,
        fat: true,
    };
    vec![
        (Row::K14, 0, 60, slow),
        (Row::K11, 1000, 1, FaultKind::AllDeleted(kind)),
        (Row::K8, 1500, 60, FaultKind::Forbid(kind)),
        (Row::L1, 1600, 1, FaultKind::Death(Death::Watcher)),
        (Row::K12, dice.within(9000, 14_000), 10, fat),
    ]
}

/// A watcher dies, and before it is there again all that it knew is gone.
fn deletes_while_a_watcher_is_down(kinds: &[ResourceKind]) -> Vec<Part> {
    let dies = (Row::L1, 0, 1, FaultKind::Death(Death::Watcher));
    let gone = kinds.iter().map(|kind| (Row::K11, 20, 1, FaultKind::AllDeleted(*kind)));
    std::iter::once(dies).chain(gone).collect()
}

/// A fault of this row, at some time.
pub(super) fn fault(row: Row, kinds: &[ResourceKind], dice: &mut Dice) -> Fault {
    let what = what(row, kinds, dice);
    let longest = match (&what, row) {
        (_, Row::P9) => *dice.pick(&[60, 120, 300, 1200]),
        (FaultKind::Storm { .. }, _) => 10,
        (FaultKind::Lag(_) | FaultKind::Losses { .. }, _) => 120,
        (FaultKind::Broken { metadata: true, .. }, _) => 150,
        (FaultKind::Death(_), _) => 90,
        _ => *dice.pick(&[5, 30, 120, 240]),
    };
    let lasts = dice.secs(1, longest);
    let at = dice.secs(20, FAULTS_UNTIL.as_secs() - 5);
    Fault {
        row,
        at: Moment::at(at),
        lasts: lasts.min(FAULTS_UNTIL.saturating_sub(at)),
        what,
    }
}

fn what(row: Row, kinds: &[ResourceKind], dice: &mut Dice) -> FaultKind {
    let kind = *dice.pick(kinds);
    match row {
        Row::K1 if dice.happens(0.5) => FaultKind::ApiDown,
        Row::K1 => FaultKind::Resets,
        Row::K2 => FaultKind::Compaction,
        Row::K4 => {
            let mut one_of = [0.0; 4];
            let likely = if dice.happens(0.5) { 0.25 } else { 0.05 };
            if let Some(one) = one_of.get_mut(dice.below(4)) {
                *one = likely;
            }
            let [lost, deletes, doubled, swapped] = one_of;
            FaultKind::Losses {
                lost,
                deletes,
                doubled,
                swapped,
            }
        }
        Row::K5 => FaultKind::Lag(dice.within(3, 200)),
        Row::K6 => FaultKind::Restore(dice.within(60, 300)),
        Row::K7 => match dice.below(4) {
            0 => FaultKind::Busy(None),
            1 => FaultKind::Busy(Some(dice.secs(1, 60))),
            2 => FaultKind::NoStreams,
            _ => FaultKind::SlowLists(dice.secs(1, 90)),
        },
        Row::K8 => FaultKind::Forbid(kind),
        Row::K9 => FaultKind::Absent(kind),
        Row::K10 => FaultKind::Broken {
            kind,
            metadata: dice.happens(0.3),
        },
        Row::K11 if dice.happens(0.6) => FaultKind::CreatedAgain(kind),
        Row::K11 => FaultKind::AllDeleted(kind),
        Row::K12 => FaultKind::Storm {
            per_second: *dice.pick(&[50, 100, 200]),
            fat: dice.happens(0.15),
        },
        Row::K14 => match dice.below(7) {
            0 => FaultKind::EditedRate {
                per_second: *dice.pick(&[1, 5, 100]),
                burst: *dice.pick(&[1, 20, 100]),
            },
            1 => FaultKind::EditedSync,
            2 => FaultKind::EditedName,
            3 => FaultKind::EditedPlatform,
            4 => FaultKind::Invalid,
            5 => FaultKind::CreatedAnew,
            _ => FaultKind::Another {
                same_platform: dice.happens(0.5),
            },
        },
        Row::K15 => FaultKind::Secret(match dice.below(7) {
            0 => SecretTrouble::Bad(CredentialsError::NoSecret),
            1 => SecretTrouble::Bad(CredentialsError::Rsa),
            2 => SecretTrouble::Bad(CredentialsError::NotPem),
            3 => SecretTrouble::OtherKey,
            4 => SecretTrouble::OtherClient,
            _ => SecretTrouble::Revoked,
        }),
        Row::P1 => FaultKind::Weather(vec![weather(
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
        Row::P3 => FaultKind::Weather(vec![status(dice)]),
        Row::P4 => match dice.below(3) {
            0 => FaultKind::Revoked {
                times: dice.within(1, 6) as u32,
            },
            other => FaultKind::Weather(vec![Weather {
                likely: if other == 1 { 1.0 } else { 0.5 },
                ..Weather::all(Mishap::Status {
                    code: 401,
                    retry_after: None,
                    done: false,
                })
            }]),
        },
        Row::P5 => FaultKind::Tokens(*dice.pick(&[
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
        Row::P6 => FaultKind::Clock,
        Row::P8 => FaultKind::Weather(vec![Weather {
            likely: 0.3,
            ..Weather::all(*dice.pick(&[Mishap::Late, Mishap::Doubled]))
        }]),
        Row::P9 => match dice.below(4) {
            0 => FaultKind::Flapping,
            1 => FaultKind::Forgets,
            2 => FaultKind::Weather(vec![Weather::all(Mishap::Status {
                code: 503,
                retry_after: None,
                done: false,
            })]),
            _ => FaultKind::Weather(vec![Weather::all(Mishap::NoConnection(Loss::Connect))]),
        },
        Row::L1 => FaultKind::Death(*dice.pick(&[
            Death::Kill,
            Death::Kill,
            Death::Terminate,
            Death::Sender,
            Death::Watcher,
            Death::Agent,
            Death::Supervisor,
        ])),
        Row::K16 | Row::K17 | Row::K18 | Row::P11 | Row::P12 | Row::P13 | Row::L6 => FaultKind::Resets,
    }
}

fn weather(mishap: Mishap, dice: &mut Dice) -> Weather {
    Weather {
        likely: *dice.pick(&[0.1, 0.3, 1.0]),
        endpoint: *dice.pick(&[None, None, Some(Endpoint::Events), Some(Endpoint::Snapshot)]),
        ..Weather::all(mishap)
    }
}

/// A status that a platform may answer, to some or to all of an endpoint's requests.
fn status(dice: &mut Dice) -> Weather {
    const CODES: [&[u16]; 4] = [
        &[301, 302, 307],
        &[400, 403, 404, 405, 409, 410, 413, 418, 422, 451],
        &[408, 429],
        &[500, 502, 503, 504],
    ];
    let class = *dice.pick(&CODES);
    let code = *dice.pick(class);
    let retry_after = match dice.below(4) {
        0 => Some(dice.secs(0, 20)),
        1 => Some(Duration::from_secs(1_000_000_000)),
        _ => None,
    };
    let mishap = Mishap::Status {
        code,
        retry_after: retry_after.filter(|_| matches!(code, 408 | 429 | 500..=599)),
        done: code >= 500 && dice.happens(0.5),
    };
    Weather {
        likely: *dice.pick(&[0.1, 0.5, 1.0]),
        endpoint: *dice.pick(&[
            None,
            Some(Endpoint::Events),
            Some(Endpoint::Snapshot),
            Some(Endpoint::Heartbeat),
        ]),
        ..Weather::all(mishap)
    }
}
