// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Placeholder: the architecture page comes with the first crate-wide pass.

pub mod agent;
pub mod resource;
pub mod wire;
