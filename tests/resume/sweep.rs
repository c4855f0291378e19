//! The sweep on Kind: the mutating requests of setup and of destroy, before and after each is carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    picture::Picture,
    world::{Killed, Ran, Rest, When, World},
};

/// All components go through the same requests, so that those without which none is installed, and two side by side, show what
/// there is to see; of the requests of a setup as it is by default, which are thrice as many, a few are tried.
pub(crate) const SETUP: &[&str] = &["setup", "kind", "--only", "cert-manager,traefik"];
const WHOLE: &[&str] = &["setup", "kind"];
pub(crate) const DESTROY: &[&str] = &["destroy", "kind"];

#[test]
fn setup_goes_on_from_every_request() -> Result<()> {
    let sweep = Sweep::plan(Rest::empty()?, SETUP)?;
    let all = ["component/traefik", "kube/namespaces", "resource/cluster"];
    ensure!(all.iter().all(|step| sweep.steps.contains(*step)));
    sweep.run(|world| {
        world.complete(DESTROY)?;
        expect_nothing(world)
    })
}

#[test]
fn a_whole_setup_goes_on_from_some_requests() -> Result<()> {
    let mut sweep = Sweep::plan(Rest::empty()?, WHOLE)?;
    let all = ["component/aso", "component/atlas", "component/crossplane"];
    ensure!(all.iter().all(|step| sweep.steps.contains(*step)));
    sweep.sampled = true;
    sweep.run(|world| {
        world.complete(DESTROY)?;
        expect_nothing(world)
    })
}

#[test]
fn destroy_goes_on_from_every_request() -> Result<()> {
    let world = Rest::empty()?.wake()?;
    world.complete(SETUP)?;
    Sweep::plan(world.rest()?, DESTROY)?.run(expect_nothing)
}

#[test]
fn destroy_of_what_is_in_the_cluster_of_others_goes_on_from_every_request() -> Result<()> {
    let world = Rest::empty()?.wake()?;
    world.program(&["kind", "create", "cluster", "--name", "dot"])?;
    let before = world.picture()?;
    world.complete(SETUP)?;
    let sweep = Sweep::plan(world.rest()?, DESTROY)?;
    // The cluster itself is kept, as it was; of a chart, Helm leaves the definitions, and the receipt says so.
    let names = |picture: &Picture| -> BTreeSet<String> {
        let names = picture.names().into_iter();
        let kept = names.filter(|name| !name.contains("CustomResourceDefinition"));
        kept.map(str::to_owned).collect()
    };
    assert_eq!(names(&before), names(&sweep.end));
    sweep.run(|_| Ok(()))
}

/// One command, killed at each of its requests.
struct Sweep {
    start: Rest,
    args: &'static [&'static str],
    /// What there is after an undisturbed run.
    end: Picture,
    /// How many mutating requests that takes.
    requests: u64,
    /// The steps that it finishes.
    steps: BTreeSet<String>,
    /// Whether a few cases are enough.
    sampled: bool,
}

impl Sweep {
    /// Counts the requests of an undisturbed run, and makes sure that one run is like another.
    fn plan(start: Rest, args: &'static [&'static str]) -> Result<Self> {
        let watch = || -> Result<_> {
            let world = start.wake()?;
            let ran = world.complete(args)?;
            let steps = ran.steps("step-finished").into_iter().collect();
            Ok((world.picture()?, world.count_mutations()?, steps))
        };
        let (end, requests, steps) = watch()?;
        let (again, _, _) = watch()?;
        if let Some(differs) = end.compare(&again) {
            panic!("two undisturbed runs differ:\n  {differs}");
        }
        ensure!(requests > 0, "{args:?} changes nothing");
        Ok(Self {
            start,
            args,
            end,
            requests,
            steps,
            sampled: false,
        })
    }

    /// Runs every case, some side by side, with something more to check at the end of each.
    fn run(&self, check: impl Fn(&World) -> Result<()> + Sync) -> Result<()> {
        let cases: Vec<(u64, When)> = (1..=self.requests)
            .flat_map(|at| [(at, When::Before), (at, When::After)])
            .collect();
        let cases = chosen(cases, self.sampled);
        let next = AtomicUsize::new(0);
        let failures = Mutex::new(Vec::new());
        let workers = thread::available_parallelism().map_or(2, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers.clamp(2, 4) {
                scope.spawn(|| {
                    while let Some((at, when)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = self.try_case(*at, *when, &check) {
                            let told = format!("request {at}, {when:?}: {error:#}");
                            failures.lock().expect("no worker panics").push(told);
                        }
                    }
                });
            }
        });
        let failures = failures.into_inner()?;
        ensure!(
            failures.is_empty(),
            "{} of {} cases failed:\n{}",
            failures.len(),
            cases.len(),
            failures.join("\n")
        );
        Ok(())
    }

    fn try_case(&self, at: u64, when: When, check: impl Fn(&World) -> Result<()>) -> Result<()> {
        let world = self.start.wake()?;
        let killed = world.kill(self.args, at, when)?;
        let ran = world.complete(self.args)?;
        let end = world.picture()?;
        if let Some(differs) = self.end.compare(&end) {
            anyhow::bail!("it ends elsewhere:\n  {differs}\n{}", ran.tell());
        }
        expect_resumed(&killed, &ran)?;
        expect_same_lives(&killed.objects, &world.ask("objects")?)?;
        expect_one_at_a_time(&world.ask("history")?)?;
        check(&world)
    }
}

