//! Compares how long the engine takes for random plans with the bounded schedule of the durations that it journalled: how long
//! they must take with so many steps at once, each begun as soon as possible. Ends with an error where it is more than 5 %.
//!
//! Run it with `cargo bench --bench schedule`.
#![expect(
    clippy::print_stdout,
    reason = "the table is what the benchmark is for"
)]

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use windlass::{
    engine::{
        Engine, Event, EventKind, Executor, Interrupt, Options, Outcome, Outcomes, Reporter,
        RunLock,
    },
    plan::{Plan, Step, StepId},
    redact::Redactor,
};
use windlass_provider::{Change, Ctx, ProviderId, Result, SystemClock};

const STEPS: u64 = 60;
const SEEDS: [u64; 4] = [1, 2, 3, 4];
const JOBS: [usize; 2] = [8, 2];
const MOST: f64 = 1.05;

/// Steps whose action is how many milliseconds they take.
struct Sleeper;

#[async_trait]
impl Executor<u64> for Sleeper {
    async fn run(&self, cx: &Ctx, step: &Step<u64>, _: &Outcomes) -> Result<Outcome> {
        cx.clock.sleep(Duration::from_millis(step.action)).await;
        Ok(Outcome::of(Change::Made))
    }

    async fn verify(&self, _: &Ctx, _: &[&Step<u64>], _: &Outcomes) -> BTreeSet<StepId> {
        BTreeSet::new()
    }
}

/// Keeps how long each step took.
#[derive(Default)]
struct Durations(std::sync::Mutex<BTreeMap<StepId, f64>>);

impl Reporter for Durations {
    fn report(&self, event: &Event) {
        if let EventKind::StepFinished { step, seconds, .. } = &event.kind {
            let mut durations = self.0.lock().expect("no report panics");
            durations.insert(step.clone(), *seconds);
        }
    }
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn draw_plan(seed: u64) -> Plan<u64> {
    let mut random = Random(seed);
    let steps = (0..STEPS)
        .map(|index| {
            let milliseconds = 50 + random.below(350);
            let needs: BTreeSet<u64> = (0..random.below(4).min(index))
                .map(|_| index.saturating_sub(20) + random.below(index.min(20)))
                .collect();
            Step {
                id: StepId::new(format!("kube/{index:02}")),
                title: format!("step {index}"),
                needs: needs
                    .into_iter()
                    .map(|need| StepId::new(format!("kube/{need:02}")))
                    .collect(),
                action: milliseconds,
                makes: Vec::new(),
                removes: Vec::new(),
                usual_seconds: milliseconds,
                limit_seconds: 60,
            }
        })
        .collect();
    Plan {
        command: "setup".into(),
        cluster: "dot".parse().expect("a name"),
        provider: ProviderId::Kind,
        rehearsal: false,
        asked: BTreeMap::new(),
        beyond: Default::default(),
        steps,
    }
}

/// Returns the seconds that a plan takes with these durations, `jobs` steps at once, and no time lost between them.
fn bound(plan: &Plan<u64>, durations: &BTreeMap<StepId, f64>, jobs: usize) -> f64 {
    let steps = &plan.steps;
    let mut ways = vec![0; steps.len()];
    let mut dependents = vec![Vec::new(); steps.len()];
    let mut waits = vec![0; steps.len()];
    for (index, step) in steps.iter().enumerate().rev() {
        let after = dependents[index]
            .iter()
            .map(|dependent: &usize| ways[*dependent])
            .max();
        ways[index] = step.usual_seconds + after.unwrap_or(0);
        for (other, candidate) in steps.iter().enumerate() {
            if step.needs.contains(&candidate.id) {
                dependents[other].push(index);
                waits[index] += 1;
            }
        }
    }
    let mut ready: BinaryHeap<(u64, Reverse<usize>)> = (0..steps.len())
        .filter(|index| waits[*index] == 0)
        .map(|index| (ways[index], Reverse(index)))
        .collect();
    // In microseconds, which have an order.
    let mut running: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut now = 0;
    loop {
        while running.len() < jobs
            && let Some((_, Reverse(index))) = ready.pop()
        {
            let takes = (durations[&steps[index].id] * 1e6) as u64;
            running.push(Reverse((now + takes, index)));
        }
        let Some(Reverse((ends, index))) = running.pop() else {
            return now as f64 / 1e6;
        };
        now = ends;
        for dependent in &dependents[index] {
            waits[*dependent] -= 1;
            if waits[*dependent] == 0 {
                ready.push((ways[*dependent], Reverse(*dependent)));
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    println!("{STEPS} steps of 50 to 400 ms, wall time against the bounded schedule");
    println!(
        "{:>4}  {:>4}  {:>9}  {:>9}  {:>6}",
        "seed", "jobs", "wall s", "bound s", "ratio"
    );
    let mut worst: f64 = 0.0;
    for jobs in JOBS {
        for seed in SEEDS {
            let plan = draw_plan(seed);
            let folder = tempfile::tempdir().expect("a folder for the journal");
            let lock = RunLock::take(folder.path(), "setup", &SystemClock).expect("a free lock");
            let durations = Arc::new(Durations::default());
            let engine = Engine {
                cx: Ctx::new(Arc::new(SystemClock)),
                interrupt: Interrupt::new(),
                reporter: durations.clone(),
                redactor: Arc::new(Redactor::new()),
                options: Options {
                    jobs,
                    ..Options::default()
                },
            };
            let begun = Instant::now();
            let finished = engine
                .run(&lock, &plan, None, &Sleeper)
                .await
                .expect("a run");
            let wall = begun.elapsed().as_secs_f64();
            assert!(finished.exit.is_none(), "{finished:?}");
            let durations = durations.0.lock().expect("no report panics");
            let bound = bound(&plan, &durations, jobs);
            let ratio = wall / bound;
            worst = worst.max(ratio);
            println!("{seed:>4}  {jobs:>4}  {wall:>9.3}  {bound:>9.3}  {ratio:>6.3}");
        }
    }
    println!("worst ratio {worst:.3}, at most {MOST:.2}");
    if worst <= MOST {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
