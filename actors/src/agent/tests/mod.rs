// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod deaths;
mod driver;
mod edits;
mod endings;
pub(crate) mod fakes;
mod inspection;
pub(crate) mod life;
mod notices;
mod record;
mod rest;
mod state_access;
mod state_beat;
mod state_children;
mod state_edits;
mod state_snapshots;
mod status;
