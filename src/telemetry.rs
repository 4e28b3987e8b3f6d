// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The log.

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

use crate::settings::{LogFormat, Settings};

/// Libraries that see whole objects, tokens or answers. kube's client prints bodies when decoding fails. They log
/// nothing below error, whatever the level or RUST_LOG says.
const SILENT: [&str; 9] =
    ["kube_client", "kube_runtime", "kube", "hyper", "hyper_util", "h2", "reqwest", "rustls", "tower"];

/// Logs to stderr from here on.
pub fn init(settings: &Settings) {
    let text = match settings.log_format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.log_level))
        .with_writer(std::io::stderr)
        .with_target(!text);
    if text {
        subscriber.with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()).init();
    } else {
        subscriber.json().flatten_event(true).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        // The payload may quote anything; the place says enough.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "an actor panicked");
    }));
}

fn filter(level: &str) -> EnvFilter {
    let asked = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).unwrap_or_else(|| level.to_owned());
    // A filter that can't be read isn't worth a crash: it is what stands beside the default.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(asked);
    let silent = SILENT.iter().filter_map(|library| format!("{library}=error").parse::<Directive>().ok());
    silent.fold(filter, EnvFilter::add_directive)
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
