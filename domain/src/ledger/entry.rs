// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the ledger holds for one uid.

use bytes::Bytes;

use crate::answer::Verdict;
use crate::resource::{ResourceKind, Uid};
use crate::time::Moment;

/// What an entry costs besides its texts: its slot in a hash table that has just doubled (7/16 full), and its places in
/// two ordered sets whose nodes are half full.
const OVERHEAD: usize = (size_of::<(Uid, Entry)>() + 1) * 16 / 7 + 4 * size_of::<(u64, Uid)>();

/// What the platform is believed to hold of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Nothing.
    Absent,
    /// It was sent, and no answer says whether it arrived.
    Maybe,
    /// Some state of it.
    Present,
}

/// A state to send.
#[derive(Clone, Debug)]
pub(super) enum State {
    Object(Bytes),
    Gone,
}

impl State {
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    fn cost(&self) -> usize {
        match self {
            Self::Object(json) => json.len(),
            Self::Gone => 0,
        }
    }
}

/// A state's place in the queue, and when the oldest change that it carries was offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) sequence: u64,
    pub(super) since: Moment,
}

/// A state that waits to be sent; `covered` when the open snapshot carries it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) state: State,
    pub(super) turn: Turn,
    pub(super) covered: bool,
}

/// A state that is being sent; `orphaned` when what is newer was forgotten at the bound: it must not be sent again.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) state: State,
    pub(super) turn: Turn,
    pub(super) orphaned: bool,
}

/// A state that the platform refused. Its bytes aren't kept: the next change or snapshot brings them.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) gone: bool,
    pub(super) set_aside: bool,
    pub(super) covered: bool,
    /// What the platform said to it.
    pub(super) answer: Option<Verdict>,
}

/// All that is open for one uid.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: ResourceKind,
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
    pub(super) name_key: u64,
    pub(super) base: Base,
    pub(super) waiting: Option<Waiting>,
    pub(super) flight: Option<Flight>,
    pub(super) parked: Option<Parked>,
    /// The open snapshot's list may have this object in it.
    pub(super) listed: bool,
    /// Its place among what may be sent now.
    pub(super) ready: Option<u64>,
}

impl Entry {
    pub(super) fn new(
        kind: ResourceKind,
        namespace: Option<Box<str>>,
        name: Box<str>,
        name_key: u64,
        base: Base,
    ) -> Self {
        Self {
            kind,
            namespace,
            name,
            name_key,
            base,
            waiting: None,
            flight: None,
            parked: None,
            listed: false,
            ready: None,
        }
    }

    pub(super) fn cost(&self) -> usize {
        OVERHEAD
            + self.name.len()
            + self.namespace.as_ref().map_or(0, |namespace| namespace.len())
            + self.waiting.as_ref().map_or(0, |waiting| waiting.state.cost())
            + self.flight.as_ref().map_or(0, |flight| flight.state.cost())
    }

    /// Nothing is open: the platform has what the cluster has.
    pub(super) fn is_spent(&self) -> bool {
        self.waiting.is_none() && self.flight.is_none() && self.parked.is_none()
    }

    pub(super) fn is_set_aside(&self) -> bool {
        self.parked.as_ref().is_some_and(|parked| parked.set_aside)
    }

    /// A delete waits to be sent.
    pub(super) fn is_tombstone(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.state.is_gone())
    }

    /// A delete that the platform hasn't accepted: an add under the same name must wait for it.
    pub(super) fn has_open_delete(&self) -> bool {
        self.is_tombstone()
            || self.flight.as_ref().is_some_and(|flight| flight.state.is_gone())
            || self.parked.as_ref().is_some_and(|parked| parked.gone)
    }

    /// Drops a delete that the platform needn't be told, since it never had the object and can't get it: whether there
    /// was one.
    pub(super) fn vanish(&mut self) -> bool {
        let vanishes = self.base == Base::Absent && self.flight.is_none() && !self.listed && self.is_tombstone();
        if vanishes {
            self.waiting = None;
        }
        vanishes
    }

    /// The open snapshot's list of this kind is whole.
    pub(super) fn cover(&mut self) {
        self.listed = !self.has_open_delete();
        if let Some(waiting) = &mut self.waiting {
            waiting.covered = true;
        }
        if let Some(parked) = &mut self.parked {
            parked.covered = true;
        }
    }

    /// An accepted snapshot carries what was covered.
    pub(super) fn settle_accepted(&mut self) {
        if self.listed {
            self.base = Base::Present;
        }
        self.listed = false;
        self.waiting.take_if(|waiting| waiting.covered);
        self.parked.take_if(|parked| parked.covered);
    }

    /// A snapshot was accepted without this object, though its kind was in it: the platform holds nothing of it now.
    pub(super) fn settle_left_out(&mut self) {
        self.base = Base::Absent;
        self.settle_open(false);
    }

    /// The snapshot ended without this entry. `ambiguous`: the platform may have it all the same.
    pub(super) fn settle_open(&mut self, ambiguous: bool) {
        if self.listed && ambiguous && self.base == Base::Absent {
            self.base = Base::Maybe;
        }
        self.listed = false;
        if let Some(waiting) = &mut self.waiting {
            waiting.covered = false;
        }
        if let Some(parked) = &mut self.parked {
            parked.covered = false;
        }
    }

    /// Drops what a snapshot will carry. `keep_delete`: no snapshot can carry this kind just now.
    pub(super) fn forget(&mut self, keep_delete: bool) {
        let newest = self.waiting.is_none();
        if let Some(flight) = &mut self.flight {
            flight.orphaned = !(keep_delete && newest && flight.state.is_gone());
        }
        self.waiting
            .take_if(|waiting| !(keep_delete && waiting.state.is_gone()));
        self.parked.take_if(|parked| !(keep_delete && parked.gone));
    }
}
