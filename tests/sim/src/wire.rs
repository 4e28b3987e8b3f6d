// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The way to the platforms and back, and what goes wrong on it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenError;
use obsyk_domain::wire::Endpoint;

use crate::dice::Dice;
use crate::operator::ActorId;
use crate::platform::{Platform, Said};

/// Events, heartbeats and tokens must be answered within this; a snapshot without progress within three times as much.
const DEADLINE: Duration = Duration::from_secs(10);

/// What may happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// No connection, for this reason.
    NoConnection(Fault),
    /// The connection is reset before the body was sent.
    ResetBefore,
    /// The connection is reset after the body was sent, before the answer.
    ResetAfter,
    /// The answer is cut off.
    Cut,
    /// No answer within the deadline, and the request never arrives.
    Swallowed,
    /// No answer within the deadline, though the request arrived.
    Unanswered,
    /// No answer within the deadline, and the request arrives up to a minute later.
    Late,
    /// The request arrives twice, the second time up to a minute later.
    Doubled,
    /// The answer takes so much longer, less than the deadline.
    Slow(Duration),
    /// This answer, whatever the platform would say; it may have done all the same what was asked for.
    Status {
        /// The status code.
        code: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
        /// Whether it was done.
        done: bool,
    },
}

/// What happens to some of the requests just now.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// What happens.
    pub mishap: Mishap,
    /// How likely.
    pub likely: f64,
    /// To which requests; to all when none is named.
    pub endpoint: Option<Endpoint>,
}

/// What happens to fetches of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTrouble {
    /// None comes.
    None(TokenError),
    /// It lives so short.
    ShortLived(Duration),
}

/// A request on its way.
#[derive(Debug)]
pub struct Request {
    /// Whose it is.
    pub sender: ActorId,
    /// Its number at the sender.
    pub id: u64,
    /// The platform that it goes to.
    pub origin: String,
    /// The token that it carries.
    pub token: String,
    /// What it says.
    pub said: Rc<Said>,
    /// What happens to it.
    mishap: Option<Mishap>,
    /// The sender doesn't wait for its answer any more, or has it.
    pub settled: bool,
    /// Steps that are still to come.
    pub steps_left: usize,
}

/// What happens to a request, and when.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It arrives; the first time it is answered.
    Arrives {
        /// Whether the sender waits for the answer.
        answered: bool,
    },
    /// The sender learns this.
    Ends(Outcome),
}

/// See the module's page.
#[derive(Debug)]
pub struct Wire {
    /// The platforms, by origin.
    pub platforms: BTreeMap<String, Platform>,
    /// Requests on their way.
    pub requests: BTreeMap<u64, Request>,
    /// What goes wrong just now.
    pub weather: Vec<Weather>,
    /// What happens to fetches of tokens just now.
    pub tokens: Option<TokenTrouble>,
    last: u64,
}

impl Wire {
    /// A wire to these platforms.
    pub fn new(platforms: impl IntoIterator<Item = Platform>) -> Self {
        Self {
            platforms: platforms
                .into_iter()
                .map(|platform| (platform.origin.clone(), platform))
                .collect(),
            requests: BTreeMap::new(),
            weather: Vec::new(),
            tokens: None,
            last: 0,
        }
    }

    /// A request starts: its number on the wire, and what will happen when.
    pub fn launch(&mut self, mut request: Request, dice: &mut Dice) -> (u64, Vec<(Duration, Step)>) {
        let endpoint = match &*request.said {
            Said::Event(_) => Endpoint::Events,
            Said::Heartbeat => Endpoint::Heartbeat,
            Said::Snapshot(_) => Endpoint::Snapshot,
        };
        let mishaps = self
            .weather
            .iter()
            .filter(|it| it.endpoint.is_none_or(|of| of == endpoint));
        for weather in mishaps {
            if request.mishap.is_none() && dice.happens(weather.likely) {
                request.mishap = Some(weather.mishap);
            }
        }
        if !self.may_say(&request) {
            request.mishap = None;
        }
        let steps = steps(request.mishap, endpoint, dice);
        request.steps_left = steps.len();
        self.last += 1;
        self.requests.insert(self.last, request);
        (self.last, steps)
    }

    /// A platform says that an object is gone only when it doesn't hold it.
    fn may_say(&self, request: &Request) -> bool {
        let (Some(Mishap::Status { code: 404 | 410, .. }), Said::Event(event)) = (request.mishap, &*request.said)
        else {
            return true;
        };
        let holds = |platform: &Platform| platform.objects().contains_key(&event.uid);
        event.object.is_some() || !self.platforms.get(&request.origin).is_some_and(holds)
    }

