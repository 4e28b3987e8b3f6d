// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the chart renders, without a cluster: its suites, linters with every exception explained, the schemas of the oldest
//! and the newest Kubernetes, the manifests that must be the same, and the chart as a part of another one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod manifests;
mod render;
mod schemas;
mod scores;
mod shape;
mod subchart;
