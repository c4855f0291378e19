//! One run of a plan, from its first record to its last.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use serde::Serialize;
use windlass_provider::{Ctx, Fault, Progress};

use super::{
    EventKind, Executor, Interrupt, Outcomes, PastRun, Reporter, RunLock,
    attempt::{Attempt, Ended, Voice},
    digest,
    journal::{Journal, RecordKind},
    resume::keep_holding,
    schedule::Schedule,
};
use crate::{
    error::{Error, Kind, Result},
    plan::{Plan, Step, StepId},
    redact::Redactor,
};

/// How a plan is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many steps run side by side at most; at least 1.
    pub jobs: usize,
    /// Whether a failed step stops only what needs it, as destroy wants it, and not all that has not begun.
    pub keep_going: bool,
    /// How long running steps may go on after the first interruption.
    pub grace: Duration,
    /// What the jitter of retries is drawn from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 8,
            keep_going: false,
            grace: Duration::from_secs(10),
            seed: 0,
        }
    }
}

/// Runs plans.
pub struct Engine {
    /// What every step is given: the clock, the deadline of the whole run (`--timeout`), the program lock. Its progress
    /// and cancellation are replaced.
    pub cx: Ctx,
    /// How the user stops it.
    pub interrupt: Interrupt,
    /// Who shows what happens.
    pub reporter: Arc<dyn Reporter>,
    /// What keeps secrets out of the journal.
    pub redactor: Arc<Redactor>,
    /// How it runs.
    pub options: Options,
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// The run's id, a ULID.
    pub run: String,
    /// Why not all is done, the gravest reason; `None`: all is.
    pub exit: Option<Kind>,
    /// What came of each step that is done, by this attempt or by an earlier one.
    pub outcomes: Outcomes,
    /// Those of them that an earlier attempt had finished and that still held.
    pub skipped: BTreeSet<StepId>,
    /// The steps that failed, in that order.
    pub failures: Vec<(StepId, windlass_provider::Error)>,
    /// The steps that never began.
    pub not_begun: Vec<StepId>,
    /// Why the journal could not be written, where that stopped the run.
    pub journal_fault: Option<Error>,
    /// How long this attempt took, on the injected clock.
    pub seconds: f64,
}

impl Engine {
    /// Runs `plan`: as a new run, or going on with `past`, an unfinished run of the same plan.
    ///
    /// # Errors
    /// Only where nothing was begun: a plan that is none, another plan's `past`, a journal that cannot be written, an
    /// interruption while looking at what `past` had finished. Whatever comes later is in [`Finished`].
    pub async fn run<A>(
        &self,
        lock: &RunLock,
        plan: &Plan<A>,
        past: Option<&PastRun<A>>,
        executor: &dyn Executor<A>,
    ) -> Result<Finished>
    where
        A: Serialize + Send + Sync,
    {
        let mut run = self.open(lock, plan, past, executor).await?;
        run.announce();
        match run.drive().await {
            Ok(()) => Ok(run.end()),
            Err(error) => {
                run.announce_end(error.kind.exit_code());
                Err(error)
            }
        }
    }

    /// Opens the journal of a run, having looked at what `past` had finished.
    pub(super) async fn open<'a, A>(
        &'a self,
        lock: &RunLock,
        plan: &'a Plan<A>,
        past: Option<&PastRun<A>>,
        executor: &'a dyn Executor<A>,
    ) -> Result<Run<'a, A>>
    where
        A: Serialize + Send + Sync,
    {
        plan.check().map_err(|error| Error::new(Kind::Bug, error))?;
        let begun = self.cx.clock.now();
        let cx = Ctx {
            cancel: self.interrupt.at_once().clone(),
            progress: Default::default(),
            ..self.cx.clone()
        };
        let (journal, outcomes, starts) = match past {
            None => {
                let journal =
                    Journal::begin(lock.folder(), plan, &*cx.clock, self.redactor.clone())?;
                (journal, Outcomes::new(), BTreeMap::new())
            }
            Some(past) => {
                let outcomes = self.verify(plan, past, executor).await?;
                let journal = Journal::resume(past, &*cx.clock, self.redactor.clone())?;
                (journal, outcomes, past.starts.clone())
            }
        };
        let skipped: BTreeSet<StepId> = outcomes.keys().cloned().collect();
        Ok(Run {
            voice: Arc::new(Voice::new(self.reporter.clone(), cx.clock.clone())),
            schedule: Schedule::new(plan, &skipped),
            engine: self,
            plan,
            executor,
            cx,
            journal,
            outcomes: Arc::new(outcomes),
            skipped,
            starts,
            begun,
            any_began: false,
            failures: Vec::new(),
            exit: None,
            journal_fault: None,
        })
    }

    /// Returns the outcomes of those steps of `past` that still hold.
    async fn verify<A>(
        &self,
        plan: &Plan<A>,
        past: &PastRun<A>,
        executor: &dyn Executor<A>,
    ) -> Result<Outcomes>
    where
        A: Serialize + Send + Sync,
    {
        if digest(plan) != past.digest {
            return Err(Error::message(
                Kind::Refused,
                format!(
                    "run {} cannot be gone on with: its plan is another",
                    past.run
                ),
            )
            .hint("begin a new run with --replan"));
        }
        let finished: Vec<&Step<A>> = plan
            .steps
            .iter()
            .filter(|step| past.outcomes.contains_key(&step.id))
            .collect();
        if finished.is_empty() {
            return Ok(Outcomes::new());
        }
        let cx = Ctx {
            cancel: self.interrupt.gently().clone(),
            ..self.cx.clone()
        };
        let look = async {
            let look = AssertUnwindSafe(executor.verify(&cx, &finished, &past.outcomes));
            // What cannot be told does not hold.
            Ok(look.catch_unwind().await.unwrap_or_default())
        };
        let verified = cx
            .bound("looking at what the earlier run had done", look)
            .await?;
        let holding = keep_holding(plan, &verified);
        Ok(past
            .outcomes
            .iter()
            .filter(|(step, _)| holding.contains(*step))
            .map(|(step, outcome)| (step.clone(), outcome.clone()))
            .collect())
    }
}

