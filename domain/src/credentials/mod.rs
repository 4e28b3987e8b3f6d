// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The credentials: what a Secret must hold, and what is wrong with one that doesn't.
//!
//! It owns the reading of the Secret. It promises that a key is parsed once, that PEM and DER live in types that wipe
//! themselves, and that an error quotes nothing of what was read.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use zeroize::Zeroizing;

/// The Secret's key with the client's id.
pub const CLIENT_ID: &str = "client_id";

/// The Secret's key with the client's private key: PEM, P-256, SEC1 or PKCS#8.
pub const PRIVATE_KEY: &str = "private_key";

/// Longer than any client id that a platform gives; a header and a claim must hold it.
const LONGEST_CLIENT_ID: usize = 512;

/// Longer than any PEM of a P-256 key with its parameters; what is larger isn't one.
const LONGEST_PEM: usize = 16 * 1024;

/// Some platforms' tools write PEM on one line or without padding: both are read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A client and its key. Cloning shares the key.
#[derive(Clone)]
pub struct Credentials {
    client_id: Arc<str>,
    key: Arc<Zeroizing<Vec<u8>>>,
}

impl Credentials {
    /// Reads the values of a Secret under [`CLIENT_ID`] and [`PRIVATE_KEY`]; `None` for a key that isn't there.
    pub fn read(client_id: Option<&[u8]>, private_key: Option<&[u8]>) -> Result<Self, CredentialsError> {
        let client_id = client_id.ok_or(CredentialsError::Missing(CLIENT_ID))?;
        let private_key = private_key.ok_or(CredentialsError::Missing(PRIVATE_KEY))?;
        let client_id = read_client_id(client_id)?;
        let key = read_private_key(private_key)?;
        Ok(Self {
            client_id: client_id.into(),
            key: Arc::new(key),
        })
    }

    /// The client's id, for the assertion's `iss` and `sub`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The private key in PKCS#8 DER, for the signer and nothing else.
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.key
    }
}

impl PartialEq for Credentials {
    /// Whether both would sign the same; not in constant time, since no attacker times it.
    fn eq(&self, other: &Self) -> bool {
        self.client_id == other.client_id && self.key.as_slice() == other.key.as_slice()
    }
}

impl Eq for Credentials {}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is no such Secret.
    #[error("it doesn't exist; create it with the keys {CLIENT_ID} and {PRIVATE_KEY}")]
    NoSecret,
    /// The operator may not read it.
    #[error(
        "the operator may not read it; grant list and watch on this Secret by name (rbac.credentialsSecrets in the chart)"
    )]
    Forbidden,
    /// It can't be read just now.
    #[error("it can't be read from the API server just now; it is tried again; if it stays so, check the API server")]
    Unreachable,
    /// A key isn't there.
    #[error("it has no key {0}; add it")]
    Missing(&'static str),
    /// A key is there without a value.
    #[error("its key {0} is empty; put its value there")]
    Empty(&'static str),
    /// More than any proper value has.
    #[error("its key {0} is larger than any proper value; check whether another file was put there")]
    TooLarge(&'static str),
    /// The client's id has characters that no id has.
    #[error("its key {CLIENT_ID} isn't one line of printable ASCII; put the client's id there and nothing else")]
    ClientId,
    /// Not PEM at all.
    #[error(
        "its key {PRIVATE_KEY} isn't PEM: put the whole key file there, with its lines -----BEGIN … and -----END …"
    )]
    NotPem,
    /// A PEM block, but of something else.
    #[error(
        "its key {PRIVATE_KEY} holds no EC private key but something else in PEM, such as a certificate, a public key or an \
         OpenSSH key; put the private key there"
    )]
    NotAPrivateKey,
    /// Encrypted with a passphrase.
    #[error("its key {PRIVATE_KEY} is encrypted; store the key without a passphrase")]
    Encrypted,
    /// An RSA key.
    #[error(
        "its key {PRIVATE_KEY} is an RSA key; make a new key pair on curve P-256 (prime256v1), which is all that the platform takes"
    )]
    Rsa,
    /// An EC key on another curve, or a key of another algorithm.
    #[error("its key {PRIVATE_KEY} isn't on curve P-256 (prime256v1); make a new key pair that is")]
    WrongCurve,
    /// PEM whose content can't be decoded.
    #[error(
        "its key {PRIVATE_KEY} is PEM that can't be decoded; it seems cut or altered: put the whole key file there"
    )]
    Malformed,
}

