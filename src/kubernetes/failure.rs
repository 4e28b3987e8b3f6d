// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Why the API server didn't do what it was asked, for people who read it on a terminal.

use std::time::Duration;

use tokio::time::timeout;

use super::unquoted;
use crate::text::{printable, root_cause};

/// An API server that is overloaded takes seconds; one that takes longer than this doesn't answer.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// Why there is no good answer. It quotes nothing but what the API server says of the request itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke.
    #[error("the API server can't be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the API server didn't answer within {} s", LONGEST_ANSWER.as_secs())]
    Unanswered,
    /// An answer that refuses the request.
    #[error("the API server answered {code}: {message}")]
    Refused {
        /// The status code.
        code: u16,
        /// What it says.
        message: String,
    },
    /// The token or certificate of this account can't be had.
    #[error("the credentials for the API server can't be used: {0}")]
    Credentials(String),
    /// An answer that can't be read.
    #[error("the API server's answer can't be read")]
    Garbled,
}

impl Failure {
    /// The status code, when there was an answer.
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What to do about it, whatever was asked.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Unanswered => {
                "check that the API server runs and can be reached from here (firewall, NetworkPolicy), and that \
                 `kubectl version` works with the same kubeconfig"
            }
            Self::Refused { code: 401, .. } | Self::Credentials(_) => {
                "check the service account's token, or the user in the kubeconfig"
            }
            Self::Refused { code: 403, .. } => "grant it: the chart and manifests/rbac have what the operator needs",
            Self::Refused { code: 429 | 503, .. } => "the API server is busy; try again",
            Self::Refused { .. } | Self::Garbled => "see the API server's log",
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                message: printable(&status.message),
            },
            kube::Error::Service(error) => match unquoted::words(error.as_ref()) {
                Some(words) => Self::Credentials(words),
                None => Self::Unreachable(root_cause(error.as_ref())),
            },
            kube::Error::HyperError(error) => Self::Unreachable(root_cause(&error)),
            kube::Error::Auth(error) => {
                Self::Credentials(unquoted::words(&error).unwrap_or_else(|| root_cause(&error)))
            }
            // Others quote what they couldn't read.
            _ => Self::Garbled,
        }
    }
}

/// What comes of a request, within [`LONGEST_ANSWER`].
pub async fn answer<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match timeout(LONGEST_ANSWER, request).await {
        Ok(answer) => answer.map_err(Failure::from),
        Err(_) => Err(Failure::Unanswered),
    }
}
