// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the kit promises about its platform, asked by a client made by hand.

mod answers;
mod client;
mod cluster;
mod faults;
mod order;
mod run;
mod tokens;
