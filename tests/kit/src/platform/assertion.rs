// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The assertion that a client asks for a token with (RFC 7523), checked claim by claim.

use std::collections::{BTreeMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{keys, strict};

/// The longest life that an assertion may have, in seconds.
const LONGEST_LIFE: i64 = 300;

/// How far a client's clock may be ahead, in seconds.
const CLOCK_SKEW: i64 = 60;

/// What the platform knows of assertions.
#[derive(Default)]
pub(super) struct Assertions {
    clients: BTreeMap<String, DecodingKey>,
    /// What an assertion may be meant for.
    audiences: Vec<String>,
    seen: HashSet<String>,
}

/// Why an assertion is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Credentials that the platform doesn't know, as they may happen to anybody.
    Unknown(&'static str),
    /// Something that no assertion of the protocol has.
    Violation(String),
}

impl Assertions {
    /// Knows a client from now on, by this public key and no other. None if it isn't one.
    pub(super) fn register(&mut self, client: &str, public_pem: &str) -> Option<()> {
        let key = DecodingKey::from_ec_der(&keys::point(public_pem)?);
        self.clients.insert(client.to_owned(), key);
        Some(())
    }

    /// Knows a client no more.
    pub(super) fn forget(&mut self, client: &str) {
        self.clients.remove(client);
    }

    /// Takes assertions that are meant for this URL, too.
    pub(super) fn add_audience(&mut self, url: &str) {
        self.audiences.push(url.trim_end_matches('/').to_owned());
    }

    /// The client that an assertion proves to be asking, at this time (seconds since 1970).
    pub(super) fn check(&mut self, assertion: &str, now: i64) -> Result<String, Refusal> {
        let parts: Vec<&str> = assertion.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            return Err(violation("not three parts with dots between them"));
        };
        let header = part("header", header)?;
        if header != serde_json::json!({ "alg": "ES256", "typ": "JWT" }) {
            return Err(violation("header: not exactly alg ES256 and typ JWT"));
        }
        let claims = part("claims", claims)?;
        let claims = self.claims(&claims, now)?;
        // A client that nobody knows has no key to check with.
        let key = self
            .clients
            .get(claims.client)
            .ok_or(Refusal::Unknown("an unknown client"))?;
        let message = &assertion[..assertion.len() - signature.len() - 1];
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, Algorithm::ES256) {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::Unknown("a signature of another key")),
            Err(_) => return Err(violation("signature: not in base64url")),
        }
        if !self.seen.insert(claims.jti.to_owned()) {
            return Err(violation("jti: seen before"));
        }
        Ok(claims.client.to_owned())
    }

    fn claims<'a>(&self, claims: &'a Value, now: i64) -> Result<Claims<'a>, Refusal> {
        const NAMES: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "jti"];
        let all = claims.as_object().ok_or_else(|| violation("claims: not an object"))?;
        if let Some(name) = all.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(violation(format!("{name}: no claim of the protocol")));
        }
        let text = |name: &str| {
            let text = all.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.ok_or_else(|| violation(format!("{name}: missing, empty or not a text")))
        };
        let time = |name: &str| {
            let time = all.get(name).and_then(Value::as_i64);
            time.ok_or_else(|| violation(format!("{name}: missing or not a whole number")))
        };
        let (client, subject, jti) = (text("iss")?, text("sub")?, text("jti")?);
        if client != subject {
            return Err(violation("iss and sub differ"));
        }
        let audience = all.get("aud").and_then(Value::as_array).map(Vec::as_slice);
        let Some([Value::String(audience)]) = audience else {
            return Err(violation("aud: not a list of one text"));
        };
        if !self.audiences.contains(audience) {
            return Err(violation(format!("aud: {audience:?} is not this platform")));
        }
        let (from, until) = (time("iat")?, time("exp")?);
        if from > now + CLOCK_SKEW {
            return Err(violation("iat: in the future"));
        }
        if until <= now {
            return Err(violation("exp: in the past"));
        }
        if until <= from || until - from > LONGEST_LIFE {
            return Err(violation(format!("exp: {} s after iat, not 1 to 300", until - from)));
        }
        Ok(Claims { client, jti })
    }
}

struct Claims<'a> {
    client: &'a str,
    jti: &'a str,
}

fn part(name: &str, text: &str) -> Result<Value, Refusal> {
    let json = URL_SAFE_NO_PAD.decode(text);
    let json = json.map_err(|_| violation(format!("{name}: not in base64url without padding")))?;
    strict::read(&json).map_err(|error| violation(format!("{name}: {error}")))
}

fn violation(what: impl Into<String>) -> Refusal {
    Refusal::Violation(what.into())
}
