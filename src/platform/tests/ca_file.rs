// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Whom the CA file makes us trust, and that a change of it holds for the next request.

use std::path::{Path, PathBuf};

use super::*;

/// A platform by https and an operator's way to it that trusts the CAs in `file`.
async fn stage(file: &Path) -> Stage {
    let key = KeyPair::generate();
    let double = Double::builder()
        .client(CLIENT, key.public_pem())
        .https()
        .start()
        .await
        .unwrap();
    // Written before it is read for the first time.
    if !file.exists() {
        replace(file, double.ca_pem());
    }
    Stage {
        platform: HttpPlatform::new(Some(file.to_owned())).unwrap(),
        ..Stage::of(double, &key)
    }
}

/// As a mounted ConfigMap does it.
fn replace(file: &Path, content: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, content).unwrap();
    std::fs::rename(next, file).unwrap();
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    (folder, file)
}

#[tokio::test]
async fn an_authority_of_ones_own_vouches_for_its_platform_and_for_no_other() {
    let (_folder, file) = folder();
    let one = stage(&file).await;
    assert!(one.token().await.is_ok());
    one.double.assert_no_violations();
    let other = stage(&file).await;
    assert_eq!(lost(other.token().await), Fault::Tls);
}

#[tokio::test]
async fn a_file_that_is_replaced_holds_for_the_next_request_and_what_it_had_no_more() {
    let (_folder, file) = folder();
    let one = stage(&file).await;
    assert!(one.token().await.is_ok());
    let mut other = stage(&file).await;
    other.platform = one.platform.clone();
    assert_eq!(lost(other.token().await), Fault::Tls);
    replace(&file, other.double.ca_pem());
    assert!(other.token().await.is_ok());
    assert_eq!(lost(one.token().await), Fault::Tls, "connections of before aren't used");
    replace(&file, &format!("{}{}", one.double.ca_pem(), other.double.ca_pem()));
    assert!(one.token().await.is_ok() && other.token().await.is_ok());
}

#[tokio::test]
async fn a_file_that_breaks_leaves_the_last_good_one_in_use_until_it_is_mended() {
    let (_folder, file) = folder();
    let one = stage(&file).await;
    replace(&file, "hello");
    assert!(one.token().await.is_ok());
    std::fs::remove_file(&file).unwrap();
    assert!(one.token().await.is_ok());
    let other = stage(&file).await;
    assert_eq!(lost(one.token().await), Fault::Tls);
    assert!(other.token().await.is_ok());
}

#[test]
fn a_file_that_is_not_there_at_the_start_is_an_error_that_names_it() {
    let (_folder, file) = folder();
    let error = HttpPlatform::new(Some(file.clone())).err().unwrap();
    let text = error.to_string();
    assert!(
        text.contains(file.to_str().unwrap()) && text.contains("check the path"),
        "{text}"
    );
}
