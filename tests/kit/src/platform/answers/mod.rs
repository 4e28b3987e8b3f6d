// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the platform is told to answer instead of what it would answer by itself.
//!
//! It still checks every request: a body that breaks the protocol is a violation and answered with 400, an ended token with
//! 401, whatever was ordered. An order is used up by a request that it fits. [`Answer::reset_before_body`] alone comes before
//! all checks, as it comes before the body.

mod body;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::request::{Change, Content, Endpoint};

pub(super) use self::body::{AnswerBody, broken_half, full, spaces, trickle};

/// An answer to give, and the requests to give it to: one, unless [`Answer::times`] or [`Answer::forever`] say otherwise.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) fate: Fate,
    pub(super) delay: Duration,
    apply: bool,
    left: Option<usize>,
    about: Option<String>,
    only_deleted: bool,
    larger_than: usize,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// What the platform would answer by itself.
    Honest,
    Reply(Reply),
    /// Half of what the platform would answer by itself, then the end of the connection.
    Half,
    Hang,
    ResetBeforeBody,
    ResetAfterBody,
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Pace,
}

/// The body of an answer, and how it comes.
#[derive(Clone, Debug)]
pub(super) enum Pace {
    AtOnce(Bytes),
    /// One byte each time.
    Trickle(Bytes, Duration),
    /// So many bytes, as fast as they are read: blanks, which a reader of JSON skips.
    Spaces(u64),
}

impl Default for Pace {
    fn default() -> Self {
        Self::AtOnce(Bytes::new())
    }
}

impl Reply {
    /// A JSON body.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: Pace::AtOnce(body.to_string().into()),
        }
    }
}

impl Default for Answer {
    /// What the platform would answer by itself.
    fn default() -> Self {
        Self::delay(Duration::ZERO)
    }
}

impl Answer {
    /// This status, with an empty body. A status from 200 to 299 accepts the request; with any other nothing changes.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::new(Fate::Reply(Reply {
            status,
            ..Reply::default()
        }))
    }

    /// A redirect (307) to this URL.
    #[must_use]
    pub fn redirect(url: &str) -> Self {
        Self::status(307).header("location", url)
    }

    /// What the platform would answer by itself, after this time. What is sent counts at once.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self::new(Fate::Honest).delayed(delay)
    }

    /// None, ever. The connection stays.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Fate::Hang)
    }

    /// A reset of the connection as soon as the head of the request is there. The filters don't apply: they need the body.
    #[must_use]
    pub fn reset_before_body() -> Self {
        Self::new(Fate::ResetBeforeBody)
    }

    /// A reset of the connection once the request is there.
    #[must_use]
    pub fn reset_after_body() -> Self {
        Self::new(Fate::ResetAfterBody)
    }

    /// Half of the answer that the platform would give by itself, then the end of the connection. Nothing changes.
    #[must_use]
    pub fn half() -> Self {
        Self::new(Fate::Half)
    }

    /// Blanks without end, nearly: `bytes` of them, with 200. [`super::View::streamed`] counts what the other side took.
    #[must_use]
    pub fn huge(bytes: u64) -> Self {
        Self::status(200).paced(Pace::Spaces(bytes))
    }

    /// This body with 200, one byte each `interval`.
    #[must_use]
    pub fn trickle(body: impl Into<Bytes>, interval: Duration) -> Self {
        Self::status(200).paced(Pace::Trickle(body.into(), interval))
    }

    /// Does what the request asks for, and then gives this answer, whatever it is: what was asked for has happened, and
    /// whoever asked doesn't know.
    #[must_use]
    pub fn apply_then(answer: Self) -> Self {
        Self { apply: true, ..answer }
    }

    /// With this body.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.header("content-type", content_type)
            .paced(Pace::AtOnce(body.into()))
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Fate::Reply(reply) = &mut self.fate {
            reply.headers.push((name, value.to_owned()));
        }
        self
    }

    /// With `Retry-After`, whatever its text.
    #[must_use]
    pub fn retry_after(self, text: &str) -> Self {
        self.header("retry-after", text)
    }

    /// After this time.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// To so many requests.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self {
            left: Some(times),
            ..self
        }
    }

    /// To every request, until [`super::Platform::clear_answers`]. Answers that are counted come first; of two for ever, the
    /// later one.
    #[must_use]
    pub fn forever(self) -> Self {
        Self { left: None, ..self }
    }

    /// Only to events about an object of this name, and to snapshots that have one.
    #[must_use]
    pub fn about(self, name: impl Into<String>) -> Self {
        Self {
            about: Some(name.into()),
            ..self
        }
    }

    /// Only to events that say that an object was deleted.
    #[must_use]
    pub fn when_deleted(self) -> Self {
        Self {
            only_deleted: true,
            ..self
        }
    }

    /// Only to requests whose body is longer than this.
    #[must_use]
    pub fn larger_than(self, bytes: usize) -> Self {
        Self {
            larger_than: bytes,
            ..self
        }
    }

    /// Whether the platform's own answer reaches whoever asked, or would have, but for what was ordered.
    pub(super) fn is_honest(&self) -> bool {
        self.apply || matches!(self.fate, Fate::Honest)
    }

    /// Whether the request has its effect.
    pub(super) fn applies(&self) -> bool {
        let accepts = match &self.fate {
            Fate::Honest => true,
            Fate::Reply(reply) => (200..300).contains(&reply.status),
            Fate::Half | Fate::Hang | Fate::ResetBeforeBody | Fate::ResetAfterBody => false,
        };
        self.apply || accepts
    }

    fn new(fate: Fate) -> Self {
        Self {
            fate,
            delay: Duration::ZERO,
            apply: false,
            left: Some(1),
            about: None,
            only_deleted: false,
            larger_than: 0,
        }
    }

    fn paced(mut self, pace: Pace) -> Self {
        if let Fate::Reply(reply) = &mut self.fate {
            reply.body = pace;
        }
        self
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let about = self.about.as_deref().is_none_or(|name| asked.names.contains(&name));
        let deleted = match asked.content {
            Content::Event(event) => event.change == Change::Deleted,
            _ => false,
        };
        about && (deleted || !self.only_deleted) && asked.bytes > self.larger_than
    }
}

