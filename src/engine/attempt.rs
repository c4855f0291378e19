//! One step, from its beginning to its end: its limit, its retries, and what becomes of a panic.

use std::{
    any::Any,
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use windlass_provider::{Clock, Ctx, Error, Fault, Result};

use super::{Event, EventKind, Executor, Outcome, Outcomes, Reporter};
use crate::plan::Step;

/// The first wait before a step is tried again; each later one is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait before a step is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a step whose time ran out may take to say what it waited for: the longest explanation and a little more.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// No step takes longer, and a limit of more would be beyond the calendar.
const LONGEST_LIMIT: Duration = Duration::from_hours(24 * 365);

/// Tells the reporter what happens, one thing at a time.
pub(super) struct Voice {
    reporter: Arc<dyn Reporter>,
    clock: Arc<dyn Clock>,
    turn: Mutex<()>,
}

impl Voice {
    pub(super) fn new(reporter: Arc<dyn Reporter>, clock: Arc<dyn Clock>) -> Self {
        Self {
            reporter,
            clock,
            turn: Mutex::new(()),
        }
    }

    pub(super) fn say(&self, kind: EventKind) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.reporter.report(&Event {
            time: self.clock.now(),
            kind,
        });
    }
}

/// How a step ended.
pub(super) struct Ended {
    pub(super) result: Result<Outcome>,
    /// Whether it panicked: our bug, and not the world's.
    pub(super) panicked: bool,
}

/// A step that is being run.
pub(super) struct Attempt<'a, A> {
    pub(super) step: &'a Step<A>,
    pub(super) executor: &'a dyn Executor<A>,
    /// What the step is given; its deadline is that of the run.
    pub(super) cx: Ctx,
    pub(super) done: Arc<Outcomes>,
    pub(super) voice: Arc<Voice>,
    pub(super) seed: u64,
}

impl<A: Send + Sync> Attempt<'_, A> {
    /// Runs the step until it is done, fails for good, or its limit, the run's deadline or an interruption stops it.
    pub(super) async fn run(mut self) -> Ended {
        let run_deadline = self.cx.deadline;
        self.cx = self.cx.within(self.step.limit().min(LONGEST_LIMIT));
        let of_run = run_deadline == self.cx.deadline;
        let mut tries = 0;
        let mut last: Option<Error> = None;
        loop {
            tries += 1;
            let error = match self.run_once().await {
                Ok(Ok(outcome)) => return Ended::with(Ok(outcome)),
                Ok(Err(error)) => error,
                Err(panic) => return Ended::by_panic(self.step, &*panic),
            };
            match error.fault {
                Fault::Transient => {
                    let wait = self.wait_before(tries + 1);
                    if self.has_time_for(wait) {
                        self.voice.say(EventKind::StepRetried {
                            step: self.step.id.clone(),
                            error: error.to_line(),
                            in_seconds: wait.as_secs_f64(),
                        });
                        let slept = self
                            .cx
                            .bound(&self.step.title, async {
                                self.cx.clock.sleep(wait).await;
                                Ok(())
                            })
                            .await;
                        if let Err(stopped) = slept {
                            return Ended::with(Err(stopped.cause(error.to_line())));
                        }
                        last = Some(error);
                    } else {
                        let late = Error::timed_out(&self.step.title);
                        return Ended::with(Err(self.explain(late, Some(&error), of_run)));
                    }
                }
                Fault::TimedOut => {
                    return Ended::with(Err(self.explain(error, last.as_ref(), of_run)));
                }
                _ => return Ended::with(Err(error)),
            }
        }
    }

    /// Runs the step once; the outer error is what it panicked with. A step whose time ran out knows best what it waited for: it
    /// is dropped only when it does not say so.
    async fn run_once(&self) -> Result<Result<Outcome>, Box<dyn Any + Send>> {
        let Self { step, cx, .. } = self;
        let work = AssertUnwindSafe(self.executor.run(cx, step, &self.done)).catch_unwind();
        let timeout = async {
            match cx.deadline {
                Some(at) => {
                    cx.clock.reached(at).await;
                    // From now on: a clock may have leapt.
                    cx.clock.reached(cx.clock.now() + LAST_WORDS).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            result = work => result,
            () = cx.cancel.cancelled() => Ok(Err(Error::cancelled(&step.title))),
            () = timeout => Ok(Err(Error::timed_out(&step.title))),
        }
    }

    /// Returns how long to wait before the try of this number: from half of twice the last wait to the whole of it.
    fn wait_before(&self, number: u32) -> Duration {
        let whole = FIRST_WAIT
            .saturating_mul(1 << number.saturating_sub(2).min(16))
            .min(LONGEST_WAIT);
        let mut hasher = DefaultHasher::new();
        (self.seed, self.step.id.as_str(), number).hash(&mut hasher);
        // 53 bits are what a float holds exactly.
        let share = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
        whole.mul_f64(0.5 + share / 2.0)
    }

    fn has_time_for(&self, wait: Duration) -> bool {
        self.cx
            .deadline
            .is_none_or(|at| self.cx.clock.now() + wait < at)
    }

    /// Says whose time it was that ran out, and what stood in the way last.
    fn explain(&self, mut late: Error, last: Option<&Error>, of_run: bool) -> Error {
        if let Some(last) = last {
            late = late.cause(last.to_line());
            late.hints.extend(last.hints.iter().cloned());
        }
        let limit = self.step.limit_seconds;
        if of_run {
            late.cause("the time for the whole run is used up")
                .hint("give it more time with --timeout")
        } else {
            late.cause(format!("this step may take {limit} seconds"))
        }
    }
}

impl Ended {
    fn with(result: Result<Outcome>) -> Self {
        Self {
            result,
            panicked: false,
        }
    }

    fn by_panic<A>(step: &Step<A>, panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let error = Error::new(Fault::Failed, format!("{}: windlass panicked", step.title))
            .cause(message)
            .hint("this is a bug in windlass: please report it with the lines above");
        Self {
            result: Err(error),
            panicked: true,
        }
    }
}