impl CredentialsError {
    /// The reason of the Degraded condition.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoSecret => "SecretNotFound",
            Self::Forbidden => "SecretForbidden",
            Self::Unreachable => "SecretUnreadable",
            Self::Missing(_) | Self::Empty(_) => "SecretIncomplete",
            Self::TooLarge(_) | Self::ClientId => "SecretInvalid",
            Self::NotPem | Self::NotAPrivateKey | Self::Encrypted | Self::Rsa | Self::WrongCurve | Self::Malformed => {
                "PrivateKeyInvalid"
            }
        }
    }
}

fn read_client_id(value: &[u8]) -> Result<&str, CredentialsError> {
    let text = std::str::from_utf8(value).map_err(|_| CredentialsError::ClientId)?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(CredentialsError::Empty(CLIENT_ID));
    }
    if text.len() > LONGEST_CLIENT_ID {
        return Err(CredentialsError::TooLarge(CLIENT_ID));
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(CredentialsError::ClientId)
    }
}

fn read_private_key(value: &[u8]) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    if value.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(CredentialsError::Empty(PRIVATE_KEY));
    }
    if value.len() > LONGEST_PEM {
        return Err(CredentialsError::TooLarge(PRIVATE_KEY));
    }
    let text = std::str::from_utf8(value).map_err(|_| CredentialsError::NotPem)?;
    let (form, body) = find_key(text)?;
    if body.contains("Proc-Type:") {
        return Err(CredentialsError::Encrypted);
    }
    let packed = Zeroizing::new(
        body.bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect::<Vec<u8>>(),
    );
    let der = Zeroizing::new(
        BASE64
            .decode(packed.as_slice())
            .map_err(|_| CredentialsError::Malformed)?,
    );
    let key = match form {
        Form::Sec1 => SecretKey::from_sec1_der(&der).map_err(|_| diagnose(&der, true))?,
        Form::Pkcs8 => SecretKey::from_pkcs8_der(&der).map_err(|_| diagnose(&der, false))?,
    };
    let document = key.to_pkcs8_der().map_err(|_| CredentialsError::Malformed)?;
    Ok(Zeroizing::new(document.as_bytes().to_vec()))
}

enum Form {
    Sec1,
    Pkcs8,
}

/// The first private key in the text. Other blocks may stand before it: openssl writes `EC PARAMETERS` first.
fn find_key(text: &str) -> Result<(Form, &str), CredentialsError> {
    let mut found = CredentialsError::NotPem;
    let mut rest = text;
    while let Some((label, body, after)) = next_block(rest)? {
        match label {
            "EC PRIVATE KEY" => return Ok((Form::Sec1, body)),
            "PRIVATE KEY" => return Ok((Form::Pkcs8, body)),
            "ENCRYPTED PRIVATE KEY" => return Err(CredentialsError::Encrypted),
            "RSA PRIVATE KEY" => return Err(CredentialsError::Rsa),
            _ => found = CredentialsError::NotAPrivateKey,
        }
        rest = after;
    }
    Err(found)
}

/// The next PEM block: its label, its body, and what follows it.
fn next_block(text: &str) -> Result<Option<(&str, &str, &str)>, CredentialsError> {
    let Some((_, after_begin)) = text.split_once("-----BEGIN ") else {
        return Ok(None);
    };
    let (label, after_label) = after_begin.split_once("-----").ok_or(CredentialsError::Malformed)?;
    let (body, after_body) = after_label.split_once("-----END ").ok_or(CredentialsError::Malformed)?;
    Ok(Some((label.trim(), body, after_body)))
}

/// Object identifiers in DER, by which a key that p256 refuses is told apart: RSA and P-256.
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn has(der: &[u8], oid: &[u8]) -> bool {
    der.windows(oid.len()).any(|window| window == oid)
}

fn diagnose(der: &[u8], sec1: bool) -> CredentialsError {
    if has(der, OID_RSA) {
        CredentialsError::Rsa
    } else if has(der, OID_P256) || (sec1 && der.first() != Some(&0x30)) || !is_whole(der) {
        CredentialsError::Malformed
    } else {
        CredentialsError::WrongCurve
    }
}

/// Whether the outer DER sequence is as long as it says.
fn is_whole(der: &[u8]) -> bool {
    match der {
        [0x30, len, rest @ ..] if *len < 0x80 => rest.len() == usize::from(*len),
        [0x30, 0x81, len, rest @ ..] => rest.len() == usize::from(*len),
        [0x30, 0x82, high, low, rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
