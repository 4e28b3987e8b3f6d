// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How values are written, and what is said of those that can't be read.

use std::net::SocketAddr;

use clap::ValueEnum;
use obsyk_domain::agent::PlatformUrl;

use crate::settings::{self, LogFormat};
use crate::telemetry;

/// Form of the log lines.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Format {
    /// Text on a terminal, else JSON
    Auto,
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Auto => Self::Auto,
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

/// Form of what a command prints.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

impl From<Output> for settings::Form {
    fn from(output: Output) -> Self {
        match output {
            Output::Text => Self::Text,
            Output::Json => Self::Json,
        }
    }
}

/// `:8081`, `127.0.0.1:8081` or `[::1]:8081`. A port alone means all addresses, of both families where there are two.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => text.to_owned(),
    };
    whole
        .parse()
        .map_err(|_| "write an address and a port, such as 127.0.0.1:8081, or :8081 for all addresses".to_owned())
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    telemetry::parse_filter(text).map(|_| text.to_owned()).ok_or_else(|| {
        "write error, warn, info, debug or trace, or a filter such as info,obsyk_actors=debug".to_owned()
    })
}

pub(super) fn origin(text: &str) -> Result<String, String> {
    PlatformUrl::parse_origin(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("{error}; write an origin such as https://platform.example.com"))
}
