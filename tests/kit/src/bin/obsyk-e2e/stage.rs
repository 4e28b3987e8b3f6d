// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is set up before a user comes: the image on the node, a platform, a namespace, credentials.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator as kit;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::Failure;
use crate::helm::Helm;
use crate::inventory::{self, Inventory};
use crate::node::Node;
use crate::operator::Pods;
use crate::receiver::Receiver;
use crate::settings::Settings;
use crate::shell::run;

/// Everything happens in it. It enforces the strictest Pod Security Standard.
pub const NAMESPACE: &str = "obsyk-e2e";

/// kubectl has this long.
const KUBECTL: Duration = Duration::from_secs(30);

/// The release.
pub const RELEASE: &str = "obsyk";

/// The ConfigMap with the CA of the platform's double.
const CA: &str = "platform-ca";

/// The name that the chart gives to the definition of its resources.
pub const DEFINITION: &str = "obsykagents.obsyk.io";

/// A platform hears of the cluster at least this often.
const SYNC_INTERVAL: &str = "10s";

/// An image of 16 MiB on its way to a node.
const LOADED: Duration = Duration::from_secs(300);

/// A program of 13 MiB.
const HASHED: Duration = Duration::from_secs(30);

/// A controller that makes what a new namespace has, or takes away what an old one had.
const NAMESPACE_READY: Duration = Duration::from_secs(120);

/// Between two looks: each costs the API server a list, of every kind in some cases, on a node that is busy already.
const PAUSE: Duration = Duration::from_millis(400);

/// All that is there.
pub struct Stage {
    pub client: Client,
    pub pods: Pods,
    pub node: Node,
    pub helm: Helm,
    pub helm4: Helm,
    pub receiver: Receiver,
    /// What was there of us before the release.
    pub before: Inventory,
    /// The hash of the operator's program, as it is in the image.
    pub program: String,
    settings: Settings,
    since: Instant,
}

impl Stage {
    /// Sets it all up.
    pub async fn set(settings: Settings) -> Result<Self, Failure> {
        let since = Instant::now();
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = Kubeconfig::read_from(&settings.kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        let version = client.apiserver_version().await?.git_version;
        refuse_what_is_there(&client).await?;
        let receiver = Receiver::start(settings.platform()?).await?;
        let helm = |program| Helm::new(program, &settings.kubeconfig, &settings.chart, RELEASE);
        let (helm3, helm4) = (helm(&settings.helm), helm(&settings.helm4));
        let mut stage = Self {
            pods: Pods::new(&client),
            node: Node::new(&settings.node),
            helm: helm3,
            helm4,
            before: Inventory::default(),
            program: hash(&settings).await?,
            client,
            receiver,
            settings,
            since,
        };
        let (helm3, helm4) = (stage.helm.version().await?, stage.helm4.version().await?);
        stage.say(&format!(
            "Kubernetes {version}, Helm {helm3} and {helm4}, {}",
            stage.receiver.in_words()
        ));
        stage.load().await?;
        // From here on something has to be cleared away.
        if let Err(failure) = stage.prepare().await {
            let cleared = stage.clear().await;
            return Err(cleared.err().unwrap_or(failure));
        }
        Ok(stage)
    }

    /// A line of what was seen.
    pub fn say(&self, line: &str) {
        println!("{:6.1} s  {line}", self.since.elapsed().as_secs_f64());
    }

    /// What `kubectl` prints, asked by the cluster's administrator.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String, Failure> {
        let mut kubectl = Command::new("kubectl");
        let kubectl = kubectl.args(args).env("KUBECONFIG", &self.settings.kubeconfig);
        run(&format!("kubectl {}", args.join(" ")), kubectl, KUBECTL).await
    }

    /// What a user sets, when the chart is to make the `ObsykAgent`.
    pub fn values(&self) -> Value {
        let mut values = self.trust();
        let spec = self.spec();
        values["agent"] = json!({
            "platformURL": spec["platformURL"],
            "clusterName": spec["clusterName"],
            "syncInterval": spec["syncInterval"],
        });
        values
    }

