// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Everything that runs in a soak, and the operator's life in it.

use std::path::PathBuf;
use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{Failure, churn};
use crate::controlplane::{Backup, ControlPlane, Guard};
use crate::operator::{self, NAMESPACE, Operator, OperatorOptions, SECRET};
use crate::platform::{KeyPair, Platform};
use crate::proxy::Proxy;

/// The client that the platform knows.
const CLIENT: &str = "soak";

/// The agent.
pub(super) const AGENT: &str = "soak";

/// Its service account, of `manifests/rbac`.
const SERVICE_ACCOUNT: &str = "obsyk-operator";

/// What has to be written is tried again for so long: the API server may be on its way up.
pub(super) const WRITTEN: Duration = Duration::from_secs(60);

/// An operator that is told to end has ended by then: it drains for 5 s at most.
const ENDED: Duration = Duration::from_secs(20);

/// See the module's page. The operator goes first: it says goodbye to a platform that is still there.
pub(super) struct World {
    /// None while it is not to run.
    operator: Option<Operator>,
    pub(super) platform: Platform,
    pub(super) cluster_leg: Proxy,
    pub(super) platform_leg: Proxy,
    /// The administrator, past the proxy.
    pub(super) client: Client,
    pub(super) control_plane: ControlPlane,
    binary: PathBuf,
    kubeconfig: PathBuf,
    token_file: PathBuf,
    tokens: usize,
    pub(super) key: KeyPair,
    spec: Value,
    pub(super) edits: usize,
    /// The most memory that any run of the operator had, in bytes.
    pub(super) peak: u64,
    pub(super) starts: usize,
}

impl World {
    pub(super) async fn new(binary: PathBuf, nodes: usize) -> Result<Self, Failure> {
        let control_plane = ControlPlane::builder().controllers().nodes(nodes).start().await?;
        let client = control_plane.client();
        operator::install(&client).await?;
        let key = KeyPair::generate();
        let platform = Platform::builder()
            .client(CLIENT, key.public_pem())
            .lossy_way()
            .start()
            .await?;
        let cluster_leg = Proxy::before(control_plane.url()).await?;
        let platform_leg = Proxy::before(platform.url()).await?;
        let platform_url = format!("http://{}", platform_leg.address());
        platform.audience(&platform_url);
        let token_file = control_plane.folder().join("users").join("token");
        let cluster_url = format!("https://{}", cluster_leg.address());
        let kubeconfig = control_plane.token_kubeconfig_at(&cluster_url, &token_file)?;
        let mut spec = operator::agent_spec(&platform_url);
        // What churn and controllers do here mustn't be more than the rate for long: that is another measurement.
        spec["rateLimit"] = json!({ "eventsPerSecond": 100, "burstSize": 100 });
        let mut world = Self {
            operator: None,
            platform,
            cluster_leg,
            platform_leg,
            client,
            control_plane,
            binary,
            kubeconfig,
            token_file,
            tokens: 0,
            key,
            spec,
            edits: 0,
            peak: 0,
            starts: 0,
        };
        world.write_everything().await?;
        churn::prepare(&world.client).await?;
        world.start_operator()?;
        Ok(world)
    }

    /// Writes all that the operator needs of the cluster, whatever was there before.
    pub(super) async fn write_everything(&mut self) -> Result<(), Failure> {
        self.write("serviceaccount", "/api/v1/namespaces/obsyk-system/serviceaccounts")
            .await?;
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        self.write("clusterrole", &format!("{rbac}/clusterroles")).await?;
        self.write("clusterrolebinding", &format!("{rbac}/clusterrolebindings"))
            .await?;
        self.write("role", &format!("{rbac}/namespaces/obsyk-system/roles"))
            .await?;
        self.write("rolebinding", &format!("{rbac}/namespaces/obsyk-system/rolebindings"))
            .await?;
        self.rotate_token().await?;
        self.write_secret().await?;
        self.write_agent().await
    }

    async fn write(&self, manifest: &str, path: &str) -> Result<(), Failure> {
        self.apply(path, &self::manifest(manifest)?).await
    }

