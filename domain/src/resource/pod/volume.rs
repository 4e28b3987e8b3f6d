// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A pod's volumes: what each is, and where it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::lenient::Lenient;
use crate::resource::meta::text;

/// A volume has one of these.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Source {
    name: Lenient<String>,
    empty_dir: Lenient<Nothing>,
    config_map: Lenient<Named>,
    secret: Lenient<SecretName>,
    persistent_volume_claim: Lenient<Claim>,
    host_path: Lenient<HostPath>,
    projected: Lenient<Nothing>,
    #[serde(rename = "downwardAPI")]
    downward_api: Lenient<Nothing>,
    csi: Lenient<Csi>,
    nfs: Lenient<Nfs>,
    ephemeral: Lenient<Nothing>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Nothing {}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretName {
    secret_name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Claim {
    claim_name: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct HostPath {
    path: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Csi {
    driver: Lenient<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Nfs {
    server: Lenient<String>,
    path: Lenient<String>,
}

/// A volume as it is sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct Volume {
    /// `name`
    name: String,
    /// `emptyDir`, `configMap`, `secret`, `pvc`, `hostPath`, `projected`, `downwardAPI`, `csi`, `nfs`, `ephemeral` or
    /// `unknown`: which of them the volume is
    r#type: &'static str,
    /// By type: `configMap.name`, `secret.secretName`, `persistentVolumeClaim.claimName`, `hostPath.path`,
    /// `csi.driver`, or `nfs.server:nfs.path`
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl From<Source> for Volume {
    fn from(volume: Source) -> Self {
        let name = volume.name.or_default();
        let of = |r#type, source| (r#type, source);
        let (r#type, source) = if volume.empty_dir.0.is_some() {
            of("emptyDir", None)
        } else if let Some(map) = volume.config_map.0 {
            of("configMap", text(map.name))
        } else if let Some(secret) = volume.secret.0 {
            of("secret", text(secret.secret_name))
        } else if let Some(claim) = volume.persistent_volume_claim.0 {
            of("pvc", text(claim.claim_name))
        } else if let Some(host) = volume.host_path.0 {
            of("hostPath", text(host.path))
        } else if volume.projected.0.is_some() {
            of("projected", None)
        } else if volume.downward_api.0.is_some() {
            of("downwardAPI", None)
        } else if let Some(csi) = volume.csi.0 {
            of("csi", text(csi.driver))
        } else if let Some(nfs) = volume.nfs.0 {
            of(
                "nfs",
                Some(format!("{}:{}", nfs.server.or_default(), nfs.path.or_default())),
            )
        } else if volume.ephemeral.0.is_some() {
            of("ephemeral", None)
        } else {
            of("unknown", None)
        };
        Self { name, r#type, source }
    }
}