/// Returns the cases to run: all of them, or a few spread evenly where that is enough (`WINDLASS_SWEEP=full`: all there, too), or for a
/// quick look while working (`WINDLASS_SWEEP=sample`).
pub(crate) fn chosen(cases: Vec<(u64, When)>, sampled: bool) -> Vec<(u64, When)> {
    const FEW: usize = 16;
    let wanted = std::env::var("WINDLASS_SWEEP").unwrap_or_default();
    match wanted.as_str() {
        "full" => return cases,
        "sample" => {}
        _ if !sampled => return cases,
        _ => {}
    }
    // An odd stride takes before and after in turn.
    let stride = cases.len().div_ceil(FEW) | 1;
    cases.into_iter().step_by(stride).collect()
}

/// Where the run goes on, what was shown as done holds, and is not done again.
pub(crate) fn expect_resumed(killed: &Killed, ran: &Ran) -> Result<()> {
    if killed.ran.run() != ran.run() {
        return Ok(());
    }
    let begun = ran.steps("step-started");
    for step in killed.ran.steps("step-finished") {
        ensure!(
            !begun.contains(&step),
            "{step} was done and is done again\n{}",
            ran.tell()
        );
    }
    Ok(())
}

/// Nothing that was there when windlass was killed was made anew in the same cluster.
fn expect_same_lives(then: &Value, now: &Value) -> Result<()> {
    let (then, now) = (lives(then)?, lives(now)?);
    for (name, uid) in then {
        if let Some(found) = now.get(&name) {
            ensure!(*found == uid, "{name} was made twice");
        }
    }
    Ok(())
}

/// Returns the uid of each object, by cluster, kind and name. A cluster's own uid is that of its namespace kube-system.
fn lives(objects: &Value) -> Result<BTreeMap<String, String>> {
    let mut lives = BTreeMap::new();
    for objects in objects.as_object().context("no map")?.values() {
        let objects = objects.as_array().context("no list")?;
        let of = |object: &Value| {
            let metadata = &object["metadata"];
            (
                format!(
                    "{} {}/{}",
                    object["kind"], metadata["namespace"], metadata["name"]
                ),
                metadata["uid"].to_string(),
            )
        };
        let all: BTreeMap<String, String> = objects.iter().map(of).collect();
        let cluster = all
            .get("\"Namespace\" null/\"kube-system\"")
            .cloned()
            .unwrap_or_default();
        lives.extend(
            all.into_iter()
                .map(|(name, uid)| (format!("{cluster} {name}"), uid)),
        );
    }
    Ok(lives)
}

/// No two of a name were alive at once, and no two clusters.
fn expect_one_at_a_time(history: &Value) -> Result<()> {
    let mut lives: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    for life in history.as_array().context("no list")? {
        let what = life["what"].as_str().context("no kind")?;
        let name = match what {
            "cluster" => what.to_owned(),
            _ => format!("{what} {}", life["name"]),
        };
        let born = life["born"].as_str().context("no birth")?.parse()?;
        let died = life["died"].as_str().map(str::parse).transpose()?;
        lives.push((name, born, died.unwrap_or(Timestamp::MAX)));
    }
    lives.sort();
    for pair in lives.windows(2) {
        let [(name, _, died), (next, born, _)] = pair else {
            continue;
        };
        ensure!(
            name != next || died <= born,
            "two are alive at once: {history}"
        );
    }
    Ok(())
}

/// Neither in the world nor in the folder is anything left.
pub(crate) fn expect_nothing(world: &World) -> Result<()> {
    let picture = world.picture()?;
    let left = picture.names();
    ensure!(left.is_empty(), "destroy leaves {left:?}");
    Ok(())
}
