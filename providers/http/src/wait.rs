//! Every wait, by the clock that one is given.

use std::time::Duration;

use windlass_provider::{Ctx, Error, Result};

/// Says what is waited for, and waits.
///
/// # Errors
/// The context's deadline passes, or the run is cancelled.
pub async fn wait(cx: &Ctx, what: &str, duration: Duration) -> Result<()> {
    cx.progress.say(what);
    pause(cx, what, duration).await
}

/// Waits, unless the deadline passes or the run is cancelled.
///
/// # Errors
/// One of the two.
pub async fn pause(cx: &Ctx, what: &str, duration: Duration) -> Result<()> {
    if is_over(cx) {
        return Err(Error::timed_out(what));
    }
    let pause = async {
        cx.clock.sleep(duration).await;
        Ok(())
    };
    cx.bound(what, pause).await?;
    match is_over(cx) {
        true => Err(Error::timed_out(what)),
        false => Ok(()),
    }
}

/// Returns whether the context's deadline has passed.
#[must_use]
pub fn is_over(cx: &Ctx) -> bool {
    cx.deadline
        .is_some_and(|deadline| cx.clock.now() >= deadline)
}

/// Waits between looks that grow from two seconds to fifteen.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Backoff {
    /// Returns the shortest.
    #[must_use]
    pub fn new() -> Self {
        Self(Duration::from_secs(2))
    }

    /// Says what is waited for, and waits; the next wait is longer.
    ///
    /// # Errors
    /// As [`wait`].
    pub async fn wait(&mut self, cx: &Ctx, what: &str) -> Result<()> {
        wait(cx, what, self.0).await?;
        self.0 = (self.0 * 3 / 2).min(Duration::from_secs(15));
        Ok(())
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
