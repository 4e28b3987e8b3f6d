// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A real control plane, a strict platform, a proxy that spoils the way to either, and one that companies have: for the tests,
//! the demo, the bench and the soak.

pub mod controlplane;
mod door;
pub mod forward;
pub mod interrupts;
pub mod load;
pub mod operator;
pub mod platform;
mod porter;
pub mod process;
pub mod proxy;
pub mod soak;
pub mod tools;
