// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The network to the platforms and back, with its faults.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use obsyk_domain::answer::{Fault, Outcome};
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenError;
use obsyk_domain::wire::Endpoint;

use crate::dice::Dice;
use crate::platform::{Platform, RequestContent};
use crate::world::ActorId;

/// Events, heartbeats and tokens must be answered within this; a snapshot without progress within three times as much.
const DEADLINE: Duration = Duration::from_secs(10);

/// A fault of a request.
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
    /// No answer within the deadline, and the request arrives up to ten minutes later.
    MuchLater,
    /// The request arrives twice, the second time up to a minute later.
    Doubled,
    /// The answer takes so much longer, less than the deadline.
    Slow(Duration),
    /// 429 with this date in `Retry-After`.
    NotBefore(Moment),
    /// This answer, whatever the platform would say; it may have done all the same what was asked for.
    Status {
        /// The status code.
        code: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
        /// True if it was done.
        done: bool,
    },
}

/// A fault of some of the requests.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The fault.
    pub mishap: Mishap,
    /// Its probability.
    pub likely: f64,
    /// To which requests; to all when none is named.
    pub endpoint: Option<Endpoint>,
    /// Only to bodies with this object.
    pub about: Option<Rc<str>>,
    /// Only to bodies of more bytes.
    pub above: usize,
    /// A 404 to a delete may be a lie: the platform holds the object all the same.
    pub lies: bool,
}

impl Weather {
    /// Weather of every request.
    pub fn all(mishap: Mishap) -> Self {
        Self {
            mishap,
            likely: 1.0,
            endpoint: None,
            about: None,
            above: 0,
            lies: false,
        }
    }

    /// The same at one endpoint.
    pub fn at(mishap: Mishap, endpoint: Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
            ..Self::all(mishap)
        }
    }
}

/// A fault of token fetches.
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
    /// The platform that it goes to.
    pub origin: String,
    /// The token that it carries.
    pub token: String,
    /// Its content.
    pub said: Rc<RequestContent>,
    /// Its fault.
    mishap: Option<Mishap>,
    lies: bool,
    /// The token was valid when the head of the request came.
    valid: bool,
    state: State,
    waker: Option<Waker>,
    /// Steps that are still to come.
    pub steps_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The sender waits for the answer.
    Awaited,
    /// This is the answer, and the sender has yet to look.
    Answered(Outcome),
    /// The sender waits no more, or has the answer.
    Settled,
}

/// A step of a request.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It arrives; the first time it is answered.
    Arrives {
        /// True if the sender waits for the answer.
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
    /// The faults of requests.
    pub weather: Vec<Weather>,
    /// The fault of token fetches, if there is one.
    pub tokens: Option<TokenTrouble>,
    /// Bytes of a body in a second; 0 when they take no time.
    bandwidth: u64,
    last: u64,
}

impl Wire {
    /// A wire to these platforms, of this bandwidth.
    pub fn new(platforms: impl IntoIterator<Item = Platform>, bandwidth: u64) -> Self {
        Self {
            platforms: platforms
                .into_iter()
                .map(|platform| (platform.origin.clone(), platform))
                .collect(),
            requests: BTreeMap::new(),
            weather: Vec::new(),
            tokens: None,
            bandwidth,
            last: 0,
        }
    }

    /// A request starts: its number on the wire, and what will happen when.
    pub fn launch(&mut self, now: Moment, mut request: Request, dice: &mut Dice) -> (u64, Vec<(Duration, Step)>) {
        let endpoint = match &*request.said {
            RequestContent::Event(_) => Endpoint::Events,
            RequestContent::Heartbeat => Endpoint::Heartbeat,
            RequestContent::Snapshot(_) => Endpoint::Snapshot,
        };
        let platform = self.platforms.get(&request.origin);
        request.valid = platform.is_some_and(|platform| platform.knows(now, &request.token));
        let bytes = request.said.bytes();
        let mishaps = self.weather.iter().filter(|it| {
            it.endpoint.is_none_or(|of| of == endpoint)
                && (it.above == 0 || bytes > it.above)
                && it.about.as_ref().is_none_or(|uid| request.said.names(uid))
        });
        for weather in mishaps {
            if request.mishap.is_none() && dice.happens(weather.likely) {
                request.mishap = Some(weather.mishap);
                request.lies = weather.lies;
            }
        }
        if !self.may_say(&request) {
            request.mishap = None;
        }
        let transit = match self.bandwidth {
            0 => Duration::ZERO,
            bandwidth => Duration::from_secs_f64(bytes as f64 / bandwidth as f64),
        };
        let steps = steps(request.mishap, endpoint, transit, dice);
        request.steps_left = steps.len();
        self.last += 1;
        self.requests.insert(self.last, request);
        (self.last, steps)
    }

