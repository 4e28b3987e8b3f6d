// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A real control plane and a strict platform, for the tests, the demo and the bench.

pub mod controlplane;
pub mod load;
pub mod operator;
pub mod platform;
