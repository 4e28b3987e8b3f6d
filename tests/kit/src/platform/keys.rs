// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The key pair of a client.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};
use p256::{PublicKey, SecretKey};

/// A P-256 key pair, in each form in which a user may have it.
#[derive(Clone)]
pub struct KeyPair {
    public: String,
    pkcs8: String,
    sec1: String,
}

impl KeyPair {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If the system has no randomness.
    #[must_use]
    pub fn generate() -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system has randomness");
        let key = SecretKey::from_pkcs8_der(pair.serialized_der()).expect("rcgen makes P-256 keys by default");
        let sec1 = key.to_sec1_der().expect("a P-256 key has a SEC1 form");
        Self {
            public: pair.public_key_pem().replace("\r\n", "\n"),
            pkcs8: pair.serialize_pem().replace("\r\n", "\n"),
            sec1: pem("EC PRIVATE KEY", &sec1),
        }
    }

    /// The public key, as the platform gets it (SubjectPublicKeyInfo, PEM).
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public
    }

    /// The private key in PKCS#8, PEM.
    #[must_use]
    pub fn pkcs8_pem(&self) -> &str {
        &self.pkcs8
    }

    /// A piece of the private key, in [`Self::pkcs8_pem`]: where it shows, the key has leaked.
    #[must_use]
    pub fn piece(&self) -> &str {
        let line = self.pkcs8.lines().nth(1).and_then(|line| line.get(..40));
        line.expect("the first line of the key in base64")
    }

    /// The private key in SEC1, PEM.
    #[must_use]
    pub fn sec1_pem(&self) -> &str {
        &self.sec1
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = next;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The point of a public key in PEM, uncompressed, if it is one on this curve.
pub(super) fn point(public_pem: &str) -> Option<Vec<u8>> {
    let text = public_pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let text: String = text
        .strip_suffix("-----END PUBLIC KEY-----")?
        .split_whitespace()
        .collect();
    let key = PublicKey::from_public_key_der(&STANDARD.decode(text).ok()?).ok()?;
    Some(key.to_sec1_point(false).as_bytes().to_vec())
}
