// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is collected and said: pure, without I/O, clock or chance.
//!
//! ```text
//! agent        the ObsykAgent resource, and the settings that it asks for
//! credentials  what its Secret must hold
//! resource     the table of kinds; what is decoded of each, what is sent, what is held back
//! wire         the bytes that go to the platform
//! ledger       what the platform still has to be told
//! spool        a kind's objects, compressed, until the snapshot that carries them is accepted
//! snapshot     when a snapshot is due, and why; snapshot_body, its bytes
//! answer       what an answer of the platform means
//! token, rate, retry    when to fetch a token, how fast to send, when to try again
//! time, durations       moments and how long things took, as values
//! condition    what an admin is told of how things stand
//! notice       what an admin is told of transitions
//! ports        what the actors need of the world
//! ```
//!
//! What must stay true:
//!
//! - Nothing here reads a clock, draws a number, waits, or touches a file or a socket: time and chance are parameters.
//! - A value of a ConfigMap, a Secret or an environment variable is never parsed into a value. `resource::redact` alone
//!   decides which annotations leave the cluster.
//! - No error quotes what was read.
//! - Only the types of `resource` and `wire` are serialised to the platform.

pub mod agent;
pub mod answer;
pub mod condition;
pub mod credentials;
pub mod durations;
pub mod ledger;
pub mod notice;
pub mod ports;
pub mod rate;
pub mod rbac;
pub mod resource;
pub mod retry;
pub mod snapshot;
pub mod snapshot_body;
pub mod spool;
pub mod time;
pub mod token;
pub mod wire;
