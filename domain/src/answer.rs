// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What an answer of the platform means: the protocol's table, as a type.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::retry::{RETRY_AFTER_ABSENT, clamp_retry_after};

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The name of the host didn't resolve.
    Dns,
    /// No connection was made: refused, no route, or not within its deadline.
    Connect,
    /// The TLS handshake failed: an expired or foreign certificate, an unknown authority.
    Tls,
    /// The proxy can't be reached.
    Proxy,
    /// The proxy wants to know who asks, or doesn't take what it was told (407).
    ProxyAuth,
    /// The proxy is there and doesn't make the connection.
    ProxyRefused,
    /// The connection broke before the answer was whole.
    Reset,
    /// No answer within the deadline.
    Timeout,
    /// What came back isn't an answer: broken HTTP, or more than we are willing to read.
    Garbled,
}

impl Fault {
    /// Whether it is the proxy's, and the platform wasn't reached.
    pub const fn is_of_proxy(self) -> bool {
        matches!(self, Self::Proxy | Self::ProxyAuth | Self::ProxyRefused)
    }

    /// A word for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::ProxyAuth => "proxy_auth",
            Self::ProxyRefused => "proxy_refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Garbled => "garbled",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "its name can't be resolved",
            Self::Connect => "no connection",
            Self::Tls => "the TLS handshake failed",
            Self::Proxy => "the proxy can't be reached",
            Self::ProxyAuth => "the proxy wants a user and password (407)",
            Self::ProxyRefused => "the proxy refused the connection",
            Self::Reset => "the connection broke",
            Self::Timeout => "no answer in time",
            Self::Garbled => "the answer can't be read",
        })
    }
}

/// What came back for a request. Bytes of the platform never get this far: only the status and its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status; `Retry-After`, when it was there and could be read.
    Status {
        /// The HTTP status code.
        code: u16,
        /// `Retry-After`, as a wait from now.
        retry_after: Option<Duration>,
    },
    /// No answer. `ambiguous` when the body may have reached the platform all the same.
    Lost {
        /// What went wrong.
        fault: Fault,
        /// Whether the request may still be, or have been, carried out.
        ambiguous: bool,
    },
}

impl Outcome {
    /// An answer without `Retry-After`.
    pub const fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: None,
        }
    }

    /// Its row in the table of answers.
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Lost { ambiguous, .. } => Meaning::Unavailable {
                at_least: None,
                ambiguous,
            },
            Self::Status { code, retry_after } => match code {
                200..=299 => Meaning::Accepted,
                401 => Meaning::Unauthorized,
                403 => Meaning::Forbidden,
                400 | 422 => Meaning::Invalid,
                404 => Meaning::NotFound,
                410 => Meaning::Gone,
                408 | 429 => Meaning::Later {
                    wait: clamp_retry_after(retry_after.unwrap_or(RETRY_AFTER_ABSENT)),
                },
                413 => Meaning::TooLarge,
                // It may have failed, or a proxy before it given up, after it was carried out.
                500..=599 => Meaning::Unavailable {
                    at_least: retry_after.map(clamp_retry_after),
                    ambiguous: true,
                },
                _ => Meaning::Refused,
            },
        }
    }

    /// Whether the request may still be carried out, later than what follows it, so that a snapshot is due. After an
    /// answer it can't, though what it asked for may have been done ([`Meaning::Unavailable`]).
    pub const fn is_ambiguous(self) -> bool {
        matches!(self, Self::Lost { ambiguous: true, .. })
    }

    /// `2xx`, `4xx`, … or the fault's word, for metrics.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Lost { fault, .. } => fault.label(),
            Self::Status { code, .. } => match code {
                100..=199 => "1xx",
                200..=299 => "2xx",
                300..=399 => "3xx",
                400..=499 => "4xx",
                500..=599 => "5xx",
                _ => "other",
            },
        }
    }
}

/// An outcome without what it asks for: small enough to be kept for each object that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A status code.
    Status(u16),
    /// No answer.
    Lost(Fault),
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Status { code, .. } => Self::Status(code),
            Outcome::Lost { fault, .. } => Self::Lost(fault),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "status {code}"),
            Self::Lost(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Verdict::from(*self).fmt(f)
    }
}

