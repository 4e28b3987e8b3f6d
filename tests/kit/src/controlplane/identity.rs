// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who is who in one control plane: its own certificate authority, the API server's certificate, the key of service
//! accounts, and users with their kubeconfig files. All of it lives and dies with the control plane's folder.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

use super::Error;

/// The object identifier of an organisation, spelled out: a second one in the same name has to look different to rcgen,
/// which keeps one value for each type.
const ORGANISATION: [u64; 4] = [2, 5, 4, 10];

/// Names by which the API server is reached, from this machine and, by their fixed address, from pods.
const SERVER_NAMES: [&str; 5] = [
    "127.0.0.1",
    "localhost",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "10.96.0.1",
];

/// The certificate authority of one control plane, and the folder of what it made.
pub(super) struct Authority {
    folder: PathBuf,
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes the authority, the API server's certificate and the key of service accounts in `folder`, which exists.
    pub(super) fn new(folder: PathBuf) -> Result<Self, Error> {
        let (ca_pem, issuer) = certificate_authority()?;
        let authority = Self { folder, ca_pem, issuer };
        authority.write_ca(&authority.ca_pem)?;
        authority.write_server()?;

        let service_accounts = KeyPair::generate()?;
        write_private(&authority.service_account_key_file(), &service_accounts.serialize_pem())?;
        write_private(
            &authority.service_account_public_key_file(),
            &service_accounts.public_key_pem(),
        )?;
        Ok(authority)
    }

    /// Exchanges the authority: from here the API server's certificate is the new one's, and so are users'. Those of the old
    /// one's stay valid. What was started before must be started again.
    pub(super) fn exchange(&mut self) -> Result<(), Error> {
        let (ca_pem, issuer) = certificate_authority()?;
        let both = format!("{ca_pem}{}", self.ca_pem);
        (self.ca_pem, self.issuer) = (ca_pem, issuer);
        self.write_ca(&both)?;
        self.write_server()
    }

    /// Writes the authorities that users' certificates may be of, and the one that servers' are of.
    fn write_ca(&self, of_users: &str) -> Result<(), Error> {
        write_private(&self.ca_file(), of_users)?;
        write_private(&self.server_ca_file(), &self.ca_pem)
    }

    fn write_server(&self) -> Result<(), Error> {
        let mut server = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (certificate, key) = self.issue(server)?;
        write_private(&self.server_certificate_file(), &certificate)?;
        write_private(&self.server_key_file(), &key)
    }

    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// What a pod has in its service account's folder: written anew when the authority is exchanged.
    pub(super) fn server_ca_file(&self) -> PathBuf {
        self.folder.join("server-ca.crt")
    }

    pub(super) fn server_certificate_file(&self) -> PathBuf {
        self.folder.join("apiserver.crt")
    }

    pub(super) fn server_key_file(&self) -> PathBuf {
        self.folder.join("apiserver.key")
    }

    pub(super) fn service_account_key_file(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    pub(super) fn service_account_public_key_file(&self) -> PathBuf {
        self.folder.join("service-accounts.pub")
    }

    /// Writes a kubeconfig with a certificate of its own for `user` in `groups`, readable for the owner only.
    pub(super) fn write_kubeconfig(&self, path: &Path, server: &str, user: &str, groups: &[&str]) -> Result<(), Error> {
        let mut params = named(user)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let types = [DnType::OrganizationName, DnType::CustomDnType(ORGANISATION.to_vec())];
        if groups.len() > types.len() {
            return Err(Error::TooManyGroups { user: user.to_owned() });
        }
        for (group_type, group) in types.into_iter().zip(groups) {
            params.distinguished_name.push(group_type, *group);
        }
        let (certificate, key) = self.issue(params)?;
        let user = json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        });
        let ca = STANDARD.encode(&self.ca_pem);
        let cluster = json!({ "server": server, "certificate-authority-data": ca });
        write_kubeconfig_of(path, &cluster, &user)
    }

    /// Writes a kubeconfig for whoever the token in a file is of. The authority is a file too, as it is for a pod.
    pub(super) fn write_token_kubeconfig(&self, path: &Path, server: &str, token_file: &Path) -> Result<(), Error> {
        let cluster = json!({ "server": server, "certificate-authority": self.server_ca_file() });
        write_kubeconfig_of(path, &cluster, &json!({ "tokenFile": token_file }))
    }

    /// A certificate of this authority and its key, both PEM.
    fn issue(&self, mut params: CertificateParams) -> Result<(String, String), Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn named(name: &str) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    // rcgen puts a name of its own there to begin with.
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn certificate_authority() -> Result<(String, Issuer<'static, KeyPair>), Error> {
    let mut params = named("obsyk-testkit-ca")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn write_kubeconfig_of(path: &Path, cluster: &Value, user: &Value) -> Result<(), Error> {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "testkit", "cluster": cluster }],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": "testkit", "context": { "cluster": "testkit", "user": "user" } }],
        "current-context": "testkit",
    });
    let text = serde_yaml_ng::to_string(&kubeconfig).expect("a literal of strings is YAML");
    write_private(path, &text)
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(Error::file("can't write", path))
}
