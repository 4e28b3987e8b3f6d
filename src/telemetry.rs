// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The log.

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing::error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{LogFormat, Settings};

/// Libraries that see whole objects, tokens or answers. kube's client prints bodies when decoding fails. They log
/// nothing below error, whatever the level or RUST_LOG says.
const SILENT: [&str; 9] = [
    "kube_client",
    "kube_runtime",
    "kube",
    "hyper",
    "hyper_util",
    "h2",
    "reqwest",
    "rustls",
    "tower",
];

/// Logs to stderr from here on.
pub fn init(settings: &Settings) {
    let text = match settings.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(!text);
    let registry = tracing_subscriber::registry().with(filter(&settings.log_level));
    if text {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colours)).init();
    } else {
        registry.with(lines.json().flatten_event(true)).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        // The payload may quote anything; the place says enough.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "an actor panicked");
    }));
}

/// RUST_LOG, when it is set, counts instead of the flag. What can't be read as a filter is as if it weren't there: a typing
/// error in it isn't worth an outage.
fn filter(level: &str) -> Targets {
    let asked = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| level.to_owned());
    let filter: Targets = asked
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    filter.with_targets(SILENT.map(|library| (library, LevelFilter::ERROR)))
}

/// Says why the process ends, with all causes, and with which code.
pub fn complain(failure: &(dyn Error + 'static)) -> ExitCode {
    let mut causes = Vec::new();
    let mut next = failure.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    error!(causes = causes.join(": "), "{failure}");
    ExitCode::FAILURE
}
