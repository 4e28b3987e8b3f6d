// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A deterministic simulation of obsyk-operator's actors as they ship, under every fault that they survive.
//!
//! ```text
//! Plan          the seed's decisions: cluster, changes, faults, expectations
//! Simulation    the clock and the order of happenings, until the platform's picture must be true
//!  ├─ World       everything around the operator
//!  │   ├─ Cluster   etcd with its revisions, and streams that are late, cut, lost, doubled or out of order
//!  │   ├─ Wire      faults of requests and answers on the way
//!  │   ├─ Platform  stores accepted requests, and checks tokens
//!  │   ├─ Rules     the protocol's rules for each sender, checked on the wire
//!  │   └─ Saboteur  plants a bug between the actors and the world
//!  └─ Process     the shipped actors on paused time; ports and couriers connect them to the world
//! ```
//!
//! Invariants:
//!
//! - One thread, no sockets, no wall clock. Tokio's paused time and [`dice::Dice`] decide everything, and a seed decides both:
//!   the same seed is the same story, in every process.
//! - The simulation copies no decision and no handler of the operator. Actors run with their own mail and timers.
//! - Rules judge requests on the wire and [`Inspect`](obsyk_actors::supervisor::Inspect) replies, never an actor's inside. They
//!   are written from the texts of protocol and design, not from the code.
//! - A rule that was never red may be unable to fail: `make mutants` plants bugs, and each must be found.
//! - Worlds in which today's operator fails are listed in `known-red.txt`, and must fail.
//!
//! How to:
//!
//! - Replay a seed: `make sim ARGS='replay 17 --without 2,3'`; a scenario with `--scenario K16/storm`, a bug with
//!   `--bug jitter-off`.
//! - Add a scenario: append a line to `scenarios!` (its place decides which mixed seeds it has), give it an arm in
//!   `Scenario::shape`, and list it in `known-red.txt` if it fails. Try it by `make sim ARGS='known-red --only K16/storm'`.
//! - Take a scenario off `known-red.txt` when `make sim ARGS=known-red` says so; then run `make sim`.
//! - Plant a bug at the edge: a line in `bugs!`, and `Saboteur::on_send`, `on_answer` or `saboteur.is(Bug::…)` at its place.
//! - Plant a bug inside: `patches/NAME.patch` with `planted::is("NAME")` (`obsyk_domain::planted` outside of domain). Patches
//!   are applied in order of name, one upon the other. `make patches` checks them, `make mutants` searches for them.

pub mod batch;
pub mod cluster;
pub mod coverage;
pub mod dice;
mod expect;
mod faults;
pub mod known_red;
#[cfg(test)]
mod outages;
mod pending;
pub mod plan;
pub mod platform;
mod process;
pub mod queue;
mod rules;
pub mod saboteur;
pub mod scenario;
pub mod setting;
pub mod simulation;
mod wire;
pub mod world;
