// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A backup of etcd and its restore: versions go back, what was deleted since is there again, and what was made is not.
//!
//! What is kept is etcd's data folder, taken while etcd stands still, as a snapshot of its volume would be. (`etcdutl snapshot
//! restore` can raise the revision above every one that was given out; this keeps what a cluster has when that was left out,
//! and is the harder case for whoever watches.)

use std::fs;
use std::path::{Path, PathBuf};

use super::{ControlPlane, Error, builder};

/// A backup of etcd.
#[derive(Debug)]
pub struct Backup(PathBuf);

impl ControlPlane {
    /// Takes a backup of etcd, which stands still meanwhile. A later backup takes the place of an earlier one.
    ///
    /// # Errors
    ///
    /// etcd doesn't run, or its folder can't be copied.
    pub fn back_up_etcd(&self) -> Result<Backup, Error> {
        let backup = self.folder().join("etcd-backup");
        if backup.exists() {
            fs::remove_dir_all(&backup).map_err(Error::file("can't remove", &backup))?;
        }
        let etcd = self.etcd.as_ref().ok_or(Error::EtcdIs("is not started"))?;
        etcd.signal("STOP")?;
        let copied = copy(&self.folder().join("etcd"), &backup);
        etcd.signal("CONT")?;
        copied?;
        Ok(Backup(backup))
    }

    /// Restores etcd from a backup, as the manual says: the API server is ended first (it stays so:
    /// [`Self::start_api_server`]), and what keeps a picture of the cluster is to be started again
    /// ([`Self::restart_controllers`]).
    ///
    /// # Errors
    ///
    /// The folder can't be exchanged, or etcd doesn't get ready.
    pub async fn restore_etcd(&mut self, backup: &Backup) -> Result<(), Error> {
        self.kill_api_server();
        self.etcd = None;
        let data = self.folder().join("etcd");
        fs::remove_dir_all(&data).map_err(Error::file("can't remove", &data))?;
        copy(&backup.0, &data)?;
        let mut etcd = self.etcd_launch.start(&self.keeper)?;
        builder::etcd_ready(&mut etcd, &self.etcd_endpoint).await?;
        self.etcd = Some(etcd);
        Ok(())
    }

    /// Ends controller manager, scheduler and kwok, as far as they run, and starts them again.
    ///
    /// # Errors
    ///
    /// One can't be started.
    pub fn restart_controllers(&mut self) -> Result<(), Error> {
        for (launch, _) in std::mem::take(&mut self.others) {
            let process = launch.start(&self.keeper)?;
            self.others.push((launch, process));
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("can't create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("can't read", from))? {
        let path = entry.map_err(Error::file("can't read", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(Error::file("can't copy", &path))?;
        }
    }
    Ok(())
}
