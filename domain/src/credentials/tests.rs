// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

const SEC1: &str = include_str!("samples/sec1.pem");
const SEC1_WITH_PARAMETERS: &str = include_str!("samples/sec1_with_parameters.pem");
const PKCS8: &str = include_str!("samples/pkcs8.pem");

fn read(key: &str) -> Result<Credentials, CredentialsError> {
    Credentials::read(Some(b"client-1"), Some(key.as_bytes()))
}

#[test]
fn sec1_with_and_without_parameters_and_pkcs8_are_the_same_key() {
    let sec1 = read(SEC1).unwrap();
    assert_eq!(sec1, read(SEC1_WITH_PARAMETERS).unwrap());
    assert_eq!(sec1, read(PKCS8).unwrap());
    assert_eq!(sec1.client_id(), "client-1");
}

#[test]
fn line_endings_blanks_and_a_trailing_nul_do_no_harm() {
    let key = read(SEC1).unwrap();
    assert_eq!(key, read(&SEC1.replace('\n', "\r\n")).unwrap());
    assert_eq!(key, read(&format!("\n\n  {SEC1}\n\0")).unwrap());
    assert_eq!(key, read(&PKCS8.replace('\n', " ")).unwrap());
    let padded = Credentials::read(Some(b"client-1\n\0"), Some(SEC1.as_bytes())).unwrap();
    assert_eq!(padded, key);
}

#[test]
fn each_wrong_key_is_named_for_what_it_is() {
    let cases = [
        (include_str!("samples/rsa_pkcs8.pem"), CredentialsError::Rsa),
        (include_str!("samples/rsa_pkcs1.pem"), CredentialsError::Rsa),
        (include_str!("samples/p384_sec1.pem"), CredentialsError::WrongCurve),
        (include_str!("samples/p384_pkcs8.pem"), CredentialsError::WrongCurve),
        (include_str!("samples/brainpool_sec1.pem"), CredentialsError::WrongCurve),
        (include_str!("samples/secp256k1_sec1.pem"), CredentialsError::WrongCurve),
        (include_str!("samples/ed25519.pem"), CredentialsError::WrongCurve),
        (include_str!("samples/encrypted_pkcs8.pem"), CredentialsError::Encrypted),
        (include_str!("samples/encrypted_sec1.pem"), CredentialsError::Encrypted),
        (include_str!("samples/public.pem"), CredentialsError::NotAPrivateKey),
        ("hello", CredentialsError::NotPem),
        ("", CredentialsError::Empty(PRIVATE_KEY)),
        (" \n\0", CredentialsError::Empty(PRIVATE_KEY)),
        (
            "-----BEGIN EC PRIVATE KEY-----\n!!!\n-----END EC PRIVATE KEY-----",
            CredentialsError::Malformed,
        ),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA", CredentialsError::Malformed),
    ];
    for (pem, error) in cases {
        assert_eq!(read(pem).unwrap_err(), error, "{pem}");
    }
}

#[test]
fn a_cut_key_is_malformed() {
    let mut lines: Vec<&str> = SEC1.lines().collect();
    lines.remove(2);
    assert_eq!(read(&lines.join("\n")).unwrap_err(), CredentialsError::Malformed);
}

#[test]
fn a_megabyte_is_no_key() {
    let large = vec![b'A'; 1 << 20];
    assert_eq!(
        Credentials::read(Some(b"c"), Some(&large)).unwrap_err(),
        CredentialsError::TooLarge(PRIVATE_KEY)
    );
    assert_eq!(
        Credentials::read(Some(&large), Some(SEC1.as_bytes())).unwrap_err(),
        CredentialsError::TooLarge(CLIENT_ID)
    );
}

#[test]
fn missing_and_empty_keys_are_named() {
    assert_eq!(
        Credentials::read(None, None).unwrap_err(),
        CredentialsError::Missing(CLIENT_ID)
    );
    assert_eq!(
        Credentials::read(Some(b"c"), None).unwrap_err(),
        CredentialsError::Missing(PRIVATE_KEY)
    );
    assert_eq!(
        Credentials::read(Some(b" "), Some(SEC1.as_bytes())).unwrap_err(),
        CredentialsError::Empty(CLIENT_ID)
    );
    assert_eq!(
        Credentials::read(Some("clé".as_bytes()), Some(SEC1.as_bytes())).unwrap_err(),
        CredentialsError::ClientId
    );
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", read(SEC1).unwrap());
    assert_eq!(shown, "Credentials { client_id: \"client-1\", .. }");
}

/// A SEC1 key without its public part.
fn sec1(key: [u8; 32], oid: &[u8]) -> String {
    let mut content = vec![0x02, 0x01, 0x01, 0x04, 0x20];
    content.extend(key);
    let length = |len: usize| u8::try_from(len).unwrap();
    content.extend([0xa0, length(oid.len() + 2), 0x06, length(oid.len())]);
    content.extend(oid);
    let mut der = vec![0x30, length(content.len())];
    der.extend(content);
    let body = BASE64.encode(der);
    format!("-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n")
}

#[test]
fn a_key_that_names_another_curve_is_refused_though_its_length_fits() {
    let brainpool = [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07];
    let secp256k1 = [0x2b, 0x81, 0x04, 0x00, 0x0a];
    assert!(read(&sec1([7; 32], OID_P256)).is_ok());
    for oid in [brainpool.as_slice(), &secp256k1] {
        assert_eq!(read(&sec1([7; 32], oid)).unwrap_err(), CredentialsError::WrongCurve);
    }
}

#[test]
fn a_key_whose_bytes_look_like_another_algorithm_is_a_key() {
    for lookalike in [
        &[0x06, 0x03, 0x2b, 0x65, 0x70, 0x01],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00],
    ] {
        let mut key = [7; 32];
        key[8..14].copy_from_slice(lookalike);
        assert!(read(&sec1(key, OID_P256)).is_ok());
    }
}

#[test]
fn an_openssh_key_is_none_and_the_message_says_so() {
    let error = read("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----").unwrap_err();
    assert_eq!(error, CredentialsError::NotAPrivateKey);
    assert!(error.to_string().contains("OpenSSH"));
}
