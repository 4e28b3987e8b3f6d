// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a control plane is to be, and how it comes up: etcd, the API server, then whoever needs the two.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::assets::{self, Assets, Program};
use super::identity::Authority;
use super::process::{Keeper, Process};
use super::{ControlPlane, Error, Guard, Launch, etcd, nodes, programs};

/// etcd is up within half a second; the rest is for a machine that has much else to do.
const ETCD_READY: Duration = Duration::from_secs(60);
/// Three to five seconds alone. Tests start several at once on two cores beside a compiler.
pub(super) const API_SERVER_READY: Duration = Duration::from_secs(180);
/// The controller manager takes its first seconds to get a token for each controller, and nodes wait for it.
const CONTROLLERS_READY: Duration = Duration::from_secs(180);
/// One look at an API server that may not answer.
const LOOK: Duration = Duration::from_secs(5);
/// A free port can be taken by another process before the program takes it. Two collisions in a row are rare already.
const ATTEMPTS: usize = 5;

/// The options of a control plane. Without any: etcd and an API server with RBAC.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    api_server_args: Vec<String>,
    feature_gates: Vec<String>,
    controllers: bool,
    nodes: Option<usize>,
}

impl Builder {
    /// Switches a feature gate of the API server, such as `WatchList`.
    #[must_use]
    pub fn feature_gate(mut self, name: &str, on: bool) -> Self {
        self.feature_gates.push(format!("{name}={on}"));
        self
    }

    /// Adds an argument to the API server's command line, such as `--watch-cache=false`. A later one of the same flag wins,
    /// also over the kit's own.
    #[must_use]
    pub fn api_server_arg(mut self, argument: impl Into<String>) -> Self {
        self.api_server_args.push(argument.into());
        self
    }

    /// Adds the controller manager and the scheduler. Without them no Deployment makes pods, no namespace goes away, and no
    /// service account is made or asked for.
    #[must_use]
    pub fn controllers(mut self) -> Self {
        self.controllers = true;
        self
    }

    /// Adds kwok and `count` simulated nodes, node-1 and so on, that are ready when [`Builder::start`] returns. Nodes that
    /// are created later are simulated too. Without [`Builder::controllers`] they keep the taint of a new node.
    #[must_use]
    pub fn nodes(mut self, count: usize) -> Self {
        self.nodes = Some(count);
        self
    }

