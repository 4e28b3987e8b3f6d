// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Programs that are run to their end, within a limit.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;

/// Runs a program; what it wrote to standard output. `what` says in words what it is for.
///
/// # Errors
///
/// It can't be started, ends with another code than 0, or hasn't ended within `limit`; then it is ended.
pub async fn run(what: &str, command: &mut Command, limit: Duration) -> Result<String, Failure> {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(limit, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{what}: the program can't be run: {error}").into()),
        Err(_) => return Err(format!("{what}: not over after {limit:?}").into()),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        Ok(out)
    } else {
        Err(format!("{what}: {}\n{out}\n{error}", output.status).into())
    }
}
