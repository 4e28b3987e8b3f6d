// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the watcher has read, in numbers, for views and metrics.

use std::collections::BTreeMap;

use obsyk_domain::durations::Durations;
use obsyk_domain::ports::Opening;
use obsyk_domain::time::Moment;

use crate::inspect::{LastList, ListForm, ListWhy, Lists};

/// Counters; they only rise.
#[derive(Debug, Default)]
pub(super) struct Tally {
    begun: BTreeMap<(ListForm, ListWhy), u64>,
    pub(super) last: Option<LastList>,
    pub(super) durations: Durations,
    pub(super) events: u64,
    pub(super) last_event: Option<Moment>,
}

impl Tally {
    pub(super) fn list_begins(&mut self, form: Opening, why: ListWhy) {
        *self.begun.entry((form_of(form), why)).or_default() += 1;
    }

    pub(super) fn list_ends(&mut self, now: Moment, form: Opening, why: ListWhy, began: Moment) {
        let took = now.since(began);
        self.durations.record(took);
        self.last = Some(LastList {
            form: form_of(form),
            why,
            ended: now,
            took,
        });
    }

    pub(super) fn event(&mut self, now: Moment) {
        self.events += 1;
        self.last_event = Some(now);
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = Lists> {
        self.begun.iter().map(|((form, why), count)| Lists {
            form: *form,
            why: *why,
            count: *count,
        })
    }
}

fn form_of(opening: Opening) -> ListForm {
    match opening {
        Opening::Stream => ListForm::Stream,
        // A watch is no list: it is opened by itself.
        Opening::Pages | Opening::Watch { .. } => ListForm::Pages,
    }
}
