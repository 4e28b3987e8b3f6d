// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! obsyk-operator: keeps a platform's picture of a Kubernetes cluster true.
//!
//! This package is the process: adapters to the world, the command line, and the wiring. What is collected and said is in
//! `domain/`, who does it and when in `actors/`.

mod cli;
mod clock;
mod commands;
mod http;
mod kubernetes;
mod platform;
mod settings;
mod shutdown;
mod telemetry;
mod text;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(command) => command.execute(),
        Err(exit) => exit,
    }
}
