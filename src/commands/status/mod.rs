// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `status`: what the actors of a running operator are doing, from its debug endpoint.

mod agent;
#[cfg(test)]
mod tests;
mod tree;
mod units;

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use http::header::ACCEPT;
use obsyk_actors::inspect::SupervisorView;

use super::paint::Paint;
use crate::http::DEBUG_PATH;
use crate::settings::Form;
use crate::text::root_cause;

/// The endpoint answers within a second.
const ANSWER: Duration = Duration::from_secs(3);

/// Between two looks.
const AGAIN: Duration = Duration::from_secs(2);

/// Clears a terminal, and puts the cursor into its corner.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where the operator's debug endpoint is.
    pub address: SocketAddr,
    /// In which form.
    pub output: Form,
    /// Again and again.
    pub watch: bool,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
enum StatusError {
    #[error(
        "no operator answers at {address} ({cause}); run this where it runs, as by `kubectl exec -n obsyk-system \
         deploy/obsyk-operator -- /obsyk-operator status`, and with its --debug-bind-address as --address"
    )]
    NoAnswer { address: SocketAddr, cause: String },
    #[error("the operator at {address} answers {code}: its actors haven't answered yet; try again in a few seconds")]
    NotYet { address: SocketAddr, code: u16 },
    #[error("what answers at {address} is no operator, or one of another version: its answer can't be read")]
    Foreign { address: SocketAddr },
}

/// Shows it.
pub(super) async fn show(asked: Asked) -> ExitCode {
    let out = std::io::stdout();
    let terminal = out.is_terminal();
    let paint = Paint::on(&out);
    loop {
        let shown = match look(&asked, paint).await {
            Ok(text) => text,
            Err(error) if !asked.watch => return super::failed(error),
            // What goes on reads on: lines of JSON stay lines of JSON.
            Err(error) if asked.output == Form::Json => {
                eprintln!("error: {error}");
                String::new()
            }
            Err(error) => format!("error: {error}\n"),
        };
        let clear = if asked.watch && terminal && asked.output == Form::Text {
            CLEAR
        } else {
            ""
        };
        let mut out = out.lock();
        let told = write!(out, "{clear}{shown}").and_then(|()| out.flush());
        // A closed pipe is nobody to tell.
        if !asked.watch || told.is_err() {
            return ExitCode::SUCCESS;
        }
        drop(out);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Asks once.
async fn look(asked: &Asked, paint: Paint) -> Result<String, StatusError> {
    let address = reachable(asked.address);
    let body = fetch(address).await?;
    match asked.output {
        // Unread, so that an older program shows all that a newer operator says.
        Form::Json if asked.watch => Ok(body + "\n"),
        Form::Json => {
            let tree: serde_json::Value = serde_json::from_str(&body).map_err(|_| StatusError::Foreign { address })?;
            Ok(format!("{tree:#}\n"))
        }
        Form::Text => {
            let view: SupervisorView = serde_json::from_str(&body).map_err(|_| StatusError::Foreign { address })?;
            Ok(tree::tree(&view, paint))
        }
    }
}

async fn fetch(address: SocketAddr) -> Result<String, StatusError> {
    let no_answer = |error: reqwest::Error| StatusError::NoAnswer {
        address,
        cause: root_cause(&error),
    };
    // Never through a proxy: it is this host, or one nearby.
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ANSWER)
        .build()
        .map_err(no_answer)?;
    let request = client
        .get(format!("http://{address}{DEBUG_PATH}"))
        .header(ACCEPT, "application/json");
    let answer = request.send().await.map_err(no_answer)?;
    let status = answer.status();
    let body = answer.text().await.map_err(no_answer)?;
    match status.as_u16() {
        200 => Ok(body),
        503 => Err(StatusError::NotYet { address, code: 503 }),
        _ => Err(StatusError::Foreign { address }),
    }
}

/// An endpoint that listens on all addresses is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
