//! Time, injected: every wait, poll, deadline and timestamp goes through a [`Clock`], which a rehearsal speeds up.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

/// A source of time and of waits.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Waits for `duration`, with nothing else to do: between polls, before a retry. A rehearsal may jump to its end.
    async fn sleep(&self, duration: Duration);

    /// Returns once `at` has passed. A bound on other work: a rehearsal does not jump there while anything else is due.
    async fn reached(&self, at: Timestamp);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn reached(&self, at: Timestamp) {
        // Sleeps in slices and looks at the wall clock again, so that a laptop's suspend counts as time passed.
        while let Ok(left) = Duration::try_from(at.duration_since(self.now()))
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(Duration::from_secs(30))).await;
        }
    }
}
