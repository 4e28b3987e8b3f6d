// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The assertion (RFC 7523): a JWT (RFC 7519) signed with ES256.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use obsyk_domain::credentials::Credentials;
use rand::RngExt;
use serde::Serialize;

/// Seconds from `iat` to `exp`. The protocol allows 300; less leaves room for a clock that is a little off.
const LIFETIME: u64 = 240;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: [&'a str; 1],
    iat: u64,
    exp: u64,
    jti: String,
}

/// A fresh assertion for this audience; nothing when the key can't sign.
pub(super) fn sign(credentials: &Credentials, audience: &str, now: SystemTime) -> Option<String> {
    let iat = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let claims = Claims {
        iss: credentials.client_id(),
        sub: credentials.client_id(),
        aud: [audience],
        iat,
        exp: iat + LIFETIME,
        jti: unique(),
    };
    let key = EncodingKey::from_ec_der(credentials.expose_pkcs8());
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).ok()
}

/// The thumbprint of the public key (RFC 7638, SHA-256).
pub(super) fn thumbprint(credentials: &Credentials) -> Option<String> {
    let key = EncodingKey::from_ec_der(credentials.expose_pkcs8());
    let public = Jwk::from_encoding_key(&key, Algorithm::ES256).ok()?;
    public.thumbprint(ThumbprintHash::SHA256).ok()
}

/// 128 random bits in hexadecimal.
fn unique() -> String {
    let bits: u128 = rand::rng().random();
    format!("{bits:032x}")
}