    /// Server-side apply, as often as it takes.
    pub(super) async fn apply(&self, path: &str, object: &Value) -> Result<(), Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let uri = format!("{path}/{name}?fieldManager=obsyk-soak&force=true");
        let guard = Guard::new(format!("{path}/{name} is written"), WRITTEN);
        loop {
            let request = Request::patch(&uri)
                .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
                .body(object.to_string().into_bytes())?;
            match self.client.request_text(request).await {
                Ok(_) => return Ok(()),
                Err(error) => guard.again(error.to_string()).await?,
            }
        }
    }

    /// A new token of the service account into the file, and the end of the one before: each is bound to a Secret that is
    /// deleted.
    pub(super) async fn rotate_token(&mut self) -> Result<(), Failure> {
        self.tokens += 1;
        let name = format!("token-{}", self.tokens);
        let bound: Secret = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        let bound = secrets.create(&PostParams::default(), &bound).await?;
        let uid = bound.metadata.uid.unwrap_or_default();
        let wanted = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
            "expirationSeconds": 86_400,
            "boundObjectRef": { "kind": "Secret", "apiVersion": "v1", "name": name, "uid": uid },
        } });
        let uri = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{SERVICE_ACCOUNT}/token");
        let request = Request::post(uri)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(wanted.to_string().into_bytes())?;
        let answer: Value = self.client.request(request).await?;
        let token = answer["status"]["token"].as_str().ok_or("no token in the answer")?;
        std::fs::write(&self.token_file, token)?;
        if self.tokens > 1 {
            let before = format!("token-{}", self.tokens - 1);
            // After a restore it may be gone.
            let _gone = secrets.delete(&before, &Default::default()).await;
        }
        Ok(())
    }

    /// Another key pair, that the platform knows from now on. The Secret isn't written.
    pub(super) fn new_key(&mut self) {
        self.key = KeyPair::generate();
        self.platform.register(CLIENT, self.key.public_pem());
    }

    /// The Secret with the credentials that are good.
    pub(super) async fn write_secret(&self) -> Result<(), Failure> {
        self.write_secret_with(self.key.pkcs8_pem()).await
    }

    /// The Secret with this as its key.
    pub(super) async fn write_secret_with(&self, key: &str) -> Result<(), Failure> {
        let guard = Guard::new("the Secret is written", WRITTEN);
        let values = [("client_id", CLIENT), ("private_key", key)];
        while let Err(error) = operator::write_secret(&self.client, SECRET, &values).await {
            guard.again(error.to_string()).await?;
        }
        Ok(())
    }

    /// The agent as it is to be.
    pub(super) async fn write_agent(&self) -> Result<(), Failure> {
        let guard = Guard::new("the agent is written", WRITTEN);
        while let Err(error) = operator::apply_agent(&self.client, NAMESPACE, AGENT, &self.spec).await {
            guard.again(error.to_string()).await?;
        }
        Ok(())
    }

    /// Changes a field of the agent.
    pub(super) async fn edit_agent(&mut self, field: &str, value: Value) -> Result<(), Failure> {
        self.edits += 1;
        self.spec[field] = value;
        self.write_agent().await
    }

    /// The proxy of a leg.
    pub(super) fn leg(&self, leg: super::Leg) -> &Proxy {
        match leg {
            super::Leg::Cluster => &self.cluster_leg,
            super::Leg::Platform => &self.platform_leg,
        }
    }

    /// Starts the operator.
    pub(super) fn start_operator(&mut self) -> Result<(), Failure> {
        let keeper = self.control_plane.keeper();
        let options = OperatorOptions {
            args: vec!["--log-level=debug".to_owned()],
            environment: Vec::new(),
        };
        self.operator = Some(Operator::start(keeper, &self.binary, &self.kubeconfig, &options)?);
        self.starts += 1;
        Ok(())
    }

    /// SIGKILL. Returns when it is gone.
    pub(super) fn kill_operator(&mut self) {
        self.measure();
        self.operator = None;
    }

    /// A signal by its name.
    pub(super) fn signal_operator(&self, name: &str) -> Result<(), Failure> {
        Ok(self.operator()?.signal(name)?)
    }

    /// SIGTERM, and its end: in time and with 0.
    pub(super) async fn terminate_operator(&mut self) -> Result<(), Failure> {
        self.check_operator()?;
        self.measure();
        let mut operator = self.operator.take().ok_or("the operator doesn't run")?;
        // Before a process comes to catch signals, they end it as they would any other.
        operator.logged(&["obsyk-operator started"]).await?;
        operator.signal("TERM")?;
        let status = operator.ended(ENDED).await?;
        if status.code() != Some(0) {
            return Err(format!("the operator ended with {status} on SIGTERM").into());
        }
        Ok(())
    }

    pub(super) fn operator(&self) -> Result<&Operator, Failure> {
        self.operator.as_ref().ok_or_else(|| "the operator doesn't run".into())
    }

    /// That it runs, if it is to: it must not end by itself.
    pub(super) fn check_operator(&mut self) -> Result<(), Failure> {
        let Some(operator) = &mut self.operator else {
            return Ok(());
        };
        match operator.exit_status() {
            None => Ok(()),
            Some(status) => Err(format!("the operator ended by itself: {status}\n{}", tail(&operator.log())).into()),
        }
    }

    /// Takes note of its memory.
    pub(super) fn measure(&mut self) {
        let Some(operator) = &self.operator else { return };
        self.peak = self.peak.max(crate::process::Measured::new(operator.pid()).peak());
    }

    /// A backup of etcd.
    pub(super) fn back_up_etcd(&self) -> Result<Backup, Failure> {
        Ok(self.control_plane.back_up_etcd()?)
    }

    /// Everything that the operator has logged, in all its runs.
    pub(super) fn log(&self) -> Result<String, Failure> {
        let path = self.control_plane.folder().join("logs").join("operator.log");
        Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
    }

    /// Ends everything.
    pub(super) async fn end(self) {
        drop(self.operator);
        drop(self.platform);
        self.control_plane.stop().await;
    }
}

/// A manifest of `manifests/rbac`.
pub(super) fn manifest(name: &str) -> Result<Value, Failure> {
    let path = format!("{}/../../manifests/rbac/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_yaml_ng::from_str(&std::fs::read_to_string(path)?)?)
}

/// The end of a log.
pub(super) fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
