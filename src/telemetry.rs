// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The log.

use std::error::Error;
use std::io::{IsTerminal, Write as _};
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Metadata, error};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{LogFormat, Settings};

/// Our own crates. Libraries see whole objects, tokens or answers (kube's client prints bodies when decoding fails), so they log
/// nothing below error, whatever the level or RUST_LOG says.
const OURS: &str = "obsyk_";

/// Panics so far: a metric.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Panics so far, of actors and of what they left to other threads.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

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
    let registry = tracing_subscriber::registry()
        .with(filter(&settings.log_level))
        .with(filter_fn(is_harmless));
    if text {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colours)).init();
    } else {
        registry.with(lines.json().flatten_event(true)).init();
    }
    std::panic::set_hook(Box::new(tell_of_panic));
}

/// Says where a panic was and nothing else, also before and without a log.
pub fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // A closed stderr is nobody to tell.
        let _told = writeln!(
            std::io::stderr(),
            "panicked at {}; it is a bug: report it",
            place(panic)
        );
    }));
}

fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    error!(place = place(panic), "an actor panicked");
}

/// The payload may quote anything; the place says enough.
fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map(ToString::to_string).unwrap_or_default()
}

/// RUST_LOG, when it is set, counts instead of the flag. What can't be read as a filter is as if it weren't there: a typing
/// error in it isn't worth an outage.
fn filter(level: &str) -> Targets {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| parse_filter(&text));
    let filter = asked.or_else(|| parse_filter(level));
    filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO))
}

/// Not a directive of the filter: a longer one, such as `kube_client::client=debug`, would count instead.
fn is_harmless(line: &Metadata<'_>) -> bool {
    *line.level() == Level::ERROR || line.target().starts_with(OURS)
}

/// A level, or directives such as `info,obsyk_actors=debug`. A word that is no level is refused: the library would take it
/// for the name of a module, and log nothing else.
pub fn parse_filter(text: &str) -> Option<Targets> {
    let is_known = |directive: &str| directive.contains('=') || directive.parse::<LevelFilter>().is_ok();
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let known = directives.iter().all(|directive| is_known(directive));
    directives.join(",").parse().ok().filter(|_| known)
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

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::mpsc::{Sender, channel};

    use tracing::subscriber::with_default;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::Context;

    use super::*;

    /// Tells of each line that gets through.
    struct Probe(Sender<&'static str>);

    impl<S: tracing::Subscriber> Layer<S> for Probe {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.send(event.metadata().target()).ok();
        }
    }

    fn logged(directives: &str) -> Vec<&'static str> {
        let (lines, heard) = channel();
        let filter = parse_filter(directives).unwrap_or_default();
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(filter_fn(is_harmless))
            .with(Probe(lines));
        with_default(subscriber, || {
            tracing::debug!(target: "obsyk_actors::sender", "a line of ours");
            tracing::warn!(target: "kube_client::client", "a body");
            tracing::error!(target: "rustls", "an error");
        });
        heard.try_iter().collect()
    }

    /// All that is logged, as text.
    #[derive(Clone)]
    struct Paper(Sender<Vec<u8>>);

    impl std::io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn of_a_panic_its_place_is_logged_and_nothing_of_its_text() {
        let (lines, written) = channel();
        let paper = Paper(lines);
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || paper.clone());
        with_default(subscriber.finish(), || {
            let before = take_hook();
            set_hook(Box::new(tell_of_panic));
            let ended = catch_unwind(|| std::panic::panic_any(format!("a line of {}", "MARKER")));
            set_hook(before);
            assert!(ended.is_err());
        });
        let log = String::from_utf8_lossy(&written.try_iter().flatten().collect::<Vec<u8>>()).into_owned();
        assert!(
            log.contains("an actor panicked") && log.contains("telemetry.rs:"),
            "{log}"
        );
        assert!(!log.contains("MARKER"), "{log}");
    }

    #[test]
    fn libraries_are_silent_below_error_whatever_the_filter_says() {
        let all = ["obsyk_actors::sender", "rustls"];
        assert_eq!(logged("trace"), all);
        assert_eq!(logged("trace,kube_client=trace,kube_client::client=trace"), all);
        assert_eq!(logged("info"), ["rustls"]);
        assert_eq!(logged(" debug"), all);
        assert_eq!(logged("error, obsyk_actors=debug"), all);
    }
}
