//! The task that moves a clock and wakes who is due.

use super::{Clock, Speed, State, Waits, add};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How long all must be quiet before a jump: long enough for a caller that just woke to send its next request.
const QUIET: Duration = Duration::from_millis(1);
/// The same before a jump further than [`FAR`], which is worth more caution.
const QUIET_FAR: Duration = Duration::from_millis(10);
const FAR: Duration = Duration::from_secs(30);
/// The same before one over which everything else runs out of time.
const QUIET_VERY_FAR: Duration = Duration::from_millis(100);
const VERY_FAR: Duration = Duration::from_secs(3600);
/// How late a timer may always be.
const GRAIN: Duration = Duration::from_millis(2);
/// How many times its own delay the clock grants to others before it jumps to a deadline: who is kept from running himself takes
/// silence for rest too easily.
const LENIENCY: u32 = 10;
/// How long nobody has asked for anything before the clock jumps to a deadline: somebody may be at work without a word.
pub(super) const STUCK: Duration = Duration::from_secs(2);
/// The same after many such jumps at which nobody did anything but wait on.
const STUCK_LONG: Duration = Duration::from_millis(100);
/// By how much sooner it jumps to a deadline on the way to a sleep: then something goes on in any case.
const ON_THE_WAY: u32 = 20;

enum Step {
    /// Nothing to do until something changes.
    Idle,
    /// Look again after this real time, or when something changes.
    Look(Duration),
    /// The clock is closed.
    End,
}

pub(super) async fn drive(clock: Clock) {
    loop {
        match step(&clock) {
            Step::End => return,
            Step::Idle => clock.0.changed.notified().await,
            Step::Look(after) => {
                let due = Instant::now() + after;
                // Either way, what is due is computed anew.
                let changed = tokio::time::timeout_at(due, clock.0.changed.notified());
                if changed.await.is_err() {
                    clock.lock().note_delay(due.elapsed());
                }
            }
        }
    }
}

fn step(clock: &Clock) -> Step {
    let mut state = clock.lock();
    if state.closed {
        return Step::End;
    }
    match clock.0.speed {
        Speed::Factor(factor) => {
            let now = state.current(clock.0.speed);
            wake(clock, &mut state, now);
            let next = [first(&state.sleeps), first(&state.deadlines)];
            match next.into_iter().flatten().min() {
                None => Step::Idle,
                Some(next) => {
                    let real = next.duration_since(now).as_secs_f64() / factor;
                    // Rounded up, so that the look does not come a moment too early.
                    let real = Duration::try_from_secs_f64(real).unwrap_or(Duration::MAX / 4);
                    Step::Look(real.min(Duration::from_secs(3600)) + Duration::from_micros(100))
                }
            }
        }
        Speed::Max => {
            let since = state.asked.max(state.quiet);
            let (to, rest) = match (first(&state.sleeps), first(&state.deadlines)) {
                (Some(sleep), Some(deadline)) if deadline < sleep => {
                    let quiet = (state.patience / ON_THE_WAY).max(QUIET_FAR);
                    (deadline, rest(since, quiet))
                }
                (Some(sleep), _) => {
                    let quiet = match sleep {
                        _ if add(state.now, VERY_FAR) < sleep => QUIET_VERY_FAR,
                        _ if add(state.now, FAR) < sleep => QUIET_FAR,
                        _ => QUIET,
                    };
                    (sleep, rest(state.quiet, quiet))
                }
                (None, Some(deadline)) => {
                    (deadline, rest(since, state.patience.max(state.leniency())))
                }
                (None, None) => return Step::Idle,
            };
            if state.busy > 0 {
                return Step::Idle;
            }
            if !rest.is_zero() {
                return Step::Look(rest);
            }
            state.patience = match first(&state.sleeps) == Some(to) {
                true => STUCK,
                false => (state.patience / 2).max(STUCK_LONG),
            };
            wake(clock, &mut state, to);
            state.quiet = Instant::now();
            Step::Look(QUIET)
        }
    }
}

impl State {
    /// Notes by how much the clock's own look came too late, on a machine that has more to do than it can.
    fn note_delay(&mut self, late: Duration) {
        let late = late.saturating_sub(GRAIN);
        self.delay = late.max(self.delay.mul_f32(0.9));
    }

    fn leniency(&self) -> Duration {
        (self.delay * LENIENCY).min(STUCK)
    }
}

fn first(waits: &Waits) -> Option<Timestamp> {
    waits.keys().next().map(|(at, _)| *at)
}

fn rest(since: Instant, quiet: Duration) -> Duration {
    quiet.saturating_sub(since.elapsed())
}

/// Moves the clock to `now` and wakes whoever is due.
fn wake(clock: &Clock, state: &mut State, now: Timestamp) {
    let due = |waits: &mut Waits| {
        let later = waits.split_off(&(now, u64::MAX));
        std::mem::replace(waits, later)
    };
    let sleeps = due(&mut state.sleeps);
    let deadlines = due(&mut state.deadlines);
    if sleeps.is_empty() && deadlines.is_empty() {
        return;
    }
    if clock.0.speed == Speed::Max {
        state.now = now;
    }
    (clock.0.on_move)(now);
    clock.0.moved.send_replace(now);
    for wake in sleeps.into_values().chain(deadlines.into_values()) {
        // A waiter that gave up has dropped its end.
        let _ = wake.send(());
    }
}
