// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What happens, one line each, for people who watch.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::request::{Event, Snapshot};
use super::state::Violation;

/// Is told of everything that happens.
pub(super) type Observer = Box<dyn Fn(&Happening) + Send>;

/// Something that happened, when it did. Shown as a line with the local time of day.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// This client got a token.
    Token(String),
    /// A snapshot was accepted.
    Snapshot(Snapshot),
    /// An event was accepted.
    Event(Event),
    /// A heartbeat was accepted.
    Heartbeat,
    /// Credentials were refused, and why.
    Refused(&'static str),
    /// The protocol was broken.
    Violation(Violation),
}

impl Happening {
    pub(super) fn now(what: What) -> Self {
        Self {
            at: Timestamp::now(),
            what,
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.at.to_zoned(local_zone());
        write!(f, "{}  {}", time.strftime("%H:%M:%S"), self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(client) => write!(f, "token for {client}"),
            Self::Snapshot(snapshot) => write!(
                f,
                "snapshot of {} kinds, {} objects",
                snapshot.counts.len(),
                snapshot.objects()
            ),
            Self::Event(event) => event.fmt(f),
            Self::Heartbeat => f.write_str("heartbeat"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Violation(violation) => write!(f, "PROTOCOL VIOLATION: {violation}"),
        }
    }
}

/// The system's time zone. jiff finds it only with features that, switched on here, would be on in the operator that is
/// tested, too; what the system keeps at this place is all that is needed.
fn local_zone() -> TimeZone {
    let zone = std::fs::read("/etc/localtime").ok();
    zone.and_then(|data| TimeZone::tzif("local", &data).ok())
        .unwrap_or(TimeZone::UTC)
}
