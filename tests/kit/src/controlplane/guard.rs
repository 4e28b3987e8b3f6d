// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A wait that ends: every wait of the kit, and of tests that poll, has a limit and says what it waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Error;

/// Between two looks: short against anything that a control plane does, long against what a look costs.
const PAUSE: Duration = Duration::from_millis(25);

/// The limit of a wait by polling.
///
/// ```no_run
/// # use std::time::Duration;
/// # use obsyk_testkit::controlplane::{Error, Guard};
/// # fn found() -> bool { true }
/// # async fn example() -> Result<(), Error> {
/// let guard = Guard::new("the object is there", Duration::from_secs(10));
/// while !found() {
///     guard.again("it is not there").await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Guard {
    what: String,
    limit: Duration,
    since: Instant,
}

impl Guard {
    /// A guard that is over `limit` from now; `what` is the fact that is waited for.
    #[must_use]
    pub fn new(what: impl Into<String>, limit: Duration) -> Self {
        let since = Instant::now();
        Self {
            what: what.into(),
            limit,
            since,
        }
    }

    /// Waits for a moment before the next look. `seen` is what the last look showed.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] when the limit is reached.
    pub async fn again(&self, seen: impl Into<String>) -> Result<(), Error> {
        if self.left().is_zero() {
            return Err(Error::TimedOut {
                what: self.what.clone(),
                after: self.limit,
                seen: seen.into(),
            });
        }
        sleep(PAUSE).await;
        Ok(())
    }

    /// How long this guard still waits.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }
}
