// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The credentials' Secret: one object, by name, and of its values only the two that are needed.

use base64::Engine;
use futures_util::{StreamExt, future, stream};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use obsyk_domain::credentials::{Credentials, CredentialsError};
use obsyk_domain::ports::{CredentialsSource, LocalStream};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::follow::follow;

/// A Secret, of which the two values are decoded and nothing else.
#[derive(kube::Resource, Deserialize, Clone)]
#[resource(inherit = Secret)]
struct CredentialsSecret {
    metadata: ObjectMeta,
    data: Option<Values>,
}

/// The values under the names of [`obsyk_domain::credentials`].
#[derive(Deserialize, Clone, Default)]
struct Values {
    client_id: Option<Value>,
    private_key: Option<Value>,
}

#[derive(Clone)]
struct Value(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        base64::engine::general_purpose::STANDARD
            .decode(text.as_bytes())
            .map(|value| Self(Zeroizing::new(value)))
            .map_err(|_| serde::de::Error::custom("not base64"))
    }
}

impl std::fmt::Debug for CredentialsSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialsSecret(…)")
    }
}

impl CredentialsSecret {
    fn read(&self) -> Result<Credentials, CredentialsError> {
        let data = self.data.as_ref();
        let client_id = data.and_then(|data| data.client_id.as_ref());
        let private_key = data.and_then(|data| data.private_key.as_ref());
        Credentials::read(
            client_id.map(|value| value.0.as_slice()),
            private_key.map(|value| value.0.as_slice()),
        )
    }
}

/// Follows Secrets.
pub struct Secrets {
    client: Client,
}

impl Secrets {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl CredentialsSource for Secrets {
    fn watch(&self, namespace: &str, secret: &str) -> LocalStream<Result<Credentials, CredentialsError>> {
        let api: Api<CredentialsSecret> = Api::namespaced(self.client.clone(), namespace);
        let events = follow(api, Some(format!("metadata.name={secret}")));
        let read = events.scan(Follow::default(), |follow, event| {
            future::ready(Some(follow.take(event)))
        });
        Box::pin(read.filter_map(future::ready).chain(stream::pending()))
    }
}

/// Turns watch events into what the Secret says.
#[derive(Default)]
struct Follow {
    /// What the list shows, until it is whole.
    listed: Option<Result<Credentials, CredentialsError>>,
    /// Something was read: a watch that breaks is no news then.
    read: bool,
}

impl Follow {
    fn take(
        &mut self,
        event: watcher::Result<Event<CredentialsSecret>>,
    ) -> Option<Result<Credentials, CredentialsError>> {
        let state = match event {
            Ok(Event::Init) => {
                self.listed = None;
                return None;
            }
            Ok(Event::InitApply(secret)) => {
                self.listed = Some(secret.read());
                return None;
            }
            Ok(Event::InitDone) => self.listed.take().unwrap_or(Err(CredentialsError::NoSecret)),
            Ok(Event::Apply(secret)) => secret.read(),
            Ok(Event::Delete(_)) => Err(CredentialsError::NoSecret),
            Err(error) if is_list_forbidden(&error) => Err(CredentialsError::Forbidden),
            // A watch that breaks says nothing when it goes on, so that an error of it would never be taken back.
            Err(_) if self.read => return None,
            Err(_) => return Some(Err(CredentialsError::Unreachable)),
        };
        self.read = true;
        Some(state)
    }
}

fn is_list_forbidden(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.is_forbidden())
}

#[cfg(test)]
mod tests;
