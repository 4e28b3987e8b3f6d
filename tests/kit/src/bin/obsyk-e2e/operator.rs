// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The operator's pod: the one that the chart's Deployment has made, and not those of its hooks and tests.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{DeleteParams, ListParams, LogParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use obsyk_testkit::controlplane::Guard;
use tokio::time::timeout;

use crate::{Failure, stage};

/// A pod becomes ready within some 15 s, and within a minute where a node has much to do. After a liveness probe that failed
/// the kubelet waits up to 30 s for the end, too.
const READY: Duration = Duration::from_secs(180);

/// The pods of the release.
#[derive(Clone)]
pub struct Pods(Api<Pod>);

/// How a pod ended that was told to.
pub struct Ended {
    /// The code of its process.
    pub code: i32,
    /// From the order until it was gone.
    pub took: Duration,
}

impl Pods {
    /// Those of the stage's namespace.
    pub fn new(client: &Client) -> Self {
        Self(Api::namespaced(client.clone(), stage::NAMESPACE))
    }

    /// Waits until there is exactly one, it is ready, and it isn't `but` (a uid).
    pub async fn ready(&self, but: Option<&str>) -> Result<Pod, Failure> {
        let guard = Guard::new("one pod of the operator is ready", READY);
        loop {
            let pods = self.all().await.unwrap_or_default();
            if let [pod] = pods.as_slice()
                && is_ready(pod)
                && uid(pod) != but.unwrap_or_default()
            {
                return Ok(pod.clone());
            }
            let seen: Vec<_> = pods.iter().map(describe).collect();
            stage::look_again(&guard, seen.join("; ")).await?;
        }
    }

    /// Waits until the container of this pod was restarted `times` times in all, and is ready.
    pub async fn restarted(&self, name: &str, times: i32) -> Result<Pod, Failure> {
        let guard = Guard::new(
            format!("the container was restarted, {times} in all, and is ready"),
            READY,
        );
        loop {
            let pod = self.0.get(name).await?;
            if restarts(&pod) >= times && is_ready(&pod) {
                return Ok(pod);
            }
            stage::look_again(&guard, describe(&pod)).await?;
        }
    }

    /// Deletes this pod as `kubectl delete pod` does, and waits until it is gone.
    pub async fn delete(&self, pod: &Pod) -> Result<Ended, Failure> {
        let (name, version) = (name(pod), pod.metadata.resource_version.as_deref().unwrap_or("0"));
        let only_it = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = pin!(self.0.watch(&only_it, version).await?);
        let since = Instant::now();
        self.0.delete(name, &DeleteParams::default()).await?;
        let mut code = None;
        loop {
            let left = READY.saturating_sub(since.elapsed());
            let event = timeout(left, events.try_next()).await;
            match event.map_err(|_| format!("the pod isn't gone after {READY:?}"))?? {
                Some(WatchEvent::Modified(seen)) => code = exit_code(&seen).or(code),
                Some(WatchEvent::Deleted(seen)) => {
                    let code = exit_code(&seen)
                        .or(code)
                        .ok_or("the kubelet didn't say how the pod's process ended")?;
                    let took = since.elapsed();
                    return Ok(Ended { code, took });
                }
                Some(WatchEvent::Error(status)) => return Err(format!("the watch of the pod ended: {status:?}").into()),
                Some(_) => {}
                None => return Err("the watch of the pod ended".into()),
            }
        }
    }

    /// The end of what this pod has logged.
    pub async fn log(&self, name: &str) -> Result<String, Failure> {
        let last = LogParams {
            tail_lines: Some(60),
            ..LogParams::default()
        };
        Ok(self.0.logs(name, &last).await?)
    }

    /// Those that are there, ending ones too.
    pub async fn all(&self) -> Result<Vec<Pod>, kube::Error> {
        let of_release = ListParams::default().labels(&format!("app.kubernetes.io/instance={}", stage::RELEASE));
        let pods = self.0.list(&of_release).await?;
        let of_deployment = |pod: &Pod| {
            let mut owners = pod.metadata.owner_references.iter().flatten();
            owners.any(|owner| owner.kind == "ReplicaSet")
        };
        Ok(pods.items.into_iter().filter(of_deployment).collect())
    }
}

/// Its name.
pub fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// Its uid.
pub fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

/// How often its container was started anew.
pub fn restarts(pod: &Pod) -> i32 {
    container(pod).map_or(0, |status| status.restart_count)
}

/// The id of its container, without the runtime's name.
pub fn container_id(pod: &Pod) -> Result<&str, Failure> {
    let id = container(pod).and_then(|status| status.container_id.as_deref());
    let id = id.and_then(|id| id.split_once("://")).map(|(_, id)| id);
    id.ok_or_else(|| "the pod has no container".into())
}

/// How its container ended the last time that it was restarted: reason and code.
pub fn last_end(pod: &Pod) -> Option<(String, i32)> {
    let ended = container(pod)?.last_state.as_ref()?.terminated.as_ref()?;
    Some((ended.reason.clone().unwrap_or_default(), ended.exit_code))
}

fn exit_code(pod: &Pod) -> Option<i32> {
    Some(container(pod)?.state.as_ref()?.terminated.as_ref()?.exit_code)
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = |condition: &&k8s_openapi::api::core::v1::PodCondition| condition.type_ == "Ready";
    let is_ready = conditions
        .into_iter()
        .flatten()
        .find(ready)
        .is_some_and(|c| c.status == "True");
    is_ready && pod.metadata.deletion_timestamp.is_none()
}

fn describe(pod: &Pod) -> String {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let state = container(pod).and_then(|status| status.state.as_ref());
    let waits = state
        .and_then(|state| state.waiting.as_ref())
        .and_then(|waiting| waiting.reason.as_deref());
    format!(
        "{} is {}, ready: {}, restarts: {}{}{}",
        name(pod),
        phase.unwrap_or("without a phase"),
        is_ready(pod),
        restarts(pod),
        waits.map(|reason| format!(", waiting: {reason}")).unwrap_or_default(),
        if pod.metadata.deletion_timestamp.is_some() {
            ", ending"
        } else {
            ""
        },
    )
}
