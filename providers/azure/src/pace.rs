//! How fast Azure is asked, and every wait.

use std::time::Duration;

use jiff::Timestamp;
use windlass_provider::{Ctx, Error, Result};

/// How often an operation is looked at whose answers do not say how often.
pub(crate) const POLL: Duration = Duration::from_secs(10);

/// The slowest pace to which throttling brings the calls.
const SLOWEST: Duration = Duration::from_secs(5);

/// How far calls are apart: throttling doubles it, each call that goes through takes a quarter of it away. All calls of one
/// provider share it, since the subscription's budget is shared too.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    gap: Duration,
    next: Option<Timestamp>,
}

impl Pace {
    pub(crate) fn slow_down(&mut self) {
        self.gap = (self.gap * 2).clamp(Duration::from_millis(250), SLOWEST);
    }

    pub(crate) fn speed_up(&mut self) {
        self.gap = match self.gap * 3 / 4 {
            gap if gap < Duration::from_millis(100) => Duration::ZERO,
            gap => gap,
        };
    }

    /// Returns how long the next call has to wait, and takes its place.
    pub(crate) fn take_turn(&mut self, now: Timestamp) -> Duration {
        if self.gap.is_zero() {
            self.next = None;
            return Duration::ZERO;
        }
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.gap);
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}

/// Says what is waited for, and waits.
pub(crate) async fn wait(cx: &Ctx, what: &str, time: Duration) -> Result<()> {
    cx.progress.say(what);
    pause(cx, what, time).await
}

/// Waits, unless the deadline passes or the run is cancelled.
pub(crate) async fn pause(cx: &Ctx, what: &str, duration: Duration) -> Result<()> {
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

pub(crate) fn is_over(cx: &Ctx) -> bool {
    cx.deadline
        .is_some_and(|deadline| cx.clock.now() >= deadline)
}

/// Returns between a half and all of a wait, by the clock's smallest digits: callers that failed together come back apart.
pub(crate) fn jitter(wait: Duration, now: Timestamp) -> Duration {
    let digits = now.subsec_nanosecond().unsigned_abs() / 1_000 % 1_000;
    wait / 2 + wait / 2 * digits / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_slows_all_calls_down_and_wears_off() {
        let mut pace = Pace::default();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(pace.take_turn(now), Duration::ZERO);
        pace.slow_down();
        pace.slow_down();
        // The first goes at once, those beside it one after the other.
        assert_eq!(pace.take_turn(now), Duration::ZERO);
        assert_eq!(pace.take_turn(now), Duration::from_millis(500));
        (0..20).for_each(|_| pace.slow_down());
        assert_eq!(pace.gap, SLOWEST);
        (0..20).for_each(|_| pace.speed_up());
        assert_eq!(pace.gap, Duration::ZERO);
    }
}
