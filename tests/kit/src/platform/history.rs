// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! All requests, which of them are under way, and what must not be under way at the same time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::request::{Content, Endpoint, Outcome, Request};

/// How many requests are remembered, some 300 bytes each: more than any test makes, and a demo can run for weeks.
const MOST_REQUESTS: usize = 200_000;

/// How many events of one client may be under way at once.
const MOST_EVENTS: usize = 64;

/// All requests, and which of them are under way.
#[derive(Default)]
pub(super) struct History {
    next: u64,
    requests: VecDeque<Request>,
    under_way: BTreeMap<u64, UnderWay>,
    /// What is a violation unless the earlier request turns out to have been abandoned: then whoever sent the later one had
    /// given it up, and only the news of it came late.
    suspicions: Vec<(u64, String)>,
}

struct UnderWay {
    endpoint: Endpoint,
    client: Option<String>,
    /// The object that an event is about.
    object: Option<(String, String)>,
    has_body: bool,
}

impl History {
    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.requests.iter()
    }

    /// A request that is still remembered.
    pub(super) fn request(&self, number: u64) -> Option<&Request> {
        self.requests.get(self.place(number)?)
    }

    pub(super) fn suspicions(&self) -> impl Iterator<Item = &str> {
        self.suspicions.iter().map(|(_, what)| what.as_str())
    }

    /// A request whose head is there.
    pub(super) fn arrived(&mut self, endpoint: Endpoint, client: Option<String>, arrived: Instant) -> u64 {
        let number = self.next;
        self.next += 1;
        if endpoint == Endpoint::Events && client.is_some() {
            self.event_arrived(client.as_deref());
        }
        self.under_way.insert(
            number,
            UnderWay {
                endpoint,
                client: client.clone(),
                object: None,
                has_body: false,
            },
        );
        if self.requests.len() == MOST_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(Request {
            number,
            endpoint,
            client,
            arrived,
            ended: None,
            outcome: Outcome::UnderWay,
            content: Content::Other,
            bytes: 0,
        });
        number
    }

    /// The first byte of its body is there.
    pub(super) fn body_begins(&mut self, number: u64) {
        let Some(request) = self.under_way.get_mut(&number) else {
            return;
        };
        request.has_body = true;
        if request.endpoint != Endpoint::Snapshot || request.client.is_none() {
            return;
        }
        let client = request.client.clone();
        let events = self.of_client(client.as_deref(), Endpoint::Events);
        if let Some(first) = events.min() {
            self.suspect(first, "a snapshot begins while an event is under way");
        }
    }

    /// What it says, once that is known.
    pub(super) fn says(&mut self, number: u64, content: Content, bytes: usize) {
        if let Content::Event(event) = &content {
            let object = (event.cluster_uid.clone(), event.uid.clone());
            let same = |(n, other): (&u64, &UnderWay)| (other.object.as_ref() == Some(&object)).then_some(*n);
            if let Some(earlier) = self.under_way.iter().find_map(same) {
                self.suspect(earlier, format!("two requests under way for one object: {event}"));
            }
            if let Some(request) = self.under_way.get_mut(&number) {
                request.object = Some(object);
            }
        }
        if let Some(request) = self.record(number) {
            request.content = content;
            request.bytes = bytes;
        }
    }

    /// Who it is from, when its head doesn't say so.
    pub(super) fn is_of(&mut self, number: u64, client: String) {
        if let Some(request) = self.record(number) {
            request.client = Some(client);
        }
    }

    /// What became of it; the suspicions that proved true.
    pub(super) fn ended(&mut self, number: u64, outcome: Outcome) -> Vec<String> {
        self.under_way.remove(&number);
        if let Some(request) = self.record(number) {
            request.outcome = outcome;
            request.ended = Some(Instant::now());
        }
        let (over, left) = std::mem::take(&mut self.suspicions)
            .into_iter()
            .partition(|(earlier, _)| *earlier == number);
        self.suspicions = left;
        let over: Vec<(u64, String)> = if outcome == Outcome::Abandoned {
            Vec::new()
        } else {
            over
        };
        over.into_iter().map(|(_, what)| what).collect()
    }

    fn event_arrived(&mut self, client: Option<&str>) {
        let snapshot = self
            .of_client(client, Endpoint::Snapshot)
            .find(|n| self.under_way.get(n).is_some_and(|request| request.has_body));
        if let Some(snapshot) = snapshot {
            self.suspect(snapshot, "an event arrives while a snapshot is under way");
        }
        let first = self.of_client(client, Endpoint::Events).min();
        if let Some(first) = first.filter(|_| self.of_client(client, Endpoint::Events).count() >= MOST_EVENTS) {
            self.suspect(first, format!("more than {MOST_EVENTS} events are under way"));
        }
    }

    fn of_client(&self, client: Option<&str>, endpoint: Endpoint) -> impl Iterator<Item = u64> {
        let of = move |request: &UnderWay| request.endpoint == endpoint && request.client.as_deref() == client;
        self.under_way
            .iter()
            .filter(move |(_, request)| of(request))
            .map(|(n, _)| *n)
    }

    fn suspect(&mut self, earlier: u64, what: impl Into<String>) {
        self.suspicions.push((earlier, what.into()));
    }

    fn record(&mut self, number: u64) -> Option<&mut Request> {
        let at = self.place(number)?;
        self.requests.get_mut(at)
    }

    fn place(&self, number: u64) -> Option<usize> {
        let first = self.requests.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }
}
