//! Simulated time: one clock for a whole world.
//!
//! Two kinds of waits: a *sleep*, whose holder has nothing else to do, and a *deadline*, which bounds other work. With
//! [`Speed::Factor`] time flows. With [`Speed::Max`] it stands still while anybody works, and jumps to the next sleep as soon as
//! all is quiet. To a deadline it jumps only when nobody has asked for anything for a while, so that what is stuck times out: a
//! long while where nothing else is pending, a shorter one where a sleep beyond it is. Where nobody does anything but wait on after
//! such a jump, the next comes sooner. It knows nothing of what is waited for, and never goes backwards.

mod driver;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};

/// How fast simulated time goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Simulated seconds per real second; finite and above zero.
    Factor(f64),
    /// As fast as the work allows: time jumps to the next thing that is due.
    Max,
}

/// A speed that is neither `max` nor a number above zero.
#[derive(Debug, thiserror::Error)]
#[error("speed \"{0}\" is neither \"max\" nor a number above zero")]
pub struct InvalidSpeed(String);

impl FromStr for Speed {
    type Err = InvalidSpeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Self::Factor(factor)),
            _ => Err(InvalidSpeed(text.to_owned())),
        }
    }
}

/// Called with each moment that the clock moved to, before anybody wakes.
type OnMove = Box<dyn Fn(Timestamp) + Send + Sync>;

/// The clock of a world that runs in this process.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Shared>);

struct Shared {
    speed: Speed,
    state: Mutex<State>,
    /// Wakes the driver: a wait came or went, or work ended.
    changed: Notify,
    moved: watch::Sender<Timestamp>,
    on_move: OnMove,
}

struct State {
    /// The simulated moment at `since`.
    now: Timestamp,
    since: Instant,
    sleeps: Waits,
    deadlines: Waits,
    next: u64,
    /// How many pieces of work are going on.
    busy: usize,
    /// When the last piece of work ended or the last wait began.
    quiet: Instant,
    /// When the last request came in.
    asked: Instant,
    /// How long nobody must have asked for anything before the next jump to a deadline.
    patience: Duration,
    /// What somebody watches, or has watched.
    watched: BTreeSet<String>,
    /// By how much the clock's own looks come too late.
    delay: Duration,
    closed: bool,
}

type Waits = BTreeMap<(Timestamp, u64), oneshot::Sender<()>>;

#[derive(Clone, Copy)]
enum Kind {
    Sleep,
    Deadline,
}

impl Clock {
    /// Returns a clock that stands at `now`, and starts the task that moves it.
    pub(crate) fn start(now: Timestamp, speed: Speed, on_move: OnMove) -> Self {
        let instant = Instant::now();
        let clock = Self(Arc::new(Shared {
            speed,
            state: Mutex::new(State {
                now,
                since: instant,
                sleeps: Waits::new(),
                deadlines: Waits::new(),
                next: 0,
                busy: 0,
                quiet: instant,
                asked: instant,
                patience: driver::STUCK,
                watched: BTreeSet::new(),
                delay: Duration::ZERO,
                closed: false,
            }),
            changed: Notify::new(),
            moved: watch::channel(now).0,
            on_move,
        }));
        tokio::spawn(driver::drive(clock.clone()));
        clock
    }

    /// Returns the simulated moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.lock().current(self.0.speed)
    }

    /// Returns the speed.
    pub(crate) fn speed(&self) -> Speed {
        self.0.speed
    }

    /// Waits for `duration`; its holder has nothing else to do.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.sleep_until(add(self.now(), duration)).await;
    }

    /// Waits until `at`; its holder has nothing else to do.
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        self.wait(at, Kind::Sleep).await;
    }

    /// Waits until `at` as a bound on other work: the clock does not hurry there.
    pub(crate) async fn reached(&self, at: Timestamp) {
        self.wait(at, Kind::Deadline).await;
    }

    /// Says that somebody works until the guard is dropped: with [`Speed::Max`] time stands still that long.
    pub(crate) fn work(&self) -> Work {
        self.lock().busy += 1;
        Work(self.clone())
    }

    /// Says that a request came in: somebody works, and may go on to.
    pub(crate) fn touch(&self) {
        self.ask().patience = driver::STUCK;
    }

    /// Says that somebody asked to be told of what happens to something, and goes on waiting.
    pub(crate) fn watch(&self, what: String) {
        self.ask().watched.insert(what);
    }

    /// Says that somebody reads something. Who reads again what is watched goes on waiting.
    pub(crate) fn read(&self, what: &str) {
        let mut state = self.ask();
        if !state.watched.contains(what) {
            state.patience = driver::STUCK;
        }
    }

    fn ask(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.asked = Instant::now();
        state.quiet = state.asked;
        state
    }

    /// Returns a receiver of the moments that the clock jumps to.
    pub(crate) fn moves(&self) -> watch::Receiver<Timestamp> {
        self.0.moved.subscribe()
    }

    /// Ends the clock: every wait ends at once.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.sleeps.clear();
        state.deadlines.clear();
        drop(state);
        self.0.changed.notify_one();
    }

    async fn wait(&self, at: Timestamp, kind: Kind) {
        let (wake, woken) = oneshot::channel();
        let ticket = {
            let mut state = self.lock();
            if state.closed || at <= state.current(self.0.speed) {
                return;
            }
            let place = (at, state.next);
            state.next += 1;
            state.quiet = Instant::now();
            state.waits(kind).insert(place, wake);
            Ticket {
                clock: self,
                place,
                kind,
            }
        };
        self.0.changed.notify_one();
        // An error means that the clock was closed.
        let _ = woken.await;
        drop(ticket);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn current(&self, speed: Speed) -> Timestamp {
        match speed {
            Speed::Max => self.now,
            Speed::Factor(factor) => {
                let passed =
                    SignedDuration::try_from_secs_f64(self.since.elapsed().as_secs_f64() * factor);
                passed
                    .ok()
                    .and_then(|passed| self.now.checked_add(passed).ok())
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    fn waits(&mut self, kind: Kind) -> &mut Waits {
        match kind {
            Kind::Sleep => &mut self.sleeps,
            Kind::Deadline => &mut self.deadlines,
        }
    }
}

/// Removes a wait that ended or was given up.
struct Ticket<'a> {
    clock: &'a Clock,
    place: (Timestamp, u64),
    kind: Kind,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        let removed = state.waits(self.kind).remove(&self.place).is_some();
        drop(state);
        if removed {
            self.clock.0.changed.notify_one();
        }
    }
}

/// Somebody works while this lives.
pub(crate) struct Work(Clock);

impl Drop for Work {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.busy -= 1;
        state.quiet = Instant::now();
        drop(state);
        self.0.0.changed.notify_one();
    }
}

/// Returns `at + duration`, or the end of time.
pub(crate) fn add(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| at.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}
