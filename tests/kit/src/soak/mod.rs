// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The soak: the real operator between a real control plane and a strict platform, with faults on both sides, under churn by
//! real controllers, and at every quiet point the proof that nothing was lost.
//!
//! A round is a few steps of one or two faults each ([`Fault`]), then a quiet point: churn is stopped, every fault is over,
//! and within ten minutes the platform must hold what the cluster holds, object by object. Besides, at each: the operator
//! didn't end by itself or panic, the strict platform saw no request that breaks the protocol, and no secret is in the log;
//! at the end, that its memory stayed within its bound.
//!
//! All choices follow from one seed; the moments in which they meet the operator don't, so a seed that failed is likely, not
//! certain, to fail again. What isn't injected here, since it can't be done to a real process from outside, is the
//! simulation's.

mod churn;
mod fault;
mod inject;
mod plan;
mod quiet;
mod report;
mod world;

use std::path::PathBuf;

use tokio::time::Instant;

use self::churn::Churn;
use self::world::World;
use crate::platform::{Answer, Endpoint};

pub use self::fault::{Cut, Edit, Fault, Leg, Reply, Spoil, Step};
pub use self::plan::{Faults, Round, rounds};
pub use self::quiet::Quiet;
pub use self::report::Report;

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes that an object takes at most beside a base: what is known of it, and its share of the spools.
const OBJECT: u64 = 300;

/// What a ledger holds at most (4 MiB), and what sending it takes.
const LEDGER: u64 = 6 * 1024 * 1024;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The operator's program.
    pub operator: PathBuf,
    /// Simulated nodes.
    pub nodes: usize,
    /// Requests a second that change something.
    pub rate: u32,
    /// Peak memory of an operator that has nothing to list, in bytes; it depends on how the program was built.
    pub base_memory: u64,
}

/// A soak that goes on.
pub struct Soak {
    world: World,
    options: Options,
    report: Report,
    say: Box<dyn Fn(&str) + Send + Sync>,
    most_objects: u64,
}

impl Soak {
    /// Starts everything, and waits for the first quiet point. `say` is told a line for each fault and each quiet point.
    ///
    /// # Errors
    ///
    /// Something can't be started, or the platform doesn't come to hold what the cluster holds.
    pub async fn start(options: Options, say: impl Fn(&str) + Send + Sync + 'static) -> Result<Self, Failure> {
        let world = World::new(options.operator.clone(), options.nodes).await?;
        let mut soak = Self {
            world,
            options,
            report: Report::default(),
            say: Box::new(say),
            most_objects: 0,
        };
        soak.quiet_point(0, 0).await?;
        Ok(soak)
    }

    /// Carries out a round, under churn, up to its quiet point.
    ///
    /// # Errors
    ///
    /// Something is not as it must be, or a fault can't be carried out.
    pub async fn round(&mut self, round: &Round) -> Result<Quiet, Failure> {
        let churn = Churn::start(&self.world.client, round.seed, self.options.rate);
        let since = Instant::now();
        for step in &round.steps {
            let names: Vec<_> = step.faults.iter().map(ToString::to_string).collect();
            (self.say)(&format!("round {:<3} {}", round.number, names.join(" + ")));
            inject::carry_out(&mut self.world, step).await?;
            step.faults.iter().for_each(|fault| self.report.count(fault));
        }
        let changes = churn.stop().await;
        self.world.platform.clear_answers();
        if round.lets_rest() {
            // The platform asks for a snapshot to get it all the same.
            self.world.platform.answer(Endpoint::Heartbeat, Answer::status(404));
        }
        let under = since.elapsed();
        let quiet = self.quiet_point(round.number, changes).await?;
        self.report.round(&quiet, changes, under);
        Ok(quiet)
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The folder with everybody's logs, until it ends.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.world.control_plane.folder().join("logs")
    }

    /// Ends everything; what was done, and whether the operator's memory stayed within its bound.
    ///
    /// # Errors
    ///
    /// It took more than it may.
    pub async fn end(mut self) -> (Report, Result<(), Failure>) {
        self.world.measure();
        let (peak, bound) = (self.world.peak, self.bound());
        self.report.memory(peak, bound);
        self.world.end().await;
        let within = match peak {
            peak if peak <= bound => Ok(()),
            peak => Err(format!("the operator's peak memory is {peak} bytes, and at most {bound} are right").into()),
        };
        (self.report, within)
    }

    fn bound(&self) -> u64 {
        self.options.base_memory + LEDGER + OBJECT * self.most_objects
    }

    async fn quiet_point(&mut self, number: usize, changes: u64) -> Result<Quiet, Failure> {
        let quiet = quiet::reach(&mut self.world).await?;
        self.most_objects = self.most_objects.max(quiet.objects as u64);
        let counts = self.world.platform.look(|view| view.counts());
        (self.say)(&format!(
            "round {number:<3} quiet after {:.1} s: {} objects the same, {changes} changes made; so far {} snapshots, {} events, \
             {} starts",
            quiet.took.as_secs_f64(),
            quiet.objects,
            counts.snapshots,
            counts.events,
            self.world.starts,
        ));
        Ok(quiet)
    }
}
