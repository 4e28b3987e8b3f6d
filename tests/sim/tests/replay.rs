// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A seed is the same story in every process.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

fn story(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_obsyk-sim"))
        .arg("replay")
        .args(args)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn is_the_same_twice(args: &[&str]) {
    let (one, other) = (story(args), story(args));
    if let Some((one, other)) = one.lines().zip(other.lines()).find(|(one, other)| one != other) {
        panic!("{args:?} differs:\n{one}\n{other}");
    }
    assert_eq!(one.len(), other.len(), "{args:?}");
    assert!(one.lines().count() > 50, "{args:?} tells nothing");
}

#[test]
fn same_seed_in_two_processes_is_the_same_story() {
    for seed in 100..108 {
        is_the_same_twice(&[&seed.to_string()]);
    }
    is_the_same_twice(&["3", "--scenario", "K16/storm"]);
    is_the_same_twice(&["5", "--bug", "stale-list-believed"]);
}
