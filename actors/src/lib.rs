// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who does it, and when: the actors.
//!
//! ```text
//! SupervisorActor                 all ObsykAgent resources -> one AgentActor each
//! └── AgentActor                  one resource: its children's life, heartbeat, credentials, conditions, status, notices
//!     ├── SenderActor             token, rate limiter, retry state and ledger; the only one that talks to the platform
//!     └── WatcherActor × kinds    one kind: list and watch, what is known; offers changes to the sender
//! ```
//!
//! Each actor's folder has `messages.rs` (what it receives), `state.rs` (what it decides, without actix), `handlers.rs`
//! (how that is carried out) and `tests.rs`.
//!
//! | message | from → to | reply | waits |
//! |---|---|---|---|
//! | [`supervisor::Apply`], [`supervisor::Remove`], [`supervisor::AllApplied`] | watch of ObsykAgent → supervisor | | no |
//! | [`agent::Reconfigure`] | supervisor → agent | yes | a second: who falls silent does so before another speaks |
//! | [`agent::Stop`] | supervisor → agent | yes | yes, a second |
//! | [`sender::Configure`] | agent → sender | yes | bounded |
//! | [`sender::OpenSnapshot`] | agent → sender | opened, or overtaken | yes |
//! | [`watcher::Relist`] | agent → watcher | | no |
//! | [`sender::Spooled`] | watcher → sender | yes | yes |
//! | [`agent::Listed`], [`agent::Unreadable`] | watcher → agent | | no |
//! | [`sender::SendSnapshot`], [`sender::AbandonSnapshot`] | agent → sender | | no |
//! | [`sender::Offer`] | watcher → sender | admitted, or refused | yes: the reply is the credit for the next |
//! | [`sender::Beat`] | agent → sender | | no |
//! | [`sender::SnapshotDue`] | sender, watcher → agent | | no |
//! | [`sender::Delivery`] | sender → agent | | no |
//! | [`supervision::Exited`] | any child → its parent | | no |
//! | `Inspect` | endpoints, parent, tests → any | a typed snapshot | yes, bounded |
//! | `Drain` | parent → child; watchers, then sender | drained | until the deadline |
//!
//! What must stay true:
//!
//! - A watcher may wait on the sender, an agent on both, the supervisor on agents, and never the reverse.
//! - No lock, and no value that two actors write, but for the count of messages that wait ([`mail`]). Mailboxes are no bound:
//!   replies are.
//! - Looking ([`inspect`]) changes nothing of what an actor says, and when.
//! - Every message passes the types of [`mail`], so that the simulation of `tests/sim` can hold messages back. Maps that are
//!   iterated over are ordered: chance and time alone decide what happens.
//! - Decisions are in `state.rs` and in `obsyk-domain`, with time and chance as parameters; handlers only perform.
//! - A restarted child has lost what it knew, and its parent says so to whom it concerns.

pub mod agent;
pub mod inspect;
pub mod mail;
pub mod sender;
pub mod supervision;
pub mod supervisor;
pub mod watcher;
