// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A deterministic simulation of obsyk-operator's own decisions, under every fault that it survives.
//!
//! ```text
//! Plan        what a seed decides: the cluster, its changes, the faults
//! World       what happens next, until the troubles are over and the platform's picture must be true
//!  ├─ Cluster   etcd with its revisions, and streams that are late, cut, lost, doubled or out of order
//!  ├─ Operator  the states of obsyk-actors as they are; their effects carried out as the actors' handlers do it
//!  │   └─ Rules   each sender, watched: what it may say, and when
//!  ├─ Wire      what happens to requests and answers on the way
//!  └─ Platform  keeps what it is told, and knows who may speak
//! ```
//!
//! What must stay true:
//!
//! - One thread, no sockets, no actix, no wall clock: time is [`queue::Queue`]'s, chance is [`dice::Dice`]'s, and a seed
//!   decides both. The same seed is the same story.
//! - It has no decision of its own: what the operator would do is asked of the operator's code.
//! - The rules are written from the protocol's and the design's words, not from the code that they watch.
//! - A check that was never red may be one that can't be: each is shown to find a planted bug (`make mutants`).
#![cfg(feature = "sim")]

pub mod batch;
pub mod cluster;
pub mod coverage;
pub mod dice;
mod faults;
#[cfg(test)]
mod mended;
mod operator;
#[cfg(test)]
mod outages;
pub mod plan;
pub mod platform;
pub mod queue;
mod rules;
pub mod setting;
mod wire;
pub mod world;
