// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Whom we trust to vouch for the platform: the system's certificate authorities, and those in the file that
//! `--platform-ca-file` names.
//!
//! The system's are found as OpenSSL's users expect it: SSL_CERT_FILE and SSL_CERT_DIR if one of them is set, else the usual
//! places of Linux distributions, of which an image needs one, such as `/etc/ssl/certs/ca-certificates.crt`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It isn't there, or not for us.
    #[error(
        "the CA file {path} (--platform-ca-file) can't be read; check the path, and that the ConfigMap or Secret with it is \
         mounted and has this key"
    )]
    Unreadable {
        /// Where it should be.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It has other content.
    #[error(
        "the CA file {path} (--platform-ca-file) has no certificate; it must be PEM, with the lines -----BEGIN CERTIFICATE----- \
         and -----END CERTIFICATE-----"
    )]
    Empty {
        /// Where it is.
        path: String,
    },
    /// A certificate in it can't be used.
    #[error(
        "certificate {n} in the CA file {path} (--platform-ca-file) can't be decoded; it seems cut or altered: write it anew from where it came from"
    )]
    Malformed {
        /// Where it is.
        path: String,
        /// Which, from 1.
        n: usize,
    },
}

/// A file of CA certificates, which may be replaced while we run: a mounted ConfigMap or Secret.
#[derive(Clone, Debug)]
pub struct CaFile {
    path: PathBuf,
}

/// By what one content of a file is told from another, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl CaFile {
    /// The file of this name, which isn't read yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it looks like now; nothing when it isn't there.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Its certificates, of which there is at least one and each can vouch for others.
    pub fn read(&self) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
        let path = || self.path.display().to_string();
        let text = std::fs::read(&self.path).map_err(|source| CaFileError::Unreadable { path: path(), source })?;
        let mut certificates = Vec::new();
        let mut store = RootCertStore::empty();
        for (n, certificate) in CertificateDer::pem_slice_iter(&text).enumerate() {
            let malformed = || CaFileError::Malformed { path: path(), n: n + 1 };
            let certificate: CertificateDer<'static> = certificate.map_err(|_| malformed())?;
            store.add(certificate.clone()).map_err(|_| malformed())?;
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(CaFileError::Empty { path: path() });
        }
        Ok(certificates)
    }
}

/// What judges a server's certificate, with these CAs besides the system's. reqwest builds the same from the same.
pub(super) fn verifier(extra: &[CertificateDer<'static>]) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(extra.iter().cloned(), provider())
}

/// The process's provider of cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use obsyk_testkit::platform::Platform as Double;

    use super::*;

    async fn ca_pem() -> String {
        let double = Double::builder().https().start().await.unwrap();
        double.ca_pem().to_owned()
    }

    fn refusal(content: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = CaFile::new(path.clone()).read().unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        error
    }

    #[tokio::test]
    async fn every_certificate_of_a_bundle_is_read_and_other_text_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        let bundle = format!("# our own\n{}\nand another\n{}", ca_pem().await, ca_pem().await);
        std::fs::write(&path, bundle).unwrap();
        assert_eq!(CaFile::new(path).read().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_named_with_what_is_wrong_with_it() {
        assert!(refusal(None).contains("check the path"));
        assert!(refusal(Some("")).contains("no certificate"));
        assert!(refusal(Some("hello")).contains("no certificate"));
        let pem = ca_pem().await;
        let cut = pem.replacen("MII", "MI", 1);
        assert!(refusal(Some(&format!("{pem}{cut}"))).contains("certificate 2"));
        let other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(refusal(Some(other)).contains("certificate 1"));
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert!(refusal(Some(key)).contains("no certificate"));
    }

    #[test]
    fn a_file_that_was_replaced_looks_different() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        let file = CaFile::new(path.clone());
        assert_eq!(file.stamp(), None);
        std::fs::write(&path, "one").unwrap();
        let first = file.stamp();
        assert_eq!(file.stamp(), first);
        // As a mounted ConfigMap does it: another file under the same name.
        let next = folder.path().join("next");
        std::fs::write(&next, "two").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_ne!(file.stamp(), first);
    }
}
