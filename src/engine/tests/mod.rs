//! The engine against a scripted executor and a clock that jumps: as soon as nothing but time is left to wait for, it is
//! there (tokio's paused clock).

mod faults;
mod resuming;
mod running;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;
use windlass_provider::{Change, Clock, Ctx, Error, Fault, ProviderId, Result};

use super::{
    Engine, Event, EventKind, Executor, Finished, Interrupt, Options, Outcome, Outcomes, PastRun,
    Reporter, RunLock, digest, read_latest,
};
use crate::{
    error::Kind,
    plan::{Plan, Step, StepId},
    redact::Redactor,
};

/// Tokio's time, from a fixed date on.
#[derive(Debug)]
pub(crate) struct JumpingClock(Instant);

impl JumpingClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn reached(&self, at: Timestamp) {
        if let Ok(left) = Duration::try_from(at.duration_since(self.now())) {
            tokio::time::sleep(left).await;
        }
    }
}

/// What a scripted step does, one of these a try; without a script it takes its usual seconds and is done.
#[derive(Clone)]
pub(super) enum Act {
    Fault(Fault),
    Panic,
    /// Says this, and takes so many seconds.
    Say(&'static str, u64),
    /// Never ends, and heeds no interruption.
    Hang,
    /// Ends when it is interrupted, with an error of its own.
    Heed,
    /// Interrupts the run, and takes so many seconds.
    Interrupt(u64),
    /// Runs this, and is done.
    Do(Arc<dyn Fn() + Send + Sync>),
}

/// What there is for the executor, the reporter and the test to share.
pub(super) struct Stage {
    pub(super) clock: Arc<JumpingClock>,
    pub(super) interrupt: Interrupt,
    scripts: Mutex<BTreeMap<&'static str, Vec<Act>>>,
    /// What the world holds: steps that were carried out, as far as nobody took them away again.
    pub(super) world: Mutex<BTreeSet<StepId>>,
    running: Mutex<(usize, usize)>,
    told: Mutex<Vec<String>>,
}

impl Stage {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: JumpingClock::new(),
            interrupt: Interrupt::new(),
            scripts: Mutex::default(),
            world: Mutex::default(),
            running: Mutex::default(),
            told: Mutex::default(),
        })
    }

    pub(super) fn script(&self, step: &'static str, acts: impl Into<Vec<Act>>) {
        self.scripts.lock().unwrap().insert(step, acts.into());
    }

    /// Returns how many steps ran at once at most.
    pub(super) fn peak(&self) -> usize {
        self.running.lock().unwrap().1
    }

    /// Takes what was told so far, one line an event: seconds since the beginning, and what happened.
    pub(super) fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn next_act(&self, step: &StepId) -> Option<Act> {
        let mut scripts = self.scripts.lock().unwrap();
        let acts = scripts.get_mut(step.as_str())?;
        (!acts.is_empty()).then(|| acts.remove(0))
    }

    /// Takes the lock of a run that has ended. A program that another test starts in this moment holds it a little longer:
    /// until it is loaded, it has every open file of this process.
    fn take_lock(&self, folder: &Path) -> crate::error::Result<RunLock> {
        loop {
            match RunLock::take(folder, "setup", &*self.clock) {
                Err(error) if error.to_string().contains("another windlass") => {
                    std::thread::yield_now();
                }
                result => return result,
            }
        }
    }

    pub(super) fn engine(self: &Arc<Self>) -> Engine {
        Engine {
            cx: Ctx::new(self.clock.clone()),
            interrupt: self.interrupt.clone(),
            reporter: self.clone(),
            redactor: Arc::new(Redactor::new()),
            options: Options::default(),
        }
    }

    pub(super) async fn run(
        self: &Arc<Self>,
        folder: &Path,
        plan: &Plan<()>,
        past: Option<&PastRun<()>>,
        adjust: impl FnOnce(&mut Engine),
    ) -> crate::error::Result<Finished> {
        let lock = self.take_lock(folder)?;
        let mut engine = self.engine();
        adjust(&mut engine);
        engine.run(&lock, plan, past, &**self).await
    }
}

