// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Records notices as Kubernetes Events on their resource (`events.k8s.io/v1`; `kubectl describe` shows them).
//!
//! kube's recorder counts repetitions: an Event that happens again within six minutes gets a series with a count instead of a
//! second Event. What it remembers is bounded, since the actors record at most 25 of a resource at once, and those older
//! than six minutes are forgotten with the next one. Of an Event that somebody deleted in between no repetition is told for so
//! long, since the recorder doesn't know.

use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use obsyk_domain::agent::ObsykAgent;
use obsyk_domain::notice::{Notice, Severity};
use obsyk_domain::ports::{AgentKey, Local, Notices};
use tracing::debug;

use super::failure::Failure;
use super::status::FIELD_MANAGER;

/// Records through the API server.
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Through this client, in the name of the operator and of this host, which is the pod's name in a pod.
    pub fn new(client: Client) -> Self {
        Self {
            recorder: Recorder::new(client, Reporter::from(FIELD_MANAGER)),
        }
    }
}

impl Notices for Events {
    fn record(&self, key: &AgentKey, uid: &str, notice: &Notice) -> Local<()> {
        let (recorder, event, reference) = (self.recorder.clone(), event(notice), reference(key, uid));
        let (agent, reason) = (key.clone(), notice.reason());
        Box::pin(async move {
            if let Err(error) = recorder.publish(&event, &reference).await {
                let code = Failure::from(error).code();
                debug!(%agent, reason, code, "a Kubernetes Event can't be recorded");
            }
        })
    }
}

/// The recorder takes two for the same when all but their messages are equal, and keeps the first message. So the message has
/// a part in the action: what is counted as one says the same.
fn event(notice: &Notice) -> Event {
    let note = notice.message();
    let mut digest = DefaultHasher::new();
    note.hash(&mut digest);
    Event {
        type_: match notice.severity() {
            Severity::Normal => EventType::Normal,
            Severity::Warning => EventType::Warning,
        },
        reason: notice.reason().to_owned(),
        action: format!("{}-{:016x}", notice.action(), digest.finish()),
        note: Some(note),
        secondary: None,
    }
}

fn reference(key: &AgentKey, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(ObsykAgent::api_version(&()).into_owned()),
        kind: Some(ObsykAgent::kind(&()).into_owned()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
