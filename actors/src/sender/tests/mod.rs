// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the sender does, driven without a platform: most of it by its state alone, with plain moments and a fixed
//! chance.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod actor;
mod circuit;
mod drain;
mod edits;
mod events;
mod harness;
mod heartbeats;
mod offers;
mod parts;
mod samples;
mod snapshots;
mod stand;
mod tokens;
mod trickle;
mod watchdog;