/// A request that is there, as far as orders look at it.
pub(super) struct Asked<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) content: &'a Content,
    /// The names of the objects that it is about.
    pub(super) names: Vec<&'a str>,
    pub(super) bytes: usize,
}

/// What was ordered and isn't used up.
#[derive(Default)]
pub(super) struct Orders(Vec<(Endpoint, Answer)>);

impl Orders {
    pub(super) fn add(&mut self, endpoint: Endpoint, answer: Answer) {
        self.0.push((endpoint, answer));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether this endpoint's next request is to be reset before its body.
    pub(super) fn reset_before_body(&mut self, endpoint: Endpoint) -> bool {
        let fits = |answer: &Answer| matches!(answer.fate, Fate::ResetBeforeBody);
        self.take(|of, answer| of == endpoint && fits(answer)).is_some()
    }

    /// The order for this request, if there is one.
    pub(super) fn of(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        let later = |answer: &Answer| !matches!(answer.fate, Fate::ResetBeforeBody);
        self.take(|of, answer| of == asked.endpoint && later(answer) && answer.fits(asked))
    }

    /// Whether names of objects matter to any order: they cost a walk through a snapshot.
    pub(super) fn look_at_names(&self) -> bool {
        self.0.iter().any(|(_, answer)| answer.about.is_some())
    }

    fn take(&mut self, fits: impl Fn(Endpoint, &Answer) -> bool) -> Option<Answer> {
        let counted = |(of, answer): &(Endpoint, Answer)| answer.left.is_some() && fits(*of, answer);
        if let Some(at) = self.0.iter().position(counted) {
            let (_, answer) = &mut self.0[at];
            let taken = answer.clone();
            answer.left = answer.left.map(|left| left.saturating_sub(1));
            if answer.left == Some(0) {
                self.0.remove(at);
            }
            return Some(taken);
        }
        let standing = self.0.iter().rev().find(|(of, answer)| fits(*of, answer));
        standing.map(|(_, answer)| answer.clone())
    }
}