    /// What a user sets, when it is applied by itself: nothing, unless the platform's certificate is of a private CA.
    pub fn trust(&self) -> Value {
        match self.receiver.ca() {
            Some(_) => json!({ "customCA": { "configMap": CA } }),
            None => json!({}),
        }
    }

    /// The spec of an `ObsykAgent`.
    pub fn spec(&self) -> Value {
        json!({
            "platformURL": self.receiver.url(),
            "clusterName": self.receiver.cluster_name(),
            "credentialsSecretRef": { "name": kit::SECRET },
            "syncInterval": SYNC_INTERVAL,
        })
    }

    async fn load(&self) -> Result<(), Failure> {
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.settings.load])
            .env("IMAGE", &self.settings.image)
            .env("ARCHIVE", &self.settings.archive);
        run("E2E_LOAD", &mut command, LOADED).await?;
        self.say(&format!("{} is on the node", self.settings.image));
        Ok(())
    }

    async fn prepare(&mut self) -> Result<(), Failure> {
        let namespace: Namespace = serde_json::from_value(json!({
            "metadata": { "name": NAMESPACE, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        }))?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        namespaces.create(&PostParams::default(), &namespace).await?;
        // What controllers put into every namespace is nothing that a release leaves behind.
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), NAMESPACE);
        let maps = Api::<ConfigMap>::namespaced(self.client.clone(), NAMESPACE);
        let guard = Guard::new("the namespace has its account and its CA", NAMESPACE_READY);
        while accounts.get_opt("default").await?.is_none() || maps.get_opt("kube-root-ca.crt").await?.is_none() {
            look_again(&guard, "it hasn't").await?;
        }
        let (client_id, key) = self.receiver.credentials();
        let values = [("client_id", client_id), ("private_key", key)];
        kit::write_secret_in(&self.client, NAMESPACE, kit::SECRET, &values).await?;
        if let Some(ca) = self.receiver.ca() {
            let map = serde_json::from_value(json!({ "metadata": { "name": CA }, "data": { "ca.crt": ca } }))?;
            maps.create(&PostParams::default(), &map).await?;
        }
        self.before = Inventory::take(&self.client).await?;
        Ok(())
    }

    /// Takes away everything that was made here.
    pub async fn clear(&self) -> Result<(), Failure> {
        // A release that isn't there is what is wanted; what doesn't go away with it is found below.
        let _gone = self.helm.uninstall().await;
        inventory::remove_cluster_wide(&self.client).await?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let _told = namespaces.delete(NAMESPACE, &DeleteParams::default()).await;
        let guard = Guard::new(format!("namespace {NAMESPACE} is gone"), NAMESPACE_READY);
        while let Some(namespace) = namespaces.get_opt(NAMESPACE).await? {
            look_again(&guard, format!("{:?}", namespace.status)).await?;
        }
        Ok(())
    }
}

/// Waits for a moment before the next look, as long as the guard allows. `seen` is what the last one showed.
pub async fn look_again(guard: &Guard, seen: impl Into<String>) -> Result<(), Failure> {
    tokio::time::sleep(PAUSE.min(guard.left())).await;
    Ok(guard.again(seen).await?)
}

/// An operator that somebody uses isn't upgraded, and its definition isn't taken away.
async fn refuse_what_is_there(client: &Client) -> Result<(), Failure> {
    if kit::has_definition(client).await? {
        return Err(format!(
            "the cluster has ObsykAgents already, and they would be deleted in the end: take another cluster, or, if nothing \
             uses them, kubectl delete crd {DEFINITION}"
        )
        .into());
    }
    let namespaces = Api::<Namespace>::all(client.clone());
    match namespaces.get_opt(NAMESPACE).await? {
        None => Ok(()),
        Some(_) => Err(format!("an earlier run has left something: kubectl delete namespace {NAMESPACE}").into()),
    }
}

async fn hash(settings: &Settings) -> Result<String, Failure> {
    let mut command = Command::new("sha256sum");
    let text = run("sha256sum", command.arg(&settings.operator), HASHED).await?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
