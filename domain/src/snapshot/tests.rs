// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const CAUSES: [Cause; 15] = [
    Cause::Start,
    Cause::Edited,
    Cause::WatcherLost,
    Cause::SenderLost,
    Cause::KindReadable,
    Cause::CircuitClosed,
    Cause::Resumed,
    Cause::Answer,
    Cause::Unknown,
    Cause::LedgerFull,
    Cause::Backlog,
    Cause::Ambiguous,
    Cause::Daily,
    Cause::Refused,
    Cause::Unfinished,
];

fn at(secs: u64) -> Moment {
    Moment::at(Duration::from_secs(secs))
}

struct Always(f64);

impl Chance for Always {
    fn fraction(&mut self) -> f64 {
        self.0
    }
}

/// A schedule that has opened one at this second.
fn opened(secs: u64) -> Schedule {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Start, at(secs));
    schedule.open(at(secs)).unwrap();
    schedule
}

#[test]
fn nothing_is_due_at_first() {
    let mut schedule = Schedule::default();
    assert_eq!(schedule.next(), None);
    assert_eq!(schedule.open(Moment::NEVER), None);
    assert_eq!(schedule.absorb(Moment::NEVER), None);
}

#[test]
fn every_cause_by_itself_opens_one_and_is_answered_by_it() {
    for cause in CAUSES {
        let mut schedule = Schedule::default();
        schedule.add(cause, at(5));
        assert_eq!(schedule.open(at(4)), None, "{cause}");
        assert_eq!(schedule.next(), Some(at(5)), "{cause}");
        assert_eq!(schedule.open(at(5)).unwrap(), [cause]);
        assert_eq!(schedule.next(), None, "{cause}");
    }
}

#[test]
fn every_cause_has_a_word_of_its_own() {
    let words: HashSet<_> = CAUSES.map(Cause::label).into_iter().collect();
    assert_eq!(words.len(), CAUSES.len());
    assert!(
        words
            .iter()
            .all(|word| word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
    );
}

#[test]
fn causes_that_are_due_are_merged() {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Backlog, at(0));
    schedule.add(Cause::Start, at(0));
    assert_eq!(schedule.open(at(0)).unwrap(), [Cause::Start, Cause::Backlog]);
    assert_eq!(schedule.next(), None);
}

#[test]
fn a_cause_that_lies_ahead_is_not_merged() {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Ambiguous, at(600));
    schedule.add(Cause::Start, at(0));
    assert_eq!(schedule.open(at(0)).unwrap(), [Cause::Start]);
    assert_eq!(schedule.next(), Some(at(600)));
}

#[test]
fn one_that_is_about_to_open_takes_in_what_is_due_however_close() {
    let mut schedule = opened(0);
    schedule.add(Cause::Answer, at(1));
    schedule.add(Cause::Daily, at(100));
    assert_eq!(schedule.absorb(at(2)), Some(vec![Cause::Answer]));
    assert_eq!(schedule.absorb(at(2)), None);
    assert_eq!(schedule.next(), Some(at(100)));
}

#[test]
fn two_are_thirty_seconds_apart_but_for_the_start_and_edits() {
    for cause in CAUSES {
        let mut schedule = opened(0);
        schedule.add(cause, at(1));
        let expected = if matches!(cause, Cause::Start | Cause::Edited) {
            at(1)
        } else {
            at(30)
        };
        assert_eq!(schedule.next(), Some(expected), "{cause}");
        assert_eq!(schedule.open(at(29)).is_some(), expected == at(1), "{cause}");
    }
}

#[test]
fn one_that_opens_at_once_takes_the_waiting_ones_along() {
    let mut schedule = opened(0);
    schedule.add(Cause::Answer, at(1));
    schedule.add(Cause::Edited, at(5));
    assert_eq!(schedule.open(at(5)).unwrap(), [Cause::Edited, Cause::Answer]);
}

#[test]
fn of_two_moments_for_one_cause_the_earlier_counts() {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Unfinished, at(50));
    schedule.add(Cause::Unfinished, at(40));
    schedule.add(Cause::Unfinished, at(60));
    assert_eq!(schedule.open(at(40)), Some(vec![Cause::Unfinished]));
    assert_eq!(schedule.next(), None);
}

/// The late request of the second answer may arrive after the snapshot for the first.
#[test]
fn after_each_ambiguous_answer_one_opens_no_sooner_than_was_asked_for() {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Ambiguous, at(700));
    schedule.add(Cause::Ambiguous, at(1900));
    schedule.add(Cause::Ambiguous, at(1300));
    assert_eq!(schedule.open(at(700)).unwrap(), [Cause::Ambiguous]);
    assert_eq!(schedule.next(), Some(at(1900)), "one for all that lie ahead");
    assert_eq!(schedule.open(at(1900)).unwrap(), [Cause::Ambiguous]);
    assert_eq!(schedule.next(), None);
}

