// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! `make demo`: the main job on a cluster of its own, or on the one that KUBECONFIG names.
//!
//! It brings up a cluster, a platform and the operator, says what runs where, and from then on prints a line for each thing
//! that the platform was told. Ctrl-C ends all of it; on somebody's own cluster what the demo made is removed.

mod cluster;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use obsyk_testkit::interrupts::Interrupts;
use obsyk_testkit::operator::{self, Operator, OperatorOptions, SECRET};
use obsyk_testkit::platform::{KeyPair, Platform};
use serde_json::json;

use self::cluster::Cluster;

/// The client that the demo's platform knows.
const CLIENT_ID: &str = "demo";

/// The demo's ObsykAgent.
const AGENT: &str = "demo";

/// How often the operator is looked at: when it has ended, the demo is over.
const LOOK: Duration = Duration::from_millis(200);

/// What went wrong, in words for whoever typed `make demo`.
type Failure = Box<dyn std::error::Error>;

/// Runs obsyk-operator with everything that it needs, to see it at work.
#[derive(Parser)]
struct Args {
    /// The operator's program. Default: the one beside this program
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// A cluster that is there already. Without it, one is started
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// All that runs. The operator goes first: it says goodbye to a platform that is still there.
struct Stage {
    operator: Operator,
    /// Where its actors are shown.
    actors: SocketAddr,
    platform: Platform,
    cluster: Cluster,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(demo(args));
            // A build of the control plane that was interrupted isn't waited for.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nthe demo can't go on: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn demo(args: Args) -> Result<(), Failure> {
    let mut interrupted = Interrupts::catch()?;
    let mut stage = tokio::select! {
        stage = set_up(args) => stage?,
        () = interrupted.next() => {
            println!("\nended");
            return Ok(());
        }
    };
    introduce(&stage);
    let ended = tokio::select! {
        log = has_ended(&mut stage.operator) => Err(format!("the operator has ended; it logged:\n{log}").into()),
        () = interrupted.next() => Ok(()),
    };
    tear_down(stage, &mut interrupted).await;
    ended
}

async fn set_up(args: Args) -> Result<Stage, Failure> {
    let binary = match args.operator {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("obsyk-operator"),
    };
    if !binary.is_file() {
        return Err(format!("there is no {}: run it by `make demo`", binary.display()).into());
    }
    let cluster = Cluster::get(args.kubeconfig).await?;
    let client = cluster.client();
    let key = KeyPair::generate();
    let platform = Platform::builder()
        .client(CLIENT_ID, key.public_pem())
        .observer(|happening| println!("{happening}"))
        .start()
        .await?;
    cluster.prepare().await?;
    let namespace = cluster.namespace();
    operator::write_secret_in(
        &client,
        namespace,
        SECRET,
        &[("client_id", CLIENT_ID), ("private_key", key.pkcs8_pem())],
    )
    .await?;
    let spec = json!({
        "platformURL": platform.url(),
        "clusterName": "demo",
        "credentialsSecretRef": { "name": SECRET },
        "syncInterval": "1m",
    });
    operator::apply_agent(&client, namespace, AGENT, &spec).await?;
    let options = OperatorOptions {
        args: vec!["--log-format=text".to_owned(), format!("--watch-namespace={namespace}")],
        environment: Vec::new(),
    };
    let operator = Operator::start(cluster.keeper(), &binary, cluster.kubeconfig(), &options)?;
    let actors = operator.debug_address().await?;
    Ok(Stage {
        actors,
        operator,
        platform,
        cluster,
    })
}

fn introduce(stage: &Stage) {
    let kubeconfig = stage.cluster.kubeconfig().display();
    println!();
    println!("  cluster    {}", stage.cluster.description());
    println!("  platform   a strict double of it, {}", stage.platform.url());
    println!("  operator   its log: {}", stage.operator.log_path().display());
    println!("             its actors: curl http://{}/debug/actors", stage.actors);
    println!();
    println!("In another terminal:");
    println!();
    println!("  export KUBECONFIG={kubeconfig}");
    println!("  kubectl create deployment web --image=nginx --replicas=3");
    println!("  kubectl -n {} get oa", stage.cluster.namespace());
    println!("  kubectl delete deployment web");
    println!();
    println!("From here on a line is something that the platform has been told. Ctrl-C ends everything.");
    println!();
}

/// Waits until the operator has ended; the end of its log.
async fn has_ended(operator: &mut Operator) -> String {
    while operator.exit_status().is_none() {
        tokio::time::sleep(LOOK).await;
    }
    let log = operator.log();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Ends the operator in good order, then the rest. A second Ctrl-C doesn't wait for the order.
async fn tear_down(stage: Stage, interrupted: &mut Interrupts) {
    println!("\nending…");
    let Stage {
        mut operator,
        platform,
        cluster,
        ..
    } = stage;
    // One that has ended already needs no signal.
    let _told = operator.signal("TERM");
    tokio::select! {
        _ = operator.ended(Duration::from_secs(10)) => {}
        () = interrupted.next() => {}
    }
    drop(operator);
    drop(platform);
    cluster.clean_up().await;
    println!("ended; nothing of it runs any more");
}
