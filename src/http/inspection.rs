// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The tree of actors, for endpoints: as the actors say now, or else as they said last.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use obsyk_actors::inspect::{SupervisorView, TIME};
use obsyk_actors::mail::Post;
use obsyk_actors::supervisor::Inspect;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A supervisor that doesn't answer within this is busy, or stuck. It gives its agents 600 ms.
pub(super) const ANSWER: Duration = Duration::from_millis(900);

/// A tree, and when it was seen.
#[derive(Clone)]
struct Seen {
    view: Arc<SupervisorView>,
    at: Instant,
}

/// See the module's page. Copies share what was seen last.
#[derive(Clone)]
pub struct Inspection {
    supervisor: Post<Inspect>,
    last: watch::Sender<Option<Seen>>,
}

impl Inspection {
    /// Of the tree below this supervisor.
    pub fn new(supervisor: Post<Inspect>) -> Self {
        Self {
            supervisor,
            last: watch::Sender::new(None),
        }
    }

    /// The tree as it is now; nothing when the supervisor doesn't answer in time.
    pub async fn now(&self) -> Option<Arc<SupervisorView>> {
        let view = Arc::new(timeout(ANSWER, self.supervisor.send(Inspect)).await.ok()?.ok()?);
        self.last.send_replace(Some(Seen {
            view: Arc::clone(&view),
            at: Instant::now(),
        }));
        Some(view)
    }

    /// The tree as it is now, or as it was seen last, which it then says; nothing when it was never seen.
    pub async fn latest(&self) -> Option<Arc<SupervisorView>> {
        if let Some(view) = self.now().await {
            return Some(view);
        }
        let Seen { view, at } = self.last.borrow().clone()?;
        let time = Timestamp::now().strftime(TIME).to_string();
        let view = SupervisorView::clone(&view);
        Some(Arc::new(view.unanswered_for(at.elapsed(), time)))
    }
}