/// A row of the table of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 2xx.
    Accepted,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 400, 422: this object, or this snapshot, isn't understood.
    Invalid,
    /// 404.
    NotFound,
    /// 410: of interest for a delete only, else as [`Meaning::Refused`].
    Gone,
    /// 408, 429: not before `wait` is over.
    Later {
        /// `Retry-After`, clamped, or its default.
        wait: Duration,
    },
    /// 413.
    TooLarge,
    /// Any other 4xx, and 3xx, which is never followed.
    Refused,
    /// 5xx, no connection, reset, time-out: worth a retry.
    Unavailable {
        /// `Retry-After`, clamped, as a lower bound of the wait.
        at_least: Option<Duration>,
        /// Whether the request may have been carried out: what it said may be known, and must be taken back when it
        /// isn't true any more.
        ambiguous: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_row() {
        let row = |code| Outcome::status(code).meaning();
        assert_eq!(row(200), Meaning::Accepted);
        assert_eq!(row(204), Meaning::Accepted);
        assert_eq!(row(401), Meaning::Unauthorized);
        assert_eq!(row(403), Meaning::Forbidden);
        assert_eq!(row(400), Meaning::Invalid);
        assert_eq!(row(422), Meaning::Invalid);
        assert_eq!(row(404), Meaning::NotFound);
        assert_eq!(row(410), Meaning::Gone);
        assert_eq!(row(413), Meaning::TooLarge);
        for code in [300, 301, 302, 307, 308, 402, 405, 409, 418, 451, 499] {
            assert_eq!(row(code), Meaning::Refused, "{code}");
        }
        for code in [500, 502, 503, 504, 599] {
            assert_eq!(
                row(code),
                Meaning::Unavailable {
                    at_least: None,
                    ambiguous: true
                },
                "{code}"
            );
        }
    }

    #[test]
    fn throttled_without_retry_after_waits_thirty_seconds() {
        assert_eq!(
            Outcome::status(429).meaning(),
            Meaning::Later {
                wait: Duration::from_secs(30)
            }
        );
    }

    #[test]
    fn retry_after_is_held_within_its_bounds() {
        let with = |code, secs| {
            Outcome::Status {
                code,
                retry_after: Some(Duration::from_secs(secs)),
            }
            .meaning()
        };
        assert_eq!(
            with(429, 0),
            Meaning::Later {
                wait: Duration::from_secs(1)
            }
        );
        assert_eq!(
            with(408, 86_400),
            Meaning::Later {
                wait: Duration::from_secs(300)
            }
        );
        assert_eq!(
            with(503, 7),
            Meaning::Unavailable {
                at_least: Some(Duration::from_secs(7)),
                ambiguous: true
            }
        );
    }

    #[test]
    fn only_a_request_without_an_answer_may_arrive_late() {
        assert!(!Outcome::status(503).is_ambiguous());
        for ambiguous in [false, true] {
            let lost = Outcome::Lost {
                fault: Fault::Timeout,
                ambiguous,
            };
            assert_eq!(lost.is_ambiguous(), ambiguous);
            assert_eq!(
                lost.meaning(),
                Meaning::Unavailable {
                    at_least: None,
                    ambiguous
                }
            );
        }
    }

    #[test]
    fn a_class_names_the_hundred_or_the_fault() {
        for (code, class) in [
            (100, "1xx"),
            (204, "2xx"),
            (302, "3xx"),
            (429, "4xx"),
            (599, "5xx"),
            (600, "other"),
        ] {
            assert_eq!(Outcome::status(code).class(), class);
        }
        let faults = [
            Fault::Dns,
            Fault::Connect,
            Fault::Tls,
            Fault::Proxy,
            Fault::ProxyAuth,
            Fault::ProxyRefused,
            Fault::Reset,
            Fault::Timeout,
            Fault::Garbled,
        ];
        let words: std::collections::HashSet<_> = faults
            .map(|fault| Outcome::Lost {
                fault,
                ambiguous: false,
            })
            .map(Outcome::class)
            .into_iter()
            .collect();
        assert_eq!(words.len(), faults.len());
    }
}
