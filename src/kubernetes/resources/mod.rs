// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The watch of our own resource.

use std::collections::HashMap;

use futures_util::StreamExt;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use obsyk_actors::supervisor::{Apply, Remove};
use obsyk_domain::agent::ObsykAgent;
use obsyk_domain::ports::{AgentKey, LocalStream};
use tracing::{error, warn};

use super::follow::follow;

/// A resource, or that it can't be decoded: one that was stored under another schema must not hold up the others.
type Guarded = DeserializeGuard<ObsykAgent>;

/// What is told of the resources.
#[derive(Debug)]
pub enum ResourceSignal {
    /// A resource is there, or changed.
    Apply(Box<Apply>),
    /// A resource is gone.
    Remove(Remove),
    /// All that existed were told.
    AllApplied,
}

/// The resources of a namespace, or of all. It never ends.
pub fn resources(client: Client, namespace: Option<&str>) -> LocalStream<ResourceSignal> {
    let api: Api<Guarded> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let events = follow(api, None);
    let signals = events.scan(Follow::default(), |follow, event| {
        std::future::ready(Some(follow.take(event)))
    });
    Box::pin(signals.flat_map(futures_util::stream::iter))
}

/// Turns watch events into signals: what a new list doesn't have any more is gone.
#[derive(Default)]
struct Follow {
    known: HashMap<AgentKey, String>,
    listed: HashMap<AgentKey, String>,
    complained: bool,
}

impl Follow {
    fn take(&mut self, event: watcher::Result<Event<Guarded>>) -> Vec<ResourceSignal> {
        match event {
            Ok(Event::Init) => {
                self.listed.clear();
                Vec::new()
            }
            Ok(Event::InitApply(resource)) => {
                if !is_terminating(&resource) {
                    let (key, uid) = identity(&resource);
                    self.listed.insert(key, uid);
                }
                self.apply(resource)
            }
            Ok(Event::InitDone) => {
                self.complained = false;
                let listed = std::mem::take(&mut self.listed);
                let gone = self.known.iter().filter(|(key, uid)| listed.get(*key) != Some(uid));
                let mut signals: Vec<_> = gone
                    .map(|(key, uid)| {
                        ResourceSignal::Remove(Remove {
                            key: key.clone(),
                            uid: uid.clone(),
                        })
                    })
                    .collect();
                self.known = listed;
                signals.push(ResourceSignal::AllApplied);
                signals
            }
            Ok(Event::Apply(resource)) => self.apply(resource),
            Ok(Event::Delete(resource)) => vec![self.remove(&resource)],
            Err(error) => {
                self.complain(&error);
                Vec::new()
            }
        }
    }

    fn apply(&mut self, resource: Guarded) -> Vec<ResourceSignal> {
        self.complained = false;
        // Somebody's finalizer may keep it for a while: for us it is gone.
        if is_terminating(&resource) {
            return vec![self.remove(&resource)];
        }
        let (key, uid) = identity(&resource);
        self.known.insert(key.clone(), uid.clone());
        // An agent that runs goes on as it is.
        let Ok(resource) = resource.0 else {
            error!(agent = %key, "the resource doesn't have the form of its definition; apply it anew");
            return Vec::new();
        };
        vec![ResourceSignal::Apply(Box::new(Apply {
            key,
            uid,
            created: resource
                .metadata
                .creation_timestamp
                .as_ref()
                .map_or(0, |time| time.0.as_second()),
            generation: resource.metadata.generation,
            spec: Box::new(resource.spec),
            status: resource.status.map(Box::new),
        }))]
    }

    fn remove(&mut self, resource: &Guarded) -> ResourceSignal {
        let (key, uid) = identity(resource);
        if self.known.get(&key) == Some(&uid) {
            self.known.remove(&key);
        }
        ResourceSignal::Remove(Remove { key, uid })
    }

    /// Once for each time that it breaks: the watcher goes on trying.
    fn complain(&mut self, failure: &watcher::Error) {
        if std::mem::replace(&mut self.complained, true) {
            return;
        }
        match code(failure) {
            Some(404) => {
                error!("the API server doesn't know ObsykAgent; run `obsyk-operator crd apply`. It is tried again")
            }
            Some(403) => error!(
                "the operator may not list and watch obsykagents.obsyk.io; apply manifests/rbac. It is tried again"
            ),
            Some(code) => warn!(code, "the ObsykAgent resources can't be listed; it is tried again"),
            None => warn!("the API server can't be reached; check the network and the kubeconfig. It is tried again"),
        }
    }
}

fn is_terminating(resource: &Guarded) -> bool {
    resource.meta().deletion_timestamp.is_some()
}

fn identity(resource: &Guarded) -> (AgentKey, String) {
    let key = AgentKey {
        namespace: resource.namespace().unwrap_or_default().as_str().into(),
        name: resource.name_any().as_str().into(),
    };
    (key, resource.uid().unwrap_or_default())
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => match error {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        },
        watcher::Error::WatchError(status) => Some(status.code),
        watcher::Error::NoResourceVersion => None,
    }
}

#[cfg(test)]
mod tests;
