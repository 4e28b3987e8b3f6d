// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A strict platform to try the operator against: one line for each thing that arrives.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use obsyk_testkit::platform::{Happening, Platform, What};

/// A strict platform for obsyk-operator, on this machine.
///
/// It verifies assertions, issues tokens, checks every body against the protocol, and prints one line for each change as it
/// arrives. Whatever breaks the protocol is answered with 400 and printed as a violation. It keeps nothing on disk.
#[derive(Debug, Parser)]
#[command(name = "obsyk-platform", version)]
struct Options {
    /// The address to listen on; with port 0 on any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,

    /// The id of the client that may send, as in the Secret's key client_id
    #[arg(long, value_name = "ID")]
    client_id: String,

    /// The client's public key: a file with a P-256 key in PEM (`openssl ec -in key.pem -pubout`)
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,

    /// Speak https, with a certificate of an authority of its own
    #[arg(long)]
    https: bool,

    /// Write that authority's certificate here, for whoever is to trust it
    #[arg(long, value_name = "FILE", requires = "https")]
    ca_file: Option<PathBuf>,

    /// Print heartbeats, too
    #[arg(long)]
    heartbeats: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("obsyk-platform: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let key = fs::read_to_string(&options.public_key)
        .map_err(|error| format!("can't read {}: {error}", options.public_key.display()))?;
    let (heartbeats, colours) = (options.heartbeats, io::stdout().is_terminal());
    let mut platform = Platform::builder()
        .bind(options.listen)
        .client(&options.client_id, key)
        .observer(move |happening| print(happening, heartbeats, colours));
    if options.https {
        platform = platform.https();
    }
    let platform = platform.start().await?;
    if let Some(file) = &options.ca_file {
        fs::write(file, platform.ca_pem()).map_err(|error| format!("can't write {}: {error}", file.display()))?;
    }
    println!(
        "platform at {}, for client {}; Ctrl-C ends it",
        platform.url(),
        options.client_id
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn print(happening: &Happening, heartbeats: bool, colours: bool) {
    let style = match happening.what {
        What::Heartbeat if !heartbeats => return,
        What::Heartbeat => "\x1b[2m",
        What::Violation(_) => "\x1b[1;31m",
        What::Refused(_) => "\x1b[33m",
        _ => "",
    };
    if colours && !style.is_empty() {
        println!("{style}{happening}\x1b[0m");
    } else {
        println!("{happening}");
    }
}
