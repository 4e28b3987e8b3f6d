// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A marker: where it hides, how it is looked for, and who makes objects with it undecodable.

pub mod places;
pub mod search;
pub mod spoiler;
