// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Happenings in order of time, then of planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use obsyk_domain::time::Moment;

#[derive(Debug)]
struct Planned<T> {
    at: Moment,
    order: u64,
    what: T,
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Planned<T> {}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Planned<T> {
    /// The heap's greatest is what comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// See the module's page.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Planned<T>>,
    order: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            order: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Plans something.
    pub fn plan(&mut self, at: Moment, what: T) {
        self.order += 1;
        self.heap.push(Planned {
            at,
            order: self.order,
            what,
        });
    }

    /// Returns when the next happening is due.
    pub fn next_at(&self) -> Option<Moment> {
        self.heap.peek().map(|planned| planned.at)
    }

    /// Takes what comes next, if it comes until then.
    pub fn next(&mut self, until: Moment) -> Option<(Moment, T)> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|planned| (planned.at, planned.what))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_decides_and_then_the_order_of_planning() {
        let mut queue = Queue::default();
        let at = |secs| Moment::at(Duration::from_secs(secs));
        for (secs, name) in [(2, "c"), (1, "a"), (1, "b"), (9, "d")] {
            queue.plan(at(secs), name);
        }
        let mut order = Vec::new();
        while let Some((_, name)) = queue.next(at(5)) {
            order.push(name);
        }
        assert_eq!(order, ["a", "b", "c"]);
    }
}