/// A run that is going on.
pub(super) struct Run<'a, A> {
    engine: &'a Engine,
    plan: &'a Plan<A>,
    executor: &'a dyn Executor<A>,
    cx: Ctx,
    pub(super) journal: Journal,
    voice: Arc<Voice>,
    schedule: Schedule<'a, A>,
    outcomes: Arc<Outcomes>,
    skipped: BTreeSet<StepId>,
    starts: BTreeMap<StepId, u32>,
    begun: Timestamp,
    any_began: bool,
    failures: Vec<(StepId, windlass_provider::Error)>,
    exit: Option<Kind>,
    journal_fault: Option<Error>,
}

impl<'a, A: Serialize + Send + Sync> Run<'a, A> {
    pub(super) fn announce(&self) {
        let plan = self.plan;
        self.voice.say(EventKind::RunStarted {
            run: self.journal.run().to_string(),
            command: plan.command.clone(),
            cluster: plan.cluster.to_string(),
            provider: plan.provider,
            rehearsal: plan.rehearsal,
            steps: plan.steps.len(),
            resumed: self.skipped.len(),
        });
        for step in &plan.steps {
            if self.skipped.contains(&step.id) {
                self.voice.say(EventKind::StepSkipped {
                    step: step.id.clone(),
                    title: step.title.clone(),
                });
            }
        }
    }