    /// A request arrives: what the platform answers.
    pub fn arrive(&mut self, now: Moment, number: u64) -> Option<Outcome> {
        let request = self.requests.get(&number)?;
        let platform = self.platforms.get_mut(&request.origin)?;
        match request.mishap {
            Some(Mishap::Status {
                code,
                retry_after,
                done,
            }) => {
                if done {
                    platform.take(now, &request.token, &request.said);
                } else if let Said::Event(event) = &*request.said
                    && (400..500).contains(&code)
                {
                    platform.refused.insert(event.uid.clone());
                }
                Some(Outcome::Status { code, retry_after })
            }
            _ => Some(Outcome::status(platform.take(now, &request.token, &request.said))),
        }
    }

    /// How much longer an answer takes.
    pub fn slowness(&self, number: u64) -> Duration {
        match self.requests.get(&number).and_then(|request| request.mishap) {
            Some(Mishap::Slow(wait)) => wait,
            _ => Duration::ZERO,
        }
    }

    /// A step of a request is done; after the last one nothing is left of it.
    pub fn step_done(&mut self, number: u64) {
        if let Some(request) = self.requests.get_mut(&number) {
            request.steps_left -= 1;
            if request.steps_left == 0 {
                self.requests.remove(&number);
            }
        }
    }

    /// The sender waits for no answer any more. What is on its way may arrive all the same.
    pub fn drop_request(&mut self, sender: ActorId, id: u64, dice: &mut Dice) {
        let is_it = |request: &Request| request.sender == sender && request.id == id && !request.settled;
        if dice.happens(0.5) {
            self.requests.retain(|_, request| !is_it(request));
        } else if let Some(request) = self.requests.values_mut().find(|request| is_it(request)) {
            request.settled = true;
        }
    }

    /// As [`Self::drop_request`], for all that a sender has on its way.
    pub fn drop_all(&mut self, sender: ActorId, dice: &mut Dice) {
        let ids: Vec<u64> = self.under_way(sender).map(|request| request.id).collect();
        for id in ids {
            self.drop_request(sender, id, dice);
        }
    }

    /// What a sender waits for.
    pub fn under_way(&self, sender: ActorId) -> impl Iterator<Item = &Request> {
        self.requests
            .values()
            .filter(move |request| request.sender == sender && !request.settled)
    }
}

impl Request {
    /// A request that starts.
    pub fn new(sender: ActorId, id: u64, origin: &str, token: &str, said: Said) -> Self {
        Self {
            sender,
            id,
            origin: origin.to_owned(),
            token: token.to_owned(),
            said: Rc::new(said),
            mishap: None,
            settled: false,
            steps_left: 0,
        }
    }
}

fn lost(fault: Fault, ambiguous: bool) -> Step {
    Step::Ends(Outcome::Lost { fault, ambiguous })
}

fn steps(mishap: Option<Mishap>, endpoint: Endpoint, dice: &mut Dice) -> Vec<(Duration, Step)> {
    let there = dice.millis(1, 30);
    let deadline = match endpoint {
        Endpoint::Snapshot => 3 * DEADLINE,
        Endpoint::Token | Endpoint::Events | Endpoint::Heartbeat => DEADLINE,
    };
    let arrives = |answered| Step::Arrives { answered };
    match mishap {
        None | Some(Mishap::Status { .. }) => vec![(there, arrives(true))],
        Some(Mishap::NoConnection(fault)) => vec![(there, lost(fault, false))],
        Some(Mishap::ResetBefore) => vec![(there, lost(Fault::Reset, false))],
        Some(Mishap::ResetAfter) => vec![(there, arrives(false)), (there * 2, lost(Fault::Reset, true))],
        Some(Mishap::Cut) => vec![(there, arrives(false)), (there * 2, lost(Fault::Garbled, true))],
        Some(Mishap::Swallowed) => vec![(deadline, lost(Fault::Timeout, true))],
        Some(Mishap::Unanswered) => vec![(there, arrives(false)), (deadline, lost(Fault::Timeout, true))],
        Some(Mishap::Late) => vec![
            (deadline, lost(Fault::Timeout, true)),
            (deadline + dice.secs(1, 60), arrives(false)),
        ],
        Some(Mishap::Doubled) => vec![(there, arrives(true)), (there + dice.secs(1, 60), arrives(false))],
        Some(Mishap::Slow(_)) => vec![(there, arrives(true))],
    }
}
