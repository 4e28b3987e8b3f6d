// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The short form of `make soak`: a fixed choice of faults, under churn by real controllers, and three quiet points.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use obsyk_testkit::platform::Endpoint;
use obsyk_testkit::proxy::Mode;
use obsyk_testkit::soak::{Cut, Edit, Fault, Faults, Leg, Options, Reply, Round, Soak, Step};

/// What a debug build needs with nothing to list. What is measured here is that it doesn't grow.
const BASE_MEMORY: u64 = 40 << 20;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn way(leg: Leg, mode: Mode, lasts: f64) -> Fault {
    let cut = if mode == Mode::Pass { Cut::All } else { Cut::None };
    Fault::Way(leg, mode, cut, seconds(lasts))
}

fn round(number: usize, steps: Vec<Vec<Fault>>) -> Round {
    Round {
        number,
        steps: steps.into_iter().map(|faults| Faults { faults }).collect(),
        seed: number as u64,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_happens_around_the_operator() {
    let options = Options {
        operator: PathBuf::from(env!("CARGO_BIN_EXE_obsyk-operator")),
        nodes: 1,
        rate: 10,
        base_memory: BASE_MEMORY,
    };
    let mut soak = Soak::start(options, |line| println!("{line}")).await.unwrap();
    let rounds = [
        round(
            1,
            vec![
                vec![way(Leg::Platform, Mode::CutUp(900), 1.5)],
                vec![way(Leg::Platform, Mode::CutDown(40), 1.5)],
                vec![Fault::Answered(Endpoint::Events, Reply::LostAnswer, 3)],
                vec![Fault::TokensRevoked(1), Fault::Killed(seconds(1.5))],
                vec![Fault::AgentEdited(Edit::ClusterName)],
                vec![way(Leg::Cluster, Mode::CutDown(20_000), 1.5)],
            ],
        ),
        round(
            2,
            vec![
                vec![Fault::EtcdCompacted],
                vec![
                    Fault::ApiServerKilled(seconds(0.5)),
                    way(Leg::Platform, Mode::Flap { every: seconds(0.5) }, 2.0),
                ],
                vec![Fault::RightsTaken("configmaps", seconds(1.5))],
                vec![Fault::SecretRotated],
                vec![Fault::AgentRecreated(seconds(0.5))],
            ],
        ),
        round(
            3,
            vec![
                vec![Fault::EtcdRestored(seconds(5.0))],
                vec![Fault::Stopped(seconds(2.0)), Fault::PlatformDown(seconds(1.0))],
                vec![Fault::Terminated(Step::EventSent)],
            ],
        ),
    ];
    for round in &rounds {
        if let Err(failure) = soak.round(round).await {
            let log = std::fs::read_to_string(soak.logs().join("operator.log")).unwrap_or_default();
            panic!("round {}: {failure}\nthe whole log:\n{log}", round.number);
        }
    }
    let (report, within) = soak.end().await;
    println!("{report}");
    within.unwrap();
}
