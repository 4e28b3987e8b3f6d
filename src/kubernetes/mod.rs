// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The API server: the only code that knows its client.
//!
//! It promises that nothing of an object but what is decoded gets past it, that no error carries a decoder's text nor anything
//! of a kubeconfig (`unquoted.rs`), and that nothing is tried again here: that is the actors' to decide. (What is followed of
//! our own resource and of the credentials' Secret is: `follow.rs`.) What the commands ask for people is beside it: `definition.rs`, `review.rs`.

mod client;
mod definition;
mod events;
mod failure;
mod follow;
mod identity;
mod resources;
mod review;
mod secrets;
mod status;
mod unquoted;
mod watches;
mod way;

pub use client::connect;
pub use definition::{Applied, DEFINITION, apply_definition};
pub use events::Events;
pub use failure::{Failure, LONGEST_ANSWER};
pub use identity::ClusterApi;
pub use resources::{ResourceSignal, resources};
pub use review::{FoundAgent, Right, find_agents, may, server_version};
pub use secrets::Secrets;
pub use status::StatusApi;
pub use watches::KubeWatches;