#[test]
fn an_accepted_one_leaves_the_ambiguous_one_due() {
    let mut schedule = Schedule::default();
    schedule.add(Cause::Ambiguous, at(700));
    schedule.accepted(at(10), &mut Always(0.5));
    assert_eq!(schedule.next(), Some(at(700)));
}

#[test]
fn refusals_double_from_a_minute_to_an_hour() {
    let mut schedule = Schedule::default();
    let mut now = at(100);
    let mut waits = Vec::new();
    for _ in 0..8 {
        schedule.refused(now);
        let next = schedule.next().unwrap();
        waits.push(next.since(now).as_secs());
        schedule.open(next).unwrap();
        now = next;
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
}

#[test]
fn an_accepted_one_ends_the_doubling_and_what_the_refusal_asked_for() {
    let mut schedule = opened(0);
    schedule.refused(at(0));
    schedule.refused(at(0));
    schedule.add(Cause::Unfinished, at(10));
    schedule.accepted(at(5), &mut Always(0.0));
    assert_eq!(schedule.next(), Some(at(5 + 43_200)), "only the daily one is due");
    schedule.refused(at(100));
    assert_eq!(schedule.next(), Some(at(160)));
}

#[test]
fn an_accepted_one_leaves_what_became_due_while_it_was_open() {
    for cause in [
        Cause::WatcherLost,
        Cause::SenderLost,
        Cause::KindReadable,
        Cause::LedgerFull,
    ] {
        let mut schedule = opened(0);
        schedule.add(cause, at(10));
        schedule.accepted(at(20), &mut Always(0.5));
        assert_eq!(schedule.next(), Some(at(30)), "{cause}");
    }
}

#[test]
fn a_refusal_holds_other_causes_too_but_no_edit() {
    let mut schedule = Schedule::default();
    schedule.refused(at(0));
    schedule.add(Cause::Backlog, at(1));
    assert_eq!(schedule.next(), Some(at(60)));
    schedule.add(Cause::Edited, at(2));
    assert_eq!(schedule.open(at(2)).unwrap(), [Cause::Edited, Cause::Backlog]);
}

#[test]
fn the_next_daily_one_is_at_a_random_moment_12_to_24_hours_after_the_last() {
    for (chance, expected) in [(0.0, 43_200), (0.5, 64_800), (1.0, 86_400)] {
        let mut schedule = Schedule::default();
        schedule.accepted(at(0), &mut Always(0.9));
        schedule.accepted(at(0), &mut Always(chance));
        assert_eq!(schedule.next(), Some(at(expected)));
    }
}

#[test]
fn an_edit_forgets_what_was_due_for_the_old_platform() {
    let mut schedule = opened(0);
    schedule.refused(at(1));
    schedule.add(Cause::Ambiguous, at(600));
    schedule.edited(at(2));
    assert_eq!(schedule.open(at(2)).unwrap(), [Cause::Edited]);
    assert_eq!(schedule.next(), None);
}

proptest! {
    /// Whatever asks, whenever: no two within 30 s without an urgent cause, none before it is due, and each cause is
    /// answered.
    #[test]
    fn whatever_asks_two_are_apart_and_none_is_forgotten(
        asked in prop::collection::vec((prop::sample::select(CAUSES.to_vec()), 0_u64..2000, 0_u64..300), 1..40),
    ) {
        let mut schedule = Schedule::default();
        let mut asked = asked;
        asked.sort_by_key(|(_, when, _)| *when);
        let mut opened: Vec<(u64, Vec<Cause>)> = Vec::new();
        for second in 0..3000 {
            for (cause, when, ahead) in &asked {
                if *when == second {
                    schedule.add(*cause, at(when + ahead));
                }
            }
            if let Some(causes) = schedule.open(at(second)) {
                prop_assert!(!causes.is_empty());
                opened.push((second, causes));
            }
        }
        prop_assert_eq!(schedule.next(), None);
        for pair in opened.windows(2) {
            let urgent = pair[1].1.iter().any(|cause| cause.is_urgent());
            prop_assert!(urgent || pair[1].0 >= pair[0].0 + 30, "{:?}", pair);
        }
        for (cause, when, ahead) in asked {
            let due = if cause == Cause::Ambiguous { when + ahead } else { when };
            let answered = opened.iter().any(|(second, causes)| *second >= due && causes.contains(&cause));
            prop_assert!(answered, "{cause} of {when} + {ahead}");
        }
    }
}