    /// Runs steps until none is running and none may begin.
    pub(super) async fn drive(&mut self) -> Result<()> {
        let engine: &'a Engine = self.engine;
        let interrupt = &engine.interrupt;
        let clock = self.cx.clock.clone();
        let mut running = FuturesUnordered::new();
        let mut grace_ends: Option<Timestamp> = None;
        loop {
            if interrupt.is_requested() && grace_ends.is_none() {
                grace_ends = Some(clock.now() + engine.options.grace);
                self.voice.say(EventKind::Interrupted {
                    running: running.len(),
                });
            }
            while running.len() < engine.options.jobs.max(1)
                && !interrupt.is_requested()
                && self.may_begin()
                && let Some((index, step)) = self.schedule.take_next()
            {
                let Some(attempt) = self.begin_step(index, step)? else {
                    break;
                };
                let began = clock.now();
                running.push(async move { (index, step, began, attempt.run().await) });
            }
            if running.is_empty() {
                return Ok(());
            }
            let grace = async {
                match grace_ends {
                    Some(at) if !interrupt.at_once().is_cancelled() => clock.reached(at).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((index, step, began, ended)) = running.next() => {
                    self.end_step(index, step, began, ended);
                }
                () = interrupt.gently().cancelled(), if grace_ends.is_none() => {}
                () = grace => interrupt.at_once().cancel(),
            }
        }
    }

    /// Returns whether steps may begin, as far as the user did not ask to stop.
    fn may_begin(&mut self) -> bool {
        let failed = !self.failures.is_empty() && !self.engine.options.keep_going;
        !failed && self.journal_fault.is_none() && !self.is_late()
    }

    fn is_late(&self) -> bool {
        self.cx.deadline.is_some_and(|at| self.cx.clock.now() >= at)
    }

    /// Writes down that a step begins; `None` where that cannot be done, so that it does not.
    ///
    /// # Errors
    /// The same, where nothing was begun before: the run is refused then.
    fn begin_step(&mut self, index: usize, step: &'a Step<A>) -> Result<Option<Attempt<'a, A>>> {
        let nth = self.starts.get(&step.id).copied().unwrap_or(0) + 1;
        let started = RecordKind::Started {
            step: step.id.clone(),
            nth,
        };
        if let Err(error) = self.journal.append(self.cx.clock.now(), started) {
            self.schedule.put_back(index);
            if !self.any_began {
                return Err(error);
            }
            self.note_journal_fault(error);
            return Ok(None);
        }
        self.any_began = true;
        self.starts.insert(step.id.clone(), nth);
        self.voice.say(EventKind::StepStarted {
            step: step.id.clone(),
            title: step.title.clone(),
            attempt: nth,
        });
        let (voice, id) = (self.voice.clone(), step.id.clone());
        let progress = Progress::new(move |message| {
            voice.say(EventKind::StepProgress {
                step: id.clone(),
                message: message.to_owned(),
            });
        });
        Ok(Some(Attempt {
            step,
            executor: self.executor,
            cx: Ctx {
                progress,
                ..self.cx.clone()
            },
            done: self.outcomes.clone(),
            voice: self.voice.clone(),
            seed: self.engine.options.seed,
        }))
    }

    /// Writes down how a step ended, and shows it. What cannot be written down is not shown as done: it runs again.
    fn end_step(&mut self, index: usize, step: &Step<A>, began: Timestamp, ended: Ended) {
        let now = self.cx.clock.now();
        let seconds = now.duration_since(began).as_secs_f64();
        let (record, event) = match &ended.result {
            Ok(outcome) => (
                RecordKind::Finished {
                    step: step.id.clone(),
                    outcome: outcome.clone(),
                    seconds,
                },
                EventKind::StepFinished {
                    step: step.id.clone(),
                    title: step.title.clone(),
                    outcome: outcome.clone(),
                    seconds,
                },
            ),
            Err(error) => (
                RecordKind::Failed {
                    step: step.id.clone(),
                    fault: error.fault,
                    error: error.message.clone(),
                    causes: error.causes.clone(),
                    hints: error.hints.clone(),
                    seconds,
                },
                EventKind::StepFailed {
                    step: step.id.clone(),
                    title: step.title.clone(),
                    fault: error.fault,
                    error: error.message.clone(),
                    causes: error.causes.clone(),
                    hints: error.hints.clone(),
                },
            ),
        };
        match self.journal.append(now, record) {
            Ok(()) => self.voice.say(event),
            Err(error) => self.note_journal_fault(error),
        }
        match ended.result {
            Ok(outcome) => {
                Arc::make_mut(&mut self.outcomes).insert(step.id.clone(), outcome);
                self.schedule.finish(index);
            }
            Err(error) => {
                self.note_exit(if ended.panicked {
                    Kind::Bug
                } else {
                    self.judge(error.fault)
                });
                self.failures.push((step.id.clone(), error));
            }
        }
    }

    /// Returns the kind of error that a step's fault makes of the run.
    fn judge(&self, fault: Fault) -> Kind {
        match fault {
            Fault::Denied | Fault::Quota => Kind::Denied,
            Fault::TimedOut => Kind::TimedOut,
            Fault::Cancelled if self.engine.interrupt.is_requested() => Kind::Interrupted,
            Fault::Cancelled
            | Fault::Transient
            | Fault::Invalid
            | Fault::Unavailable
            | Fault::NoAccess
            | Fault::Conflict
            | Fault::Failed => Kind::Stopped,
        }
    }

    fn note_exit(&mut self, kind: Kind) {
        self.exit = Some(self.exit.map_or(kind, |exit| exit.graver(kind)));
    }

    /// Keeps the first fault of the journal; no step begins after it.
    fn note_journal_fault(&mut self, error: Error) {
        self.note_exit(Kind::Stopped);
        self.journal_fault.get_or_insert(Error {
            kind: Kind::Stopped,
            ..error
        });
    }

    /// Writes down and shows that the run has ended.
    pub(super) fn end(mut self) -> Finished {
        let not_begun = self.schedule.list_open();
        if self.exit.is_some() || !not_begun.is_empty() {
            if self.engine.interrupt.is_requested() {
                self.note_exit(Kind::Interrupted);
            } else if self.exit.is_none() {
                // Nothing failed, and yet steps did not begin: only the time can have stopped them.
                self.note_exit(Kind::TimedOut);
            } else if !not_begun.is_empty() && self.engine.options.keep_going && self.is_late() {
                self.note_exit(Kind::TimedOut);
            }
        }
        let ended = RecordKind::Ended {
            exit: self.exit.map_or(0, Kind::exit_code),
        };
        // A run without this record counts as unfinished, which costs one look at what it did.
        if let Err(error) = self.journal.append(self.cx.clock.now(), ended) {
            self.note_journal_fault(error);
        }
        let seconds = self.announce_end(self.exit.map_or(0, Kind::exit_code));
        Finished {
            run: self.journal.run().to_string(),
            exit: self.exit,
            outcomes: Arc::unwrap_or_clone(self.outcomes),
            skipped: self.skipped,
            failures: self.failures,
            not_begun,
            journal_fault: self.journal_fault,
            seconds,
        }
    }

    /// Shows that the run has ended; returns how many seconds it took.
    fn announce_end(&self, exit: u8) -> f64 {
        let seconds = self.cx.clock.now().duration_since(self.begun).as_secs_f64();
        self.voice.say(EventKind::RunEnded {
            exit,
            done: self.outcomes.len(),
            steps: self.plan.steps.len(),
            seconds,
        });
        seconds
    }
}
