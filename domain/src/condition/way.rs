// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is told of the way to a platform when something on it fails: where, and what to check.

use crate::answer::{Fault, Outcome};
use crate::token::TokenError;

/// What passes by itself, mostly.
const PATIENCE: &str =
    "it is tried again and nothing is lost; if it stays so, check the platform and what is on the way to it";

/// The way to a platform, for messages about it.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The platform, as the resource has it.
    pub platform: &'a str,
    /// The proxy, as host and port, when there is one.
    pub proxy: Option<&'a str>,
}

impl Way<'_> {
    /// Reason and message when no token can be had with the credentials of this Secret.
    pub fn without_token(self, secret: &str, error: TokenError) -> (&'static str, String) {
        let platform = self.platform;
        match error {
            TokenError::Unsigned => (
                "CredentialsRefused",
                format!("the key in Secret {secret} can't sign; make a new key pair"),
            ),
            TokenError::NotAToken => (
                "NotAPlatform",
                format!("{platform}/oauth/token answered with something that isn't a token; check platformURL"),
            ),
            TokenError::Answer(outcome) if error.is_denied() => (
                "CredentialsRefused",
                format!(
                    "{platform}/oauth/token answered {outcome}: check client_id and private_key in Secret {secret}, \
                     that the platform has the public key, and this cluster's clock"
                ),
            ),
            TokenError::Answer(outcome) => self.unavailable("the token endpoint", outcome),
        }
    }

    /// Reason and message when `who` there doesn't answer as it should.
    pub(super) fn unavailable(self, who: &str, outcome: Outcome) -> (&'static str, String) {
        let platform = self.platform;
        let (through, hint) = match outcome {
            Outcome::Lost { fault, .. } => (self.through(fault), hint(fault)),
            Outcome::Status { code: 300..=399, .. } => (String::new(), "redirects aren't followed; check platformURL"),
            Outcome::Status { code: 408 | 429, .. } => (
                String::new(),
                "it asks to come later; nothing is lost, and nothing is to be done",
            ),
            Outcome::Status { .. } => (String::new(), PATIENCE),
        };
        let message = format!("{platform}: {who}: {outcome}{through}; {hint}");
        ("PlatformUnavailable", message)
    }

    /// Names the proxy, whether it failed itself or something behind it did.
    fn through(self, fault: Fault) -> String {
        match self.proxy {
            None => String::new(),
            Some(proxy) if fault.is_of_proxy() => format!(": {proxy}"),
            Some(proxy) => format!(", through the proxy {proxy}"),
        }
    }
}

/// What to check when no answer came.
pub const fn hint(fault: Fault) -> &'static str {
    match fault {
        Fault::Dns => "check the host in platformURL and the cluster's DNS",
        Fault::Tls => {
            "check the platform's certificate; if a proxy opens TLS on the way, or the authority is one's own, give its CA \
             (--platform-ca-file). `obsyk-operator check` names who issued the certificate"
        }
        Fault::Proxy => "check its address in HTTPS_PROXY and HTTP_PROXY, and that the cluster may reach it",
        Fault::ProxyAuth => "write them into its address in HTTPS_PROXY and HTTP_PROXY: http://user:password@host:port",
        Fault::ProxyRefused => "allow the platform's host there, or name it in NO_PROXY if it can be reached directly",
        Fault::Connect => "check that the cluster may reach it: firewall, NetworkPolicy, proxy",
        Fault::Reset | Fault::Timeout | Fault::Garbled => PATIENCE,
    }
}
