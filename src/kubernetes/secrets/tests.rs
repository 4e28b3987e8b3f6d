// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use base64::engine::general_purpose::STANDARD;
use kube::core::Status;
use serde_json::{Value as Json, json};

use super::*;

const KEY: &str = include_str!("../../../domain/src/credentials/samples/sec1.pem");

fn read(data: Json) -> CredentialsSecret {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "creds" }, "data": data });
    serde_json::from_value(secret).unwrap()
}

fn a_secret(client: &str) -> CredentialsSecret {
    let data = json!({
        "client_id": STANDARD.encode(client),
        "private_key": STANDARD.encode(KEY),
        "other": STANDARD.encode("something else"),
    });
    read(data)
}

fn forbidden() -> kube::Error {
    kube::Error::Api(Status::failure("no", "Forbidden").with_code(403).boxed())
}

/// The client that is told, or the error.
fn take(
    follow: &mut Follow,
    event: watcher::Result<Event<CredentialsSecret>>,
) -> Option<Result<String, CredentialsError>> {
    let said = follow.take(event)?;
    Some(said.map(|credentials| credentials.client_id().to_owned()))
}

/// One that has read the Secret.
fn following() -> Follow {
    let mut follow = Follow::default();
    take(&mut follow, Ok(Event::Init));
    take(&mut follow, Ok(Event::InitApply(a_secret("client"))));
    take(&mut follow, Ok(Event::InitDone));
    follow
}

#[test]
fn a_list_with_the_secret_tells_what_it_says_when_it_is_whole() {
    let mut follow = Follow::default();
    assert_eq!(take(&mut follow, Ok(Event::Init)), None);
    assert_eq!(take(&mut follow, Ok(Event::InitApply(a_secret("client")))), None);
    assert_eq!(take(&mut follow, Ok(Event::InitDone)), Some(Ok("client".to_owned())));
}

#[test]
fn a_list_without_it_tells_that_there_is_none() {
    let mut follow = Follow::default();
    take(&mut follow, Ok(Event::Init));
    assert_eq!(
        take(&mut follow, Ok(Event::InitDone)),
        Some(Err(CredentialsError::NoSecret))
    );
}

#[test]
fn a_change_and_a_delete_are_told() {
    let mut follow = following();
    let changed = take(&mut follow, Ok(Event::Apply(a_secret("another"))));
    assert_eq!(changed, Some(Ok("another".to_owned())));
    let deleted = take(&mut follow, Ok(Event::Delete(a_secret("another"))));
    assert_eq!(deleted, Some(Err(CredentialsError::NoSecret)));
}

#[test]
fn a_secret_without_data_or_with_null_lacks_its_keys() {
    for data in [Json::Null, json!({}), json!({ "client_id": null })] {
        let said = read(data).read().unwrap_err();
        assert_eq!(said, CredentialsError::Missing("client_id"));
    }
}

#[test]
fn a_list_that_is_forbidden_is_told_so() {
    let mut follow = following();
    let error = watcher::Error::InitialListFailed(forbidden());
    assert_eq!(take(&mut follow, Err(error)), Some(Err(CredentialsError::Forbidden)));
}

#[test]
fn a_watch_that_breaks_is_no_news_whatever_broke_it() {
    let mut follow = following();
    assert_eq!(
        take(&mut follow, Err(watcher::Error::WatchStartFailed(forbidden()))),
        None
    );
    assert_eq!(take(&mut follow, Err(watcher::Error::NoResourceVersion)), None);
}

#[test]
fn an_api_server_that_can_not_be_reached_before_anything_was_read_is_told() {
    let mut follow = Follow::default();
    let said = take(&mut follow, Err(watcher::Error::NoResourceVersion));
    assert_eq!(said, Some(Err(CredentialsError::Unreachable)));
}

#[test]
fn nothing_of_a_secret_is_printed() {
    assert_eq!(format!("{:?}", a_secret("client")), "CredentialsSecret(…)");
}
