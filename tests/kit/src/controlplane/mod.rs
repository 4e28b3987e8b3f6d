// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A real control plane: etcd and the API server, if wanted with controller manager, scheduler and simulated nodes.
//!
//! A [`ControlPlane`] owns a temporary folder, free ports on the loopback interface and its processes; any number of them
//! run side by side. None is left behind: dropping it ends its processes and removes its folder, and when this process is
//! killed a guard does so in its place (`process.rs` says how). The programs are real and of pinned versions, built once
//! (`assets.rs`), or those of `KUBEBUILDER_ASSETS`.
//!
//! It doesn't skip: whoever asks for a control plane gets one, or an error that says what is missing.

mod assets;
mod backup;
mod builder;
mod error;
mod etcd;
mod guard;
mod identity;
mod nodes;
mod process;
mod programs;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::{Client, Config};
use tokio::task::spawn_blocking;

use self::assets::{Assets, Program};
use self::identity::Authority;

pub use self::backup::Backup;
pub use self::builder::Builder;
pub use self::error::Error;
pub use self::guard::Guard;
pub use self::process::{Keeper, Process};

/// How long an API server may take to end in good order: some three seconds, and a minute more while a request of somebody's
/// doesn't finish.
const GRACE: Duration = Duration::from_secs(70);

/// The folder that has etcd, the API server, the controller manager and the scheduler, for whoever runs them by himself. What
/// isn't there is built first, which takes minutes.
///
/// # Errors
///
/// They can't be built, or `KUBEBUILDER_ASSETS` names a folder that hasn't all of them.
pub fn programs() -> Result<PathBuf, Error> {
    let assets = Assets::from_environment()?;
    let mut folder = PathBuf::new();
    for program in [
        Program::Etcd,
        Program::ApiServer,
        Program::ControllerManager,
        Program::Scheduler,
    ] {
        let path = assets.program(program)?;
        let its_folder = path.parent().unwrap_or(&path).to_path_buf();
        if program != Program::Etcd && its_folder != folder {
            return Err(Error::AssetMissing(folder.join(program.name())));
        }
        folder = its_folder;
    }
    Ok(folder)
}

/// A running control plane.
pub struct ControlPlane {
    // The order of the fields is the order in which they are dropped: those that depend on others first, the keeper, which
    // removes the folder, last.
    others: Vec<(Launch, Process)>,
    api_server: Option<Process>,
    /// None while it is exchanged.
    etcd: Option<Process>,
    api_server_launch: Launch,
    etcd_launch: Launch,
    etcd_endpoint: String,
    url: String,
    config: Config,
    authority: Authority,
    keeper: Keeper,
}

/// How a program is started, and started again.
#[derive(Clone)]
struct Launch {
    program: Program,
    path: PathBuf,
    arguments: Vec<String>,
}

impl Launch {
    fn start(&self, keeper: &Keeper) -> Result<Process, Error> {
        keeper.spawn(self.program.name(), &self.path, &self.arguments)
    }
}