#[async_trait]
impl Executor<()> for Stage {
    async fn run(&self, cx: &Ctx, step: &Step<()>, done: &Outcomes) -> Result<Outcome> {
        /// Counts a step out, however it ends.
        struct Count<'a>(&'a Mutex<(usize, usize)>);
        impl Drop for Count<'_> {
            fn drop(&mut self) {
                self.0.lock().unwrap().0 -= 1;
            }
        }
        {
            let mut running = self.running.lock().unwrap();
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        let _count = Count(&self.running);
        for need in &step.needs {
            assert!(done.contains_key(need), "{} began before {need}", step.id);
        }
        let mut seconds = step.usual_seconds;
        match self.next_act(&step.id) {
            None => {}
            Some(Act::Fault(fault)) => {
                return Err(Error::new(fault, format!("cannot do {}", step.id)).cause("the reason"));
            }
            Some(Act::Panic) => panic!("{} fell over", step.id),
            Some(Act::Say(what, takes)) => {
                cx.progress.say(what);
                seconds = takes;
            }
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Heed) => {
                cx.cancel.cancelled().await;
                return Err(Error::cancelled("heeding"));
            }
            Some(Act::Interrupt(takes)) => {
                self.interrupt.request();
                seconds = takes;
            }
            Some(Act::Do(work)) => work(),
        }
        cx.clock.sleep(Duration::from_secs(seconds)).await;
        let is_new = self.world.lock().unwrap().insert(step.id.clone());
        Ok(Outcome::of(if is_new {
            Change::Made
        } else {
            Change::Unchanged
        }))
    }

    async fn verify(&self, _: &Ctx, steps: &[&Step<()>], _: &Outcomes) -> BTreeSet<StepId> {
        let world = self.world.lock().unwrap();
        steps
            .iter()
            .filter(|step| world.contains(&step.id))
            .map(|step| step.id.clone())
            .collect()
    }
}

impl Reporter for Stage {
    fn report(&self, event: &Event) {
        let what = match &event.kind {
            EventKind::RunStarted { steps, resumed, .. } => format!("run {resumed}/{steps}"),
            EventKind::StepStarted { step, attempt, .. } => format!("begin {step} #{attempt}"),
            EventKind::StepProgress { step, message } => format!("say {step} {message}"),
            EventKind::StepRetried { step, error, .. } => format!("retry {step} {error}"),
            EventKind::StepSkipped { step, .. } => format!("skip {step}"),
            EventKind::StepFinished {
                step,
                outcome,
                seconds,
                ..
            } => format!("done {step} {:?} {seconds:.0}s", outcome.change),
            EventKind::StepFailed { step, fault, .. } => format!("fail {step} {fault:?}"),
            EventKind::Interrupted { running } => format!("interrupted {running}"),
            EventKind::RunEnded {
                exit, done, steps, ..
            } => format!("end {exit} {done}/{steps}"),
        };
        let seconds = event.time.as_second() - 1_800_000_000;
        self.told.lock().unwrap().push(format!("{seconds} {what}"));
    }
}

/// Returns a plan of steps: id, needs with blanks between, usual seconds.
pub(crate) fn plan(steps: &[(&str, &str, u64)]) -> Plan<()> {
    Plan {
        command: "setup".into(),
        cluster: "dot".parse().unwrap(),
        provider: ProviderId::Kind,
        rehearsal: false,
        asked: BTreeMap::new(),
        beyond: Default::default(),
        steps: steps
            .iter()
            .map(|(id, needs, seconds)| Step {
                id: StepId::new(*id),
                title: format!("do {id}"),
                needs: needs.split_whitespace().map(StepId::new).collect(),
                action: (),
                makes: Vec::new(),
                removes: Vec::new(),
                usual_seconds: *seconds,
                limit_seconds: 100,
            })
            .collect(),
    }
}

pub(super) fn names<'a>(steps: impl IntoIterator<Item = &'a StepId>) -> Vec<&'a str> {
    steps.into_iter().map(StepId::as_str).collect()
}
