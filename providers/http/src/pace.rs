//! How fast a cloud is asked, and what is asked again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use windlass_provider::{Ctx, Error};

use crate::wait::pause;

/// How often a call is tried that fails by what passes.
const TRIES: u32 = 8;
/// The longest wait between two tries that nobody asked for.
const LONGEST: Duration = Duration::from_secs(20);
/// The slowest pace to which throttling brings the calls.
const SLOWEST: Duration = Duration::from_secs(5);

/// How far calls are apart: throttling doubles it, each call that goes through takes a quarter of it away. All calls of one provider
/// share it, since the account's budget is shared, too.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<Gap>>);

#[derive(Debug, Default)]
struct Gap {
    gap: Duration,
    next: Option<Timestamp>,
}

/// Whether what a call failed by passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Whether the same call may succeed later.
    pub passes: bool,
    /// Whether too much was asked for in too short a time.
    pub throttled: bool,
    /// In how long it may be tried again, where that was said.
    pub after: Duration,
}

impl Pace {
    /// Tries a call, `what`, until it is answered for good; `judge` says of a failure whether it passes, and `work` is given the number of
    /// the try, from 1.
    ///
    /// # Errors
    /// The last failure; those of the context.
    pub async fn persist<T, E, F>(
        &self,
        cx: &Ctx,
        what: &str,
        judge: impl Fn(&E) -> Passes,
        mut work: impl FnMut(u32) -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: Clone + From<Error>,
        Error: From<E>,
    {
        let mut wait = Duration::from_millis(500);
        for attempt in 1.. {
            let turn = self.with(|gap| gap.take_turn(cx.clock.now()));
            if !turn.is_zero() {
                pause(cx, what, turn).await?;
            }
            let failure = match work(attempt).await {
                Ok(done) => {
                    self.with(Gap::speed_up);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            let judged = judge(&failure);
            if judged.throttled {
                self.with(Gap::slow_down);
            }
            if !judged.passes || attempt >= TRIES {
                return Err(failure);
            }
            let told = Error::from(failure).to_line();
            cx.progress.say(format!("trying again: {told}"));
            let longer = jitter(wait, cx.clock.now()).max(judged.after);
            pause(cx, what, longer).await?;
            wait = (wait * 2).min(LONGEST);
        }
        unreachable!("the last try returns")
    }

    fn with<T>(&self, work: impl FnOnce(&mut Gap) -> T) -> T {
        // Nothing panics while it is held.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gap {
    fn slow_down(&mut self) {
        self.gap = (self.gap * 2).clamp(Duration::from_millis(250), SLOWEST);
    }

    fn speed_up(&mut self) {
        self.gap = match self.gap * 3 / 4 {
            gap if gap < Duration::from_millis(100) => Duration::ZERO,
            gap => gap,
        };
    }

    /// Returns how long the next call has to wait, and takes its place.
    fn take_turn(&mut self, now: Timestamp) -> Duration {
        if self.gap.is_zero() {
            self.next = None;
            return Duration::ZERO;
        }
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.gap);
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}

/// Returns between a half and all of a wait, by the clock's smallest digits: callers that failed together come back apart.
fn jitter(wait: Duration, now: Timestamp) -> Duration {
    let digits = now.subsec_nanosecond().unsigned_abs() / 1_000 % 1_000;
    wait / 2 + wait / 2 * digits / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_slows_all_calls_down_and_wears_off() {
        let mut gap = Gap::default();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(gap.take_turn(now), Duration::ZERO);
        gap.slow_down();
        gap.slow_down();
        assert_eq!(gap.gap, Duration::from_millis(500));
        // The first goes at once, those beside it one after the other.
        assert_eq!(gap.take_turn(now), Duration::ZERO);
        assert_eq!(gap.take_turn(now), Duration::from_millis(500));
        assert_eq!(gap.take_turn(now), Duration::from_secs(1));
        (0..20).for_each(|_| gap.slow_down());
        assert_eq!(gap.gap, SLOWEST);
        (0..20).for_each(|_| gap.speed_up());
        assert_eq!(gap.gap, Duration::ZERO);
    }
}