impl ControlPlane {
    /// A control plane is described first, then started.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The folder of everything that this control plane writes; its logs are in `logs`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    /// The administrator's kubeconfig file, readable for its owner only.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.folder().join("kubeconfig")
    }

    /// The API server's address: https, 127.0.0.1, and a port that stays the same when it is started again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority that signed the API server's certificate and those of its users, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// etcd's address for clients: http, without authentication.
    #[must_use]
    pub fn etcd_endpoint(&self) -> &str {
        &self.etcd_endpoint
    }

    /// A new client of the administrator, with connections of its own.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, which the client needs.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::try_from(self.config.clone()).expect("the start of the control plane used this configuration")
    }

    /// Makes a user and writes a kubeconfig file for it. Nothing is granted: that is for the test to do, by RBAC. The name
    /// and its kubeconfig go together: the same name again makes a new certificate in the same file.
    ///
    /// # Errors
    ///
    /// More than two groups, or a file that can't be written.
    pub fn user_kubeconfig(&self, name: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        self.user_kubeconfig_at(&self.url, name, groups)
    }

    /// The same, for a way to the API server by another address of the loopback interface: that of a proxy.
    ///
    /// # Errors
    ///
    /// More than two groups, or a file that can't be written.
    pub fn user_kubeconfig_at(&self, server: &str, name: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let file = format!("{}.kubeconfig", name.replace('/', "_"));
        let path = self.folder().join("users").join(file);
        self.authority.write_kubeconfig(&path, server, name, groups)?;
        Ok(path)
    }

    /// Writes a kubeconfig file whose user is whoever the token in `token_file` is of: what a pod has, whose token is rotated
    /// by writing the file anew.
    ///
    /// # Errors
    ///
    /// It can't be written.
    pub fn token_kubeconfig_at(&self, server: &str, token_file: &Path) -> Result<PathBuf, Error> {
        let path = self.folder().join("users").join("token-file.kubeconfig");
        self.authority.write_token_kubeconfig(&path, server, token_file)?;
        Ok(path)
    }

    /// The API server's process id, while it is started.
    #[must_use]
    pub fn api_server_pid(&self) -> Option<u32> {
        self.api_server.as_ref().map(Process::id)
    }

    /// The ids of all processes of this control plane, the guard's among them.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        let others = self.others.iter().map(|(_, process)| process);
        let programs = others.chain(&self.api_server).chain(&self.etcd);
        programs.map(Process::id).chain(self.keeper.ids()).collect()
    }

    /// An error with the end of the log of a program that should run and doesn't.
    ///
    /// # Errors
    ///
    /// [`Error::Exited`] for the first such program.
    pub fn check_running(&mut self) -> Result<(), Error> {
        let others = self.others.iter_mut().map(|(_, process)| process);
        let mut programs = others.chain(&mut self.api_server).chain(&mut self.etcd);
        programs.try_for_each(Process::check_running)
    }

    /// Kills the API server (SIGKILL): its connections are reset. Does nothing if it isn't started.
    pub fn kill_api_server(&mut self) {
        self.api_server = None;
    }

    /// Ends the API server in good order (SIGTERM): it closes watches and finishes requests. Returns when it has ended.
    ///
    /// # Errors
    ///
    /// It isn't started, or hasn't ended after 70 s.
    pub async fn stop_api_server(&mut self) -> Result<(), Error> {
        let process = self.api_server.as_mut().ok_or(Error::ApiServerIs("is not started"))?;
        process.signal("TERM")?;
        let guard = Guard::new("the API server has ended", GRACE);
        while process.exit_status().is_none() {
            guard.again(process.last_line()).await?;
        }
        self.api_server = None;
        Ok(())
    }

    /// Starts the API server again, on the same port and the same etcd, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// It is started already, or doesn't get ready.
    pub async fn start_api_server(&mut self) -> Result<(), Error> {
        self.start_api_server_with(&[]).await
    }

    /// The same with these arguments besides, this time only. A later one of the same flag wins.
    ///
    /// # Errors
    ///
    /// It is started already, or doesn't get ready.
    pub async fn start_api_server_with(&mut self, arguments: &[&str]) -> Result<(), Error> {
        if self.api_server.is_some() {
            return Err(Error::ApiServerIs("is started already"));
        }
        let mut launch = self.api_server_launch.clone();
        launch
            .arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let guard = Guard::new("the API server has its port again", builder::API_SERVER_READY);
        loop {
            let mut process = launch.start(&self.keeper)?;
            match builder::api_server_ready(&mut process, &self.config).await {
                Ok(()) => {
                    self.api_server = Some(process);
                    return Ok(());
                }
                // A connection of another process may have the port for a while: this one can't be exchanged.
                Err(error) if error.is_port_taken() => guard.again(error.to_string()).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Exchanges the certificate authority and starts the API server again, with a certificate of the new one. The kubeconfig of
    /// [`Self::token_kubeconfig_at`] names a file that has the new one then; clients that were made before trust the old one.
    ///
    /// # Errors
    ///
    /// A file can't be written, or the API server doesn't get ready.
    pub async fn exchange_authority(&mut self) -> Result<(), Error> {
        self.authority.exchange()?;
        let kubeconfig = self.kubeconfig_path();
        self.authority
            .write_kubeconfig(&kubeconfig, &self.url, "admin", &["system:masters"])?;
        self.config = builder::admin_config(&kubeconfig).await?;
        self.kill_api_server();
        self.start_api_server().await
    }

    /// Stops the API server's clock (SIGSTOP): connections stay, and nothing comes any more, as when a peer died in silence.
    ///
    /// # Errors
    ///
    /// It isn't started.
    pub fn pause_api_server(&self) -> Result<(), Error> {
        self.signal_api_server("STOP")
    }

    /// Lets a paused API server go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// It isn't started.
    pub fn resume_api_server(&self) -> Result<(), Error> {
        self.signal_api_server("CONT")
    }

    /// The keeper of its processes: what else it starts doesn't outlive this control plane either.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Compacts etcd: all history before the present revision is gone. Returns that revision.
    ///
    /// What the API server read from etcd before is still in its watch cache: a watch from an older version is answered with
    /// 410 only once the API server was started again, or if it runs with `--watch-cache=false`.
    ///
    /// # Errors
    ///
    /// etcd doesn't answer, or refuses.
    pub async fn compact_etcd(&self) -> Result<i64, Error> {
        etcd::compact(&self.etcd_endpoint).await
    }

    /// Ends all processes and removes the folder. Dropping does the same, on the thread that drops.
    ///
    /// # Panics
    ///
    /// If ending panics, which it doesn't.
    pub async fn stop(self) {
        spawn_blocking(move || drop(self)).await.expect("ending doesn't panic");
    }

    fn signal_api_server(&self, signal: &str) -> Result<(), Error> {
        let process = self.api_server.as_ref().ok_or(Error::ApiServerIs("is not started"))?;
        process.signal(signal)
    }

    fn add(&mut self, program: Program, path: &Path, arguments: Vec<String>) -> Result<(), Error> {
        let path = path.to_owned();
        let launch = Launch {
            program,
            path,
            arguments,
        };
        let process = launch.start(&self.keeper)?;
        self.others.push((launch, process));
        Ok(())
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys stay out of it.
        f.debug_struct("ControlPlane")
            .field("url", &self.url)
            .field("folder", &self.folder())
            .finish_non_exhaustive()
    }
}
