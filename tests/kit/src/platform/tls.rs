// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The platform's certificate, of an authority of its own.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Error;

/// The certificate that an https platform shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// A good one, for localhost, 127.0.0.1 and ::1.
    #[default]
    Good,
    /// One that ended years ago.
    Expired,
    /// One for another host.
    WrongHost,
}

/// An authority's certificate as PEM, and a server's configuration with a certificate of it. A good one is for `host`, too.
pub(super) fn make(certificate: Certificate, host: Option<&str>) -> Result<(String, Arc<ServerConfig>), Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, "obsyk-platform-ca");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let ca_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let names: Vec<String> = match certificate {
        Certificate::Good | Certificate::Expired => {
            let names = ["localhost", "127.0.0.1", "::1"].into_iter().chain(host);
            names.map(str::to_owned).collect()
        }
        Certificate::WrongHost => vec!["elsewhere.invalid".to_owned()],
    };
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "obsyk-platform");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.use_authority_key_identifier_extension = true;
    if certificate == Certificate::Expired {
        server.not_before = date_time_ymd(2019, 1, 1);
        server.not_after = date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(Error::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((ca_pem, Arc::new(config)))
}
