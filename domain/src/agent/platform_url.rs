// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform's address.
//!
//! Read by hand, in the narrow form that is allowed here, rather than by a general URL parser: what is accepted is kept
//! byte for byte, since the assertion's audience is the address as written, and nothing is left for the HTTP client to
//! normalise into something else.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A platform's address: https or http, a host, perhaps a port and a path.
///
/// No user, query, fragment, white space or `.` and `..` segments. Equal when written alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PlatformUrl {
    text: String,
    origin: String,
    https: bool,
    loopback: bool,
}

impl PlatformUrl {
    /// The longest address that is accepted, in bytes. The schema has the same bound.
    pub const MAX_LENGTH: usize = 2048;

    /// Reads an address; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PlatformUrlError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(PlatformUrlError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(PlatformUrlError::WhiteSpace);
        }
        let (written_scheme, rest) = text.split_once("://").ok_or(PlatformUrlError::NotAUrl)?;
        let rest = rest.trim_end_matches('/');
        let https = match written_scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(PlatformUrlError::Scheme),
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(PlatformUrlError::UserInfo);
        }
        if path.contains('?') {
            return Err(PlatformUrlError::Query);
        }
        if path.contains('#') {
            return Err(PlatformUrlError::Fragment);
        }
        check_path(path)?;
        let (host, port) = split_port(authority)?;
        let (host, loopback) = check_host(host)?;
        let default_port = if https { 443 } else { 80 };
        let scheme = if https { "https" } else { "http" };
        let origin = match port {
            Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        Ok(Self {
            text: format!("{written_scheme}://{rest}"),
            origin,
            https,
            loopback,
        })
    }

    /// Reads an origin, as the list of allowed platforms has them: an address without a path. Gives its normal form,
    /// which is what [`PlatformUrl::origin`] compares with.
    pub fn parse_origin(text: &str) -> Result<String, PlatformUrlError> {
        let url = Self::parse(text)?;
        let authority = url.text.split_once("://").map_or("", |(_, rest)| rest);
        if authority.contains('/') {
            Err(PlatformUrlError::PathInOrigin)
        } else {
            Ok(url.origin)
        }
    }

    /// The address as the user wrote it, without a trailing slash. This is the assertion's audience.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port in normal form: lower case, and no port when it is the scheme's own.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of one endpoint; `path` begins with a slash, such as `/oauth/token`.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Whether what is sent is encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is `localhost` or an address of the loopback network, so that nothing leaves the machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for PlatformUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PlatformUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlatformUrl({})", self.text)
    }
}

/// Why a text is not a platform's address. The messages don't quote it: a password may be in it.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformUrlError {
    /// No `scheme://`.
    #[error("it is not a whole URL; write it like https://platform.example.com")]
    NotAUrl,
    /// A scheme that isn't http or https.
    #[error("its scheme must be https (or http)")]
    Scheme,
    /// Nothing between `//` and the path or port.
    #[error("it names no host; write it like https://platform.example.com")]
    NoHost,
    /// A host that is neither a DNS name nor an IP address.
    #[error(
        "its host is not a DNS name or an IP address; write an IPv6 address in brackets, and other alphabets as xn--…"
    )]
    BadHost,
    /// A port that isn't a number from 1 to 65535.
    #[error("its port must be a number from 1 to 65535")]
    BadPort,
    /// A user, with or without a password.
    #[error("it must not carry a user or password; credentials belong into the Secret that credentialsSecretRef names")]
    UserInfo,
    /// A `?`.
    #[error("it must not have a query (?)")]
    Query,
    /// A `#`.
    #[error("it must not have a fragment (#)")]
    Fragment,
    /// White space or a control character.
    #[error("it contains white space or a control character")]
    WhiteSpace,
    /// A path with characters that a URL can't have, or with `.` or `..`.
    #[error("its path has characters that must be percent-encoded, an empty segment, or a segment . or ..")]
    BadPath,
    /// More than [`PlatformUrl::MAX_LENGTH`].
    #[error("it is longer than {} characters", PlatformUrl::MAX_LENGTH)]
    TooLong,
    /// An allowed platform with a path.
    #[error("an allowed platform is scheme, host and port only, without a path")]
    PathInOrigin,
}

/// Accepts what RFC 3986 calls a path, less what a client would rewrite: empty and dot segments.
fn check_path(path: &str) -> Result<(), PlatformUrlError> {
    let Some(path) = path.strip_prefix('/') else {
        return Ok(());
    };
    let is_pchar = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
    for segment in path.split('/') {
        // A client decodes %2e before it resolves dot segments.
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        if matches!(plain.as_str(), "" | "." | "..") {
            return Err(PlatformUrlError::BadPath);
        }
        let mut pieces = segment.split('%');
        let first_is_good = pieces.next().is_none_or(|piece| piece.chars().all(is_pchar));
        let rest_is_good = pieces.all(|piece| {
            let mut chars = piece.chars();
            let mut is_hex = || chars.next().is_some_and(|c| c.is_ascii_hexdigit());
            is_hex() && is_hex() && chars.all(is_pchar)
        });
        if !(first_is_good && rest_is_good) {
            return Err(PlatformUrlError::BadPath);
        }
    }
    Ok(())
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), PlatformUrlError> {
    // A colon inside brackets belongs to an IPv6 address.
    let Some((host, port)) = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Ok((authority, None));
    };
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PlatformUrlError::BadPort);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(PlatformUrlError::BadPort),
        Ok(number) => Ok((host, Some(number))),
    }
}

/// The host in normal form, and whether it is loopback.
fn check_host(host: &str) -> Result<(String, bool), PlatformUrlError> {
    if host.is_empty() {
        return Err(PlatformUrlError::NoHost);
    }
    if let Some(rest) = host.strip_prefix('[') {
        let inner = rest.strip_suffix(']').ok_or(PlatformUrlError::BadHost)?;
        let ip: Ipv6Addr = inner.parse().map_err(|_| PlatformUrlError::BadHost)?;
        return Ok((format!("[{ip}]"), ip.is_loopback()));
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok((ip.to_string(), ip.is_loopback()));
    }
    let name = host.to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = name.strip_suffix('.').unwrap_or(&name);
    // Clients read a name whose last label is a number as an IPv4 address: 127.1 and 0x7f.1 are 127.0.0.1 to them.
    let last = labels.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit());
    if labels.len() > 253 || is_number || !labels.split('.').all(is_label) {
        return Err(PlatformUrlError::BadHost);
    }
    let loopback = name == "localhost";
    // With the dot it is the same host.
    Ok((labels.to_owned(), loopback))
}
