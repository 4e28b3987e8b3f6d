// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Writes Mozilla's roots of trust for servers to standard output, as one PEM bundle: what the image has at
//! `/etc/ssl/certs/ca-certificates.crt`.
//!
//! They come from a crate that Cargo.lock pins, not from the machine that builds: there they differ from one to the next,
//! so two builds of one commit would too, and a machine behind an intercepting proxy would hand that proxy's authority on
//! to everybody who runs the image.

use std::io::{self, Write};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Characters a line of PEM has (RFC 7468).
const LINE: usize = 64;

fn main() -> ExitCode {
    match io::stdout().write_all(bundle().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("obsyk-roots: the bundle can't be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All roots, in the order of the crate.
fn bundle() -> String {
    TLS_SERVER_ROOT_CERTS.iter().map(|root| pem(root)).collect()
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = next;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_read_back_are_the_roots_of_the_crate() {
        let read: Vec<_> = CertificateDer::pem_slice_iter(bundle().as_bytes())
            .map(|root| root.unwrap())
            .collect();
        assert_eq!(read, TLS_SERVER_ROOT_CERTS);
    }

    #[test]
    fn each_root_is_one_that_rustls_trusts() {
        let mut store = rustls::RootCertStore::empty();
        for root in TLS_SERVER_ROOT_CERTS {
            store.add(root.clone()).unwrap();
        }
        assert!(store.len() > 100, "{} roots are fewer than Mozilla has", store.len());
    }
}