    /// Builds the programs if that hasn't been done yet, and starts them. When it returns, the API server is ready and has
    /// the namespaces default and kube-system, with controllers also the service account default, and the nodes are ready.
    ///
    /// # Errors
    ///
    /// A program can't be had, ends, or isn't ready in time; the error shows the end of its log. Nothing is left behind.
    pub async fn start(self) -> Result<ControlPlane, Error> {
        // Who uses rustls in this process may have chosen already; any choice will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = self.clone();
        let programs = spawn_blocking(move || Programs::find(&builder))
            .await
            .expect("finding programs doesn't panic")?;
        let mut attempt = 1;
        loop {
            match self.try_start(&programs).await {
                Err(error) if error.is_port_taken() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_start(&self, programs: &Programs) -> Result<ControlPlane, Error> {
        let folder = tempfile::Builder::new().prefix("obsyk-controlplane-").tempdir();
        let folder = folder
            .map_err(Error::file("can't create a folder in", &std::env::temp_dir()))?
            .keep();
        let keeper = Keeper::new(folder.clone())?;
        let pki = folder.join("pki");
        for folder in [&folder.join("logs"), &folder.join("users"), &pki] {
            fs::create_dir(folder).map_err(Error::file("can't create", folder))?;
        }
        let authority = Authority::new(pki)?;

        let (etcd_port, api_port) = free_ports()?;
        let etcd_endpoint = format!("http://127.0.0.1:{etcd_port}");
        let etcd_args = programs::etcd(&folder, etcd_port);
        let etcd_launch = Launch {
            program: Program::Etcd,
            path: programs.etcd.clone(),
            arguments: etcd_args,
        };
        let mut etcd = etcd_launch.start(&keeper)?;
        etcd_ready(&mut etcd, &etcd_endpoint).await?;

        let url = format!("https://127.0.0.1:{api_port}");
        let kubeconfig = folder.join("kubeconfig");
        authority.write_kubeconfig(&kubeconfig, &url, "admin", &["system:masters"])?;
        let config = admin_config(&kubeconfig).await?;
        let mut api_args = programs::api_server(&folder, &authority, &etcd_endpoint, api_port, self.controllers);
        if !self.feature_gates.is_empty() {
            api_args.push(format!("--feature-gates={}", self.feature_gates.join(",")));
        }
        api_args.extend_from_slice(&self.api_server_args);
        let api_server_launch = Launch {
            program: Program::ApiServer,
            path: programs.api_server.clone(),
            arguments: api_args,
        };
        let mut api_server = api_server_launch.start(&keeper)?;
        api_server_ready(&mut api_server, &config).await?;

        let mut control_plane = ControlPlane {
            api_server: Some(api_server),
            api_server_launch,
            others: Vec::new(),
            etcd: Some(etcd),
            etcd_launch,
            etcd_endpoint,
            url,
            config,
            authority,
            keeper,
        };
        self.add_others(&mut control_plane, programs).await?;
        Ok(control_plane)
    }

    async fn add_others(&self, control_plane: &mut ControlPlane, programs: &Programs) -> Result<(), Error> {
        let client = control_plane.client();
        if let Some((controller_manager, scheduler)) = &programs.controllers {
            let user = Program::ControllerManager;
            let kubeconfig = control_plane.user_kubeconfig(&format!("system:{}", user.name()), &[])?;
            let arguments = programs::controller_manager(&kubeconfig, &control_plane.authority);
            control_plane.add(user, controller_manager, arguments)?;
            let user = Program::Scheduler;
            let kubeconfig = control_plane.user_kubeconfig(&format!("system:{}", user.name()), &[])?;
            control_plane.add(user, scheduler, programs::scheduler(&kubeconfig))?;
        }
        if let (Some((kwok, stages)), Some(count)) = (&programs.kwok, self.nodes) {
            let arguments = programs::kwok(&control_plane.kubeconfig_path(), stages);
            control_plane.add(Program::Kwok, kwok, arguments)?;
            nodes::create(&client, count, assets::kubernetes_version()).await?;
        }
        let guard = Guard::new("the cluster has its first objects", CONTROLLERS_READY);
        while let Some(missing) = self.missing(&client).await? {
            control_plane.check_running()?;
            guard.again(format!("{missing} is missing")).await?;
        }
        if let Some(count) = self.nodes {
            let guard = Guard::new(format!("{count} simulated nodes are ready"), CONTROLLERS_READY);
            while let Some(seen) = nodes::not_ready(&client, count, self.controllers).await? {
                control_plane.check_running()?;
                guard.again(seen).await?;
            }
        }
        Ok(())
    }

    /// What every cluster has and this one has not yet: its controllers make it after the API server says that it is ready.
    async fn missing(&self, client: &Client) -> Result<Option<&'static str>, Error> {
        let namespaces = Api::<Namespace>::all(client.clone());
        for name in ["default", "kube-system"] {
            if namespaces.get_opt(name).await?.is_none() {
                return Ok(Some(name));
            }
        }
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
        if self.controllers && accounts.get_opt("default").await?.is_none() {
            return Ok(Some("service account default/default"));
        }
        Ok(None)
    }
}

/// The paths of what a builder needs.
struct Programs {
    etcd: PathBuf,
    api_server: PathBuf,
    controllers: Option<(PathBuf, PathBuf)>,
    kwok: Option<(PathBuf, Vec<PathBuf>)>,
}

impl Programs {
    fn find(builder: &Builder) -> Result<Self, Error> {
        let assets = Assets::from_environment()?;
        let both = |(a, b)| Ok::<_, Error>((assets.program(a)?, assets.program(b)?));
        let controllers = (Program::ControllerManager, Program::Scheduler);
        let (etcd, api_server) = both((Program::Etcd, Program::ApiServer))?;
        let controllers = builder.controllers.then(|| both(controllers)).transpose()?;
        let kwok = || Ok::<_, Error>((assets.program(Program::Kwok)?, assets.stages()?));
        let kwok = builder.nodes.map(|_| kwok()).transpose()?;
        Ok(Self {
            etcd,
            api_server,
            controllers,
            kwok,
        })
    }
}

/// Waits until the API server says that it is ready.
pub(super) async fn api_server_ready(process: &mut Process, config: &Config) -> Result<(), Error> {
    let guard = Guard::new("the API server is ready", API_SERVER_READY);
    let mut config = config.clone();
    // The looks are repeated here: the client's own repetitions would hide what it sees.
    config.default_retry = false;
    let client = Client::try_from(config)?;
    loop {
        process.check_running()?;
        let request = Request::get("/readyz")
            .body(Vec::new())
            .expect("a literal path is a request");
        let seen = match timeout(LOOK, client.request_text(request)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {LOOK:?}"),
        };
        guard.again(format!("{seen}; its log: {}", process.last_line())).await?;
    }
}

pub(super) async fn etcd_ready(process: &mut Process, endpoint: &str) -> Result<(), Error> {
    let guard = Guard::new("etcd is healthy", ETCD_READY);
    while let Err(error) = etcd::health(endpoint).await {
        process.check_running()?;
        guard.again(error.to_string()).await?;
    }
    // Another process's etcd may have answered while ours found the port taken.
    process.check_running()
}

/// Two different ports that are free now.
fn free_ports() -> Result<(u16, u16), Error> {
    let bind = || TcpListener::bind("127.0.0.1:0").and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let both = bind().and_then(|first| Ok((first, bind()?)));
    let ((first, _held), (second, _)) = both.map_err(Error::file("no free port on", "127.0.0.1".as_ref()))?;
    Ok((first, second))
}

/// From the very file that users get, so that the file is known to be good.
pub(super) async fn admin_config(kubeconfig: &std::path::Path) -> Result<Config, Error> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // A proxy that the environment names is not for this machine.
    config.proxy_url = None;
    Ok(config)
}