    /// A platform says that an object is gone only when it doesn't hold it.
    fn may_say(&self, request: &Request) -> bool {
        let (Some(Mishap::Status { code: 404 | 410, .. }), RequestContent::Event(event)) =
            (request.mishap, &*request.said)
        else {
            return true;
        };
        let holds = |platform: &Platform| platform.objects().contains_key(&event.uid);
        event.object.is_some() || request.lies || !self.platforms.get(&request.origin).is_some_and(holds)
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
                    platform.take(now, request.valid, &request.said);
                } else if let RequestContent::Event(event) = &*request.said
                    && matches!(code, 400 | 404..=407 | 409..=428 | 430..=499)
                {
                    platform.refused.insert(event.uid.clone());
                }
                Some(Outcome::Status { code, retry_after })
            }
            Some(Mishap::NotBefore(date)) => Some(Outcome::Status {
                code: 429,
                retry_after: Some(date.since(now)),
            }),
            _ => Some(Outcome::status(platform.take(now, request.valid, &request.said))),
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
            request.steps_left = request.steps_left.saturating_sub(1);
            if request.steps_left == 0 && request.state == State::Settled {
                self.requests.remove(&number);
            }
        }
    }

    /// The sender waits for no answer any more, or has it: the sender, if it gave up. A request on its way may arrive all
    /// the same.
    pub fn stop_awaiting(&mut self, number: u64, dice: &mut Dice) -> Option<ActorId> {
        let request = self.requests.get_mut(&number)?;
        let gave_up = request.state == State::Awaited;
        request.state = State::Settled;
        request.waker = None;
        let sender = request.sender;
        if request.steps_left == 0 || (gave_up && dice.happens(0.5)) {
            self.requests.remove(&number);
        }
        gave_up.then_some(sender)
    }

    /// As [`Self::stop_awaiting`], for all requests.
    pub fn abandon_all(&mut self, dice: &mut Dice) {
        let numbers: Vec<u64> = self.requests.keys().copied().collect();
        for number in numbers {
            self.stop_awaiting(number, dice);
        }
    }

    /// A sender polls for its answer.
    pub fn await_answer(&mut self, number: u64, waker: &Waker) -> Poll<Outcome> {
        let Some(request) = self.requests.get_mut(&number) else {
            return Poll::Pending;
        };
        match request.state {
            State::Answered(outcome) => Poll::Ready(outcome),
            State::Awaited | State::Settled => {
                request.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    /// A request that never goes out, and is answered as accepted.
    pub fn swallow(&mut self, sender: ActorId) -> u64 {
        let mut request = Request::new(sender, "", "", RequestContent::Heartbeat);
        request.state = State::Answered(Outcome::status(202));
        self.last += 1;
        self.requests.insert(self.last, request);
        self.last
    }

    /// Nobody waits for this request's answer.
    pub fn forge(&mut self, number: u64) {
        if let Some(request) = self.requests.get_mut(&number) {
            request.state = State::Settled;
        }
    }
}

impl Request {
    /// A request that starts.
    pub fn new(sender: ActorId, origin: &str, token: &str, said: RequestContent) -> Self {
        Self {
            sender,
            origin: origin.to_owned(),
            token: token.to_owned(),
            said: Rc::new(said),
            mishap: None,
            lies: false,
            valid: false,
            state: State::Awaited,
            waker: None,
            steps_left: 0,
        }
    }

    /// Returns true if the sender waits for the answer.
    pub fn is_awaited(&self) -> bool {
        self.state == State::Awaited
    }

    /// The answer is there.
    pub fn answer(&mut self, outcome: Outcome) {
        self.state = State::Answered(outcome);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn lost(fault: Fault, ambiguous: bool) -> Step {
    Step::Ends(Outcome::Lost { fault, ambiguous })
}

fn steps(mishap: Option<Mishap>, endpoint: Endpoint, transit: Duration, dice: &mut Dice) -> Vec<(Duration, Step)> {
    let there = dice.millis(1, 30) + transit;
    let deadline = match endpoint {
        Endpoint::Snapshot => 3 * DEADLINE,
        Endpoint::Token | Endpoint::Events | Endpoint::Heartbeat => DEADLINE,
    };
    let arrives = |answered| Step::Arrives { answered };
    match mishap {
        None | Some(Mishap::Status { .. } | Mishap::NotBefore(_)) => vec![(there, arrives(true))],
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
        Some(Mishap::MuchLater) => vec![
            (deadline, lost(Fault::Timeout, true)),
            (deadline + dice.secs(1, 600), arrives(false)),
        ],
        Some(Mishap::Doubled) => vec![(there, arrives(true)), (there + dice.secs(1, 60), arrives(false))],
        Some(Mishap::Slow(_)) => vec![(there, arrives(true))],
    }
}
