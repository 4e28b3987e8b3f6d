// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! How the agent records notices: one at a time, each for a bounded time. Whether it succeeds matters to nothing else.

use std::time::Duration;

use actix::clock::timeout;
use actix::{ActorFutureExt, WrapFuture};
use tracing::debug;

use super::AgentActor;
use super::perform::Ctx;
use crate::mail::spawn;

/// An API server that doesn't take a notice within this is given up. It isn't tried again: others wait behind it, and they
/// are of use only while they are new.
const RECORDING: Duration = Duration::from_secs(10);

impl AgentActor {
    /// Records the notices that wait, unless one is being recorded: then the others follow it.
    pub(super) fn record_notices(&mut self, ctx: &mut Ctx) {
        if self.record.is_some() || self.asked {
            return;
        }
        let Some(notice) = self.notices.next() else { return };
        let reason = notice.reason();
        let record = timeout(RECORDING, self.ports.notices.record(&self.key, &self.uid, &notice));
        let record = record
            .into_actor(self)
            .map(move |recorded, act: &mut Self, ctx: &mut Ctx| {
                act.record = None;
                if recorded.is_err() {
                    debug!(agent = %act.key, reason, "the API server doesn't take a notice; it is given up");
                }
                act.record_notices(ctx);
            });
        self.record = Some(spawn(ctx, record));
    }
}
