// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The chart, by real Helm against a real API server.
//!
//! No pod runs there: hooks are off, and their commands are run as the accounts that the chart makes for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod chart;
mod common;
